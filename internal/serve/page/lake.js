// What is known of the lake as a whole: its place, mapping, counts and SQL
// engine. Views read it, events change it.
import {get} from './api.js'
import {emit, on} from './events.js'

export const lake = {}

// refresh reads it again and says so with the event "lakechange".
export async function refresh() {
  Object.assign(lake, await get('/api/lake'))
  emit('lakechange', lake)
  return lake
}

// The event has the counts beside what else may have changed.
on('lake', ({empty, problem, ...counts}) => {
  Object.assign(lake, {empty, problem, counts})
  emit('lakechange', lake)
})
on('reload', () => refresh().catch(() => {}))
