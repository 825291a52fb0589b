// The mapping of the lake: edit, infer from a file, compare with what is deployed.
import {get, path, send} from '../api.js'
import {el, show} from '../dom.js'
import {count, plural} from '../format.js'
import {refresh} from '../lake.js'
import {mappingEditor, placeOf} from '../mappingeditor.js'
import {ask, begun, chip, files, heading, later, loading, problem, said, saidError, section, table} from '../parts.js'
import {changedLines} from '../lines.js'

export async function open(main, route, signal) {
  show(main, heading('Mapping', 'Which path of a record feeds which column'), loading())
  let saved
  try {
    saved = await get('/api/mapping', {}, signal)
  } catch (error) {
    if (!signal.aborted) show(main, heading('Mapping'), problem(error, () => open(main, route, signal)))
    return
  }
  const changes = el('div')
  const notes = el('div')
  const save = el('button.main', {type: 'button', disabled: true, onclick: keep}, 'Save mapping')
  const undo = el('button', {type: 'button', disabled: true, onclick: () => { made.text = saved.text }}, 'Undo all')
  let faulty = false
  let made

  const compare = later(300, async text => {
    try {
      const {changes: list} = await send('POST', '/api/mapping/diff', {text}, signal)
      drawChanges(list, text)
    } catch (error) {
      if (!signal.aborted) show(changes, error.status === 422 ? el('p.none', 'Compared once the text has no fault.') : problem(error))
    }
  })

  try {
    made = await mappingEditor({
      label: 'Mapping', text: saved.text, readOnly: !saved.writable, run: () => !save.disabled && keep(),
      change(text) { buttons(); compare(text) },
      checked(faults) { faulty = faults.length > 0; buttons() },
    }, signal)
  } catch (error) {
    if (!signal.aborted) show(main, heading('Mapping'), problem(error))
    return
  }
  function buttons() {
    const changed = made.text !== saved.text
    save.disabled = !saved.writable || !changed || faulty
    undo.disabled = !changed
  }

  const place = el('p.note')
  function names() {
    show(place, placeOf(saved))
  }
  names()

  // A dropped file is inferred from, and not added to the lake, while it is over this.
  const well = el('div.well', {'data-takes': true},
    el('p', 'Drop a file of JSON here and sluice reads it all, and proposes a mapping. Nothing is saved.'),
    files('Infer from a file', list => infer(list[0])), notes)
  well.addEventListener('taken', event => infer(event.detail[0]))

  show(main,
    heading('Mapping', place, undo, save),
    el('div.halves.wide-left',
      el('div', el('div.frame-editor.tall', made.element), made.list),
      el('div', section('Against what is deployed', changes), section('Infer', well))))
  compare(saved.text)
  const asked = route.parameters.get('infer')
  if (asked) infer({name: asked.split('/').pop(), key: asked})

  function drawChanges(list, text) {
    const tones = {additive: 'good', widening: 'calm', breaking: 'bad'}
    const lines = changedLines(saved.text, text)
    show(changes,
      saved.deployed_sha256 && saved.deployed_sha256 !== saved.sha256 && el('p.warn', 'The file has changed since it was put to work. Start sluice serve again, or save it here.'),
      list.length ? el('ul.changes', list.map(change => el('li', chip(change.kind, tones[change.kind] || 'calm'), ' ', change.text)))
        : el('p.none', text === saved.text ? 'No difference.' : 'The same tables and columns.'),
      lines.length > 0 && el('details', {open: lines.length < 40}, el('summary', 'Changed lines'),
        el('pre.code.diff', {tabindex: 0}, lines.map(line => el('span', {class: line.sign === '+' ? 'added' : line.sign === '-' ? 'removed' : 'dim'}, line.sign + ' ' + line.text + '\n')))))
  }

  // infer proposes a mapping for a file, or for an object of the lake: {name, key}.
  async function infer(file) {
    if (!file) return
    show(notes, loading('Reading ' + file.name + ' …'))
    try {
      const answer = file.key
        ? await send('POST', '/api/mapping/infer', {keys: [file.key]}, signal)
        : await send('POST', path('/api/mapping/infer', {name: file.name}), file, signal)
      made.text = answer.text
      made.focus()
      show(notes, el('p', 'A mapping for ', el('b', file.name), ' is in the editor. Look at it, then save it.'),
        answer.preset && el('p', 'The built-in mapping ', el('b', answer.preset.name), ` is meant for such files and takes ${count(answer.preset.takes)} of ${plural(answer.preset.of, 'record')}. To use it: `, el('code', 'sluice serve -m ' + answer.preset.name), '.'),
        answer.notes?.length > 0 && el('ul.bullets', answer.notes.map(line => el('li', line))),
        answer.tables?.map(one => [el('h3', 'First rows of ', el('b', one.name)), table('First rows of ' + one.name, one.columns, one.rows.slice(0, 20))]))
    } catch (error) {
      if (!signal.aborted) show(notes, problem(error))
    }
  }

  async function keep() {
    save.disabled = true
    try {
      const answer = await send('PUT', '/api/mapping', {text: made.text, base_sha256: saved.text_sha256}, signal)
      saved = await get('/api/mapping', {}, signal)
      names()
      compare(saved.text)
      refresh().catch(() => {})
      said('Mapping saved. The next object is made with it.', 'good')
      const {others} = answer
      if (others > 0 && await ask('Make the other objects again?', `${others} objects were made with another mapping. They keep their rows until they are made again.`, 'Make again')) {
        said(begun('Processing', await send('POST', '/api/mapping/reprocess')))
      }
    } catch (error) {
      saidError(error)
    }
    buttons()
  }
}
