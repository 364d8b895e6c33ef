// Private memory (RssAnon) and descriptors while a log of 4 GiB (or --large) is written, opened and read, each in a process
// of its own; and while 1,000 partitions are written. Linux only: elsewhere nobody tells. Mapped pages are the page
// cache's, so they are not in it.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { open } from 'millrace'
import { flags, largeBytes, sized } from './support/flags.mjs'
import { descriptorCount, peaksBeside, privateMiB } from './support/memory.mjs'
import { STORED_BYTES, bytesTopic, fill, makeRecords } from './support/records.mjs'
import { load, print } from './support/report.mjs'
import { inScratch, storageNotes } from './support/scratch.mjs'

const LOG_BYTES = largeBytes(4 * 2 ** 30)
const PARTITIONS = sized(1000)

/** @type {Readonly<Record<string, (directory: string) => Promise<unknown>>>} */
const STEPS = {
  'write it': directory => inLargeLog(directory, topic => fill(topic, Math.floor(LOG_BYTES / STORED_BYTES))),
  'read() of it, offsets': directory => inLargeLog(directory, async topic => { for await (const record of topic.read()) void record.offset }),
  'read() of it, key and value': directory => inLargeLog(directory, async topic => { for await (const record of topic.read()) void (record.key && record.value) }),
  'batches() of it': directory => inLargeLog(directory, async topic => { for await (const batch of topic.batches()) void batch.count }),
  'write many partitions': directory => inLog(directory, async log => {
    const topic = await bytesTopic(log, 'wide', { partitions: PARTITIONS })
    const records = makeRecords(10 * PARTITIONS).map((record, i) => ({ ...record, partition: i % PARTITIONS }))
    for (let i = 0; i < 20; i++) await topic.send(records)
  }),
  "write many partitions, 'power'": directory => inLog(directory, async log => {
    const topic = (await bytesTopic(log, 'wide', { partitions: PARTITIONS })).producer({ durability: 'power' })
    const records = makeRecords(PARTITIONS).map((record, i) => ({ ...record, partition: i % PARTITIONS }))
    for (let i = 0; i < 5; i++) await topic.send(records)
  }),
  'read many partitions': directory => inLog(directory, async log => {
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
    return [name, ...child.stdout.trim().split(' ').map(Number)]
  })
  print(`memory: the most that was held, ${Math.round(LOG_BYTES / 2 ** 20)} MiB and ${PARTITIONS} partitions`, ['', 'seconds', 'MiB before', 'MiB', 'descriptors before', 'descriptors'], rows, { ...await storageNotes(), load: load() })
})

/** @param {string} name @param {string} directory */
async function measure(name, directory) {
  const before = [privateMiB(), descriptorCount()]
  const { seconds, mib, descriptors } = await peaksBeside(async () => { await STEPS[name]?.(directory) })
  console.log(`${seconds.toFixed(2)} ${before[0]?.toFixed(0)} ${mib.toFixed(0)} ${before[1]} ${descriptors}`)
}

/** @param {string} directory @param {(log: import('millrace').EventLog) => Promise<unknown>} work */
async function inLog(directory, work) {
  const log = await open(directory, { storage: flags.storage })
  await work(log)
  await log.close()
}

/** @param {string} directory @param {(topic: import('millrace').Topic<Uint8Array, Uint8Array>) => Promise<unknown>} work */
async function inLargeLog(directory, work) {
  await inLog(directory, async log => { await work(await bytesTopic(log, 'numbers')) })
}
