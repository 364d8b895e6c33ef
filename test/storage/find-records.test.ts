// Lookups by offset: the batch is read once, from then on a record costs the piece it stands in, and what is handed out
// was checked each time.
import { describe, expect, test } from 'vitest'
import type { OutOfRangeError } from '../../src/base/errors.ts'
import { RecordCursor } from '../../src/format/record-cursor.ts'
import { HEADER_BYTES, baseOffset, recordCount } from '../../src/format/record-batch.ts'
import type { File } from '../../src/platform/file-system.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { recordsAt, type Found } from '../../src/storage/find-records.ts'
import { IndexCache } from '../../src/storage/index-cache.ts'
import type { PartitionLog } from '../../src/storage/partition-log.ts'
import type { WritableOptions } from '../../src/storage/writable-partition.ts'
import { DIRECTORY, batchOf, newPartition, reopen } from '../support/partitions.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const LOG_FILE = `${DIRECTORY}/00000000000000000000.log`
const ONE_SEGMENT = { segmentBytes: () => 2 ** 30 }

/** 200 records, 10 KiB. */
const LARGE = Array.from({ length: 200 }, (_, i) => `value ${i} ${'.'.repeat(40)}`)

interface Read { readonly operation: 'read' | 'readLater' | 'readCached'; readonly bytes: number }

/** Notes how log files are read. `memory`: what readCached has of them; absent: it can't tell. */
function watching(fs: SimulatedFileSystem, memory?: { share: number }): { fs: SimulatedFileSystem; reads: Read[] } {
  const reads: Read[] = []
  const watched = (file: File): File => bound(file, {
    read(target: Uint8Array, position: number) { reads.push({ operation: 'read', bytes: target.length }); return file.read(target, position) },
    readLater(target: Uint8Array, position: number) { reads.push({ operation: 'readLater', bytes: target.length }); return file.readLater(target, position) },
    readBatches(target: Uint8Array, position: number) { reads.push({ operation: 'readLater', bytes: target.length }); return file.readBatches(target, position) },
    ...(memory === undefined ? {} : {
      readCached(target: Uint8Array, position: number) {
        reads.push({ operation: 'readCached', bytes: target.length })
        return file.read(target.subarray(0, Math.floor(target.length * memory.share)), position)
      },
    }),
  })
  return { reads, fs: bound(fs, { open: (path: string, mode: 'create' | 'write' | 'read') => path === LOG_FILE ? watched(fs.open(path, mode)) : fs.open(path, mode) }) }
}

function bound<T extends object>(target: T, over: object): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(name in over ? over : target, name)
      return typeof value === 'function' ? value.bind(target) as unknown : value
    },
  })
}

/** A partition that was written before it was opened: nothing of it counts as written lately. */
async function reopened(batches: readonly (readonly string[])[], { fs = new SimulatedFileSystem(), memory, over = ONE_SEGMENT }: { fs?: SimulatedFileSystem; memory?: { share: number }; over?: Partial<WritableOptions> } = {}) {
  const written = await newPartition(fs, over)
  for (const values of batches) written.append(batchOf(values))
  await written.close()
  const watched = watching(fs, memory)
  const { partition } = await reopen(watched.fs, { trust: 'clean', recoveryPoint: written.endOffset }, over)
  watched.reads.length = 0
  return { log: partition, reads: watched.reads, fs }
}

function textAt(found: Found | undefined, offset: number): string | undefined {
  if (found === undefined) return undefined
  const [header, body, count] = found.kind === 'batch' ? [found.chunk.bytes, found.chunk.bytes.subarray(HEADER_BYTES), recordCount(found.chunk.bytes, 0)] : [found.header, found.bytes, found.count]
  const cursor = new RecordCursor(body, count)
  while (cursor.next()) {
    if (baseOffset(header, 0) + cursor.offsetDelta === offset) return body.toString('utf8', cursor.valueStart, cursor.valueStart + cursor.valueBytes)
  }
  return undefined
}

const lookUp = async (log: PartitionLog, offset: number): Promise<string | undefined> => textAt(await recordsAt(log, offset), offset)

describe('a record of a large batch', () => {
  test('costs the batch the first time, and then its piece alone', async () => {
    const { log, reads } = await reopened([LARGE])
    expect(await lookUp(log, 150)).toBe(LARGE[150])
    expect(Math.max(...reads.map(({ bytes }) => bytes))).toBeGreaterThan(10_000)
    for (let offset = 0; offset < LARGE.length; offset++) {
      reads.length = 0
      expect(await lookUp(log, offset)).toBe(LARGE[offset])
      expect(reads).toHaveLength(1)
      expect(reads[0]!.bytes).toBeLessThan(700)
    }
  })

  test('is found at once where memory has its piece', async () => {
    const { log } = await reopened([LARGE], { memory: { share: 1 } })
    for (const offset of [7, 8, 199]) expect(textAt(recordsAt(log, offset) as Found, offset)).toBe(LARGE[offset])
  })

  test.each([0, 0.5])('is read off the main thread where memory has %d of its piece', async share => {
    const memory = { share: 1 }
    const { log, reads } = await reopened([LARGE], { memory })
    await lookUp(log, 0)
    memory.share = share
    reads.length = 0
    expect(await lookUp(log, 100)).toBe(LARGE[100])
    expect(reads.map(({ operation }) => operation)).toEqual(['readCached', 'readLater'])
  })

  test('of a segment that was not written lately is never read on the main thread, where the system can not tell what is in memory', async () => {
    const { log, reads } = await reopened([LARGE, ['small']])
    for (const offset of [3, 4, 200]) await lookUp(log, offset)
    expect(new Set(reads.map(({ operation }) => operation))).toEqual(new Set(['readLater']))
  })

  test('that is damaged later is not handed out: the lookup tells, and other batches are found', async () => {
    const { log, fs } = await reopened([LARGE, LARGE])
    for (const offset of [10, 210]) await lookUp(log, offset)
    fs.corrupt(LOG_FILE, batchOf(LARGE).indexOf(LARGE[97]!), 0x01)
    await expect(lookUp(log, 97)).rejects.toMatchObject({ code: 'BATCH_CORRUPT', details: { file: LOG_FILE, position: 0 } })
    expect(await lookUp(log, 250)).toBe(LARGE[50])
  })

  test('of a file that was replaced is found as it stands there now, and by its piece again', async () => {
    const { log, reads, fs } = await reopened([LARGE])
    await lookUp(log, 97)
    const replaced = LARGE.map(value => value.replaceAll('.', '-'))
    const batch = batchOf(replaced)
    fs.open(LOG_FILE, 'write').append(batch, batch.length, 0, 0, 0)
    expect(await lookUp(log, 97)).toBe(replaced[97])
    reads.length = 0
    expect(await lookUp(log, 97)).toBe(replaced[97])
    expect(reads).toHaveLength(1)
  })

  test('is not served any more once its sync has failed, though its batch is known', async () => {
    const fs = new SimulatedFileSystem()
    const log = await newPartition(fs, ONE_SEGMENT)
    log.append(batchOf(LARGE))
    await log.sync()
    log.append(batchOf(LARGE))
    for (const offset of [10, 210]) await lookUp(log, offset)
    fs.failNext('sync', { error: 'EIO' })
    await expect(log.sync()).rejects.toMatchObject({ code: 'PARTITION_FAILED' })
    expect(await lookUp(log, 10)).toBe(LARGE[10])
    expect(() => recordsAt(log, 210)).toThrow(expect.objectContaining({ code: 'PARTITION_FAILED' }))
  })

  test('is gone with the truncation that removes its segment, and so is what was known of it', async () => {
    const indexes = new IndexCache()
    const log = await newPartition(undefined, { indexes, segmentBytes: () => 100 })
    for (let i = 0; i < 3; i++) log.append(batchOf(LARGE))
    for (const offset of [10, 210, 410]) await lookUp(log, offset)
    const { bytes } = indexes.pieces
    await log.truncateBefore(250)
    expect(indexes.pieces.bytes).toBeLessThan(bytes)
    for (const offset of [10, 210]) expect(() => recordsAt(log, offset)).toThrow(expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' } satisfies Partial<OutOfRangeError>))
    expect(await lookUp(log, 260)).toBe(LARGE[60])
    await log.close()
    expect(indexes.pieces.bytes).toBe(0)
  })

  test('that is truncated while its piece is being read is not handed out', async () => {
    const { log } = await reopened([LARGE, LARGE], { fs: new SimulatedFileSystem({ seed: SEED }) })
    await lookUp(log, 10)
    const looking = lookUp(log, 20)
    await log.truncateBefore(30)
    await expect(looking).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  })
})

test('what a lookup has handed out stays as it was while others are made', async () => {
  const values = Array.from({ length: 100 }, (_, i) => `small ${i}`)
  const { log } = await reopened([...values.map(value => [value]), LARGE], { memory: { share: 1 } })
  const found = await Promise.all([...values, ...LARGE].map(async (_, offset) => await recordsAt(log, offset)))
  const texts = found.map(textAt)
  expect(texts).toEqual([...values, ...LARGE])
})

test(`every record is found, in whatever order, whatever the batches (seed ${SEED})`, async () => {
  const random = new SeededRandom(SEED)
  for (let round = 0; round < 20; round++) {
    const batches = Array.from({ length: 1 + random.below(20) }, () => Array.from({ length: 1 + random.below(random.chance(0.3) ? 300 : 5) }, () => 'x'.repeat(random.below(random.chance(0.1) ? 9000 : 60))))
    const memory = random.chance(0.5) ? { share: random.chance(0.5) ? 1 : 0.3 } : undefined
    const over = { segmentBytes: () => random.chance(0.5) ? 2 ** 30 : 20_000 }
    const { log } = await reopened(batches, { over, ...(memory === undefined ? {} : { memory }) })
    const values = batches.flat()
    for (let i = 0; i < 200; i++) {
      const offset = random.below(values.length)
      expect(await lookUp(log, offset), `round ${round}, offset ${offset}`).toBe(values[offset])
    }
    expect(await recordsAt(log, values.length)).toBeUndefined()
    await log.close()
  }
})
