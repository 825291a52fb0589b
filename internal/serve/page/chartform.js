// The choices of a chart: form, columns, how rows are put together. Charts of a
// table and of a result of SQL have the same ones.
import {el, show} from './dom.js'
import {isMoney, isNumber, kind} from './format.js'
import {forms} from './chart.js'
import {pick} from './parts.js'

const none = {value: '', text: '–'}

// firstChoice is the chart that is drawn without being asked: the sum of the
// first amount by day, else how often each text of the first column of texts stands.
// An amount that repeats in each row of its record is none to be summed.
export function firstChoice(columns) {
  const first = test => columns.find(column => test(column.type))?.name
  const at = first(type => kind(type) === 'time')
  const money = columns.find(column => isMoney(column.type) && !column.repeats)?.name
  if (at && money) return {form: 'bar', x: at, y: money, of: 'sum', split: ''}
  if (at) return {form: 'bar', x: at, y: '', of: 'count', split: ''}
  return {form: 'bar', x: first(type => kind(type) === 'text') || columns[0]?.name, y: '', of: 'count', split: ''}
}

// chartForm shows the choices, and calls change with each new one. Without sums,
// as of a result of SQL, y is drawn as it is.
export function chartForm(columns, choice, change, sums = true) {
  const box = el('div.bar.choices')
  const state = {...choice}
  const names = columns.map(column => column.name)
  const numbers = columns.filter(column => isNumber(column.type)).map(column => column.name)
  const typeOf = name => columns.find(column => column.name === name)?.type || ''
  function set(key, value) {
    state[key] = value
    if (key === 'form' && value === 'histogram' && !numbers.includes(state.x) && kind(typeOf(state.x)) !== 'time') state.x = numbers[0] || state.x
    if (key === 'form' && value === 'scatter') {
      if (kind(typeOf(state.x)) === 'text') state.x = numbers[0] || state.x
      state.y = state.y || numbers.find(name => name !== state.x) || ''
    }
    if (key === 'of' && value !== 'count' && !state.y) state.y = numbers[0] || ''
    if (key === 'y' && value && state.of === 'count') state.of = 'sum'
    if (key === 'y' && !value) state.of = 'count'
    fill()
    change({...state})
  }
  function fill() {
    const histogram = state.form === 'histogram'
    const scatter = state.form === 'scatter'
    const had = document.activeElement?.closest?.('.choices') === box ? document.activeElement.parentElement.firstChild.textContent : ''
    show(box,
      pick('Chart', forms, state.form, value => set('form', value)),
      pick('x', histogram || scatter ? names.filter(name => kind(typeOf(name)) !== 'text') : names, state.x, value => set('x', value)),
      !histogram && pick('y', sums && !scatter ? [{value: '', text: 'rows'}, ...numbers] : numbers, state.y, value => set('y', value)),
      sums && !histogram && !scatter && state.y && pick('as', ['sum', 'avg', 'min', 'max'], state.of, value => set('of', value)),
      !histogram && !scatter && pick('split by', [none, ...columns.filter(column => kind(column.type) === 'text').map(column => column.name)], state.split, value => set('split', value)))
    // The fields are made anew; the one that was used keeps the focus.
    if (had) [...box.children].find(label => label.firstChild.textContent === had)?.lastChild.focus()
  }
  fill()
  return box
}
