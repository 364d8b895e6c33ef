// Sending with durability 'process'. Many records to a batch: `send-array` and `send-promise`, beside a C loop that makes
// batches of 256 KiB; a record to a batch: `send-sync`, beside one that does the same.
import { appendBuffered, appendEach } from './support/framed-file.mjs'
import { TickWriter } from './support/framed-writers.mjs'
import { isAsked, sized } from './support/flags.mjs'
import { PASSES, gauge, gaugeNotes, rawLoop } from './support/raw-loop.mjs'
import { RECORDS_A_BATCH, bytesTopic, makeRecords } from './support/records.mjs'
import { compare, timed } from './support/rounds.mjs'
import { inLog, inScratch, storageNotes } from './support/scratch.mjs'

const RIVAL = 'node:fs, framed by hand'
const FIGURES = ['records/s', 'CPU ns']
/** Sends before their promises are awaited. */
const PIPELINED = 10_000

const many = makeRecords(sized(1_000_000))
const some = makeRecords(sized(400_000))
const notes = { ...await storageNotes(), ...gaugeNotes }

if (isAsked('send-array')) await compare({
  title: `send-array: ${many.length} records of 8 + 100 bytes, by arrays`,
  figures: FIGURES,
  gauge,
  rival: RIVAL,
  notes,
  contenders: {
    ...rawLoop(() => ['append', '<records>', '<log>', String(many.length), String(RECORDS_A_BATCH), PASSES]),
    [RIVAL]: () => inScratch(directory => timed('records', many.length, () => { appendBuffered(directory, many) })),
    'send(all of them)': () => sending(many, topic => topic.send(many)),
    'send(array of 1,000), one after the other': () => {
      const arrays = Array.from({ length: Math.ceil(many.length / 1000) }, (_, i) => many.slice(i * 1000, (i + 1) * 1000))
      return sending(many, async topic => { for (const array of arrays) await topic.send(array) })
    },
  },
})

if (isAsked('send-promise')) await compare({
  title: `send-promise: ${some.length} records of 8 + 100 bytes, a promise each, awaited ${PIPELINED} at a time`,
  figures: FIGURES,
  gauge,
  rival: RIVAL,
  notes,
  contenders: {
    ...rawLoop(() => ['append', '<records>', '<log>', String(some.length), String(RECORDS_A_BATCH), PASSES]),
    [RIVAL]: () => inScratch(directory => timed('records', some.length, async () => {
      const file = new TickWriter(directory)
      await pipelined(some, record => file.append(record))
      file.close()
    })),
    'send(record), all of them awaited': () => sending(some, topic => pipelined(some, record => topic.send(record))),
    'send(record), the last awaited': () => sending(some, async topic => {
      for (let i = 0; i < some.length;) {
        /** @type {Promise<unknown> | undefined} */
        let last
        for (const end = Math.min(i + PIPELINED, some.length); i < end; i++) last = topic.send(some[i] ?? raise())
        await last
      }
    }),
  },
})

if (isAsked('send-sync')) await compare({
  title: `send-sync: ${some.length} records of 8 + 100 bytes, each in the log before the next`,
  figures: FIGURES,
  gauge,
  rival: RIVAL,
  notes,
  contenders: {
    ...rawLoop(() => ['append', '<records>', '<log>', String(some.length), '1', PASSES]),
    [RIVAL]: () => inScratch(directory => timed('records', some.length, () => { appendEach(directory, some) })),
    'sendSync(record)': () => sending(some, topic => {
      const producer = topic.producer()
      for (const record of some) producer.sendSync(record)
    }),
    'await send(record)': () => sending(some, async topic => { for (const record of some) await topic.send(record) }),
  },
})

/** @returns {never} */
function raise() {
  throw new Error('there is no such record')
}

/** @param {readonly unknown[]} records @param {(topic: import('./support/records.mjs').BytesTopic) => unknown} work */
function sending(records, work) {
  return inLog(async log => {
    const topic = await bytesTopic(log, 'numbers')
    const figures = await timed('records', records.length, () => work(topic))
    if (topic.partitions[0]?.endOffset !== records.length) throw new Error(`${records.length} sent, ${topic.partitions[0]?.endOffset} stored`)
    return figures
  })
}

/**
 * @template T
 * @param {readonly T[]} records
 * @param {(record: T) => Promise<unknown>} send
 */
async function pipelined(records, send) {
  for (let i = 0; i < records.length; i += PIPELINED) await Promise.all(records.slice(i, i + PIPELINED).map(send))
}
