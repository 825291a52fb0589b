// Money: the sums that the ledger noted when rows were written, against those of the
// published files. All sums are texts, and shown as they are.
import {get} from '../api.js'
import {el, show} from '../dom.js'
import {on} from '../events.js'
import {count, exact, plural} from '../format.js'
import {blank, chip, heading, later, loading, problem, section} from '../parts.js'
import {to} from '../route.js'

export function open(main, route, signal) {
  const body = el('div', loading('Adding up …'))
  const again = el('button', {type: 'button', onclick: () => load()}, 'Check again')
  show(main, heading('Money', 'What the ledger noted when the rows were written, against what the published files hold now', again), body)

  async function load() {
    again.disabled = true
    try {
      const money = await get('/api/money', {}, signal)
      show(body, draw(money))
    } catch (error) {
      if (!signal.aborted) show(body, problem(error, load))
    }
    again.disabled = false
  }
  on('tables', later(1000, load), signal)
  on('reload', load, signal)
  load()
}

function draw({columns, objects, objects_checked: checked, rows}) {
  if (!checked && !columns.length) return blank('Nothing to add up yet', el('p', 'Sums appear with the first object that has rows. ', el('a', {href: '#/objects'}, 'Add files')))
  const same = rows.equal && columns.every(column => column.equal) && !objects.length
  return [
    el('div', {class: 'verdict ' + (same ? 'good' : 'bad'), role: same ? null : 'alert'},
      el('p.big', same ? 'Ledger and tables agree' : 'Ledger and tables differ'),
      el('p', same ? `To the last digit, in ${plural(checked, 'object')} and ${plural(rows.published, 'row')}.`
        : 'Somebody changed, removed or added files of the tables, or a publication is missing. The ledger is right: `sluice run` makes what is missing or damaged again from the source.')),
    section('Sums of all objects', sums('Sums of all objects', [
      {first: el('th', {scope: 'row'}, 'Rows'), ledger: count(rows.ledger), published: count(rows.published), equal: rows.equal},
      ...columns.map(column => ({
        first: el('th', {scope: 'row'}, el('span.dim', column.table + '.'), column.column),
        ledger: exact(column.ledger), published: exact(column.published), equal: column.equal, minus: [column.ledger, column.published],
      })),
    ])),
    section('By object', objects.length
      ? sums('Objects that differ', objects.map(one => ({
        first: el('th', {scope: 'row'}, el('a', {href: to('objects', one.id)}, one.key), ' ', el('span.dim', one.table + '.' + one.column)),
        ledger: exact(one.ledger), published: exact(one.published), equal: false, minus: [one.ledger, one.published],
      })))
      : el('p', 'Each of ', el('b', plural(checked, 'object')), ' has the sums that its ledger entry names.')),
  ]
}

function sums(caption, list) {
  return el('div.scroll', {tabindex: 0, role: 'region', 'aria-label': caption}, el('table.sums', el('caption.unseen', caption),
    el('thead', el('tr', el('th', {scope: 'col'}, 'Sum'), el('th.right', {scope: 'col'}, 'Ledger'), el('th.right', {scope: 'col'}, 'Published'), el('th.right', {scope: 'col'}, 'Difference'))),
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
