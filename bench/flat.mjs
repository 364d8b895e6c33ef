// Whether the cost of a record stays what it is while the log grows: logs of 10 MB, 100 MB, 1 GB and 10 GB (or up to --large)
// are written, scanned batch by batch and opened again. Small ones are measured more often than large ones.
//
// Beside them, plain writes and reads of as many bytes by node:fs: what is larger than the memory waits for the disk, and
// then they say how long. The CPU time of all threads has no waiting in it.
import { closeSync, openSync, readSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'millrace'
import { flags, largeBytes, sized } from './support/flags.mjs'
import { STORED_BYTES, bytesTopic, fill, segmentPaths } from './support/records.mjs'
import { load, median, print } from './support/report.mjs'
import { timed } from './support/rounds.mjs'
import { inScratch, storageNotes } from './support/scratch.mjs'

const LARGEST_BYTES = largeBytes(10 ** 10)
const SIZES = [10 ** 7, 10 ** 8, 10 ** 9, 10 ** 10].filter((bytes, i) => i === 0 || bytes <= LARGEST_BYTES).map(bytes => Math.min(bytes, LARGEST_BYTES))
/** Sizes are measured until they have so much together, at most as often as --rounds says. */
const MEASURED_BYTES = 10 ** 9
/** At least, by going over small logs again: the compiler takes a while. */
const SCANNED_BYTES = sized(10 ** 8)
const PLAIN_BYTES = 256 * 1024
const OPTIONS = { storage: flags.storage }

/** @typedef {Record<string, number>} Costs  in ns for a record, or in ms */

await inScratch(async directory => {
  const { bavail, bsize } = statfsSync(directory)
  if (bavail * bsize < 1.5 * LARGEST_BYTES) throw new Error(`flat: ${directory} has room for ${Math.round(bavail * bsize / 1e9)} GB, ${1.5 * LARGEST_BYTES / 1e9} are needed: give it less with --large 1GiB`)
  if (!flags.quick) await measure(directory, SCANNED_BYTES)
  /** @type {Map<number, Costs[]>} */
  const costs = new Map(SIZES.map(bytes => [bytes, []]))
  for (let round = 0; round < flags.rounds; round++) {
    for (const bytes of SIZES) if (round === 0 || round * bytes < MEASURED_BYTES) costs.get(bytes)?.push(await measure(directory, bytes))
  }
  const names = Object.keys(costs.get(SIZES[0] ?? 0)?.[0] ?? {})
  const rows = [...costs].map(([bytes, all]) => [`${bytes / 1e6} MB`, all.length, ...names.map(name => median(all.map(cost => cost[name] ?? NaN)))])
  print('flat: ns for each record, and ms for an opening', ['', 'rounds', ...names], rows, { ...await storageNotes(), load: load() })
})

/** @param {string} scratch @param {number} bytes @returns {Promise<Costs>} */
async function measure(scratch, bytes) {
  const count = Math.ceil(bytes / STORED_BYTES)
  const directory = join(scratch, 'log')
  const plain = join(scratch, 'plain')
  const plainWrite = await timed('records', count, () => { writePlain(plain, bytes) })
  rmSync(plain)

  let log = await open(directory, OPTIONS)
  const topic = await bytesTopic(log, 'numbers')
  const append = await timed('records', count, () => fill(topic, count))
  const passes = Math.ceil(SCANNED_BYTES / bytes)
  const scan = await timed('records', passes * count, async () => { for (let pass = 0; pass < passes; pass++) await visit(topic, count) })
  const segments = segmentPaths(log, topic)
  const plainRead = await timed('records', count, () => { segments.forEach(readPlain) })
  await log.close()

  /** @type {number[]} */
  const openings = []
  for (const isClean of [true, false]) {
    if (!isClean) rmSync(join(directory, '.kafka_cleanshutdown'))
    const start = performance.now()
    log = await open(directory, OPTIONS)
    openings.push(performance.now() - start)
    await log.close()
  }
  rmSync(directory, { recursive: true })
  return {
    'plain write': wallNs(plainWrite), append: wallNs(append), 'append CPU': append['CPU ns'] ?? NaN,
    'plain read': wallNs(plainRead), scan: wallNs(scan), 'scan CPU': scan['CPU ns'] ?? NaN,
    'reopen ms': openings[0] ?? NaN, 'unclean ms': openings[1] ?? NaN,
  }
}

/** @param {import('./support/records.mjs').BytesTopic} topic @param {number} count */
async function visit(topic, count) {
  let sum = 0
  for await (const batch of topic.batches()) for (const record of batch) sum += record.offset
  if (sum !== count * (count - 1) / 2) throw new Error('not every record was seen')
}

/** @param {import('./support/rounds.mjs').Figures} figures */
function wallNs(figures) {
  return 1e9 / (figures['records/s'] ?? NaN)
}

/** @param {string} path @param {number} bytes */
function writePlain(path, bytes) {
  const fd = openSync(path, 'w')
  const buffer = Buffer.alloc(PLAIN_BYTES, 'plain')
  for (let written = 0; written < bytes; written += PLAIN_BYTES) writeSync(fd, buffer)
  closeSync(fd)
}

/** @param {string} path */
function readPlain(path) {
  const fd = openSync(path, 'r')
  const buffer = Buffer.allocUnsafe(PLAIN_BYTES)
  while (readSync(fd, buffer) > 0);
  closeSync(fd)
}
