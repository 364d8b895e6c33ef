// Private memory (RssAnon) and descriptors while a log of 4 GiB is written, opened and read, each in a process of its
// own; and while 1,000 partitions are written. Linux only: elsewhere nobody tells.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { open } from 'millrace'
import { STORED_BYTES } from './support/large-log.mjs'
import { print } from './support/measure.mjs'
import { descriptorCount, peaksBeside, privateMiB } from './support/memory.mjs'
import { bytesTopic, fill, makeRecords } from './support/records.mjs'
import { inScratch } from './support/scratch.mjs'

const LOG_BYTES = Number(process.env['BENCH_LARGE_BYTES'] ?? 4 * 2 ** 30)
const PARTITIONS = 1000

/** @type {Readonly<Record<string, (directory: string) => Promise<unknown>>>} */
const STEPS = {
  'write 4 GiB': directory => inLargeLog(directory, topic => fill(topic, Math.floor(LOG_BYTES / STORED_BYTES))),
  'read() of it, offsets': directory => inLargeLog(directory, async topic => { for await (const record of topic.read()) void record.offset }),
  'read() of it, key and value': directory => inLargeLog(directory, async topic => { for await (const record of topic.read()) void (record.key && record.value) }),
  'batches() of it': directory => inLargeLog(directory, async topic => { for await (const batch of topic.batches()) void batch.count }),
  'write 1,000 partitions': directory => inLog(directory, async log => {
    const topic = await bytesTopic(log, 'wide', { partitions: PARTITIONS })
    const records = makeRecords(10 * PARTITIONS).map((record, i) => ({ ...record, partition: i % PARTITIONS }))
    for (let i = 0; i < 20; i++) await topic.send(records)
  }),
  "write 1,000 partitions, 'power'": directory => inLog(directory, async log => {
    const topic = (await bytesTopic(log, 'wide', { partitions: PARTITIONS })).producer({ durability: 'power' })
    const records = makeRecords(PARTITIONS).map((record, i) => ({ ...record, partition: i % PARTITIONS }))
    for (let i = 0; i < 5; i++) await topic.send(records)
  }),
  'read 1,000 partitions': directory => inLog(directory, async log => {
    const topic = await bytesTopic(log, 'wide')
    for await (const record of topic.read()) void record.offset
  }),
}

const [, , step, directory] = process.argv
if (step !== undefined && directory !== undefined) await measure(step, directory)
else await inScratch(async scratch => {
  const rows = Object.keys(STEPS).map(name => {
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), name, scratch], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
    if (child.status !== 0) throw new Error(`'${name}' ended with status ${child.status}`)
    return [name, ...child.stdout.trim().split(' ')]
  })
  print('The most that was held', ['', 'seconds', 'MiB before', 'MiB', 'descriptors before', 'descriptors'], rows)
})

/** @param {string} name @param {string} directory */
async function measure(name, directory) {
  const before = [privateMiB(), descriptorCount()]
  const { seconds, mib, descriptors } = await peaksBeside(async () => { await STEPS[name]?.(directory) })
  console.log(`${seconds.toFixed(2)} ${before[0]?.toFixed(0)} ${mib.toFixed(0)} ${before[1]} ${descriptors}`)
}

/** @param {string} directory @param {(log: import('millrace').EventLog) => Promise<unknown>} work */
async function inLog(directory, work) {
  const log = await open(directory)
  await work(log)
  await log.close()
}

/** @param {string} directory @param {(topic: import('millrace').Topic<Uint8Array, Uint8Array>) => Promise<unknown>} work */
async function inLargeLog(directory, work) {
  await inLog(directory, async log => { await work(await bytesTopic(log, 'numbers')) })
}
