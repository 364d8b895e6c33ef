import { describe, expect, test } from 'vitest'
import { LAST_OFFSET_DELTA_AT } from '../../src/format/record-batch.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { chunkAtTime } from '../../src/storage/find-chunk.ts'
import { batchOf, DIRECTORY, fill, newPartition, numbered, recordsFrom, recordsIn, reopen } from '../support/partitions.ts'

describe('appending and rolling', () => {
  test('every offset can be read from, across segments', async () => {
    const log = await newPartition()
    fill(log, 100)
    expect(log.segmentCount).toBeGreaterThan(3)
    for (let offset = 0; offset <= 100; offset++) expect(await recordsFrom(log, offset)).toEqual(numbered(100 - offset, offset))
  })

  test('a batch larger than a segment gets a segment of its own', async () => {
    const log = await newPartition()
    log.append(batchOf(['a']))
    log.append(batchOf(['x'.repeat(5000)]))
    log.append(batchOf(['b']))
    expect(log.segmentStats().map(segment => segment.baseOffset)).toEqual([0, 1, 2])
    expect((await recordsFrom(log, 0)).map(([, text]) => text.length)).toEqual([1, 5000, 1])
  })

  test('a segment is rolled before its offsets would not fit 31 bits, however few bytes their batches have', async () => {
    const log = await newPartition(undefined, { segmentBytes: () => 2 ** 30 })
    const batch = batchOf(['compressed beyond measure'])
    batch.writeInt32BE(1.5 * 2 ** 30 - 1, LAST_OFFSET_DELTA_AT)
    for (let i = 0; i < 3; i++) log.append(batch)
    expect(log.segments.map(segment => segment.baseOffset)).toEqual([0, 1.5 * 2 ** 30, 3 * 2 ** 30])
  })

  test('a segment is rolled when a batch is as much later than its first as segmentAge says', async () => {
    const log = await newPartition(undefined, { segmentAgeMs: () => 500 })
    for (const timestamp of [1000, 1499, 1500, 1999, 2000]) log.append(batchOf(['v'], timestamp))
    expect(log.segmentStats().map(segment => segment.baseOffset)).toEqual([0, 2, 4])
  })

  test('an append that finds no room changes nothing, and the next one goes on', async () => {
    const fs = new SimulatedFileSystem()
    const log = await newPartition(fs)
    fill(log, 10)
    const before = { end: log.endOffset, bytes: log.bytes }
    fs.failNext('write', { error: 'ENOSPC', path: /\.log$/, writtenBytes: 20 })
    expect(() => log.append(batchOf(['lost']))).toThrow(expect.objectContaining({ code: 'DISK_FULL' }))
    expect({ end: log.endOffset, bytes: log.bytes }).toEqual(before)
    fill(log, 20)
    expect(await recordsFrom(log, 0)).toEqual(numbered(20))
  })
})

describe('finding by time', () => {
  test('the first batch as late as the time is found in whichever segment', async () => {
    const log = await newPartition()
    fill(log, 200, 1)
    for (const timestamp of [0, 1000, 1050, 1123, 1199]) {
      const found = recordsIn((await chunkAtTime(log, timestamp))!.bytes)
      expect(found[0]![0]).toBe(Math.max(0, timestamp - 1000))
    }
    expect(await chunkAtTime(log, 1200)).toBeUndefined()
  })

  test('late records among earlier ones are found as well', async () => {
    const log = await newPartition(undefined, { segmentBytes: () => 100_000 })
    const times = Array.from({ length: 300 }, (_, i) => 1000 + ((i * 7919) % 300))
    for (const [i, timestamp] of times.entries()) log.append(batchOf([`value ${i}`], timestamp))
    for (let timestamp = 990; timestamp < 1310; timestamp++) {
      const expected = times.findIndex(time => time >= timestamp)
      const chunk = await chunkAtTime(log, timestamp)
      expect(chunk === undefined ? -1 : recordsIn(chunk.bytes)[0]![0]).toBe(expected)
    }
  })

  test('the largest timestamp is known after every way of opening', async () => {
    const fs = new SimulatedFileSystem()
    const log = await newPartition(fs, { segmentBytes: () => 100_000 })
    for (let i = 0; i < 200; i++) log.append(batchOf([`value ${i}`], i === 150 ? 9999 : 1000 + i))
    const expected = 9999
    const { partition: killed } = await reopen(fs.survivorOfKill())
    expect(killed.segmentStats()[0]!.largestTimestamp).toBe(expected)
    await log.close()
    const { partition: closed } = await reopen(fs.survivorOfKill(), { trust: 'clean', recoveryPoint: 200 })
    expect(closed.segmentStats()[0]!.largestTimestamp).toBe(expected)
    closed.roll()
    expect(closed.segmentStats()[0]!.largestTimestamp).toBe(expected)
    const { partition: again } = await reopen((closed.options.fs as SimulatedFileSystem).survivorOfKill())
    expect(again.segmentStats()[0]!.largestTimestamp).toBe(expected)
  })
})

describe('indexes are hints', () => {
  const spoilt: [string, (bytes: Buffer) => Buffer][] = [
    ['absent', () => Buffer.alloc(0)],
    ['zeros', bytes => Buffer.alloc(bytes.length)],
    ['cut in an entry', bytes => bytes.subarray(0, Math.floor(bytes.length / 2) - 3)],
    ['rising nonsense', bytes => { const out = Buffer.from(bytes); for (let i = 0; i + 8 <= out.length; i += 8) { out.writeInt32BE(i + 1, i); out.writeInt32BE(i * 5 + 7, i + 4) } return out }],
  ]

  test.each(spoilt)('%s: the same reads as before', async (_name, spoil) => {
    const fs = new SimulatedFileSystem()
    const log = await newPartition(fs, { segmentBytes: () => 40_000 })
    fill(log, 3000)
    await log.close()
    const disk = fs.survivorOfKill()
    for (const name of disk.list(DIRECTORY).filter(name => name.endsWith('index'))) {
      const file = disk.open(`${DIRECTORY}/${name}`, 'write')
      const bytes = Buffer.alloc(file.bytes())
      file.read(bytes, 0)
      file.truncate(0)
      file.write(spoil(bytes), 0)
    }
    const { partition } = await reopen(disk, { trust: 'clean', recoveryPoint: 3000 }, { segmentBytes: () => 40_000 })
    for (const offset of [0, 1, 700, 1500, 2222, 2999]) expect(await recordsFrom(partition, offset, 100_000)).toEqual(numbered(3000 - offset, offset))
    for (const offset of [0, 999, 2001, 2997]) expect(recordsIn((await chunkAtTime(partition, 1000 + offset))!.bytes)[0]![0]).toBe(offset - offset % 3)
  })
})

describe('truncateBefore', () => {
  test('whole segments go, and what is left begins exactly there', async () => {
    const fs = new SimulatedFileSystem()
    const log = await newPartition(fs)
    fill(log, 100)
    const segments = log.segmentCount
    await log.truncateBefore(50)
    expect(log.startOffset).toBe(50)
    expect(log.segmentCount).toBeLessThan(segments)
    expect(await recordsFrom(log, 50)).toEqual(numbered(50, 50))
    await expect(recordsFrom(log, 49)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    await log.truncateBefore(100)
    expect(log.bytes).toBe(0)
    fill(log, 110)
    expect(await recordsFrom(log, 100)).toEqual(numbered(10, 100))
  })

  test('a start offset beyond what a crash left is where the log goes on', async () => {
    const fs = new SimulatedFileSystem()
    fill(await newPartition(fs), 10)
    const { partition } = await reopen(fs.survivorOfKill(), { startOffset: 40 })
    expect([partition.startOffset, partition.endOffset]).toEqual([40, 40])
    fill(partition, 43)
    expect(await recordsFrom(partition, 40)).toEqual(numbered(3, 40))
  })
})
