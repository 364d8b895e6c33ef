// Writing with durability 'process': arrays, a promise for each record, sendSync.
import { appendBuffered, appendEach } from './support/framed-file.mjs'
import { compare, timed } from './support/measure.mjs'
import { bytesTopic, makeRecords } from './support/records.mjs'
import { inLog, inScratch } from './support/scratch.mjs'

/** Sends of one tick, then their promises are awaited. */
const PROMISES_A_TICK = 1000

const many = makeRecords(1_000_000)
const some = makeRecords(200_000)
const objects = some.map((_, i) => ({ key: `key-${i % 1000}`, value: { id: i, item: 'mill', total: i / 100, tags: ['new', 'blue'] } }))

await compare('send, many records to a write', 'records', {
  'node:fs, framed by hand': () => inScratch(directory => timed(many.length, () => { appendBuffered(directory, many) })),
  'send(array of 1,000,000)': () => inLog(async log => {
    const topic = await bytesTopic(log, 'numbers')
    return await timed(many.length, () => topic.send(many))
  }),
  'send(array of 1,000), one after the other': () => inLog(async log => {
    const topic = await bytesTopic(log, 'numbers')
    const arrays = Array.from({ length: many.length / 1000 }, (_, i) => many.slice(i * 1000, (i + 1) * 1000))
    return await timed(many.length, async () => { for (const array of arrays) await topic.send(array) })
  }),
  'send(record), a promise each': () => inLog(async log => {
    const topic = (await bytesTopic(log, 'numbers')).producer()
    return await timed(many.length, async () => {
      for (let i = 0; i < many.length; i += PROMISES_A_TICK) await Promise.all(many.slice(i, i + PROMISES_A_TICK).map(record => topic.send(record)))
    })
  }),
  'send(array of 200,000), strings and msgpack': () => inLog(async log => {
    const topic = await log.topic('objects')
    return await timed(objects.length, () => topic.send(objects))
  }),
})

await compare('send, a write for each record', 'records', {
  'node:fs, framed by hand': () => inScratch(directory => timed(some.length, () => { appendEach(directory, some) })),
  'sendSync': () => inLog(async log => {
    const producer = (await bytesTopic(log, 'numbers')).producer()
    return await timed(some.length, () => { for (const record of some) producer.sendSync(record) })
  }),
  'await send(record), one after the other': () => inLog(async log => {
    const topic = await bytesTopic(log, 'numbers')
    return await timed(some.length, async () => { for (const record of some) await topic.send(record) })
  }),
})
