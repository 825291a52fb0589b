// The frame around the views: it opens the view that the address names, shows
// the lake's state in the rail, and knows the keys.
import {connect, emit, on} from './events.js'
import {el, show} from './dom.js'
import {count} from './format.js'
import {lake, refresh} from './lake.js'
import {loading, problem} from './parts.js'
import {parse} from './route.js'
import {acceptDrops} from './upload.js'
import {listenToKeys} from './keys.js'

// A view's module is loaded when it is opened for the first time.
const views = {
  objects: ['Objects', () => import('./views/objects.js')],
  tables: ['Tables', () => import('./views/tables.js')],
  money: ['Money', () => import('./views/money.js')],
  quarantine: ['Quarantine', () => import('./views/quarantine.js')],
  mapping: ['Mapping', () => import('./views/mapping.js')],
  sql: ['SQL', () => import('./views/sql.js')],
}

const main = document.getElementById('content')
let leaving = null
let opened = null
let first = true

async function open() {
  const route = parse(location.hash)
  const [title, load] = views[route.view] || views.objects
  // A view may go from one of its things to another without being built anew.
  if (opened?.view === route.view && opened.move?.(route)) return name(title, route)
  leaving?.abort()
  leaving = new AbortController()
  const {signal} = leaving
  name(title, route)
  opened = null
  // Each opening has an element of its own: one that was left may still draw there.
  const root = el('div', loading())
  show(main, root)
  const moveFocus = !first
  first = false
  try {
    const view = await load()
    if (signal.aborted) return
    const result = view.open(root, route, signal)
    if (typeof result === 'function') opened = {view: route.view, move: result}
    if (moveFocus) {
      scrollTo(0, 0)
      focusTitle(root)
    }
    await result
  } catch (error) {
    if (!signal.aborted) show(root, problem(error, open))
  }
  // A view that waited has drawn its title anew.
  if (moveFocus && !signal.aborted && document.activeElement === document.body) focusTitle(root)
}

const focusTitle = root => (root.querySelector('h1') || main).focus({preventScroll: true})

function name(title, route) {
  document.title = [route.name && route.view !== 'objects' && route.view !== 'quarantine' ? route.name : '', title, lake.name, 'sluice'].filter(Boolean).join(' · ')
  for (const link of document.querySelectorAll('#views a')) {
    if (link.hash === '#/' + route.view) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
}

// The rail says where the lake is, how much is in it, and whether it answers.
function rail() {
  show(document.getElementById('place'), el('span', el('bdi', lake.place)), !lake.write && el('em', 'read-only'))
  document.getElementById('place').title = lake.place || ''
  for (const badge of document.querySelectorAll('[data-count]')) {
    const n = lake.counts?.[badge.dataset.count] || 0
    badge.textContent = n ? (n < 100000 ? count(n) : Math.round(n / 1000) + 'k') : ''
  }
  banner()
}

let connected = true
function banner() {
  const box = document.getElementById('banner')
  if (!connected) show(box, el('p', 'Connection lost. Trying again … What you see may be old; files already in the lake are safe.'))
  else if (lake.problem) show(box, el('p', lake.problem))
  else if (box.firstChild) show(box)
}

on('lakechange', rail)
// A short pause, as when the server drops a slow listener, is not worth a word.
let patience = null
on('link', open => {
  const line = document.getElementById('link')
  line.dataset.state = open ? 'on' : 'off'
  line.lastChild.textContent = open ? 'live' : 'no connection'
  if (open) {
    clearTimeout(patience)
    patience = null
    connected = true
    banner()
    return
  }
  patience ??= setTimeout(() => { connected = false; banner() }, 1500)
  // A stream that is refused does not say why; a plain request does.
  if (!document.hidden) refresh().catch(() => {})
})

// Each start of the server has a token of its own.
addEventListener('signedout', () => {
  leaving?.abort()
  opened = null
  clearTimeout(patience)
  connected = true
  show(document.getElementById('banner'))
  show(main, el('div.blank', el('h1', {tabindex: -1}, 'This page is from an earlier start of sluice'),
    el('p', 'sluice was started again, or this browser has not been let in yet. Each start has an address with a token of its own.'),
    el('p', 'Open the address that ', el('code', 'sluice serve'), ' has printed in the terminal. It begins with ', el('code', location.origin + '/?token='), '.')))
})

const schemes = {'': 'System', light: 'Light', dark: 'Dark'}
const button = document.getElementById('theme')
function theme(word) {
  if (word) document.documentElement.dataset.theme = word
  else delete document.documentElement.dataset.theme
  localStorage.setItem('sluice.theme', word)
  button.dataset.shows = word
  button.title = 'Colours: ' + schemes[word]
  button.setAttribute('aria-label', button.title)
  emit('theme')
}
button.addEventListener('click', () => {
  const words = Object.keys(schemes)
  theme(words[(words.indexOf(button.dataset.shows) + 1) % words.length])
})
theme(document.documentElement.dataset.theme || '')
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => emit('theme'))

// The hash names the view, so a skip link must not change it.
document.getElementById('skip').addEventListener('click', event => {
  event.preventDefault()
  main.focus()
})

listenToKeys()
acceptDrops()
addEventListener('hashchange', open)
try {
  await refresh()
  connect()
  await open()
} catch (error) {
  if (error.status !== 401) show(main, problem(error, () => location.reload()))
}
