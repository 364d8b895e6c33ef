// The event loop while the log works hard: how late a 1 ms timer is beside each kind of long work.
// `npm run bench stall` runs all cases, `npm run bench stall:replay` those whose names hold the word.
// Reading with a cold page cache needs root on Linux; it is left out elsewhere.
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers'
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import { open } from 'millrace'
import { STORED_BYTES, pretendPowerCut, writeLargeLog } from './support/large-log.mjs'
import { latenessBeside } from './support/lateness.mjs'
import { print } from './support/measure.mjs'
import { bytesTopic, fill, makeRecords } from './support/records.mjs'
import { inLog, inScratch } from './support/scratch.mjs'

const REPLAYED = 10_000_000
const LARGE_LOG_BYTES = Number(process.env['BENCH_LARGE_BYTES'] ?? 4 * 2 ** 30)
const SEGMENTS = 2000
const SEGMENT_BYTES = 64 * 1024
const PARTITIONS = 500
/** Two controls run in any case: what the machine itself does to an idle and to a busy process. */
const CONTROLS = ['idle process', 'busy loop that gives way every 5 ms']
const CONTROL_MS = 5000

const words = process.argv.slice(2)
/** @type {string[][]} */
const rows = []

await inCase('idle process', () => latenessBeside(() => wait(CONTROL_MS)))
await inCase('busy loop that gives way every 5 ms', () => latenessBeside(async () => {
  for (const end = performance.now() + CONTROL_MS; performance.now() < end; await nextTurn()) for (const until = performance.now() + 5; performance.now() < until;);
}))

if (isAsked('replay')) {
  await inScratch(async directory => {
    let log = await open(directory)
    await fill(await bytesTopic(log, 'numbers'), REPLAYED)
    await log.close()
    log = await open(directory)
    const topic = await bytesTopic(log, 'numbers')
    await inCase('replay of 10,000,000 records', () => latenessBeside(() => replay(topic)))
    await inCase('replay of 10,000,000 records, key and value', () => latenessBeside(() => replay(topic, record => (record.key?.length ?? 0) + (record.value?.length ?? 0))))
    await inCase('replay of 10,000,000 records in batches', () => latenessBeside(async () => { for await (const batch of topic.batches()) for (const record of batch) void record.offset }))
    if (dropPageCache(log.location)) await inCase('replay of 10,000,000 records, cold', () => latenessBeside(() => replay(topic)))
    await log.close()
  })
}

await inCase('send(array of 1,000,000)', () => inLog(async log => {
  const topic = await bytesTopic(log, 'numbers')
  const records = makeRecords(1_000_000)
  return await latenessBeside(() => topic.send(records))
}))

await inCase("sends beside a sync every second, 'process'", () => inLog(async log => {
  const topic = await bytesTopic(log, 'numbers', { partitions: 4 })
  return await latenessBeside(() => fill(topic, REPLAYED))
}, { clock: clockTimes(30) }))

await inCase('view of 1,000,000 records', () => inLog(async log => {
  const topic = await bytesTopic(log, 'numbers')
  await fill(topic, 1_000_000)
  return await latenessBeside(async () => { await (await topic.view()).close() })
}))

await inCase(`opening ${LARGE_LOG_BYTES / 2 ** 30} GiB after a power cut`, () => inScratch(async directory => {
  await writeLargeLog(directory, LARGE_LOG_BYTES)
  pretendPowerCut(directory, path => { rmSync(path) })
  /** @type {import('millrace').EventLog | undefined} */
  let log
  const figures = await latenessBeside(async () => { log = await open(directory) })
  await log?.close()
  return figures
}))

await inCase(`truncateBefore over ${SEGMENTS} segments`, () => inLog(async log => {
  const topic = await bytesTopic(log, 'numbers', { segmentBytes: SEGMENT_BYTES })
  await fill(topic.producer({ batchBytes: SEGMENT_BYTES / 4 }), SEGMENTS * SEGMENT_BYTES / STORED_BYTES)
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

print('How late a 1 ms timer is, ms', ['', 'seconds', 'p50', 'p99', 'p99.9', 'max', 'own p99.9', 'own max'], rows)

/** @param {string} name */
function isAsked(name) {
  return words.length === 0 || words.some(word => name.includes(word))
}

/** @param {string} name @param {() => Promise<Awaited<ReturnType<typeof latenessBeside>>>} measure */
async function inCase(name, measure) {
  if (!CONTROLS.includes(name) && !isAsked(name)) return
  globalThis.gc?.()
  const { seconds, all, own } = await measure()
  rows.push([name, seconds.toFixed(2), ...[all.p50, all.p99, all.p999, all.max, own.p999, own.max].map(ms => ms.toFixed(1))])
  console.log(rows.at(-1)?.join('  '))
}

/** @param {import('millrace').Topic<Uint8Array, Uint8Array>} topic */
async function replay(topic, look = (/** @type {import('millrace').LogRecord<Uint8Array, Uint8Array>} */ record) => record.offset) {
  let sum = 0
  for await (const record of topic.read()) sum += look(record)
  return sum
}

/** A clock whose timers run so many times as fast. @param {number} factor @returns {import('millrace').Clock} */
function clockTimes(factor) {
  return {
    now: () => Date.now(),
    setTimeout(callback, ms) {
      const timer = setTimeout(callback, ms / factor)
      return { cancel: () => { clearTimeout(timer) } }
    },
  }
}

/** @param {string} directory whose files are written to the disk first: dirty pages stay */
function dropPageCache(directory) {
  try {
    execFileSync('sync', ['-f', directory])
    writeFileSync('/proc/sys/vm/drop_caches', '3')
    return true
  } catch {
    return false
  }
}
