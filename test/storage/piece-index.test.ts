import { expect, test } from 'vitest'
import { lastOffset, setBaseOffset } from '../../src/format/record-batch.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { BatchPieces } from '../../src/storage/batch-pieces.ts'
import { PieceIndex } from '../../src/storage/piece-index.ts'
import { SegmentIndex } from '../../src/storage/segment-index.ts'
import { batchOf } from '../support/partitions.ts'

const VALUES = Array.from({ length: 100 }, () => 'x'.repeat(100))
const segment = (): SegmentIndex => new SegmentIndex(new SimulatedFileSystem(), '/', 0)

function batchAt(offset: number): BatchPieces {
  const batch = batchOf(VALUES)
  setBaseOffset(batch, 0, offset)
  expect(lastOffset(batch, 0)).toBe(offset + 99)
  return BatchPieces.of(batch, 0)!
}

test('it holds no more than its limit, and lets go of what was not asked for the longest', () => {
  const one = batchAt(0).bytes
  const index = new PieceIndex(3 * one)
  const first = segment()
  const second = segment()
  for (const offset of [0, 100, 200]) index.add(first, batchAt(offset))
  expect(index.find(first, 50)).toBeDefined()
  index.add(second, batchAt(0))
  expect(index.bytes).toBe(3 * one)
  expect([50, 150, 250].map(offset => index.find(first, offset)?.baseOffset)).toEqual([0, undefined, 200])
  expect(index.find(second, 99)).toBeDefined()
})

test('offsets between and beyond the batches it knows belong to none', () => {
  const index = new PieceIndex()
  const only = segment()
  for (const offset of [300, 100]) index.add(only, batchAt(offset))
  expect([99, 100, 199, 200, 299, 300, 399, 400].map(offset => index.find(only, offset)?.baseOffset)).toEqual([undefined, 100, 100, undefined, undefined, 300, 300, undefined])
})

test('a batch that two lookups have read at the same time counts once', () => {
  const index = new PieceIndex()
  const only = segment()
  for (let i = 0; i < 2; i++) index.add(only, batchAt(0))
  index.forget(only)
  expect(index.bytes).toBe(0)
  expect(index.find(only, 0)).toBeUndefined()
})

test('a small batch, or a compressed one, is not taken apart', () => {
  const compressed = batchOf(VALUES)
  compressed[22] = 4
  expect(BatchPieces.of(compressed, 0)).toBeUndefined()
  expect(BatchPieces.of(batchOf(VALUES.slice(0, 10)), 0)).toBeUndefined()
})
