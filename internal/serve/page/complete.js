// Completion of a mapping from its JSON Schema: which keys may stand here, and
// which words a key takes.

// completions makes CodeMirror's source of completions for a schema.
export function completions(schema) {
  return context => {
    const line = context.state.doc.lineAt(context.pos)
    const before = line.text.slice(0, context.pos - line.from)
    const above = context.state.doc.sliceString(0, Math.max(0, line.from - 1)).split('\n')
    const here = locate(line.number > 1 ? above : [], before)
    if (!here) return null
    if (!here.typed && !context.explicit && here.key === undefined) return null
    const nodes = follow(schema, here.path)
    const options = here.key === undefined ? keysOf(schema, nodes) : wordsOf(schema, nodes.flatMap(node => member(schema, node, here.key)))
    return options.length ? {from: context.pos - here.typed.length, options, validFor: /^[\w(),. -]*$/} : null
  }
}

// locate says where the end of a line is in the document: path are the keys that lead
// there, '*' for an element of a list; key is set where a value is typed.
// The text is not finished there, so indentation is read, and not a tree.
function locate(above, before) {
  const path = []
  let inside = before
  const flow = openBraces(before)
  const block = /^(\s*(?:- +)*)/.exec(before)[1]
  let indent = block.length
  if (flow.length) inside = lastMember(before.slice(flow[flow.length - 1] + 1))
  else inside = before.slice(block.length)
  if (/^\s*#/.test(inside) || /["']/.test(inside.replace(/(["']).*?\1/g, ''))) return null
  const pair = /^\s*([\w]+):\s+(.*)$/s.exec(inside)
  const here = pair ? {key: pair[1], typed: pair[2].replace(/^.*[[,]\s*/, '')} : {key: undefined, typed: inside.trimStart()}
  if (/[^\w(),. -]/.test(here.typed)) return null
  // Keys on this line that lead to the braces: limits: {… or - {…
  if (flow.length) {
    const head = before.slice(0, flow[0])
    const key = /([\w]+):\s*$/.exec(head)
    if (key) path.unshift(key[1])
    else if (!/-\s*$/.test(head)) return null
    if (!key && /-\s*$/.test(head)) path.unshift('*')
    else if (/^\s*-\s/.test(head)) path.unshift('*')
    indent = /^\s*/.exec(before)[0].length
  } else if (/-/.test(block)) {
    path.unshift('*')
    indent = /^\s*/.exec(before)[0].length
  }
  let isItem = /^\s*-/.test(before)
  for (let i = above.length - 1; i >= 0; i--) {
    const parts = /^(\s*)((?:- +)?)([\w]+):\s*(#.*)?$/.exec(above[i]) || /^(\s*)(- +)(?:[\w]+:.*|\{.*)$/.exec(above[i])
    if (!parts) continue
    const own = parts[1].length
    const inner = own + parts[2].length
    const key = parts[3]
    if (key && (inner < indent || (isItem && inner === indent && !parts[2]))) {
      path.unshift(key)
      isItem = false
      indent = inner
      if (parts[2]) { path.unshift('*'); indent = own; isItem = true }
    } else if (parts[2] && inner === indent && own < indent) {
      // The first line of the list's element that this line belongs to.
      path.unshift('*')
      indent = own
      isItem = true
    }
  }
  return {path, ...here}
}

// lastMember is what stands after the last comma that is in no list.
function lastMember(text) {
  let depth = 0
  let from = 0
  for (let i = 0; i < text.length; i++) {
    if ('[('.includes(text[i])) depth++
    else if ('])'.includes(text[i])) depth--
    else if (text[i] === ',' && depth === 0) from = i + 1
  }
  return text.slice(from)
}

// openBraces are the places of braces that are not closed.
function openBraces(text) {
  const open = []
  let quote = ''
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (quote) { if (c === quote) quote = '' }
    else if (c === '"' || c === "'") quote = c
    else if (c === '{') open.push(i)
    else if (c === '}') open.pop()
  }
  return open
}

// resolve follows references and takes alternatives apart.
function resolve(schema, node) {
  if (!node || typeof node !== 'object') return []
  const list = [node]
  if (node.$ref) list.push(...resolve(schema, node.$ref.slice(2).split('/').reduce((at, key) => at?.[key], schema)))
  for (const word of ['anyOf', 'oneOf', 'allOf']) for (const part of node[word] || []) list.push(...resolve(schema, part))
  return list
}

function follow(schema, path) {
  let nodes = resolve(schema, schema)
  for (const step of path) nodes = nodes.flatMap(node => step === '*' ? resolve(schema, node.items) : member(schema, node, step))
  return nodes
}

const member = (schema, node, key) => resolve(schema, node.properties?.[key])

function keysOf(schema, nodes) {
  const found = new Map()
  for (const node of nodes) for (const [key, value] of Object.entries(node.properties || {})) {
    const description = resolve(schema, value).map(part => part.description).find(Boolean)
    if (!found.has(key)) found.set(key, {label: key, apply: key + ': ', type: 'property', info: description})
  }
  return [...found.values()]
}

function wordsOf(schema, nodes) {
  const found = new Map()
  const all = nodes.flatMap(node => [node, ...resolve(schema, node.items)])
  // A comma or bracket would end the value inside { }.
  const word = (value, detail) => value !== null && typeof value !== 'object' &&
    found.set(String(value), {label: String(value), apply: /[,<[{]/.test(value) ? JSON.stringify(value) : String(value), detail})
  for (const node of all) {
    for (const value of node.enum || []) word(value)
    for (const value of node.examples || []) word(value)
    if (node.const !== undefined) word(node.const)
    if (node.type === 'boolean') { word(true); word(false) }
    if (node.default !== undefined) word(node.default, 'default')
  }
  return [...found.values()]
}
