import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ABORTED_ENTRY_BYTES, encodeAbortedTransaction, parseAbortedTransactions, type AbortedTransaction } from '../../src/format/aborted-transactions.ts'
import { abortedTransactions, brokersFiles } from './support/kafka-transactions.ts'

/** As they follow each other in a file. */
const entries: fc.Arbitrary<AbortedTransaction[]> = fc.array(fc.record({ producerId: fc.maxSafeNat(), back: fc.integer({ min: 1, max: 10 }), forth: fc.nat(2 ** 40), lastStableOffset: fc.maxSafeNat() }), { maxLength: 8 }).map(steps => {
  let lastOffset = 9
  return steps.map(({ producerId, back, forth, lastStableOffset }) => {
    lastOffset += 1 + forth
    return { producerId, firstOffset: lastOffset - back, lastOffset, lastStableOffset }
  })
})

const sound: AbortedTransaction = { producerId: 4711, firstOffset: 12, lastOffset: 20, lastStableOffset: 14 }

describe("Kafka's own transaction index", () => {
  test('is read as Kafka reads it, and ours is the same to the byte', () => {
    expect(parseAbortedTransactions(abortedTransactions.bytes)).toEqual({ entries: abortedTransactions.entries, bytes: abortedTransactions.bytes.length })
    expect(fileOf(abortedTransactions.entries)).toEqual(abortedTransactions.bytes)
  })

  test('that a broker left is sound to its last byte, and ours is the same', () => {
    const files = brokersFiles('.txnindex')
    expect(files.length).toBeGreaterThan(5)
    for (const { path, bytes } of files) {
      const parsed = parseAbortedTransactions(bytes)
      expect(parsed, path).toEqual({ entries: parsed.entries, bytes: bytes.length })
      expect(fileOf(parsed.entries), path).toEqual(bytes)
    }
  })
})

test('what is written is read back, an entry in 34 bytes', () => {
  fc.assert(fc.property(entries, given => {
    const file = fileOf(given)
    expect(file).toHaveLength(given.length * ABORTED_ENTRY_BYTES)
    expect(parseAbortedTransactions(file)).toEqual({ entries: given, bytes: file.length })
  }))
})

describe('what follows the last sound entry is left out', () => {
  test('half an entry, of any length', () => {
    const file = fileOf([sound, { ...sound, lastOffset: 21 }])
    for (let end = 0; end <= file.length; end++) {
      expect(parseAbortedTransactions(file.subarray(0, end)).bytes).toBe(end - end % ABORTED_ENTRY_BYTES)
    }
  })

  test.each<[string, Buffer]>([
    ['zeros', Buffer.alloc(4096)],
    ['ones', Buffer.alloc(68, 0xff)],
    ['an entry whose marker is that of the one before', encodeAbortedTransaction(sound)],
    ['an entry whose marker is before that of the one before', encodeAbortedTransaction({ ...sound, firstOffset: 3, lastOffset: 19 })],
    ['an entry that begins with its marker', encodeAbortedTransaction({ ...sound, firstOffset: 30, lastOffset: 30 })],
    ['an entry that begins behind its marker', encodeAbortedTransaction({ ...sound, firstOffset: 31, lastOffset: 30 })],
    ['an entry of a newer version', withInt16(1, encodeAbortedTransaction({ ...sound, lastOffset: 21 }))],
    ['an entry of no producer', encodeAbortedTransaction({ ...sound, producerId: -1, lastOffset: 21 })],
    ['a negative first offset', encodeAbortedTransaction({ ...sound, firstOffset: -1, lastOffset: 21 })],
    ['a negative stable offset', encodeAbortedTransaction({ ...sound, lastOffset: 21, lastStableOffset: -1 })],
    ['offsets beyond 2^53', withInt64(2n ** 53n, 18, encodeAbortedTransaction(sound))],
    ['a producer beyond 2^53', withInt64(2n ** 62n, 2, encodeAbortedTransaction({ ...sound, lastOffset: 21 }))],
  ])('%s, with whatever is behind it', (_what, rest) => {
    const behind = encodeAbortedTransaction({ ...sound, lastOffset: 2 ** 40 })
    expect(parseAbortedTransactions(Buffer.concat([fileOf([sound]), rest, behind]))).toEqual({ entries: [sound], bytes: ABORTED_ENTRY_BYTES })
  })

  test('all of a file of zeros', () => {
    expect(parseAbortedTransactions(Buffer.alloc(340))).toEqual({ entries: [], bytes: 0 })
  })

  test('so that any bytes hold entries in order, which are those bytes', () => {
    fc.assert(fc.property(entries, fc.uint8Array({ maxLength: 120 }), (given, rest) => {
      const file = Buffer.concat([fileOf(given), rest])
      const parsed = parseAbortedTransactions(file)
      expect(parsed.bytes).toBeGreaterThanOrEqual(given.length * ABORTED_ENTRY_BYTES)
      expect(fileOf(parsed.entries)).toEqual(file.subarray(0, parsed.bytes))
      expect(parsed.entries.every(({ firstOffset, lastOffset }, i) => firstOffset < lastOffset && lastOffset > (parsed.entries[i - 1]?.lastOffset ?? -1))).toBe(true)
    }), { numRuns: 1000 })
  })
})

// ---------------------------------------------------------------- support

function fileOf(given: readonly AbortedTransaction[]): Buffer {
  return Buffer.concat(given.map(encodeAbortedTransaction))
}

function withInt16(value: number, entry: Buffer): Buffer {
  entry.writeInt16BE(value)
  return entry
}

function withInt64(value: bigint, at: number, entry: Buffer): Buffer {
  entry.writeBigInt64BE(value, at)
  return entry
}
