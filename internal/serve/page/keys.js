// Keys for the whole page. Single letters can be turned off, since they get in
// the way of speech input.
import {add, el} from './dom.js'

const places = {o: 'objects', t: 'tables', m: 'money', q: 'quarantine', a: 'mapping', s: 'sql'}
const names = {objects: 'Objects', tables: 'Tables', money: 'Money', quarantine: 'Quarantine', mapping: 'Mapping', sql: 'SQL'}

const letters = () => localStorage.getItem('sluice.letters') !== 'off'

export function listenToKeys() {
  document.getElementById('help').addEventListener('click', help)
  let afterG = 0
  addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event)) return
    if (document.querySelector('dialog[open]')) return
    if (event.key === 'Escape') {
      // A view closes what lies over it; it marks the way back.
      document.querySelector('[data-escape]')?.click()
      return
    }
    if (!letters()) return
    if (event.timeStamp - afterG < 1200 && places[event.key]) {
      const place = '#/' + places[event.key]
      const here = document.querySelector('#views [aria-current]')?.hash === place
      location.hash = place
      if (here) document.querySelector('main h1')?.focus() // the view is not opened anew
    } else if (event.key === '?') {
      help()
    } else if (event.key === '/') {
      const field = document.querySelector('input[type=search]')
      if (!field) return
      field.focus()
    } else {
      afterG = event.key === 'g' ? event.timeStamp : 0
      return
    }
    afterG = 0
    event.preventDefault()
  })
}

// Editors lie in a shadow tree, so the target of an event is their host.
function isTyping(event) {
  const target = event.composedPath()[0]
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
}

function help() {
  const switched = el('input', {type: 'checkbox', checked: letters(), onchange: () => localStorage.setItem('sluice.letters', switched.checked ? 'on' : 'off')})
  const row = (keys, text) => el('div', el('dt', keys.map((key, i) => [i > 0 && ' ', el('kbd', key)])), el('dd', text))
  const box = el('dialog', {'aria-labelledby': 'help-title', onclose: () => box.remove()},
    el('h2', {id: 'help-title'}, 'Keyboard shortcuts'),
    el('dl.keys',
      Object.entries(places).map(([key, view]) => row(['g', key], names[view])),
      row(['/'], 'Find by key'),
      row(['↑', '↓'], 'Go through the list of objects'),
      row(['←', '→'], 'Go through the points of a chart'),
      row(['Ctrl', 'Enter'], 'Run the statement (SQL); save (Mapping)'),
      row(['Ctrl', 'Space'], 'Complete, in an editor'),
      row(['Esc'], 'Close what is open'),
      row(['?'], 'This list')),
    el('label.check', switched, ' Single letters are shortcuts'),
    el('form.actions', {method: 'dialog'}, el('button.main', 'Close')))
  add(document.body, box)
  box.showModal()
}
