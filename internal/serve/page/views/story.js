// One object: what became of it, and where its rows are.
import {get, send} from '../api.js'
import {el, show} from '../dom.js'
import {on} from '../events.js'
import {bytes, count, plural, rate, seconds, time} from '../format.js'
import {lake} from '../lake.js'
import {atMost, begun, json, loading, outcome, problem, said, saidError, table} from '../parts.js'
import {to} from '../route.js'

export function story(panel, id, signal) {
  const title = el('h2', {tabindex: -1}, 'Object')
  const body = el('div', loading())
  show(panel, el('div.heading', title,
    el('a.quiet.icon', {href: '#/objects', 'data-escape': true, 'aria-label': 'Close'}, '×')), body)

  async function load() {
    try {
      const whole = await get('/api/objects/' + id, {}, signal)
      title.textContent = whole.object.key.split('/').pop()
      title.title = whole.object.key
      show(body, draw(whole))
    } catch (error) {
      if (!signal.aborted) show(body, problem(error, load))
    }
  }
  const soon = atMost(500, load)
  on('object', object => object.id === id && soon(), signal)
  on('reload', load, signal)
  load()
}

function draw({object, entry, report, outputs, attempts}) {
  const reasons = Object.entries(object.reasons || {})
  const fact = (name, ...text) => el('div', el('dt', name), el('dd', text))
  return [
    el('p', outcome(object), object.duplicate && el('span.tag', 'duplicate')),
    object.error && el('div.problem', el('p', object.error)),
    el('dl.facts',
      fact('Key', el('code', object.key)),
      fact('Records', `${count(object.records_read)} read = ${count(object.records_committed)} committed + ${count(object.records_quarantined)} quarantined + ${count(object.records_skipped)} skipped`),
      fact('Rows', count(object.rows)),
      fact('Size', bytes(object.size ?? 0)),
      object.seconds > 0 && fact('Took', [seconds(object.seconds), rate(object.mb_per_second, object.size)].filter(Boolean).join(', ')),
      Date.parse(object.written) > 0 && fact('Ledger entry', time(object.written).slice(0, 19) + ' UTC'),
      object.mapping_sha256 && fact('Mapping', el('code', object.mapping_sha256.slice(0, 12)),
        lake.mapping?.sha256 && object.mapping_sha256 !== lake.mapping.sha256 && ', not the one of now')),
    reasons.length > 0 && [
      el('h3', 'What did not fit'),
      el('ul.reasons', reasons.map(([code, n]) => el('li', el('code', code), ' ', plural(n, 'record')))),
      el('p', el('a.button', {href: to('quarantine', object.id)}, object.outcome === 'reject' ? 'See why it was rejected' : 'See the records'), ' ',
        object.records_committed === 0 && el('a.button', {href: to('mapping', '', {infer: object.key})}, 'Infer a mapping from it'))],
    attempts?.length > 0 && [
      el('h3', 'What happened since the start'),
      el('ol.attempts', attempts.map(attempt => el('li', {class: attempt.error && 'bad'},
        el('time', {datetime: attempt.at}, time(attempt.at).slice(11, 19)), ' ', el('b', attempt.what),
        attempt.seconds > 0 && ' in ' + seconds(attempt.seconds), attempt.error && el('p', attempt.error))))],
    outputs?.length > 0 && [
      el('h3', 'Outputs'),
      table('Outputs', [{name: 'Table'}, {name: 'Rows', right: true}, {name: 'Size', right: true}, {name: 'File'}],
        outputs.map(output => [el('a', {href: to('tables', output.table)}, output.table), output.missing || output.damaged ? '–' : count(output.rows), bytes(output.bytes),
          output.shared ? [el('code', output.key), output.missing ? ': no longer there, as other engines have compacted the table' : `, from row ${count(output.first)} on`]
          : output.missing || output.damaged ? el('span.bad', output.missing ? 'missing; ' : 'damaged; ', el('code', 'sluice run'), ' makes it again') : el('code', output.key)]))],
    object.state === 'done' && object.outcome === 'quarantine' && lake.write && el('p',
      el('button', {type: 'button', onclick: () => replay(object.id)}, 'Replay'), ' with the mapping of now'),
    report && el('details', el('summary', 'Report'), json(report)),
    entry && el('details', el('summary', 'Ledger entry'), json(entry)),
  ]
}

async function replay(id) {
  try {
    said(begun('Replay', await send('POST', '/api/quarantine/replay', {ids: [id]})))
  } catch (error) {
    saidError(error)
  }
}
