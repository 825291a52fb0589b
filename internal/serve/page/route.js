// Places in the page are hashes: #/objects/ID, #/sql?q=SELECT. A hash never
// reaches the server, so neither keys nor queries are in its log.
import {path} from './api.js'

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
export const to = (view, name = '', parameters = {}) => path('#/' + view + (name ? '/' + encodeURIComponent(name) : ''), parameters)

// note changes the address without opening a view: a link to what is shown now.
export function note(hash) {
  if (hash !== location.hash) history.replaceState(null, '', hash)
}
