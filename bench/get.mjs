// One record by its offset, at random places, from the page cache. Batches are what producers made of their sends:
// a get reads and checks the whole batch, so their size decides.
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { appendBuffered } from './support/framed-file.mjs'
import { compare, timed } from './support/measure.mjs'
import { bytesTopic, makeRecords } from './support/records.mjs'
import { inLog, inScratch } from './support/scratch.mjs'

const COUNT = 500_000
const GETS = 5_000
const FRAME_BYTES = 120

const records = makeRecords(COUNT)
const offsets = Array.from({ length: GETS }, (_, i) => i * 7919 * 31 % COUNT)

await inScratch(async directory => {
  appendBuffered(directory, records)
  const fd = openSync(join(directory, 'framed'), 'r')
  await inLog(async log => {
    const small = await bytesTopic(log, 'batches-of-10')
    for (let i = 0; i < COUNT; i += 10) await small.send(records.slice(i, i + 10))
    const large = await bytesTopic(log, 'batches-of-256-kib')
    await large.send(records)
    await compare('get', 'records', {
      'node:fs, a read each at a known position': () => timed(GETS, () => { for (const offset of offsets) readSync(fd, Buffer.allocUnsafe(FRAME_BYTES), 0, FRAME_BYTES, offset * FRAME_BYTES) }),
      'get(offset), 10 records to a batch': () => timed(GETS, async () => { for (const offset of offsets) await small.partitions[0]?.get(offset) }),
      'get(offset), 256 KiB to a batch': () => timed(GETS / 10, async () => { for (const offset of offsets.slice(0, GETS / 10)) await large.partitions[0]?.get(offset) }),
    })
  })
  closeSync(fd)
})
