import { describe, expect, test } from 'vitest'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { nextExpiry, planRetention, type RetentionPolicy } from '../../src/storage/retention.ts'
import type { WritablePartition } from '../../src/storage/writable-partition.ts'
import { numberedBatch } from '../support/numbered-batches.ts'
import { batchOf, newPartition, reopen } from '../support/partitions.ts'

const FOREVER: RetentionPolicy = { retentionMs: Infinity, retentionBytes: Infinity, keepFrom: Infinity }

/** Segments of one batch each, with these timestamps; the last is the active one. */
async function segmentsOf(timestamps: readonly number[]): Promise<{ fs: SimulatedFileSystem; partition: WritablePartition }> {
  const fs = new SimulatedFileSystem()
  const partition = await newPartition(fs)
  for (const [i, timestamp] of timestamps.entries()) {
    if (i > 0) partition.roll()
    partition.append(batchOf([`value ${i}`, 'x'.repeat(100)], timestamp))
  }
  return { fs, partition }
}

test('without a policy everything stays', async () => {
  const { partition } = await segmentsOf([1, 2, 3])
  expect(await planRetention(partition, FOREVER, 1e15)).toBe(0)
  expect(nextExpiry(partition, Infinity)).toBe(Infinity)
})

describe('by age', () => {
  test('segments go whose newest record has outlived it, the active one with them', async () => {
    const { partition } = await segmentsOf([1000, 2000, 3000])
    for (const [now, begin] of [[2000, 0], [2001, 2], [3001, 4], [4000, 4], [4001, 6]] as const) expect(await planRetention(partition, { ...FOREVER, retentionMs: 1000 }, now), `at ${now}`).toBe(begin)
  })

  test('a young segment keeps older ones behind it', async () => {
    const { partition } = await segmentsOf([1000, 9000, 1000, 1000])
    expect(await planRetention(partition, { ...FOREVER, retentionMs: 1000 }, 5000)).toBe(2)
  })

  test('nothing goes while the clock is not to be trusted', async () => {
    const { partition } = await segmentsOf([1, 2])
    expect(await planRetention(partition, { ...FOREVER, retentionMs: 1 }, undefined)).toBe(0)
  })

  test('what is not to be kept at all asks for no clock, and waits only for who has not read it', async () => {
    const { partition } = await segmentsOf([1, 2, 9e15])
    for (const now of [undefined, 0, 1e9]) {
      expect(await planRetention(partition, { ...FOREVER, retentionMs: 0 }, now), `at ${now}`).toBe(6)
      expect(await planRetention(partition, { ...FOREVER, retentionMs: 0, keepFrom: 5 }, now), `at ${now}`).toBe(4)
    }
  })

  test('nothing goes that somebody has not read', async () => {
    const { partition } = await segmentsOf([1, 2, 3])
    for (const [keepFrom, begin] of [[0, 0], [1, 0], [2, 2], [5, 4], [6, 6]] as const) expect(await planRetention(partition, { ...FOREVER, retentionMs: 1, keepFrom }, 1e9), `read to ${keepFrom}`).toBe(begin)
  })

  test('the next look is due when the first segment has outlived it', async () => {
    const { partition } = await segmentsOf([1000, 2000])
    expect(nextExpiry(partition, 500)).toBe(1501)
    expect(await planRetention(partition, { ...FOREVER, retentionMs: 500 }, 1500)).toBe(0)
    expect(await planRetention(partition, { ...FOREVER, retentionMs: 500 }, 1501)).toBe(2)
  })

  test('an index that misleads does not make a segment look old', async () => {
    const { fs, partition } = await segmentsOf([1000, 9000, 9000])
    await partition.close()
    const path = '/log/t-0/00000000000000000002.timeindex'
    fs.corrupt(path, 6, 0xff) // the timestamp's low bytes
    const opened = (await reopen(fs, { trust: 'clean' })).partition
    expect(await planRetention(opened, { ...FOREVER, retentionMs: 1000 }, 9500)).toBe(2)
  })
})

describe('by bytes', () => {
  test('the oldest go until the rest fits, never the active one', async () => {
    const { partition } = await segmentsOf([1, 2, 3, 4])
    const each = partition.bytes / 4
    for (const [retentionBytes, begin] of [[4 * each, 0], [4 * each - 1, 0], [3 * each, 2], [3 * each - 1, 2], [2 * each, 4], [each, 6], [1, 6]] as const) expect(await planRetention(partition, { ...FOREVER, retentionBytes }, undefined), `${retentionBytes} bytes`).toBe(begin)
  })

  test('it caps what somebody has not read', async () => {
    const { partition } = await segmentsOf([1, 2, 3])
    expect(await planRetention(partition, { ...FOREVER, retentionBytes: partition.bytes / 3, keepFrom: 0 }, 1e9)).toBe(4)
  })
})

test('an empty partition has nothing to delete', async () => {
  const partition = await newPartition()
  expect(await planRetention(partition, { retentionMs: 1, retentionBytes: 1, keepFrom: Infinity }, 1e15)).toBe(0)
  expect(nextExpiry(partition, 1)).toBe(Infinity)
})

test('nothing goes from the segment on where an open transaction begins, for its age or for its bytes; truncateBefore may take it', async () => {
  const partition = await newPartition()
  const transactional = (id: number): Buffer => numberedBatch(['x'.repeat(100)], { id, sequence: 0, transactional: true, timestamp: 1 })
  for (const batch of [batchOf(['one'], 1), transactional(1), transactional(2), batchOf(['four'], 1)]) {
    partition.append(batch)
    partition.roll()
  }
  const policies = [{ ...FOREVER, retentionMs: 1 }, { ...FOREVER, retentionBytes: 1 }]
  const expectBegin = async (begin: number): Promise<void> => { for (const policy of policies) expect(await planRetention(partition, policy, 1e9)).toBe(begin) }
  await expectBegin(1)
  partition.endTransaction({ producerId: 2, producerEpoch: 1 }, { type: 'abort', coordinatorEpoch: 0 }, 1)
  await expectBegin(1)
  partition.endTransaction({ producerId: 1, producerEpoch: 1 }, { type: 'commit', coordinatorEpoch: 0 }, 1)
  expect(await planRetention(partition, policies[0]!, 1e9)).toBe(6)
  expect(await planRetention(partition, policies[1]!, 1e9)).toBe(4)
  partition.append(transactional(3))
  await partition.truncateBefore(partition.endOffset)
  expect([partition.startOffset, partition.stableOffset]).toEqual([7, 7])
})
