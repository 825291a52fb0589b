// Elements are made here. A child is an element or a text: no string is read
// as HTML, so a value of the data cannot become markup.

const svgNames = 'http://www.w3.org/2000/svg'

// el makes an element: el('p.note', {title: 'x'}, 'text', child, …).
// Attributes: "on…" is a listener, "style" an object, true an empty attribute, of
// "aria-…" the word; false, null and undefined are left out. The attributes may be omitted.
export function el(name, ...rest) {
  return fill(document.createElement(name.split('.')[0]), name, rest)
}

// svg is el for drawings.
export function svg(name, ...rest) {
  return fill(document.createElementNS(svgNames, name.split('.')[0]), name, rest)
}

function fill(element, name, rest) {
  const classes = name.split('.').slice(1)
  if (classes.length) element.classList.add(...classes)
  const [first] = rest
  if (first && typeof first === 'object' && !Array.isArray(first) && !first.nodeType) {
    rest.shift()
    for (const [key, value] of Object.entries(first)) set(element, key, value)
  }
  add(element, rest)
  return element
}

function set(element, key, value) {
  if (value === false || value === null || value === undefined) return
  if (key.startsWith('on')) element.addEventListener(key.slice(2), value)
  else if (key === 'style') for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text)
  else if (key === 'value') element.value = value
  else element.setAttribute(key, value === true && !key.startsWith('aria-') ? '' : value)
}

// add appends children; lists are taken apart, nothing is left out but null and false.
export function add(element, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child)
  }
  return element
}

// show replaces what an element holds.
export function show(element, ...children) {
  element.replaceChildren()
  return add(element, ...children)
}
