// The quarantine: why records wait, and what would let them through.
import {get, send} from '../api.js'
import {el, show} from '../dom.js'
import {on} from '../events.js'
import {ago, count, plural} from '../format.js'
import {lake, refresh} from '../lake.js'
import {mappingEditor, placeOf} from '../mappingeditor.js'
import {atMost, bars, begun, blank, chip, heading, later, loading, outcome, problem, said, saidError, section, table} from '../parts.js'
import {to} from '../route.js'
import {raw} from '../raw.js'

export function open(main, route, signal) {
  if (route.name) openObject(main, route.name, signal)
  else openAll(main, signal)
}

function openAll(main, signal) {
  const body = el('div', loading())
  const all = el('button', {type: 'button', hidden: true, onclick: replayAll}, 'Replay all')
  show(main, heading('Quarantine', 'Records that do not fit wait here, whole, with their reason', all), body)
  async function load() {
    try {
      const {reasons, objects} = await get('/api/quarantine', {}, signal)
      all.hidden = !lake.write || !objects.length
      if (!objects.length) return show(body, blank('Nothing is in quarantine', el('p', 'Every record that came became rows, or was skipped as the mapping says.')))
      show(body,
        drawReasons('Records by reason', reasons.filter(one => one.records > 0), one => one.records, 'warn',
          one => plural(one.records, 'record') + ' in ' + plural(one.objects, 'object')),
        drawReasons('Rejected objects by reason', reasons.filter(one => !one.records), one => one.objects, 'bad',
          one => plural(one.objects, 'object')),
        section('Objects', table('Objects with quarantine', [{name: 'Key'}, {name: 'Outcome'}, {name: 'Quarantined', right: true}, {name: 'Records', right: true}, {name: 'Reasons'}, {name: 'When'}],
          objects.map(object => [
            el('a', {href: to('quarantine', object.id)}, object.key), outcome(object),
            object.outcome === 'reject' ? 'all' : count(object.records_quarantined), count(object.records_read),
            Object.keys(object.reasons || {}).join(', ') || '', el('span', {title: object.written}, ago(object.written))]), {class: 'keys'})))
    } catch (error) {
      if (!signal.aborted) show(body, problem(error, load))
    }
  }
  async function replayAll() {
    all.disabled = true
    try {
      said(begun('Replay', await send('POST', '/api/quarantine/replay', {ids: null})))
    } catch (error) {
      saidError(error)
    }
    all.disabled = false
  }
  // The quarantine follows the ledger as the tables do, a moment after the object.
  on('tables', atMost(1000, load), signal)
  on('reload', load, signal)
  load()
}

// lineOf is the line of a mapping that names a path, counted from 1; 0 if none does.
function lineOf(text, path) {
  const plain = (path || '').replace(/\[\d+\]/g, '[*]')
  return text.split('\n').findIndex(line => {
    const at = line.indexOf(plain)
    return plain && at >= 0 && !/[\w.[]/.test(line[at + plain.length] || '')
  }) + 1
}

function drawReasons(title, list, value, tone, text) {
  return list.length > 0 && section(title, bars(title, list.map(one => ({name: one.code, value: value(one), tone, text: text(one)}))))
}

// openObject shows the held records of one object beside the mapping, which is tried
// on them while it is changed.
async function openObject(main, id, signal) {
  const records = el('div', loading())
  const verdict = el('p.note', {'aria-live': 'polite'})
  const result = el('div')
  const preview = el('div')
  const where = el('p.note')
  const go = el('button.main', {type: 'button', disabled: true, onclick: replay}, 'Replay')
  const title = el('h1', {tabindex: -1}, 'Quarantine')
  const editorBox = el('div', loading('Opening the editor …'))
  const mapping = el('section.card.beside', el('h2', 'Mapping'), editorBox, preview)
  show(main,
    el('div.heading', el('div', title, el('p.note', el('a', {href: '#/quarantine', 'data-escape': true}, 'All of the quarantine')), verdict), el('div.actions', lake.write && go)),
    result, el('div.halves', el('section', el('h2.unseen', 'Records'), records), mapping))

  const cards = new Map() // ordinal → {element, state}
  let saved
  let made
  let next = ''

  async function load() {
    try {
      const [{object}, held] = await Promise.all([get('/api/objects/' + id, {}, signal), get('/api/quarantine/' + id, {limit: 50}, signal)])
      title.textContent = object.key.split('/').pop()
      title.title = object.key
      show(records)
      cards.clear()
      if (held.rejected) drawRejected(held.rejected, object.key)
      else if (!held.records.length) {
        show(verdict)
        show(records, blank('No record of this object is in quarantine', el('p', `It has ${plural(object.rows, 'row')}. `, el('a', {href: to('objects', id)}, 'See what became of it'))))
      }
      mapping.hidden = Boolean(held.rejected) || !held.records.length
      go.hidden = mapping.hidden && !held.rejected
      go.disabled = false
      append(held)
      return object
    } catch (error) {
      if (!signal.aborted) show(records, problem(error, load))
    }
  }

  function append(held) {
    for (const record of held.records) {
      const state = el('p.fits')
      const line = el('span.dim')
      const card = el('article.card.record',
        el('div.record-top', el('h3', 'Record ' + record.record), chip(record.reason, 'warn'),
          el('span.dim', ['at ', el('code', record.path || '$'), ', byte ', count(record.offset)]), line),
        record.detail && el('p.dim', record.detail), raw(record), state)
      cards.set(record.record, {element: card, state, record, line})
      records.append(card)
    }
    next = held.next
    if (next) {
      const more = el('button', {type: 'button', onclick: async () => {
        try {
          const page = await get('/api/quarantine/' + id, {after: next, limit: 50}, signal)
          more.remove()
          append(page)
          if (made) {
            pointToLines()
            tryOut(made.text)
          }
        } catch (error) {
          saidError(error)
        }
      }}, 'Show more records')
      records.append(more)
    }
  }

  // pointToLines says of each record which line of the mapping reads the faulty place.
  function pointToLines() {
    for (const {record, line} of cards.values()) {
      const number = lineOf(made.text, record.path)
      show(line, number > 0 && el('button.link', {type: 'button', onclick: () => { made.goTo(number, 1); made.focus() }}, 'line ' + number + ' of the mapping'))
    }
  }

  function drawRejected(rejected, key) {
    records.parentElement.classList.add('whole')
    show(records, el('div.problem', el('p', el('strong', 'The whole object was rejected: ', el('code', rejected.reason))), rejected.detail && el('p', rejected.detail),
      rejected.offset >= 0 && el('p', 'At byte ', count(rejected.offset), '.'),
      el('p', 'None of it became rows; rows of an earlier state of it stay. Send the whole file again; or, if its records are elsewhere than the mapping says, ', el('a', {href: to('mapping', '', {infer: key})}, 'infer a mapping from it'), '.')))
  }

  const tryOut = later(350, async text => {
    if (!cards.size) return
    try {
      const answer = await send('POST', `/api/quarantine/${id}/preview`, {mapping: text, records: [...cards.keys()]}, signal)
      drawPreview(answer)
    } catch (error) {
      if (!signal.aborted) show(preview, problem(error))
    }
  })

  function drawPreview({faults, tables, records: tried, advice, more}) {
    const faulty = faults?.length > 0
    go.disabled = faulty
    if (faulty) {
      verdict.textContent = 'The mapping has a fault; see below the editor.'
      return show(preview)
    }
    let fits = 0
    for (const one of tried) {
      const card = cards.get(one.record)
      if (!card) continue
      if (one.ok) fits++
      card.element.classList.toggle('fits-now', one.ok)
      const other = !one.ok && (one.reason !== card.record.reason || one.path !== card.record.path)
      show(card.state, one.ok ? chip('fits with this mapping', 'good')
        : [other && [chip(one.reason, 'warn'), ' at ', el('code', one.path), ' with this mapping. '], one.detail && [el('b', 'Advice: '), one.detail]])
    }
    verdict.textContent = `${count(fits)} of ${more ? 'the first ' : ''}${plural(tried.length, 'record')} ${fits === 1 ? 'fits' : 'fit'} with the mapping in the editor.` +
      (more ? ' Others are too many or too large to be tried here; a replay takes all.' : '')
    verdict.className = 'note ' + (fits === tried.length ? 'good' : '')
    show(preview, advice.length > 0 && [el('h3', 'All that does not fit'), el('ul.bullets', advice.map(one => el('li',
      el('code', one.reason), ' at ', el('code', one.path), `, ${plural(one.values, 'value')} in ${plural(one.records, 'record')}: `, one.advice)))], tables.filter(one => one.rows.length).map(one => [
      el('h3', 'Rows they would become in ', el('b', one.name)), table('Preview of ' + one.name, one.columns, one.rows.slice(0, 50))]))
  }

  function buttonText() {
    go.textContent = made && saved && made.text !== saved.text ? 'Save mapping and replay' : 'Replay'
  }

  let before = null // what the object was when a replay began
  let replayed = 0 // when the last one ended
  async function replay() {
    go.disabled = true
    try {
      if (made && made.text !== saved.text) {
        await send('PUT', '/api/mapping', {text: made.text, base_sha256: saved.text_sha256}, signal)
        saved = await get('/api/mapping', {}, signal)
        show(where, placeOf(saved))
        refresh().catch(() => {})
        buttonText()
      }
      before = (await get('/api/objects/' + id, {}, signal)).object
      const {left} = await send('POST', '/api/quarantine/replay', {ids: [id]}, signal)
      if (left) throw Object.assign(new Error('Too many objects wait already'), {hint: 'Replay again when some of them are done.'})
      show(result, el('div.verdict.busy', {role: 'status'}, el('p.big', 'Replaying …')))
    } catch (error) {
      before = null
      go.disabled = false
      if (!signal.aborted) saidError(error)
    }
  }

  on('object', object => {
    if (object.id !== id || object.state === 'working' || object.state === 'waiting' || !before) return
    const rows = object.rows - before.rows
    const through = object.records_committed - before.records_committed
    before = null
    if (object.state === 'failed') show(result, problem({message: object.error || 'the replay failed'}))
    else {
      show(result, el('div', {class: 'verdict ' + (object.records_quarantined ? 'warn' : 'good'), role: 'status'},
        el('p.big', through > 0 ? `${plural(through, 'record')} became ${plural(rows, 'row')}` : 'No record became rows'),
        el('p', object.records_quarantined ? plural(object.records_quarantined, 'record') + ' still in quarantine. ' : 'Nothing of this object is left in quarantine. ',
          (lake.mapping?.tables || []).map(name => [el('a', {href: to('tables', name)}, 'Table ' + name), ' ']))))
    }
    replayed = Date.now()
  }, signal)
  // What is in quarantine follows a moment after the object, as the tables do.
  on('tables', () => {
    if (Date.now() - replayed > 10000) return
    load().then(() => {
      if (!made || mapping.hidden) return
      pointToLines()
      tryOut(made.text)
    })
  }, signal)

  const loaded = load()
  try {
    saved = await get('/api/mapping', {}, signal)
    made = await mappingEditor({label: 'Mapping', text: saved.text, readOnly: !saved.writable,
      run: () => !go.disabled && replay(), change: text => { buttonText(); tryOut(text) }}, signal)
    show(editorBox, el('div.frame-editor', made.element), made.list,
      show(where, placeOf(saved)))
    buttonText()
    tryOut(saved.text)
    await loaded
    pointToLines()
    const [first] = cards.values()
    if (first) made.goTo(lineOf(saved.text, first.record.path), 1)
  } catch (error) {
    if (!signal.aborted) show(editorBox, problem(error))
  }
}
