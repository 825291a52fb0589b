// The objects of the lake, newest first, as they come.
import {get, send} from '../api.js'
import {el, show} from '../dom.js'
import {on} from '../events.js'
import {ago, bytes, count, plural, rate} from '../format.js'
import {lake} from '../lake.js'
import {atMost, blank, figures, files, heading, later, loading, outcome, pick, problem, said, saidError} from '../parts.js'
import {to} from '../route.js'
import {upload} from '../upload.js'
import {story} from './story.js'

// So many rows are shown at first, and so many more each time somebody asks. Beyond
// the most the page would be slow, and finding by key is better.
const step = 100
const most = 1000

const filters = [
  {value: '', text: 'All outcomes'},
  {value: 'accept', text: 'Committed'},
  {value: 'quarantine', text: 'With quarantine'},
  {value: 'reject', text: 'Rejected'},
  {value: 'absent', text: 'Deleted'},
  {value: 'state:failed', text: 'Failed'},
  {value: 'state:waiting', text: 'Waiting'},
  {value: 'state:working', text: 'Working'},
]

export function open(main, route, signal) {
  const shown = new Map() // id → {object, row, progress}
  let find = route.parameters.get('find') || ''
  let filter = route.parameters.get('outcome') || ''
  let limit = step
  let selected = route.name

  const summary = el('div')
  const search = el('input', {type: 'search', placeholder: 'Find by key', 'aria-label': 'Find by key', value: find,
    oninput: later(200, () => { find = search.value; load() })})
  const body = el('tbody')
  const list = el('div.list')
  const older = el('button', {type: 'button', onclick: () => { limit = Math.min(most, limit + step); load() }, hidden: true}, 'Show older')
  const panel = el('aside.panel', {'aria-label': 'Object'})
  const layout = el('div.split', list, panel)

  const add = el('span', {hidden: true}, files('Add files', upload, {multiple: true}))
  show(main, heading('Objects', null, add), summary, layout)

  const table = el('div.scroll.tall', {tabindex: 0, role: 'region', 'aria-label': 'Objects'},
    el('table.objects', el('caption.unseen', 'Objects, newest first'),
      el('thead', el('tr',
        el('th', {scope: 'col'}, 'Key'), el('th', {scope: 'col'}, 'Outcome'),
        el('th.right.wide', {scope: 'col'}, 'Records'), el('th.right', {scope: 'col'}, 'Rows'),
        el('th.right.wide', {scope: 'col'}, 'Quarantined'), el('th.right.wide', {scope: 'col'}, 'Size'),
        el('th.right.wide', {scope: 'col'}, 'Speed'), el('th.right.wide', {scope: 'col'}, 'When'))),
      body))
  table.addEventListener('keydown', arrows)

  function drawSummary() {
    const c = lake.counts || {}
    const busy = (c.waiting || 0) + (c.working || 0)
    show(summary, figures([
      ['Objects', count(c.objects)],
      ['Rows', count(c.rows)],
      ['Records in quarantine', count(c.records_quarantined), c.records_quarantined && 'warn'],
      ['In work', count(busy), busy && 'busy'],
      c.loading ? ['Ledger', 'being read', 'busy'] : null,
      c.failed ? ['Failed', count(c.failed), 'bad'] : null,
    ]))
  }

  function drawList() {
    const filtered = find || filter
    const empty = !shown.size && !filtered
    add.hidden = empty || !lake.write
    summary.hidden = empty
    if (empty) return show(list, firstSteps())
    show(list,
      el('div.bar', search, pick('Outcome', filters, filter, value => { filter = value; load() })),
      shown.size ? table : el('p.none', 'No object matches.'), older)
  }

  function parameters() {
    const [, state] = filter.split('state:')
    return {find, outcome: state ? '' : filter, state, limit}
  }

  let loads = 0
  async function load() {
    const mine = ++loads
    try {
      const page = await get('/api/objects', parameters(), signal)
      if (mine !== loads) return
      const focused = body.contains(document.activeElement) && document.activeElement.closest('tr').dataset.id
      const progresses = new Map([...shown].map(([id, {progress}]) => [id, progress]))
      shown.clear()
      show(body)
      for (const object of page.objects) place(object, false, progresses.get(object.id))
      older.hidden = page.total <= page.objects.length || limit === most
      if (document.activeElement !== search || !list.contains(search)) drawList()
      else if (!table.isConnected || !shown.size) drawKeepingFocus()
      shown.get(focused)?.row.querySelector('a').focus({preventScroll: true})
    } catch (error) {
      if (!signal.aborted) show(list, problem(error, load))
    }
  }

  // The field that somebody types in stays where it is.
  function drawKeepingFocus() {
    const at = search.selectionStart
    drawList()
    search.focus()
    search.setSelectionRange(at, at)
  }

  // place puts an object into the list, or draws its row anew.
  function place(object, top, progress = shown.get(object.id)?.progress) {
    const known = shown.get(object.id)
    const row = drawRow(object, progress)
    if (known) {
      const focused = known.row.contains(document.activeElement)
      known.row.replaceWith(row)
      if (focused) row.querySelector('a').focus({preventScroll: true})
    } else if (top) {
      body.prepend(row)
    } else {
      body.append(row)
    }
    shown.set(object.id, {object, row, progress: object.state === 'working' ? progress : null})
    if (shown.size > limit) {
      const last = body.lastChild
      shown.delete(last.dataset.id)
      last.remove()
      older.hidden = limit === most
    }
  }

  function drawRow(object, progress) {
    const quarantined = object.records_quarantined
    const name = object.key.split('/')
    const file = name.pop()
    const row = el('tr', {'data-id': object.id, class: object.id === selected && 'selected'},
      el('td.key', el('a', {href: to('objects', object.id), title: object.key, 'aria-current': object.id === selected && 'true'},
        name.length > 0 && el('span.dim', name.join('/') + '/'), file),
      object.duplicate && el('span.tag', {title: 'This upload was processed before; nothing changed'}, 'duplicate'),
      el('span.narrow', [quarantined && count(quarantined) + ' quarantined', ago(object.written)].filter(Boolean).join(' · '))),
      el('td', outcome(object), progressBar(object, progress)),
      el('td.right.wide', object.records_read ? count(object.records_read) : ''),
      el('td.right', object.rows ? count(object.rows) : object.state === 'done' ? '0' : ''),
      el('td.right.wide', quarantined ? el('span.warn', count(quarantined)) : ''),
      el('td.right.wide', bytes(object.size ?? 0)),
      el('td.right.wide', rate(object.mb_per_second, object.size)),
      el('td.right.wide', {'data-at': object.written, title: object.written}, ago(object.written)))
    return row
  }

  function progressBar(object, progress) {
    if (object.state !== 'working') return null
    const share = progress?.size ? Math.min(100, Math.floor(progress.read / progress.size * 100)) : null
    return el('progress', {max: 100, value: share, 'aria-label': 'Progress of ' + object.key, title: progress && bytes(progress.read) + ' of ' + bytes(progress.size)})
  }

  const matches = object => {
    const [, state] = filter.split('state:')
    return object.key.includes(find) && (!filter || (state ? object.state === state : object.outcome === filter))
  }

  // Thousands of objects may come in a second; the page draws the newest state
  // of each once per frame.
  const pending = new Map()
  let planned = false
  function draw() {
    planned = false
    const was = shown.size
    for (const {object, progress} of pending.values()) {
      const known = shown.get(object?.id || progress.id)
      if (progress && known) known.progress = progress
      if (object) {
        if (known || matches(object)) place(object, true)
      } else if (known?.object.state === 'working') {
        place(known.object, true)
      }
    }
    pending.clear()
    if (!was !== !shown.size) drawList()
  }
  function plan(id, part) {
    pending.set(id, {...pending.get(id), ...part})
    if (planned) return
    planned = true
    setTimeout(() => requestAnimationFrame(draw), 60)
  }
  on('object', object => plan(object.id, {object}), signal)
  on('progress', progress => plan(progress.id, {progress}), signal)
  on('lakechange', drawSummary, signal)
  // Of thousands at once the server tells only some.
  const soon = atMost(1000, load)
  on('lake', ({left_out: leftOut}) => leftOut > 0 && soon(), signal)
  on('reload', load, signal)

  const clock = setInterval(() => {
    for (const cell of body.querySelectorAll('[data-at]')) cell.textContent = ago(cell.dataset.at)
  }, 10000)
  signal.addEventListener('abort', () => clearInterval(clock))

  function arrows(event) {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
    const links = [...body.querySelectorAll('a')]
    const at = links.indexOf(document.activeElement)
    const link = links[at < 0 ? 0 : at + (event.key === 'ArrowDown' ? 1 : -1)]
    if (!link) return
    link.focus()
    event.preventDefault()
  }

  // move opens another object's story beside the same list.
  function move(to) {
    const before = selected
    selected = to.name
    for (const id of [before, selected]) {
      const known = shown.get(id)
      if (known) place(known.object, false)
    }
    layout.classList.toggle('open', Boolean(selected))
    storySignal?.abort()
    if (selected) {
      storySignal = new AbortController()
      signal.addEventListener('abort', () => storySignal.abort())
      story(panel, selected, storySignal.signal)
      panel.querySelector('h2')?.focus({preventScroll: true})
    } else {
      show(panel)
      shown.get(before)?.row.querySelector('a').focus()
    }
    return true
  }
  let storySignal

  drawSummary()
  show(list, loading())
  load()
  if (selected) move(route)
  return move
}

// firstSteps is what an empty lake says of itself.
function firstSteps() {
  const table = lake.mapping?.tables?.[0]
  const step = (n, title, ...text) => el('li', el('h3', title), el('p', text))
  return blank('An empty lake',
    el('ol.steps',
      step(1, 'Add files of JSON', lake.write ? 'Drop them anywhere on this page. Or put them, also as gzip or zstd, into ' : 'Put them, also as gzip or zstd, into ', el('code', lake.place)),
      step(2, 'Records become rows', 'The mapping ', el('b', lake.mapping?.name || ''), ' says which path feeds which column', table && [' of the table ', el('b', table)], '. Other JSON? ', el('a', {href: '#/mapping'}, 'Let sluice infer a mapping'), ' from a file.'),
      step(3, 'What does not fit waits', 'Such a record goes whole into the quarantine, with its reason. Change the mapping and replay it.')),
    !lake.write && el('p', 'This page is read-only: it shows what ', el('code', 'sluice run'), ' or the function does. Started with ', el('code', '--write'), ', ', el('code', 'sluice serve'), ' processes objects itself.'),
    lake.write && el('div.actions',
      el('button.main', {type: 'button', onclick: samples}, 'Load sample orders'),
      files('Choose files', upload, {multiple: true})))
}

async function samples(event) {
  const button = event.currentTarget
  button.disabled = true
  try {
    const {keys} = await send('POST', '/api/samples')
    said(plural(keys.length, 'file') + ' of sample orders added')
  } catch (error) {
    saidError(error)
  }
  button.disabled = false
}
