// How long it takes from the call of send() until the loop of a reader that waited has the record. One record at a time,
// and the event loop turns in between, so that the reader does wait. The C loop appends, it delivers to nobody: it is
// here as the gauge alone.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FollowedFile } from './support/framed-writers.mjs'
import { sized } from './support/flags.mjs'
import { PASSES, gauge, gaugeNotes, rawLoop } from './support/raw-loop.mjs'
import { bytesTopic, makeRecords } from './support/records.mjs'
import { percentile } from './support/report.mjs'
import { compare } from './support/rounds.mjs'
import { inLog, inScratch, storageNotes } from './support/scratch.mjs'

const RIVAL = 'node:fs, framed by hand'

const records = makeRecords(sized(10_000))

await compare({
  title: `delivery: ${records.length} records of 8 + 100 bytes, one at a time, to a reader that waits`,
  figures: ['p50 µs', 'p99 µs'],
  gauge,
  rival: RIVAL,
  notes: { ...await storageNotes(), ...gaugeNotes },
  contenders: {
    ...rawLoop(() => ['append', '<records>', '<log>', String(sized(400_000)), '1', PASSES]),
    [RIVAL]: () => inScratch(async directory => {
      const file = new FollowedFile(directory)
      const figures = await delivering(file.follow(), record => { file.append(record) })
      file.close()
      return figures
    }),
    'send(record) to read({ follow: true })': () => inLog(async log => {
      const topic = await bytesTopic(log, 'numbers')
      return await delivering(topic.read({ follow: true }), record => topic.send(record))
    }),
    'sendSync(record) to read({ follow: true })': () => inLog(async log => {
      const topic = await bytesTopic(log, 'numbers')
      const producer = topic.producer()
      return await delivering(topic.read({ follow: true }), record => { producer.sendSync(record) })
    }),
  },
})

/**
 * @param {AsyncIterable<{ readonly value: Uint8Array | null }>} reader
 * @param {(record: { key: Buffer, value: Buffer }) => unknown} send
 */
async function delivering(reader, send) {
  globalThis.gc?.()
  let arrive = (/** @type {number} */ _time) => {}
  const reading = (async () => {
    let left = records.length
    for await (const { value } of reader) {
      arrive(performance.now())
      if (value?.length !== 100) throw new Error('not the record')
      if (--left === 0) break
    }
  })()
  /** @type {number[]} */
  const micros = []
  for (const record of records) {
    await nextTurn()
    /** @type {Promise<number>} */
    const arrival = new Promise(resolve => { arrive = resolve })
    const sent = performance.now()
    const sending = send(record)
    micros.push((await arrival - sent) * 1000)
    await sending
  }
  await reading
  return { 'p50 µs': percentile(micros, 0.5), 'p99 µs': percentile(micros, 0.99) }
}
