// Draws series of points: [{name, points: [[x, y], …]}]. Times and numbers are drawn
// by uPlot, counts of texts as bars of the page itself. A point's value is shown as
// the text that came; a float only says where a pixel is.
import {add, el, show} from './dom.js'
import {on} from './events.js'
import {count, exact, short, time} from './format.js'
import {bars, table} from './parts.js'

export const forms = ['bar', 'line', 'area', 'histogram', 'scatter']

// load brings uPlot and its style sheet once a chart is drawn.
let library
function load() {
  library ||= Promise.all([
    import('./vendor/uplot.js'),
    new Promise(done => {
      const link = el('link', {rel: 'stylesheet', href: 'vendor/uplot.css', onload: done, onerror: done})
      document.head.append(link)
    }),
  ]).then(([module]) => module.default)
  return library
}

// draw puts a chart into box: {title, form, stack, x: {name, kind}, y: {name}, series}.
// It is drawn anew when the colours or the width change, until signal aborts.
export async function draw(box, chart, signal) {
  const points = chart.series.reduce((n, series) => n + series.points.length, 0)
  if (!points) return show(box, el('p.none', 'There is nothing to draw: no row has these values.'))
  const picture = el('div.picture')
  const asTable = el('button.small.quiet', {type: 'button', 'aria-pressed': 'false'}, 'Show as table')
  const rows = el('div', {hidden: true})
  asTable.addEventListener('click', () => {
    const on = rows.hidden
    if (on && !rows.firstChild) show(rows, pointsTable(chart))
    rows.hidden = !on
    picture.hidden = on
    asTable.setAttribute('aria-pressed', on)
  })
  show(box, el('div.chart-top', el('p.chart-title', chart.title), asTable), legend(chart), picture, rows)
  if (chart.x.kind === 'text') return drawTexts(picture, chart)
  const Plot = await load()
  if (signal.aborted) return
  let plot
  const again = () => {
    plot?.destroy()
    show(picture)
    plot = drawPlot(Plot, picture, chart)
  }
  again()
  on('theme', again, signal)
  const watch = new ResizeObserver(() => picture.clientWidth && plot.setSize({width: picture.clientWidth, height: plot.height}))
  watch.observe(picture)
  signal.addEventListener('abort', () => { watch.disconnect(); plot.destroy() })
}

function legend({series}) {
  if (series.length < 2) return null
  return el('ul.legend', series.map((one, i) => el('li', el('i', {class: tone(one, i), 'aria-hidden': true}), nameOf(one))))
}

// A series of all other values has the grey of the eight tones.
const tone = (one, i) => 'c' + (one.others ? 8 : i % 7 + 1)
const nameOf = one => one.others ? 'all others' : one.name ?? 'NULL'

// drawTexts draws a bar for each text, or a group of them if there are several
// series.
function drawTexts(box, {series, title}) {
  if (series.length === 1) {
    return show(box, bars(title, series[0].points.map(([x, y]) => ({name: x ?? 'NULL', value: Number(y), text: exact(String(y ?? ''))}))))
  }
  const names = [...new Set(series.flatMap(one => one.points.map(point => point[0])))]
  const most = Math.max(...series.flatMap(one => one.points.map(point => Number(point[1]))), 0) || 1
  const value = (one, name) => one.points.find(point => point[0] === name)?.[1]
  show(box, el('ul.bars.grouped', {'aria-label': title}, names.map(name => el('li', el('span.name', {title: name}, name ?? 'NULL'),
    el('div', series.map((one, i) => value(one, name) !== undefined && el('div',
      el('span.track', {'aria-hidden': true}, el('span', {class: tone(one, i), style: {width: Number(value(one, name)) / most * 100 + '%'}})),
      el('span.value', el('span.unseen', nameOf(one) + ' '), exact(String(value(one, name)))))))))))
}

// pointsTable is the same as rows: a column for each series.
function pointsTable({x, y, series, title}) {
  const columns = [{name: x.name, type: x.kind === 'number' ? 'decimal' : x.kind === 'time' ? 'timestamp' : 'string'},
    ...series.map(one => ({name: series.length > 1 ? nameOf(one) : y.name || 'rows', right: true}))]
  for (const column of columns) if (column.type) column.right = column.type === 'decimal'
  const cells = point => point === undefined ? '' : point
  const list = []
  if (series.length === 1) for (const point of series[0].points) list.push([text(x, point[0]), cells(point[1])])
  else {
    const byX = new Map()
    series.forEach((one, i) => one.points.forEach(([at, value]) => {
      if (!byX.has(at)) byX.set(at, series.map(() => ''))
      byX.get(at)[i] = value
    }))
    for (const [at, values] of byX) list.push([text(x, at), ...values])
    if (x.kind !== 'text') list.sort((a, b) => position(x, a[0]) - position(x, b[0]))
  }
  return table(title, columns.map(({type, ...rest}) => rest), list.slice(0, 2000))
}

const text = (x, value) => value === null ? 'NULL' : x.kind === 'time' ? label(x, value) : String(value)

// A day needs no clock.
function label(x, value) {
  const full = time(value)
  return x.kind === 'time' && x.days ? full.slice(0, 10) : full
}

// position is where a value lies on the axis: seconds for times.
function position(x, value) {
  if (x.kind !== 'time') return Number(value)
  const full = String(value).replace(' ', 'T')
  return Date.parse(/T/.test(full) && !/(Z|[+-]\d\d:?\d\d)$/.test(full) ? full + 'Z' : full) / 1000
}

// colour reads a custom property as a colour: its text may be light-dark(…).
function colour(name) {
  const probe = el('span', {style: {color: `var(--${name})`}})
  document.body.append(probe)
  const text = getComputedStyle(probe).color
  probe.remove()
  return text
}

const faint = (rgb, share) => rgb.replace('rgb(', 'rgba(').replace(')', `, ${share})`)

function drawPlot(Plot, box, chart) {
  const {x, series, form} = chart
  x.days = x.kind === 'time' && series.every(one => one.points.every(point => point[0] === null || /^\d{4}-\d\d-\d\d(T00:00:00(\.0+)?Z?)?$/.test(point[0])))
  const scatter = form === 'scatter'
  const stacked = series.length > 1 && chart.stack && (form === 'bar' || form === 'area')
  const {xs, names, values, raw} = align(x, series)
  const drawn = stacked ? pile(values) : values
  const dim = colour('dim')
  const grid = {stroke: colour('line'), width: 1}
  const paths = scatter ? () => null
    : form === 'bar' || form === 'histogram' ? Plot.paths.bars({size: [form === 'histogram' ? 0.98 : 0.72, 64], radius: form === 'bar' ? 0.12 : 0})
    : Plot.paths.linear()
  const options = {
    width: box.clientWidth || 600,
    height: 300,
    padding: [10, 16, 0, 0],
    legend: {show: false},
    cursor: {y: false, drag: {x: true, y: false}, points: {show: !scatter, size: 8}},
    tzDate: seconds => Plot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    scales: {x: {time: x.kind === 'time', range: padded(xs, form)}, y: {range: (plot, low, high) => yRange(low, high, scatter || form === 'line')}},
    axes: [
      {stroke: dim, grid: {show: false}, ticks: grid, font: '12px ' + getComputedStyle(document.body).fontFamily, values: x.kind === 'time' ? timeLabels : (plot, splits) => splits.map(short)},
      {stroke: dim, grid, ticks: {show: false}, size: 52, font: '12px ' + getComputedStyle(document.body).fontFamily, values: (plot, splits) => splits.map(short)},
    ],
    series: [{}],
  }
  // A pile is drawn from its top, so that each lower part lies over the rest.
  const order = drawn.map((_, i) => i)
  if (stacked) order.reverse()
  for (const i of order) {
    const ink = colour(tone(series[i], i))
    options.series.push({
      stroke: ink,
      width: form === 'bar' || form === 'histogram' ? 0 : 2,
      fill: scatter || form === 'line' ? undefined : form === 'area' ? (stacked ? ink : faint(ink, 0.18)) : ink,
      paths,
      points: {show: scatter || xs.length === 1, size: scatter ? 5 : 8, fill: scatter ? faint(ink, 0.5) : ink, stroke: ink, width: 0},
      spanGaps: true,
    })
  }
  const tip = el('div.tip', {hidden: true, 'aria-live': 'polite'})
  options.hooks = {setCursor: [plot => {
    const at = plot.cursor.idx
    tip.hidden = at === null || at === undefined || plot.cursor.left < 0
    if (tip.hidden) return
    show(tip, el('b', label(x, String(names[at]))), series.map((one, i) => raw[i][at] !== undefined && el('span',
      series.length > 1 && [el('i', {class: tone(one, i)}), nameOf(one), ' '], exact(String(raw[i][at])))))
    const left = plot.valToPos(xs[at], 'x') + plot.over.offsetLeft
    tip.style.left = Math.max(0, Math.min(left + 12, box.clientWidth - tip.offsetWidth - 4)) + 'px'
  }]}
  const holder = el('div', {tabindex: 0, role: 'img', 'aria-label': describe(chart, xs.length)})
  add(box, holder, tip)
  const plot = new Plot(options, [xs, ...order.map(i => drawn[i])], holder)
  holder.addEventListener('keydown', event => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key]
    if (!step) return
    const at = Math.max(0, Math.min(xs.length - 1, (plot.cursor.idx ?? (step > 0 ? -1 : xs.length)) + step))
    plot.setCursor({left: plot.valToPos(xs[at], 'x'), top: 10})
    event.preventDefault()
  })
  holder.addEventListener('blur', () => { tip.hidden = true })
  return plot
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

// timeLabels writes the times of an axis, in UTC: what the step between them needs,
// and below it the day or year where that changes.
function timeLabels(plot, splits, axis, space, step) {
  let last = ''
  return splits.map(at => {
    const day = new Date(at * 1000)
    const [month, year] = [months[day.getUTCMonth()], day.getUTCFullYear()]
    if (step >= 360 * 86400) return String(year)
    const date = day.getUTCDate() + ' ' + month
    const [text, below] = step >= 28 * 86400 ? [month, String(year)]
      : step >= 86400 ? [date, String(year)]
      : [day.toISOString().slice(11, step < 60 ? 19 : 16), date + ' ' + year]
    const changed = below !== last
    last = below
    return changed ? text + '\n' + below : text
  })
}

// align puts all series over the same positions, in order. names are the x as they
// came, raw the y.
function align(x, series) {
  if (series.length === 1) {
    const points = series[0].points.filter(point => point[0] !== null && point[1] !== null)
      .map(point => [position(x, point[0]), ...point]).sort((a, b) => a[0] - b[0])
    return {xs: points.map(p => p[0]), names: points.map(p => p[1]), values: [points.map(p => Number(p[2]))], raw: [points.map(p => p[2])]}
  }
  const all = new Map()
  series.forEach((one, i) => one.points.forEach(([at, value]) => {
    if (at === null || value === null) return
    const where = position(x, at)
    if (!all.has(where)) all.set(where, {at, values: series.map(() => undefined)})
    all.get(where).values[i] = value
  }))
  const xs = [...all.keys()].sort((a, b) => a - b)
  const raw = series.map((_, i) => xs.map(where => all.get(where).values[i]))
  return {xs, names: xs.map(where => all.get(where).at), raw, values: raw.map(list => list.map(value => value === undefined ? null : Number(value)))}
}

// pile adds each series to those before it.
function pile(values) {
  const sum = values[0].map(() => 0)
  return values.map(list => list.map((value, i) => (sum[i] += value || 0)))
}

function padded(xs, form) {
  return (plot, low, high) => {
    const step = xs.length > 1 ? (xs[xs.length - 1] - xs[0]) / (xs.length - 1) : 1
    const room = form === 'bar' || form === 'histogram' ? step * 0.6 : xs.length > 1 ? (high - low) * 0.01 : step
    return [low - room, high + room]
  }
}

// Bars and areas begin at zero: their length is what is compared.
function yRange(low, high, free) {
  if (low === null || high === null) return [0, 1]
  const room = (high - (free ? low : Math.min(0, low))) * 0.08 || Math.abs(high) * 0.1 || 1
  return [free && low > (high - low) ? low - room : Math.min(0, low), high > 0 ? high + room : 0]
}

function describe({title, series}, points) {
  return `${title}. ${count(points)} points${series.length > 1 ? ` in ${series.length} series` : ''}. The arrow keys go through them; “Show as table” has all.`
}
