// Writing with durability 'power': every record waits for the device, one writer and 64 that share their syncs.
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { compare, timed } from './support/measure.mjs'
import { bytesTopic, makeRecords } from './support/records.mjs'
import { inLog, inScratch } from './support/scratch.mjs'

const WRITERS = 64
const EACH = 20
const ALONE = 300

const records = makeRecords(ALONE)

/** @param {number} writers @param {number} each */
function millrace(writers, each) {
  return inLog(async log => {
    const topic = await bytesTopic(log, 'payments')
    const write = async () => { for (const record of records.slice(0, each)) await topic.send(record) }
    return await timed(writers * each, () => Promise.all(Array.from({ length: writers }, write)))
  }, { durability: 'power' })
}

await compare("send with durability 'power'", 'records', {
  'node:fs, append and fdatasync': () => inScratch(directory => timed(ALONE, () => {
    const fd = openSync(join(directory, 'framed'), 'w')
    for (const { value } of records) {
      writeSync(fd, value)
      fdatasyncSync(fd)
    }
    closeSync(fd)
  })),
  'one writer': () => millrace(1, ALONE),
  '64 writers': () => millrace(WRITERS, EACH),
})
