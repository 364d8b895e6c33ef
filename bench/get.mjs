// One record by its offset, at random places, from the page cache. Records lie in batches as their producers made them:
// an array in batches of 256 KiB, small sends in small ones. The C loop and the rival know each record's place.
import { closeSync, openSync } from 'node:fs'
import { appendBuffered, frameBytes, framedPath, readOne } from './support/framed-file.mjs'
import { sized } from './support/flags.mjs'
import { gauge, gaugeNotes, rawLoop } from './support/raw-loop.mjs'
import { bytesTopic, makeRecords, segmentPaths } from './support/records.mjs'
import { compare, timedFor } from './support/rounds.mjs'
import { inLog, inScratch, storageNotes } from './support/scratch.mjs'

const RIVAL = 'node:fs, framed by hand'

/** A contender gets this many, again and again, until the time is over. */
const GETS = 100
const ROUND_MS = sized(300)

const count = sized(1_000_000)
const records = makeRecords(count)
const frame = frameBytes(records[0] ?? { key: Buffer.alloc(0), value: Buffer.alloc(0) })
let random = 1

await inScratch(async directory => {
  appendBuffered(directory, records)
  const fd = openSync(framedPath(directory), 'r')
  await inLog(async log => {
    const small = await bytesTopic(log, 'batches-of-10')
    for (let i = 0; i < count; i += 10) await small.send(records.slice(i, i + 10))
    const large = await bytesTopic(log, 'batches-of-256-kib')
    await large.send(records)
    await compare({
      title: `get: of ${count} records of 8 + 100 bytes, at random`,
      figures: ['records/s', 'CPU ns'],
      gauge,
      rival: RIVAL,
      notes: { ...await storageNotes(), ...gaugeNotes },
      contenders: {
        ...rawLoop(() => ['get', String(sized(2_000_000)), ...segmentPaths(log, large)]),
        [RIVAL]: () => getting(offset => readOne(fd, offset * frame, frame)),
        'get(offset), 10 records to a batch': () => getting(offset => small.partitions[0]?.get(offset)),
        'get(offset), 256 KiB to a batch': () => getting(offset => large.partitions[0]?.get(offset)),
      },
    })
  })
  closeSync(fd)
})

/** @param {(offset: number) => unknown} get  gives a record, or a promise of one */
function getting(get) {
  return timedFor('records', ROUND_MS, GETS, async () => {
    for (let i = 0; i < GETS; i++) {
      random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0
      const offset = Math.floor(random / 2 ** 32 * count)
      const found = get(offset)
      const record = /** @type {{ value?: Uint8Array } | undefined} */ (found instanceof Promise ? await found : found)
      if (record?.value?.length !== 100) throw new Error(`not the record at ${offset}`)
    }
  })
}
