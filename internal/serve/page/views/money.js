// Money: the sums that the ledger noted when rows were written, against those of the
// published files. All sums are texts, and shown as they are.
import {get} from '../api.js'
import {el, show} from '../dom.js'
import {on} from '../events.js'
import {count, exact, plural} from '../format.js'
import {atMost, blank, chip, heading, loading, problem, section} from '../parts.js'
import {to} from '../route.js'

export function open(main, route, signal) {
  const body = el('div', loading('Adding up …'))
  const again = el('button', {type: 'button', onclick: () => load(1)}, 'Check again')
  show(main, heading('Money', 'What the ledger noted when the rows were written, against what the published files hold now', again), body)

  // Again: also what somebody else did to the files is seen, which takes longer.
  async function load(afresh) {
    again.disabled = true
    try {
      const money = await get('/api/money', {again: afresh}, signal)
      show(body, draw(money))
    } catch (error) {
      if (!signal.aborted) show(body, problem(error, () => load(1)))
    }
    again.disabled = false
  }
  on('tables', atMost(5000, () => load()), signal)
  on('reload', () => load(), signal)
  load(1)
}

function draw({columns, objects, objects_checked: checked, objects_older: older, differing, rows}) {
  if (!checked && !columns.length) return blank('Nothing to add up yet', el('p', 'Sums appear with the first object that has rows. ', el('a', {href: '#/objects'}, 'Add files')))
  const same = rows.equal && columns.every(column => column.equal) && !objects.length
  // Files of an older state have no sums in the ledger, but a hash.
  const old = columns.some(column => isNonzero(column.older)) || rows.older > 0
  return [
    el('div', {class: 'verdict ' + (same ? 'good' : 'bad'), role: same ? null : 'alert'},
      el('p.big', same ? 'Ledger and tables agree' : 'Ledger and tables differ'),
      same ? el('p', `To the last digit, in ${plural(checked, 'object')} and ${plural(rows.published + (rows.older || 0), 'row')}.`)
        : el('p', 'The published files do not hold what was written: somebody changed or removed some of them. The ledger is right. ', el('code', 'sluice run'), ' makes what is missing or damaged again from the source.')),
    section('Sums of all objects', sums('Sums of all objects', 'Sum', [
      {first: el('th', {scope: 'row'}, 'Rows'), ledger: count(rows.ledger), published: count(rows.published), equal: rows.equal, minus: [rows.ledger, rows.published]},
      ...columns.map(column => ({
        first: el('th', {scope: 'row'}, el('span.dim', column.table + '.'), column.column),
        ledger: exact(column.ledger), published: exact(column.published), equal: column.equal, minus: [column.ledger, column.published],
      })),
    ]), old && el('p.note', `Of ${plural(older, 'object')} the newest state published nothing, so the rows of an older one stay. The ledger has no sums of them; their files were compared by hash. They hold ${plural(rows.older, 'row')}`,
      columns.filter(column => isNonzero(column.older)).map(column => [', ', column.column + ' ' + exact(column.older)]), ', which the table has in addition.')),
    section('By object', differing > 0 && el('p', plural(differing, 'object') + (differing === 1 ? ' differs.' : ' differ.')), objects.length
      ? sums('Objects that differ', 'Object', objects.map(one => ({
        first: el('th', {scope: 'row'}, el('a', {href: to('objects', one.id)}, one.key || one.id), ' ', el('span.dim', [one.table, one.column].filter(Boolean).join('.'), ' ', whats[one.what] || one.what)),
        ledger: exact(one.ledger), published: exact(one.published), equal: false, minus: one.what === 'sum' || one.what === 'rows' ? [one.ledger, one.published] : null,
      })))
      : el('p', 'Each of ', el('b', plural(checked, 'object')), ' has the sums that its ledger entry names.')),
  ]
}

const isNonzero = text => /[1-9]/.test(text || '')

// What can be wrong with an object.
const whats = {sum: 'sum', rows: 'rows', missing: 'file is missing', damaged: 'file is damaged', content: 'file has other content', ledger: 'ledger entry cannot be read'}

function sums(caption, first, list) {
  return el('div.scroll', {tabindex: 0, role: 'region', 'aria-label': caption}, el('table.sums', el('caption.unseen', caption),
    el('thead', el('tr', el('th', {scope: 'col'}, first), el('th.right', {scope: 'col'}, 'Ledger'), el('th.right', {scope: 'col'}, 'Published'), el('th.right', {scope: 'col'}, 'Difference'))),
    el('tbody', list.map(one => el('tr', {class: one.equal ? null : 'differs'}, one.first,
      el('td.right', one.ledger), el('td.right', one.published),
      el('td.right', one.equal ? chip('equal', 'good') : one.minus ? exact(difference(...one.minus)) : 'differs'))))))
}

// difference is published less ledger, in whole numbers of the last digit.
export function difference(ledger, published) {
  const digits = text => (String(text).split('.')[1] || '').length
  const scale = Math.max(digits(ledger), digits(published))
  const whole = text => {
    const [head, tail = ''] = String(text).split('.')
    return BigInt(head + tail.padEnd(scale, '0'))
  }
  try {
    const n = whole(published) - whole(ledger)
    const text = (n < 0n ? -n : n).toString().padStart(scale + 1, '0')
    return (n < 0n ? '-' : '+') + (scale ? text.slice(0, -scale) + '.' + text.slice(-scale) : text)
  } catch {
    return 'differs'
  }
}
