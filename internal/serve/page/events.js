// What the server tells: objects, progress, counts, tables. One connection for
// the whole page. A browser gives a host only six, so a page that nobody sees
// lets go of it, and reads everything again when it is seen.

const target = new EventTarget()
let source = null
let wasOpen = false

// on calls take with the data of each event of a type until signal aborts.
// Two types are the page's own: "reload" (events may have been missed) and
// "link" (true or false).
export function on(type, take, signal) {
  target.addEventListener(type, event => take(event.detail), {signal})
}

export function emit(type, detail) {
  target.dispatchEvent(new CustomEvent(type, {detail}))
}

export function connect() {
  if (source || document.hidden) return
  source = new EventSource('/api/events')
  source.onopen = () => {
    emit('link', true)
    if (wasOpen) emit('reload')
    wasOpen = true
  }
  source.onerror = () => {
    emit('link', false)
    // The browser tries again by itself, unless the answer was no stream.
    if (source.readyState === EventSource.CLOSED) {
      source = null
      setTimeout(connect, 2000)
    }
  }
  for (const type of ['object', 'progress', 'lake', 'tables']) {
    source.addEventListener(type, event => emit(type, JSON.parse(event.data)))
  }
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) return connect()
  source?.close()
  source = null
})
