// Writing with durability 'power': every record waits for the device. One writer (`power-1`) beside a C loop that writes
// the same batch and calls fdatasync; 64 writers that share their syncs (`power-64`) beside one that writes 64 records
// to a sync. A ratio of 0.5 to the C loop means twice its time.
import { SyncedWriter } from './support/framed-writers.mjs'
import { isAsked, sized } from './support/flags.mjs'
import { gauge, gaugeNotes, rawLoop } from './support/raw-loop.mjs'
import { bytesTopic, makeRecords } from './support/records.mjs'
import { compare, timed } from './support/rounds.mjs'
import { inLog, inScratch, storageNotes } from './support/scratch.mjs'

const RIVAL = 'node:fs, framed by hand, group commit'

const records = makeRecords(sized(2000))
const notes = { ...await storageNotes(), ...gaugeNotes }

await writing('power-1', 1, records.length)
await writing('power-64', 64, sized(400))

/** @param {string} name @param {number} writers @param {number} each */
async function writing(name, writers, each) {
  if (!isAsked(name)) return
  const count = writers * each
  /** @param {(record: { key: Buffer, value: Buffer }) => Promise<unknown>} append */
  const write = append => timed('records', count, () => Promise.all(Array.from({ length: writers }, async () => {
    for (const record of records.slice(0, each)) await append(record)
  })))
  await compare({
    title: `${name}: ${count} records of 8 + 100 bytes, ${writers === 1 ? 'one writer' : `${writers} writers`}, each record on the device before its writer sends another`,
    figures: ['records/s', 'CPU ns'],
    gauge,
    rival: RIVAL,
    notes,
    contenders: {
      ...rawLoop(() => ['sync', '<records>', '<log>', String(count), String(writers)]),
      [RIVAL]: () => inScratch(async directory => {
        const file = new SyncedWriter(directory)
        const figures = await write(record => file.append(record))
        file.close()
        return figures
      }),
      'send(record)': () => inLog(async log => {
        const topic = await bytesTopic(log, 'payments')
        return await write(record => topic.send(record))
      }, { durability: 'power' }),
    },
  })
}
