// Parts that several views use.
import {add, el} from './dom.js'
import {count, exact, isNumber, kind, plural, time} from './format.js'

// heading is the top of a view: a title that takes the focus when the view
// opens, what it says in one line, and its actions.
export function heading(title, note, ...actions) {
  return el('div.heading',
    el('div', el('h1', {tabindex: -1}, title), note && el('p.note', note)),
    actions.length > 0 && el('div.actions', actions))
}

// figures are numbers with their names: [[name, text, kind], …].
export function figures(list) {
  return el('dl.figures', list.filter(Boolean).map(([name, text, kind]) =>
    el(kind ? 'div.' + kind : 'div', el('dt', name), el('dd', text))))
}

// chip is a state or outcome, a word with a colour.
export function chip(word, tone) {
  return el('span.chip.' + tone, el('i', {'aria-hidden': true}), word)
}

const outcomes = {
  accept: ['committed', 'good'],
  quarantine: ['quarantined', 'warn'],
  reject: ['rejected', 'bad'],
  absent: ['deleted', 'calm'],
}

// outcome is the chip of an object.
export function outcome(object) {
  if (object.state === 'waiting') return chip('waiting', 'calm')
  if (object.state === 'working') return chip('working', 'busy')
  if (object.state === 'failed') return chip('failed', 'bad')
  const [word, tone] = outcomes[object.outcome] || [object.outcome || object.state, 'calm']
  // Part of its records became rows, part did not: say both.
  if (object.outcome === 'quarantine' && object.records_committed > 0) return chip('partial', 'warn')
  return chip(word, tone)
}

// table shows rows under columns {name, type, text}. A cell is a text, null, a
// number or an element. What is wider than the page scrolls in a frame of its own,
// which the keyboard reaches. options.sort, {by, descending, set(name)}, makes the names
// buttons that sort.
export function table(caption, columns, rows, options = {}) {
  const right = columns.map(column => column.right ?? isNumber(column.type || ''))
  return el('div.scroll', {tabindex: 0, role: 'region', 'aria-label': caption},
    el('table', {class: options.class},
      el('caption.unseen', caption),
      el('thead', el('tr', columns.map((column, i) =>
        el('th', {scope: 'col', class: right[i] && 'right', 'aria-sort': options.sort?.by === column.name && (options.sort.descending ? 'descending' : 'ascending')},
          options.sort ? el('button.link', {type: 'button', title: 'Sort by ' + column.name, onclick: () => options.sort.set(column.name)}, column.name) : column.name,
          column.type && el('small', column.type))))),
      el('tbody', rows.map(row => el('tr', row.map((cell, i) => tableCell(cell, columns[i], right[i])))))))
}

function tableCell(value, column, right) {
  if (value === null || value === undefined) return el('td', {class: right && 'right'}, el('span.null', 'NULL'))
  if (value.nodeType) return el('td', {class: right && 'right'}, value)
  const text = right ? exact(String(value)) : kind(column.type || '') === 'time' ? time(value) : String(value)
  const long = text.length > 60
  return el('td', {class: right ? 'right' : long ? 'long' : null, title: long && text}, text)
}

// problem shows an error and what to do about it.
export function problem(error, again) {
  return el('div.problem', {role: 'alert'},
    el('p', el('strong', error.message)),
    error.hint && el('p', error.hint),
    again && el('p', el('button', {type: 'button', onclick: again}, 'Try again')))
}

// blank is what stands where nothing is yet.
export function blank(title, ...children) {
  return el('div.blank', el('h2', title), children)
}

export const loading = text => el('p.loading', text || 'Reading …')

// section is a part of a view with a title.
export function section(title, ...children) {
  return el('section.card', el('h2', title), children)
}

// bars draws counts of texts: [{name, value, text, href, tone}].
export function bars(label, list) {
  const most = Math.max(1, ...list.map(bar => bar.value))
  return el('ul.bars', {'aria-label': label}, list.map(bar => el('li',
    el(bar.href ? 'a' : 'span', {class: 'name', href: bar.href, title: bar.name}, bar.name),
    el('span.track', {'aria-hidden': true}, el('span', {class: bar.tone, style: {width: Math.max(0.4, bar.value / most * 100) + '%'}})),
    el('span.value', bar.text ?? count(bar.value)))))
}

// said puts a message where it is seen and read out; it goes after a while.
export function said(text, tone = '') {
  const box = document.getElementById('messages')
  const line = el('p', {class: tone}, text, el('button.quiet', {type: 'button', 'aria-label': 'Close message', onclick: () => line.remove()}, '×'))
  add(box, line)
  while (box.children.length > 4) box.firstChild.remove()
  setTimeout(() => line.remove(), tone === 'bad' ? 15000 : 6000)
}

// saidError says an error, unless its reason is that somebody went on.
export function saidError(error) {
  if (error.name !== 'AbortError') said(error.message + (error.hint ? '. ' + error.hint : ''), 'bad')
}

// begun says what {objects, left} were taken into the queue, and how many had no room.
export const begun = (what, {objects, left}) => `${what} of ${plural(objects, 'object')} has begun` +
  (left ? `. For ${plural(left, 'other')} there is no room yet: ask again when some are done.` : '')

// ask asks before something is replaced or made anew; it answers true or false.
export function ask(title, text, yes) {
  return new Promise(answer => {
    const box = el('dialog', {'aria-labelledby': 'ask-title', onclose: () => { box.remove(); answer(box.returnValue === 'yes') }},
      el('form', {method: 'dialog'},
        el('h2', {id: 'ask-title'}, title), el('p', text),
        el('div.actions', el('button', {value: 'no'}, 'Cancel'), el('button.main', {value: 'yes'}, yes))))
    add(document.body, box)
    box.showModal()
  })
}

// pick is a labelled choice: options are texts or {value, text}.
export function pick(label, options, value, change) {
  const list = el('select', {onchange: () => change(list.value)}, options.map(option => {
    const {value: word, text} = typeof option === 'string' ? {value: option, text: option} : option
    return el('option', {value: word, selected: word === value}, text)
  }))
  return el('label.pick', el('span', label), list)
}

// json shows an object as text that can be read.
export const json = value => el('pre.code', {tabindex: 0}, JSON.stringify(value, null, 2))

// files lets somebody choose files with the keyboard or a finger.
export function files(text, take, options = {}) {
  const input = el('input.unseen', {type: 'file', multiple: options.multiple, 'aria-label': text, tabindex: -1,
    onchange: () => { take([...input.files]); input.value = '' }})
  return el('span', el('button', {type: 'button', class: options.main && 'main', onclick: () => input.click()}, text), input)
}

// atMost calls back at once, and then no more often than every so many milliseconds.
export function atMost(milliseconds, call) {
  let timer = null
  let again = false
  const run = () => {
    timer = setTimeout(() => {
      timer = null
      if (again) run()
    }, milliseconds)
    again = false
    call()
  }
  return () => {
    if (timer === null) run()
    else again = true
  }
}

// later calls back once nothing has happened for some milliseconds.
export function later(milliseconds, call) {
  let timer
  return (...values) => {
    clearTimeout(timer)
    timer = setTimeout(() => call(...values), milliseconds)
  }
}

