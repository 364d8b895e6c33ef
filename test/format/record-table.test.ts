import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CorruptionError } from '../../src/base/errors.ts'
import { HEADER_BYTES } from '../../src/format/record-batch.ts'
import { RecordCursor } from '../../src/format/record-cursor.ts'
import { RecordTable } from '../../src/format/record-table.ts'
import { records } from './support/arbitraries.ts'
import { encoded } from './support/plain-record.ts'
import { tailStart } from './support/record-tail.ts'

const SEEDS = Buffer.alloc(16, 7)

test('a table that is filled again and again has of each record what a cursor has', () => {
  const table = new RecordTable()
  fc.assert(fc.property(records, given => {
    const body = encoded(given).subarray(HEADER_BYTES)
    table.take(body, given.length, SEEDS)
    expect(table.count).toBe(given.length)
    const cursor = new RecordCursor(body, given.length)
    for (let i = 0, start = 0; cursor.next(); i++, start = cursor.end) {
      const { end, timestampDelta, offsetDelta, keyStart, keyBytes, valueBytes } = cursor
      expect({
        start: table.start(i), end: table.end(i), tailStart: table.tailStart(i), timestampDelta: table.timestampDelta(i), offsetDelta: table.offsetDelta(i),
        keyStart: table.keyStart(i), keyBytes: table.keyBytes(i), valueBytes: table.valueBytes(i),
      }).toEqual({ start, end, tailStart: tailStart(body, start, end), timestampDelta, offsetDelta, keyStart, keyBytes, valueBytes })
    }
  }))
})

test('keys have the same words where they are the same, and others where they or the seeds are not', () => {
  const key = (text: string) => ({ timestamp: 0, key: Buffer.from(text), value: null, headers: [] })
  const body = encoded(['a', 'b', 'a', ''].map(key)).subarray(HEADER_BYTES)
  const wordsOf = (seeds: Buffer): string[] => {
    const table = new RecordTable()
    table.take(body, 4, seeds)
    return [0, 1, 2, 3].map(i => [0, 1, 2, 3].map(word => table.hashWord(i, word)).join(' '))
  }
  const [a, b, again, empty] = wordsOf(SEEDS)
  expect(again).toBe(a)
  const others = wordsOf(Buffer.alloc(16, 8))
  expect(new Set([a, b, empty, ...others]).size).toBe(6)
})

test('what a cursor refuses is refused by the same error, and the table is empty then', () => {
  const table = new RecordTable()
  const record = { timestamp: 0, key: Buffer.from('key'), value: null, headers: [] }
  const body = encoded([record, record]).subarray(HEADER_BYTES)
  for (const [bytes, count] of [[body, 1], [body, 3], [body.subarray(0, -1), 2], [body, -1], [body, 2 ** 31 - 1], [Buffer.alloc(0), 1]] as const) {
    table.take(body, 2, SEEDS)
    let told: unknown
    try {
      for (const cursor = new RecordCursor(bytes, count); cursor.next(););
    } catch (error) {
      told = error
    }
    expect(told).toBeInstanceOf(CorruptionError)
    expect(() => { table.take(bytes, count, SEEDS) }).toThrow((told as Error).message)
    expect(table.count).toBe(0)
  }
})
