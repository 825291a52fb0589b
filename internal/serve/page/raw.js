// The text of a held record with its fault marked. The text is somebody else's: it only
// ever becomes text nodes.
import {el} from './dom.js'

// Around a fault so much is shown at first.
const around = 600

// raw draws {raw, fault, cut}: fault is an offset in bytes of raw as UTF-8.
export function raw({raw: text, fault, cut}) {
  const at = fault >= 0 ? indexOfByte(text, fault) : -1
  const box = el('pre.code.raw', {tabindex: 0, 'aria-label': 'The record as it came'})
  const from = at > around ? at - around : 0
  const till = Math.min(text.length, (at < 0 ? 0 : at) + around)
  fill(box, text, at, from, till)
  if (cut) box.append(el('span.dim', ' … cut here'))
  if (from === 0 && till === text.length) return box
  const whole = el('button.small.quiet', {type: 'button', onclick: () => { fill(box, text, at, 0, text.length); whole.remove() }}, 'Show the whole record')
  return el('div', box, whole)
}

function fill(box, text, at, from, till) {
  const end = at < 0 ? at : Math.min(endOfValue(text, at), at + 200)
  box.replaceChildren()
  if (from > 0) box.append('… ')
  if (at < 0) box.append(text.slice(from, till))
  else box.append(text.slice(from, at), el('mark', text.slice(at, end) || ' '), text.slice(end, Math.max(end, till)))
  if (till < text.length) box.append(' …')
}

// endOfValue is where the JSON value that begins at a place ends: a text, a
// number, or the first sign of an object or array.
function endOfValue(text, at) {
  const c = text[at]
  if (c === '"') {
    for (let i = at + 1; i < text.length; i++) {
      if (text[i] === '\\') i++
      else if (text[i] === '"') return i + 1
    }
    return text.length
  }
  if (c === '{' || c === '[') return at + 1
  const rest = /^[^,\]}\s]+/.exec(text.slice(at, at + 200))
  return at + (rest ? rest[0].length : 1)
}

// indexOfByte finds the place in a text that is so many bytes of UTF-8 from its start.
export function indexOfByte(text, bytes) {
  let i = 0
  while (i < text.length && bytes > 0) {
    const c = text.codePointAt(i)
    bytes -= c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4
    i += c > 0xffff ? 2 : 1
  }
  return i
}
