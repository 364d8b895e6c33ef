// A view of a topic: replaying half a million records of a thousand keys, and looking keys up in it.
import { sized } from './support/flags.mjs'
import { compare, timed } from './support/rounds.mjs'
import { inLog, storageNotes } from './support/scratch.mjs'

const RIVAL = 'a Map filled from the same objects'
const COUNT = sized(500_000)
const KEYS = 1000

await inLog(async log => {
  const topic = /** @type {import('millrace').Topic<{ total: number }, string>} */ (await log.topic('totals'))
  const records = Array.from({ length: COUNT }, (_, i) => ({ key: `key-${i % KEYS}`, value: { total: i } }))
  await topic.send(records)
  const view = await topic.view()
  await compare({
    title: `view: ${COUNT} records of ${KEYS} keys`,
    figures: ['records/s', 'CPU ns'],
    notes: await storageNotes(),
    rival: RIVAL,
    contenders: {
      [RIVAL]: () => timed('records', COUNT, () => new Map(records.map(({ key, value }) => [key, value]))),
      'topic.view(), replay': () => timed('records', COUNT, async () => { await (await topic.view()).close() }),
      'view.get(key)': () => timed('records', COUNT, () => { for (const { key } of records) view.get(key) }),
    },
  })
  await view.close()
})
