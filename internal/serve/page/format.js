// Counts, sizes and times for people. Values of the data are not rounded here:
// exact only groups the digits of a text.

const grouped = new Intl.NumberFormat('en-US')
const compact = new Intl.NumberFormat('en-US', {notation: 'compact', maximumFractionDigits: 2})

export const count = n => grouped.format(n ?? 0)

// short is for axes, where a rounded number is enough.
export const short = n => compact.format(n)

// plural counts things: 1 row, 2 rows.
export const plural = (n, one, many = one + 's') => count(n) + ' ' + (n === 1 ? one : many)

// exact groups the digits of a number that is a text: it never becomes a float.
export function exact(text) {
  const parts = /^([+-]?)(\d+)(\.\d+)?$/.exec(text)
  if (!parts) return String(text ?? '')
  return (parts[1] === '-' ? '−' : '') + parts[2].replace(/\B(?=(\d{3})+$)/g, ',') + (parts[3] || '')
}

export function bytes(n) {
  if (n < 1000) return n + ' B'
  for (const unit of ['kB', 'MB', 'GB', 'TB']) {
    n /= 1000
    if (n < 999.5 || unit === 'TB') return (n < 9.95 ? n.toFixed(1) : n.toFixed(0)) + ' ' + unit
  }
}

export function seconds(s) {
  if (s < 1) return Math.round(s * 1000) + ' ms'
  if (s < 60) return s.toFixed(1) + ' s'
  return Math.floor(s / 60) + ' min ' + Math.round(s % 60) + ' s'
}

// rate says nothing of small objects, whose time is that of opening files.
export const rate = (n, size) => (n && size >= 1e6 ? (n < 10 ? n.toFixed(1) : Math.round(n)) + ' MB/s' : '')

// time is how a time of the data is shown: as it is, without what says nothing.
export const time = text => String(text).replace('T', ' ').replace(/\.0+(?=Z?$)/, '').replace(/Z$/, '')

// ago says how long since a time; the exact one belongs in a title.
export function ago(text, now = Date.now()) {
  const at = Date.parse(text)
  if (!at || at < 0) return '' // Go's zero time
  const s = Math.max(0, (now - at) / 1000)
  if (s < 5) return 'now'
  if (s < 60) return Math.floor(s) + ' s ago'
  if (s < 3600) return Math.floor(s / 60) + ' min ago'
  if (s < 86400) return Math.floor(s / 3600) + ' h ago'
  return text.slice(0, 10)
}

// kind is what a column's type means for charts: a time, a number or a text.
// Types are those of tables and those of SQL.
export function kind(type) {
  if (/^(timestamp|date)/i.test(type)) return 'time'
  if (/^(u?(tiny|small|big|huge)?int|integer|decimal|float|double|real|numeric)/i.test(type)) return 'number'
  return 'text'
}

// A list, array or struct of numbers is no number.
export const isNumber = type => kind(type) === 'number' && !/[\]>]$/.test(type)
export const isMoney = type => /^decimal/i.test(type) && isNumber(type)
