// SQL over the tables: an editor, the result as a table and a chart.
import {get, lines, path} from '../api.js'
import {draw} from '../chart.js'
import {chartForm} from '../chartform.js'
import {el, show} from '../dom.js'
import {editor} from '../editor.js'
import {isNumber, kind, plural, seconds} from '../format.js'
import {lake} from '../lake.js'
import {blank, heading, loading, problem, said, table} from '../parts.js'
import {note, to} from '../route.js'

const limit = 1000

export async function open(main, route, signal) {
  if (!lake.sql?.engine) {
    return show(main, heading('SQL'), blank('SQL needs DuckDB',
      el('p', 'sluice runs SQL over the tables with DuckDB, which is not on this machine or not found. Everything else works without it.'),
      el('p', sentence(lake.sql?.hint || '')), el('p', 'Then start ', el('code', 'sluice serve'), ' again.')))
  }
  show(main, heading('SQL'), loading('Opening the editor …'))
  let tables = []
  let made
  let running
  const first = route.parameters.get('q')
  try {
    ({tables} = await get('/api/tables', {}, signal))
    made = await editor({language: 'sql', label: 'SQL statement', text: first || sample(tables), tables: names(tables), run, placeholder: 'SELECT …'})
  } catch (error) {
    if (!signal.aborted) show(main, heading('SQL'), problem(error, () => open(main, route, signal)))
    return
  }
  signal.addEventListener('abort', () => made.destroy())

  const start = el('button.main', {type: 'button', onclick: run}, 'Run')
  const stop = el('button', {type: 'button', disabled: true, onclick: () => running?.abort()}, 'Cancel')
  const state = el('p.note', {'aria-live': 'polite'})
  const result = el('div')
  const recent = el('div')
  show(main,
    heading('SQL', 'One SELECT over the tables, by ' + lake.sql.engine),
    el('div.sql',
      el('div',
        el('div.frame-editor.short', made.element),
        el('div.bar', start, stop, el('span.dim', el('kbd', 'Ctrl'), ' ', el('kbd', 'Enter')), state,
          el('button.quiet.end', {type: 'button', onclick: link}, 'Copy link')),
        result),
      el('aside', {'aria-label': 'Tables and history'},
        el('section.card', el('h2', 'Tables'), tables.length ? tables.map(drawTable) : el('p.none', 'No table yet.')),
        el('section.card', el('h2', 'History'), recent))))
  drawHistory()

  function drawTable(one) {
    const put = text => el('button.link', {type: 'button', title: 'Put into the statement', onclick: () => made.insert(text)}, text)
    return el('details', {open: tables.length < 3}, el('summary', one.name), el('ul.names',
      el('li', put(one.name)), one.columns.map(column => el('li', put(column.name), ' ', el('span.dim', column.type)))))
  }

  // History stays in this browser: statements may hold values of the data.
  function history() {
    try { return JSON.parse(localStorage.getItem('sluice.sql') || '[]') } catch { return [] }
  }
  function drawHistory() {
    const list = history()
    show(recent, list.length ? [el('ol.history', list.map(text => el('li', el('button.link', {type: 'button', title: text, onclick: () => { made.text = text; made.focus() }}, text.replace(/\s+/g, ' ')))))
      , el('button.small.quiet', {type: 'button', onclick: () => { localStorage.removeItem('sluice.sql'); drawHistory() }}, 'Forget all')] : el('p.none', 'Statements that you run are kept here, in this browser.'))
  }
  function keep(text) {
    localStorage.setItem('sluice.sql', JSON.stringify([text, ...history().filter(old => old !== text)].slice(0, 50)))
    drawHistory()
  }

  async function link() {
    note(to('sql', '', {q: made.text}))
    await copy(location.href, 'The link is copied. It opens on this machine, while sluice serves this lake.')
  }

  async function run() {
    const sql = made.text.trim()
    if (!sql) return
    running?.abort()
    const mine = running = new AbortController()
    const leave = () => mine.abort()
    signal.addEventListener('abort', leave)
    stop.disabled = false
    state.textContent = 'Running …'
    note(to('sql', '', {q: made.text}))
    keep(made.text)
    let columns = null
    let end = null
    const rows = []
    try {
      await lines('/api/sql', {sql, limit}, line => {
        if (Array.isArray(line)) rows.push(line)
        else if (line.columns) columns = line.columns
        else end = line
      }, mine.signal)
      if (end?.error) throw Object.assign(new Error(end.error), {hint: end.hint})
      if (!end || !columns) throw Object.assign(new Error('the answer ended early'), {hint: 'Run the statement again.'})
      state.textContent = `${end.more ? 'the first ' : ''}${plural(rows.length, 'row')} in ${seconds(end.seconds)}`
      drawResult(sql, columns, rows, end, mine.signal)
    } catch (error) {
      if (mine.signal.aborted) {
        if (running === mine) state.textContent = 'Cancelled'
      } else {
        state.textContent = ''
        show(result, problem(error))
      }
    }
    signal.removeEventListener('abort', leave)
    if (running === mine) stop.disabled = true
  }
  if (first) run()

  function drawResult(sql, columns, rows, end) {
    const shown = el('div')
    const chartBox = el('div')
    const kinds = columns.map(column => ({...column, type: column.number && !isNumber(column.type) ? 'decimal' : column.type}))
    let drawing = null
    const tabs = ['Table', 'Chart'].map(name => el('button.tab', {type: 'button', 'aria-pressed': 'false', onclick: () => choose(name)}, name))
    function choose(name) {
      for (const tab of tabs) tab.setAttribute('aria-pressed', tab.textContent === name)
      drawing?.abort()
      if (name === 'Table') return show(shown, rows.length ? table('Result', kinds, rows) : el('p.none', 'No rows.'))
      show(shown, chartForm(kinds, choice, next => { choice = next; paint() }, false), chartBox)
      paint()
    }
    let choice = resultChoice(kinds)
    function paint() {
      drawing?.abort()
      drawing = new AbortController()
      signal.addEventListener('abort', () => drawing.abort())
      draw(chartBox, resultChart(kinds, rows, choice), drawing.signal).catch(error => show(chartBox, problem(error)))
    }
    show(result,
      el('div.bar', el('div.tabs', {role: 'group', 'aria-label': 'Show as'}, tabs),
        el('span.end'),
        el('button.small', {type: 'button', onclick: () => copy([columns.map(column => column.name), ...rows].map(row => row.map(cell => cell === null ? '' : String(cell).replace(/[\t\r\n]/g, ' ')).join('\t')).join('\n'), plural(rows.length, 'row') + ' copied')}, 'Copy'),
        el('a.button.small', {href: path('/api/sql/download', {sql, as: 'csv'}), download: 'result.csv'}, 'CSV'),
        el('a.button.small', {href: path('/api/sql/download', {sql, as: 'parquet'}), download: 'result.parquet'}, 'Parquet')),
      end.more && el('p.note', `More than ${rows.length} rows: CSV and Parquet have all of them.`), shown)
    choose('Table')
  }
}

const sentence = text => text.charAt(0).toUpperCase() + text.slice(1) + (text.endsWith('.') ? '' : '.')

const names = tables => Object.fromEntries(tables.map(one => [one.name, one.columns.map(column => column.name)]))

function sample(tables) {
  if (!tables.length) return ''
  const [one] = tables
  return `SELECT *\nFROM ${one.name}\nLIMIT 100`
}

// resultChoice draws the first number over the first time, else over the first text.
function resultChoice(columns) {
  const first = test => columns.find(test)?.name
  const at = first(column => kind(column.type) === 'time')
  const word = first(column => kind(column.type) === 'text')
  const x = at || word || columns[0].name
  const y = first(column => isNumber(column.type) && column.name !== x) || ''
  return {form: at || word ? 'bar' : 'scatter', x, y, of: '', split: at && word ? word : ''}
}

// resultChart makes series of rows that are here already.
function resultChart(columns, rows, {form, x, y, split}) {
  const at = name => columns.findIndex(column => column.name === name)
  const [xAt, yAt, splitAt] = [at(x), at(y), at(split)]
  const one = {x: {name: x, kind: kind(columns[xAt].type)}, y: {name: y}, form, stack: true}
  if (form === 'histogram') return {...one, title: 'Rows by ' + x, series: [{name: '', points: bins(rows.map(row => row[xAt]), one.x.kind)}]}
  const series = new Map()
  if (yAt >= 0) for (const row of rows) {
    const name = splitAt >= 0 && form !== 'scatter' ? String(row[splitAt] ?? 'NULL') : ''
    if (!series.has(name)) series.set(name, {name, points: []})
    series.get(name).points.push([row[xAt], row[yAt]])
  }
  return {...one, title: y ? `${y} by ${x}` : 'No column of numbers', series: [...series.values()].slice(0, 8)}
}

// bins counts values in 30 equal steps.
function bins(values, type) {
  const list = values.filter(value => value !== null).map(value => type === 'time' ? Date.parse(value) : Number(value)).filter(Number.isFinite)
  if (!list.length) return []
  const low = list.reduce((a, b) => Math.min(a, b))
  const high = list.reduce((a, b) => Math.max(a, b))
  const width = (high - low) / 30 || 1
  const counts = new Array(30).fill(0)
  for (const value of list) counts[Math.min(29, Math.floor((value - low) / width))]++
  return counts.map((n, i) => {
    const from = low + width * i
    return [type === 'time' ? new Date(from).toISOString() : String(Number(from.toPrecision(6))), n]
  })
}

async function copy(text, message) {
  try {
    await navigator.clipboard.writeText(text)
    said(message)
  } catch {
    said('The browser did not allow to copy. Select the text and copy it by hand.', 'bad')
  }
}
