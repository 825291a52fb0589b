// Places in the page are hashes: #/objects/ID, #/sql?q=SELECT. A hash never
// reaches the server, so neither keys nor queries are in its log.

// parse takes a hash apart: {view, name, parameters}.
export function parse(hash) {
  const [place, query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s)
  const [view, ...name] = place.split('/')
  return {view: view || 'objects', name: name.map(decode).join('/'), parameters: new URLSearchParams(query)}
}

// A hash that somebody typed may hold half an escape.
function decode(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

// to writes a hash.
export function to(view, name = '', parameters = {}) {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(parameters)) if (value) query.set(key, value)
  const text = query.toString()
  return '#/' + view + (name ? '/' + encodeURIComponent(name) : '') + (text ? '?' + text : '')
}

// note changes the address without opening a view: a link to what is shown now.
export function note(hash) {
  if (hash !== location.hash) history.replaceState(null, '', hash)
}
