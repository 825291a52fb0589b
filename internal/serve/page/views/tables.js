// The tables: what each holds, its first rows, what is in its columns, and charts.
import {get, path} from '../api.js'
import {draw} from '../chart.js'
import {chartForm, firstChoice} from '../chartform.js'
import {el, show, svg} from '../dom.js'
import {on} from '../events.js'
import {bytes, count, exact, isNumber, kind, plural, time} from '../format.js'
import {atMost, blank, figures, heading, loading, problem, section, table} from '../parts.js'
import {note, to} from '../route.js'

export function open(main, route, signal) {
  if (route.name) openTable(main, route, signal)
  else openAll(main, signal)
}

function openAll(main, signal) {
  const body = el('div', loading())
  show(main, heading('Tables', 'What the mapping makes of the records'), body)
  async function load() {
    try {
      const {tables} = await get('/api/tables', {}, signal)
      show(body, tables.length ? el('ul.cards', tables.map(drawCard)) : blank('No table yet',
        el('p', 'A table appears with the first object that has rows. ', el('a', {href: '#/objects'}, 'Add files'), ' or load the sample orders.')))
    } catch (error) {
      if (!signal.aborted) show(body, problem(error, load))
    }
  }
  on('tables', atMost(1000, load), signal)
  on('reload', load, signal)
  load()
}

function drawCard(one) {
  return el('li.card',
    el('h2', el('a', {href: to('tables', one.name)}, one.name)),
    figures([['Rows', count(one.rows)], ['Files', count(one.files)], ['Size', bytes(one.bytes)], one.unreadable ? ['Unreadable', count(one.unreadable), 'bad'] : null]),
    el('p.columns', one.columns.map((column, i) => [i > 0 && ', ', el('span', column.name), ' ', el('span.dim', column.type)])))
}

async function openTable(main, route, signal) {
  const name = route.name
  const base = '/api/tables/' + encodeURIComponent(name)
  const body = el('div', loading())
  show(main, heading(name, null), body)
  let one
  try {
    const {tables} = await get('/api/tables', {}, signal)
    one = tables.find(table => table.name === name)
  } catch (error) {
    if (!signal.aborted) show(body, problem(error, () => openTable(main, route, signal)))
    return
  }
  if (!one) return show(body, blank('There is no table ' + name, el('p', el('a', {href: '#/tables'}, 'All tables'))))

  const facts = el('div')
  const csv = el('a.button', {download: name + '.csv'}, 'CSV')
  const query = el('a.button', {href: '#/sql', onclick: () => { query.href = to('sql', '', {q: `SELECT *\nFROM ${quoted(name)}${where(filters.list)}\nLIMIT 100`}) }}, 'Query')
  const filters = drawFilters(route.parameters, () => {
    show(csv, filters.list.length ? 'CSV of these rows' : 'CSV')
    csv.href = path(base + '/download', {as: 'csv', ...filters.parameters()})
    chart?.load()
    chart?.note()
    rows?.load(0)
  })
  const chart = drawChart(base, one, route.parameters, filters, signal)
  const rows = drawRows(base, filters, signal)
  const profile = drawProfile(base, filters, signal)
  show(main,
    heading(name, el('a', {href: '#/tables'}, 'All tables'),
      query, csv, !one.shared && el('a.button', {href: path(base + '/download', {as: 'zip'}), download: name + '.zip', title: 'All files of the table'}, 'Parquet (zip)')),
    facts, filters.element, chart.element, rows.element, profile.element)
  const state = fresh => show(facts, unreadable(fresh), figures([['Rows', count(fresh.rows)], ['Files', count(fresh.files)], ['Size', bytes(fresh.bytes)], ['Columns', count(fresh.columns.length)]]))
  state(one)

  const again = atMost(2000, async () => {
    try {
      const {tables} = await get('/api/tables', {}, signal)
      const fresh = tables.find(table => table.name === name)
      if (fresh) state(fresh)
      chart.load()
      rows.load()
      profile.load()
    } catch { /* the next event tries again */ }
  })
  on('tables', ({names}) => (!names || names.includes(name)) && again(), signal)
  on('reload', again, signal)
}

// A table with files that are missing or damaged is shown without them, and says so.
function unreadable({unreadable: n, shared}) {
  return n > 0 && el('div.problem', el('p', el('strong', plural(n, 'file') + (n === 1 ? ' is' : ' are') + ' missing or damaged.')),
    el('p', 'What is shown is the rest. ', shared ? 'Put such files back from a copy; ' : [el('code', 'sluice run'), ' makes such files again; '], el('a', {href: '#/money'}, 'Money'), ' says which they are.'))
}

// drawFilters keeps the conditions that a click on a value adds: {column, op, value}, with
// the ops of the server. They are in the address.
function drawFilters(parameters, changed) {
  const element = el('div.bar.filters', {role: 'group', 'aria-label': 'Filters'})
  const words = {is: ' is ', null: ' is NULL', from: ' from ', below: ' below '}
  let list = Object.keys(words).flatMap(op => parameters.getAll(op).map(text => {
    const [column, value = ''] = text.split(/=(.*)/s)
    return {column, op, value}
  }))
  function set(next) {
    list = next
    show(element, list.length > 0 && [el('span', 'Only rows where'),
      list.map(one => el('button.small', {type: 'button', title: 'Remove this filter', onclick: () => { set(list.filter(other => other !== one)); element.querySelector('button')?.focus() }},
        el('b', one.column), words[one.op], one.value.length > 60 ? one.value.slice(0, 60) + '…' : one.value === '' && one.op === 'is' ? '“”' : one.value, el('span', {'aria-hidden': true}, ' ×'))),
      el('button.small.quiet', {type: 'button', onclick: () => set([])}, 'Show all rows')])
    changed()
  }
  const filters = {
    element,
    get list() { return list },
    // add replaces what there is of the same column, and goes where that is seen.
    add(...some) {
      set([...list.filter(old => old.column !== some[0].column), ...some])
      element.scrollIntoView({block: 'nearest'})
      element.querySelector('button:nth-last-of-type(2)').focus({preventScroll: true})
    },
    parameters: () => Object.fromEntries(Object.keys(words).map(op => [op, list.filter(one => one.op === op).map(one => op === 'null' ? one.column : one.column + '=' + one.value)])),
  }
  queueMicrotask(() => set(list))
  return filters
}

// where is what filters say as SQL, for the editor.
function where(list) {
  const text = value => "'" + value.replaceAll("'", "''") + "'"
  const signs = {is: ' = ', from: ' >= ', below: ' < '}
  return list.length ? '\nWHERE ' + list.map(one => quoted(one.column) + (one.op === 'null' ? ' IS NULL' : signs[one.op] + text(one.value))).join('\n  AND ') : ''
}

const quoted = name => /^[a-z_][a-z0-9_]*$/.test(name) ? name : '"' + name.replaceAll('"', '""') + '"'

// drawChart draws what the address says, else a sensible chart.
function drawChart(base, one, parameters, filters, signal) {
  const asked = Object.fromEntries(['form', 'x', 'y', 'of', 'split'].map(key => [key, parameters.get(key) || '']))
  let choice = asked.x && one.columns.some(column => column.name === asked.x) ? {...asked, form: asked.form || 'bar'} : firstChoice(one.columns)
  const picture = el('div', loading('Drawing …'))
  let drawing
  let axis = {} // of the chart that is drawn
  async function load() {
    drawing?.abort()
    const mine = drawing = new AbortController()
    const stop = () => mine.abort()
    signal.addEventListener('abort', stop)
    try {
      const answer = await get(base + '/chart', {...request(choice), ...filters.parameters()}, mine.signal)
      axis = answer.x
      await draw(picture, {...answer, form: choice.form, stack: /^(sum|count)$/.test(answer.y.of), title: titleOf(choice, answer, one.columns)}, mine.signal)
    } catch (error) {
      if (!mine.signal.aborted) show(picture, problem(error, load))
    }
  }
  const form = chartForm(one.columns, choice, next => {
    choice = next
    chosen = true
    address()
    load()
  })
  let chosen = Boolean(asked.x)
  const address = () => note(to('tables', one.name, {...(chosen && choice), ...filters.parameters()}))
  const asSQL = el('a', {href: '#/sql', onclick: () => { asSQL.href = to('sql', '', {q: statement(one.name, choice, axis, where(filters.list))}) }}, 'As SQL')
  return {element: section('Chart', form, picture, el('p.note', asSQL)), load, note: address}
}

function request({form, x, y, of, split}) {
  if (form === 'scatter') return {x, y, of: 'points'}
  if (form === 'histogram') return {x, of: 'count', bins: 40}
  return {x, y: of === 'count' ? '' : y, of: y ? of : 'count', split, limit: split ? 8 : 40}
}

// statement is the chart as a SELECT, with the unit or the bins that the chart has.
function statement(name, {form, x, y, of, split}, axis, where) {
  const from = `\nFROM ${quoted(name)}${where}\n`
  if (form === 'scatter') return `SELECT ${quoted(x)}, ${quoted(y)}${from}LIMIT 1000`
  const at = axis.unit ? `date_trunc('${axis.unit}', ${quoted(x)}) AS ${quoted(x)}` : axis.width && axis.kind === 'number' ? `floor(${quoted(x)} / ${axis.width}) * ${axis.width} AS ${quoted(x)}` : quoted(x)
  const value = form === 'histogram' || !y ? 'count(*) AS rows' : `${of}(${quoted(y)}) AS ${quoted(y)}`
  const by = split && form !== 'histogram' ? quoted(split) + ', ' : ''
  return `SELECT ${at}, ${by}${value}${from}GROUP BY ALL\nORDER BY ${at === quoted(x) && form !== 'histogram' ? value.replace(/.* AS /, '') + ' DESC' : '1'}`
}

function titleOf(choice, answer, columns) {
  const repeats = choice.form !== 'scatter' && choice.form !== 'histogram' && choice.y && /^(sum|avg)$/.test(answer.y.of) && columns.find(column => column.name === choice.y)?.repeats
  const words = {sum: 'Sum of ', avg: 'Average of ', min: 'Smallest ', max: 'Largest '}
  const what = choice.form === 'scatter' ? `${choice.y} over ${choice.x}`
    : (choice.form === 'histogram' || !choice.y || answer.y.of === 'count' ? 'Rows' : words[answer.y.of] + choice.y) + ' by ' + choice.x
  return what + (choice.split && choice.form !== 'scatter' && choice.form !== 'histogram' ? ', split by ' + choice.split : '') +
    (answer.rows_matching < answer.rows_read ? `; ${count(answer.rows_matching)} of ${plural(answer.rows_read, 'row')}` : '') +
    (answer.others ? `; ${plural(answer.others, 'row')} of rarer values left out` : '') +
    (repeats ? '; it stands in each row of its record, and counts in each' : '')
}

function drawRows(base, filters, signal) {
  const limit = 15
  const most = 10000 // so far the server sorts and filters
  const body = el('div', loading())
  let offset = 0
  let sort = {by: '', descending: false}
  // by: ascending, descending, and as the files are.
  function set(by) {
    sort = sort.by !== by ? {by, descending: false} : sort.descending ? {by: ''} : {by, descending: true}
    load(0).then(() => [...body.querySelectorAll('thead button')].find(button => button.textContent === by)?.focus())
  }
  async function load(from = offset) {
    offset = from
    try {
      const page = await get(base + '/rows', {offset, limit, sort: sort.by, desc: sort.descending ? 1 : '', ...filters.parameters()}, signal)
      if (from !== offset) return
      const last = offset + page.rows.length
      const some = sort.by || filters.list.length
      const step = (text, to, off) => el('button.small', {type: 'button', disabled: off, onclick: () => load(to)}, text)
      const left = body.querySelector('.scroll')?.scrollLeft
      show(body,
        page.rows.length ? table('Rows', page.columns, page.rows, {sort: {...sort, set}}) : el('p.none', filters.list.length ? 'No row is like this.' : 'The table has no rows.'),
        el('div.bar.pages', el('span.dim', page.rows.length ? `${count(offset + 1)} to ${count(last)} of ${count(page.rows_matching)}` +
          (page.rows_matching < page.rows_in_table ? `, in a table of ${count(page.rows_in_table)}` : '') + (page.rows_read < page.rows_in_table ? `; ${count(page.rows_read)} were looked at` : '') : ''),
          step('Previous', Math.max(0, offset - limit), offset === 0), step('Next', last, last >= page.rows_matching || some && last > most - limit)))
      if (left) body.querySelector('.scroll').scrollLeft = left
    } catch (error) {
      if (!signal.aborted) show(body, problem(error, () => load()))
    }
  }
  return {element: section('Rows', body), load}
}

function drawProfile(base, filters, signal) {
  const body = el('div', loading())
  let asNumbers = false
  let profile
  const pickValue = (text, title, ...some) => el('button.link.bound', {type: 'button', title: 'Only rows where ' + title, onclick: () => filters.add(...some)}, text)
  function fill() {
    const columns = [{name: 'Column'}, {name: 'NULL', right: true}, {name: 'Different', right: true}, {name: 'Smallest'}, {name: 'Largest'}, {name: 'Values'}]
    show(body,
      el('div.bar', el('span.dim', profile.rows_read < profile.rows ? `of ${count(profile.rows_read)} of ${plural(profile.rows, 'row')}, a sample of the whole table` : 'of ' + plural(profile.rows, 'row')),
        el('button.small.quiet.end', {type: 'button', 'aria-pressed': String(asNumbers), onclick: () => { asNumbers = !asNumbers; fill() }}, 'Show values as table')),
      table('Columns', columns, profile.columns.map(column => [
        el('span', el('b', column.name), ' ', el('span.dim', column.type)),
        column.nulls ? pickValue(count(column.nulls) + ' (' + share(column.nulls, profile.rows_read) + ')', column.name + ' is NULL', {column: column.name, op: 'null', value: ''}) : '0',
        (column.distinct > 16 ? 'about ' : '') + count(column.distinct ?? 0),
        bound(column, column.min), bound(column, column.max),
        column.histogram ? (asNumbers ? histogramText(column, pickValue) : histogramDrawing(column, filters)) : topValues(column, profile.rows_read, pickValue),
      ]), {class: 'profile'}))
  }
  async function load() {
    try {
      profile = await get(base + '/columns', {}, signal)
      fill()
    } catch (error) {
      if (!signal.aborted) show(body, problem(error, load))
    }
  }
  load()
  return {element: section('Columns', body), load}
}

const share = (n, of) => { const p = n / of * 100; return p > 0 && p < 0.1 ? '< 0.1 %' : p.toFixed(p < 10 ? 1 : 0) + ' %' }

function bound(column, value) {
  if (value === null || value === undefined) return el('span.null', '–')
  const text = isNumber(column.type) ? exact(value) : kind(column.type) === 'time' ? time(value) : value
  return el('span.bound', {title: text}, text)
}

// edgeText is where a bin begins, without what says nothing.
const edgeText = (type, edge) => kind(type) === 'time' ? time(edge).replace(' 00:00:00', '') : exact(edge.replace(/\.0+$|(\.\d*?)0+$/, '$1'))

// inBin are the filters that leave the values of a bin.
const inBin = ({name, histogram: {edges}}, i) => [{column: name, op: 'from', value: edges[i]}, {column: name, op: 'below', value: edges[i + 1]}]

function histogramDrawing(column, filters) {
  const {name, type, histogram: {edges, counts}} = column
  const most = Math.max(1, ...counts)
  const width = 168 / counts.length
  const height = n => Math.max(1.5, n / most * 33)
  return svg('svg.tiny', {viewBox: '0 0 168 34', width: 168, height: 34, role: 'img', 'aria-label': `How the values of ${name} spread from ${edges[0]} to ${edges.at(-1)}`},
    counts.map((n, i) => n > 0 && [
      svg('rect', {x: i * width, width: Math.max(1, width - 1), height: height(n), y: 34 - height(n)}),
      svg('rect.hit', {x: i * width, width, height: 34, onclick: () => filters.add(...inBin(column, i))}, svg('title', `from ${edgeText(type, edges[i])}: ${plural(n, 'row')}`))]))
}

function histogramText(column, pickValue) {
  const {name, type, histogram: {edges, counts}} = column
  return el('ul.spread', counts.map((n, i) => n > 0 && el('li',
    pickValue('from ' + edgeText(type, edges[i]), `${name} is from ${edges[i]} to below ${edges[i + 1]}`, ...inBin(column, i)), el('span.right', count(n)))))
}

function topValues({top, name}, rows, pickValue) {
  if (!top?.length) return el('span.null', '–')
  if (top[0].count < rows / 200) return el('span.dim', 'no frequent value')
  return el('ul.spread', {'aria-label': 'Most frequent values of ' + name}, top.slice(0, 3).map(one => el('li',
    pickValue(one.value || '“”', name + ' is ' + one.value, {column: name, op: 'is', value: one.value}), el('span.right', count(one.count) + ' (' + share(one.count, rows) + ')'))))
}
