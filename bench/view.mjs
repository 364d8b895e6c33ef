// A view of a topic: replaying a million records of a thousand keys, and looking keys up in it.
import { compare, timed } from './support/measure.mjs'
import { inLog } from './support/scratch.mjs'

const COUNT = 500_000
const KEYS = 1000

await inLog(async log => {
  const topic = /** @type {import('millrace').Topic<{ total: number }, string>} */ (await log.topic('totals'))
  const records = Array.from({ length: COUNT }, (_, i) => ({ key: `key-${i % KEYS}`, value: { total: i } }))
  await topic.send(records)
  const view = await topic.view()
  await compare('view', 'records', {
    'a Map filled from the same objects': () => timed(COUNT, () => new Map(records.map(({ key, value }) => [key, value]))),
    'topic.view(), replay': () => timed(COUNT, async () => { await (await topic.view()).close() }),
    'view.get(key)': () => timed(COUNT, () => { for (const { key } of records) view.get(key) }),
  })
  await view.close()
})
