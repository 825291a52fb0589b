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

on('lake', counts => {
  lake.counts = counts
  lake.empty = lake.empty && !counts.objects
  emit('lakechange', lake)
})
on('reload', () => refresh().catch(() => {}))
