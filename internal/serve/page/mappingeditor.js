// The editor of a mapping: completion from its schema, faults at their lines.
import {get, send} from './api.js'
import {completions} from './complete.js'
import {editor} from './editor.js'
import {el, show} from './dom.js'
import {lake} from './lake.js'
import {later} from './parts.js'

// placeOf says where a mapping is, and where saving puts it.
export function placeOf({name, path, writable}) {
  if (!writable) return ['Mapping ', el('b', name), lake.write ? '. It was named when sluice serve started, and is not changed here.' : '. This lake is read-only here.']
  return ['Mapping ', el('b', name), name !== path && [', built in. Saving writes your own to ', el('code', path)], '.']
}

// mappingEditor makes one: {text, label, change(text), checked(faults), run}.
// faults are listed below it too, each with a way to its line.
export async function mappingEditor(options, signal) {
  const list = el('ul.faults', {'aria-live': 'polite'})
  const complete = await get('/api/mapping/schema', {}, signal).then(completions).catch(() => () => null)
  const check = later(250, async text => {
    try {
      result(await send('POST', '/api/mapping/check', {text}, signal))
    } catch (error) {
      if (!signal.aborted) show(list, el('li.bad', error.message))
    }
  })
  const made = await editor({
    language: 'yaml', label: options.label, text: options.text, complete, readOnly: options.readOnly, run: options.run,
    change: text => { check(text); options.change?.(text) },
  })
  signal.addEventListener('abort', () => made.destroy())
  // Faults of an answer are marked in the text and listed below it.
  function result({faults = [], cautions = []}) {
    made.mark(faults)
    show(list,
      faults.map(fault => el('li.bad', el('button.link', {type: 'button', onclick: () => { made.goTo(fault.line, fault.column); made.focus() }}, 'Line ' + fault.line), ' ', fault.text, fault.remedy && [': ', fault.remedy])),
      cautions.map(caution => el('li.warn', caution.text ? caution.text + (caution.remedy ? ': ' + caution.remedy : '') : caution)))
    options.checked?.(faults)
  }
  check(options.text)
  return Object.assign(made, {list})
}
