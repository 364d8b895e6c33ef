// The event loop while the log works hard: how late a 1 ms timer is beside each kind of long work.
// `npm run bench long-work` runs all cases, `npm run bench long-work -- --case replay` those whose names hold the word.
import { rmSync } from 'node:fs'
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import { open } from 'millrace'
import { fasterClock } from './support/faster-clock.mjs'
import { flags, largeBytes, sized } from './support/flags.mjs'
import { pretendPowerCut, writeLargeLog } from './support/large-log.mjs'
import { latenessBeside } from './support/lateness.mjs'
import { dropFromPageCache } from './support/page-cache.mjs'
import { STORED_BYTES, bytesTopic, fill, makeRecords, segmentPaths } from './support/records.mjs'
import { load, print } from './support/report.mjs'
import { inLog, inScratch, storageNotes } from './support/scratch.mjs'

const REPLAYED = sized(10_000_000)
const SENT = sized(1_000_000)
const LARGE_LOG_BYTES = largeBytes(4 * 2 ** 30)
const SEGMENTS = sized(2000)
const SEGMENT_BYTES = 64 * 1024
const PARTITIONS = sized(500)
/** Two controls run in any case: what the machine itself does to an idle and to a busy process. */
const CONTROLS = ['idle process', 'busy loop that gives way every 5 ms']
const CONTROL_MS = sized(5000)

/** @type {(string | number)[][]} */
const rows = []

await inCase('idle process', () => latenessBeside(() => wait(CONTROL_MS)))
await inCase('busy loop that gives way every 5 ms', () => latenessBeside(async () => {
  for (const end = performance.now() + CONTROL_MS; performance.now() < end; await nextTurn()) for (const until = performance.now() + 5; performance.now() < until;);
}))

if (isAsked('replay')) {
  await inScratch(async directory => {
    await writeLargeLog(directory, REPLAYED * STORED_BYTES)
    const log = await open(directory, { storage: flags.storage })
    const topic = await bytesTopic(log, 'numbers')
    await inCase('replay of many records', () => latenessBeside(() => replay(topic)))
    await inCase('replay of many records, key and value', () => latenessBeside(() => replay(topic, record => (record.key?.length ?? 0) + (record.value?.length ?? 0))))
    await inCase('replay of many records in batches', () => latenessBeside(async () => { for await (const batch of topic.batches()) for (const record of batch) void record.offset }))
    if (dropFromPageCache(segmentPaths(log, topic))) await inCase('replay of many records, cold', () => latenessBeside(() => replay(topic)))
    await log.close()
  })
}

await inCase(`send(array of ${SENT})`, () => inLog(async log => {
  const topic = await bytesTopic(log, 'numbers')
  const records = makeRecords(SENT)
  return await latenessBeside(() => topic.send(records))
}))

await inCase("sends beside a sync every second, 'process'", () => inLog(async log => {
  const topic = await bytesTopic(log, 'numbers', { partitions: 4 })
  return await latenessBeside(() => fill(topic, REPLAYED))
}, { clock: fasterClock(30) }))

await inCase(`view of ${SENT} records`, () => inLog(async log => {
  const topic = await bytesTopic(log, 'numbers')
  await fill(topic, SENT)
  return await latenessBeside(async () => { await (await topic.view()).close() })
}))

await inCase(`opening ${LARGE_LOG_BYTES / 2 ** 20} MiB after a power cut`, () => inScratch(async directory => {
  await writeLargeLog(directory, LARGE_LOG_BYTES)
  pretendPowerCut(directory, path => { rmSync(path) })
  /** @type {import('millrace').EventLog | undefined} */
  let log
  const figures = await latenessBeside(async () => { log = await open(directory, { storage: flags.storage }) })
  await log?.close()
  return figures
}))

await inCase(`truncateBefore over ${SEGMENTS} segments`, () => inLog(async log => {
  const topic = await bytesTopic(log, 'numbers', { segmentBytes: SEGMENT_BYTES })
  await fill(topic.producer({ batchBytes: SEGMENT_BYTES / 4 }), Math.ceil(SEGMENTS * SEGMENT_BYTES / STORED_BYTES))
  const partition = topic.partitions[0]
  if (partition === undefined || partition.segments().length < SEGMENTS) throw new Error('too few segments')
  return await latenessBeside(() => partition.truncateBefore(partition.endOffset))
}))

await inCase(`deleteTopic with ${PARTITIONS} partitions`, () => inLog(async log => {
  const topic = await log.topic('wide', { partitions: PARTITIONS })
  await topic.send(Array.from({ length: PARTITIONS }, (_, partition) => ({ value: 'one', partition })))
  return await latenessBeside(() => log.deleteTopic('wide'))
}))

await inCase(`creating a topic with ${PARTITIONS} partitions`, () => inLog(async log => await latenessBeside(() => log.topic('wide', { partitions: PARTITIONS }))))

print('long-work: how late a 1 ms timer is, ms', ['', 'seconds', 'p50', 'p99', 'p99.9', 'max', 'own p99.9', 'own max'], rows, { ...await storageNotes(), load: load() })

/** @param {string} name */
function isAsked(name) {
  return name.includes(flags.case)
}

/** @param {string} name @param {() => Promise<Awaited<ReturnType<typeof latenessBeside>>>} measure */
async function inCase(name, measure) {
  if (!CONTROLS.includes(name) && !isAsked(name)) return
  globalThis.gc?.()
  const { seconds, all, own } = await measure()
  rows.push([name, seconds, all.p50, all.p99, all.p999, all.max, own.p999, own.max])
}

/** @param {import('millrace').Topic<Uint8Array, Uint8Array>} topic */
async function replay(topic, look = (/** @type {import('millrace').LogRecord<Uint8Array, Uint8Array>} */ record) => record.offset) {
  let sum = 0
  for await (const record of topic.read()) sum += look(record)
  return sum
}
