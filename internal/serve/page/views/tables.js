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
  const chart = drawChart(base, one, route.parameters, signal)
  const rows = drawRows(base, signal)
  const profile = drawProfile(base, signal)
  show(main,
    heading(name, el('a', {href: '#/tables'}, 'All tables'),
      el('a.button', {href: to('sql', '', {q: `SELECT *\nFROM ${quoted(name)}\nLIMIT 100`})}, 'Query'),
      el('a.button', {href: path(base + '/download', {as: 'csv'}), download: name + '.csv'}, 'CSV'),
      el('a.button', {href: path(base + '/download', {as: 'zip'}), download: name + '.zip'}, 'Parquet (zip)')),
    facts, chart.element, rows.element, profile.element)
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
function unreadable({unreadable: n}) {
  return n > 0 && el('div.problem', el('p', el('strong', plural(n, 'file') + (n === 1 ? ' is' : ' are') + ' missing or damaged.')),
    el('p', 'What is shown is the rest. ', el('code', 'sluice run'), ' makes such files again; ', el('a', {href: '#/money'}, 'Money'), ' says which they are.'))
}

const quoted = name => /^[a-z_][a-z0-9_]*$/.test(name) ? name : '"' + name.replaceAll('"', '""') + '"'

// drawChart draws what the address says, else a sensible chart.
function drawChart(base, one, parameters, signal) {
  const asked = Object.fromEntries(['form', 'x', 'y', 'of', 'split'].map(key => [key, parameters.get(key) || '']))
  let choice = asked.x && one.columns.some(column => column.name === asked.x) ? {...asked, form: asked.form || 'bar'} : firstChoice(one.columns)
  const picture = el('div', loading('Drawing …'))
  let drawing
  async function load() {
    drawing?.abort()
    const mine = drawing = new AbortController()
    const stop = () => mine.abort()
    signal.addEventListener('abort', stop)
    try {
      const answer = await get(base + '/chart', request(choice), mine.signal)
      await draw(picture, {...answer, form: choice.form, stack: /^(sum|count)$/.test(answer.y.of), title: titleOf(choice, answer, one.columns)}, mine.signal)
    } catch (error) {
      if (!mine.signal.aborted) show(picture, problem(error, load))
    }
  }
  const form = chartForm(one.columns, choice, next => {
    choice = next
    note(to('tables', one.name, choice))
    load()
  })
  load()
  const asSQL = el('a', {href: '#/sql', onclick: () => { asSQL.href = to('sql', '', {q: statement(one.name, choice, one.columns)}) }}, 'As SQL')
  return {element: section('Chart', form, picture, el('p.note', asSQL)), load}
}

function request({form, x, y, of, split}) {
  if (form === 'scatter') return {x, y, of: 'points'}
  if (form === 'histogram') return {x, of: 'count', bins: 40}
  return {x, y: of === 'count' ? '' : y, of: y ? of : 'count', split, limit: split ? 8 : 40}
}

// statement is the chart as a SELECT. By day is close to what a chart over times shows.
function statement(name, {form, x, y, of, split}, columns) {
  if (form === 'scatter') return `SELECT ${quoted(x)}, ${quoted(y)}\nFROM ${quoted(name)}\nLIMIT 1000`
  const at = kind(columns.find(column => column.name === x)?.type || '') === 'time' ? `date_trunc('day', ${quoted(x)}) AS ${quoted(x)}` : quoted(x)
  const value = form === 'histogram' || !y ? 'count(*) AS rows' : `${of}(${quoted(y)}) AS ${quoted(y)}`
  const by = split && form !== 'histogram' ? quoted(split) + ', ' : ''
  return `SELECT ${at}, ${by}${value}\nFROM ${quoted(name)}\nGROUP BY ALL\nORDER BY ${at === quoted(x) && form !== 'histogram' ? value.replace(/.* AS /, '') + ' DESC' : quoted(x)}`
}

function titleOf(choice, answer, columns) {
  const repeats = choice.form !== 'scatter' && choice.form !== 'histogram' && choice.y && /^(sum|avg)$/.test(answer.y.of) && columns.find(column => column.name === choice.y)?.repeats
  const words = {sum: 'Sum of ', avg: 'Average of ', min: 'Smallest ', max: 'Largest '}
  const what = choice.form === 'scatter' ? `${choice.y} over ${choice.x}`
    : (choice.form === 'histogram' || !choice.y || answer.y.of === 'count' ? 'Rows' : words[answer.y.of] + choice.y) + ' by ' + choice.x
  return what + (choice.split && choice.form !== 'scatter' && choice.form !== 'histogram' ? ', split by ' + choice.split : '') +
    (answer.others ? `; ${plural(answer.others, 'row')} of rarer values left out` : '') +
    (repeats ? '; it stands in each row of its record, and counts in each' : '')
}

function drawRows(base, signal) {
  const limit = 15
  const body = el('div', loading())
  let offset = 0
  async function load() {
    try {
      const page = await get(base + '/rows', {offset, limit}, signal)
      const last = offset + page.rows.length
      const step = (text, to, off) => el('button.small', {type: 'button', disabled: off, onclick: () => { offset = to; load() }}, text)
      show(body,
        page.rows.length ? table('Rows', page.columns, page.rows) : el('p.none', 'The table has no rows.'),
        el('div.bar.pages', el('span.dim', page.rows.length ? `${count(offset + 1)} to ${count(last)} of ${count(page.rows_in_table)}` : ''),
          step('Previous', Math.max(0, offset - limit), offset === 0), step('Next', last, last >= page.rows_in_table)))
    } catch (error) {
      if (!signal.aborted) show(body, problem(error, load))
    }
  }
  load()
  return {element: section('Rows', body), load}
}

function drawProfile(base, signal) {
  const body = el('div', loading())
  let asNumbers = false
  let profile
  function fill() {
    const columns = [{name: 'Column'}, {name: 'NULL', right: true}, {name: 'Different', right: true}, {name: 'Smallest'}, {name: 'Largest'}, {name: 'Values'}]
    show(body,
      el('div.bar', el('span.dim', profile.rows_read < profile.rows ? `of ${count(profile.rows_read)} of ${plural(profile.rows, 'row')}, a sample of the whole table` : 'of ' + plural(profile.rows, 'row')),
        el('button.small.quiet.end', {type: 'button', 'aria-pressed': asNumbers, onclick: () => { asNumbers = !asNumbers; fill() }}, 'Show values as table')),
      table('Columns', columns, profile.columns.map(column => [
        el('span', el('b', column.name), ' ', el('span.dim', column.type)),
        column.nulls ? count(column.nulls) + ' (' + share(column.nulls, profile.rows_read) + ')' : '0',
        (column.distinct > 16 ? 'about ' : '') + count(column.distinct ?? 0),
        bound(column, column.min), bound(column, column.max),
        column.histogram ? (asNumbers ? histogramText(column) : histogramDrawing(column)) : topValues(column, profile.rows_read),
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

function histogramDrawing({name, histogram}) {
  const most = Math.max(1, ...histogram.counts)
  const width = 168 / histogram.counts.length
  return svg('svg.tiny', {viewBox: '0 0 168 34', width: 168, height: 34, role: 'img', 'aria-label': `How the values of ${name} spread from ${histogram.from} to ${histogram.to}`},
    histogram.counts.map((n, i) => n > 0 && svg('rect', {x: i * width, width: Math.max(1, width - 1), height: Math.max(1.5, n / most * 33), y: 34 - Math.max(1.5, n / most * 33)})))
}

function histogramText({histogram}) {
  const from = histogram.time ? Date.parse(histogram.from) : Number(histogram.from)
  const step = histogram.time ? Number(histogram.width) * 1000 : Number(histogram.width)
  const edge = i => {
    const at = from + step * i
    return histogram.time ? new Date(at).toISOString().slice(0, 16).replace('T', ' ') : String(Number(at.toPrecision(6)))
  }
  return el('ul.spread', histogram.counts.map((n, i) => n > 0 && el('li', el('span', 'from ' + edge(i)), el('span.right', count(n)))))
}

function topValues({top, name}, rows) {
  if (!top?.length) return el('span.null', '–')
  if (top[0].count < rows / 200) return el('span.dim', 'no frequent value')
  return el('ul.spread', {'aria-label': 'Most frequent values of ' + name}, top.slice(0, 3).map(one => el('li',
    el('span.bound', {title: one.value}, one.value === null ? 'NULL' : one.value), el('span.right', count(one.count) + ' (' + share(one.count, rows) + ')'))))
}
