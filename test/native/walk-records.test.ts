// The walk over a batch's records at once, native and in script: it reads what RecordCursor reads, and refuses what that refuses.
import fc from 'fast-check'
import xxhash from 'xxhash-wasm'
import { describe, expect, test } from 'vitest'
import { CorruptionError } from '../../src/base/errors.ts'
import { HEADER_BYTES } from '../../src/format/record-batch.ts'
import { RecordCursor } from '../../src/format/record-cursor.ts'
import { nativePart } from '../../src/native/load.ts'
import {
  ROW_END, ROW_HASHES, ROW_KEY, ROW_KEY_BYTES, ROW_OFFSET_DELTA, ROW_TAIL, ROW_TIMESTAMP_HIGH, ROW_TIMESTAMP_LOW, ROW_VALUE_BYTES, ROW_WORDS, SEED_BYTES,
} from '../../src/native/record-layout.ts'
import { walkRecordsInScript } from '../../src/native/walk-records.ts'
import { records } from '../format/support/arbitraries.ts'
import { encoded } from '../format/support/plain-record.ts'
import { tailStart } from '../format/support/record-tail.ts'

const { h64Raw } = await xxhash()
const seeds = fc.uint8Array({ minLength: SEED_BYTES, maxLength: SEED_BYTES })
const SEEDS = Buffer.from('0123456789abcdef')
/** Behind the rows: what must stay as it is. */
const UNTOUCHED = 0x55555555

type Walk = typeof walkRecordsInScript
const walks: readonly (readonly [string, Walk])[] = [
  ['in script', walkRecordsInScript],
  ...nativePart === undefined ? [] : [['native', (body, count, seeds, rows) => nativePart!.walkRecords(body, count, seeds, rows)] as const satisfies readonly [string, Walk]],
]

/** undefined: refused. */
function rowsOf(walk: Walk, body: Buffer, count: number, seeds: Uint8Array = SEEDS): number[] | undefined {
  const rows = new Int32Array((count + 1) * ROW_WORDS).fill(UNTOUCHED)
  const isSound = walk(body, count, seeds, rows)
  expect(rows.subarray(count * ROW_WORDS).every(word => word === UNTOUCHED)).toBe(true)
  return isSound ? [...rows.subarray(0, count * ROW_WORDS)] : undefined
}

/** The same by the cursor, and hashes by xxhash-wasm. */
function expectedRows(body: Buffer, count: number, seeds: Uint8Array = SEEDS): number[] | undefined {
  const seedWords = [0, 8].map(at => Buffer.from(seeds).readBigUInt64LE(at))
  const rows = new Int32Array(count * ROW_WORDS)
  try {
    const cursor = new RecordCursor(body, count)
    for (let row = 0, start = 0; cursor.next(); row += ROW_WORDS, start = cursor.end) {
      const { end, timestampDelta, offsetDelta, keyStart, keyBytes, valueBytes } = cursor
      rows[row + ROW_END] = end
      rows[row + ROW_TIMESTAMP_LOW] = Number(BigInt.asIntN(32, BigInt(timestampDelta)))
      rows[row + ROW_TIMESTAMP_HIGH] = Number(BigInt(timestampDelta) >> 32n)
      rows[row + ROW_TAIL] = tailStart(body, start, end)
      rows[row + ROW_OFFSET_DELTA] = offsetDelta
      rows[row + ROW_KEY] = keyStart
      rows[row + ROW_KEY_BYTES] = keyBytes
      rows[row + ROW_VALUE_BYTES] = valueBytes
      const hashes = seedWords.map(seed => keyBytes < 0 ? 0n : h64Raw(body.subarray(keyStart, keyStart + keyBytes), seed))
      rows.set(hashes.flatMap(hash => [hash, hash >> 32n].map(word => Number(BigInt.asIntN(32, word)))), row + ROW_HASHES)
    }
    return [...rows]
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptionError)
    return undefined
  }
}

/** One record whose length is right, whatever its deltas are. */
function bodyWith(timestampDelta: readonly number[], offsetDelta: readonly number[]): Buffer {
  const content = [0, ...timestampDelta, ...offsetDelta, 1, 1, 0]
  return Buffer.from([content.length << 1, ...content])
}

describe.each(walks)('the walk over records %s', (_name, walk) => {
  test('finds in any batch what a cursor finds, and hashes the keys as xxhash-wasm does', () => {
    fc.assert(fc.property(records, seeds, (given, seeds) => {
      const body = encoded(given).subarray(HEADER_BYTES)
      const rows = rowsOf(walk, body, given.length, seeds)
      expect(rows).toBeDefined()
      expect(rows).toEqual(expectedRows(body, given.length, seeds))
    }), { numRuns: 500 })
  })

  test('refuses what a cursor refuses, whatever happens to the bytes, and nothing else', () => {
    const change = fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff)))
    let refused = 0
    let read = 0
    fc.assert(fc.property(records, fc.array(change, { maxLength: 3 }), fc.nat(60), fc.integer({ min: -1, max: 1 }), (given, changes, cut, more) => {
      const batch = encoded(given)
      const body = Buffer.from(batch.subarray(HEADER_BYTES, Math.max(HEADER_BYTES, batch.length - Math.max(0, cut - 40))))
      if (body.length > 0) for (const [at, byte] of changes) body[at % Math.min(body.length, 30)] = byte
      const count = given.length + (cut % 5 === 0 ? more : 0)
      const expected = expectedRows(body, count)
      if (expected === undefined) refused++
      else read++
      expect(rowsOf(walk, body, count)).toEqual(expected)
    }), { numRuns: 3000 })
    expect(Math.min(refused, read)).toBeGreaterThan(100)
  })

  test('reads numbers of every size as a cursor does: short, needlessly long, too long', () => {
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x00, 0x01, 0x0f, 0x10, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff))
    fc.assert(fc.property(fc.array(byte, { maxLength: 12 }), fc.array(byte, { maxLength: 6 }), (timestamp, offset) => {
      const body = bodyWith(timestamp, offset)
      expect(rowsOf(walk, body, 1)).toEqual(expectedRows(body, 1))
    }), { numRuns: 6000 })
  })

  const none = (count: number): number[] => Array<number>(count).fill(0x80)
  test.each([
    ['ten bytes for a 0', [...none(9), 0], [0], true], ['bits beyond the 64th', [...none(9), 2], [0], false], ['eleven bytes', [...none(10), 0], [0], false],
    ['five bytes for a 0', [0], [...none(4), 0], true], ['bits beyond the 32nd', [0], [...none(4), 0x10], false], ['six bytes', [0], [...none(5), 0], false],
  ])('a timestamp or offset delta of %s', (_what, timestamp, offset, isRead) => {
    const body = bodyWith(timestamp, offset)
    expect(rowsOf(walk, body, 1) !== undefined).toBe(isRead)
    expect(rowsOf(walk, body, 1)).toEqual(expectedRows(body, 1))
  })

  test.each([[2n ** 53n - 1n, true], [2n ** 53n, false], [-(2n ** 53n) + 1n, true], [-(2n ** 53n), false], [2n ** 63n - 1n, false], [-(2n ** 63n), false]])('a timestamp delta of %s', (delta, isRead) => {
    const bytes: number[] = []
    let zigzag = BigInt.asUintN(64, delta << 1n ^ delta >> 63n)
    for (; zigzag > 0x7fn; zigzag >>= 7n) bytes.push(Number(zigzag & 0x7fn) | 0x80)
    const body = bodyWith([...bytes, Number(zigzag)], [0])
    expect(rowsOf(walk, body, 1) !== undefined).toBe(isRead)
    expect(rowsOf(walk, body, 1)).toEqual(expectedRows(body, 1))
  })

  test('an empty body is that of no records, and of no other number', () => {
    expect([0, 1].map(count => rowsOf(walk, Buffer.alloc(0), count))).toEqual([[], undefined])
  })
})
