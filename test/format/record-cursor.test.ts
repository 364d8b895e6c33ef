import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CorruptionError } from '../../src/base/errors.ts'
import { ensureCodec } from '../../src/format/compression.ts'
import { HEADER_BYTES, codecOf, recordCount } from '../../src/format/record-batch.ts'
import { RecordCursor } from '../../src/format/record-cursor.ts'
import { varintBytes, writeVarint } from '../../src/format/varint.ts'
import { records } from './support/arbitraries.ts'
import { batchNamed, batches } from './support/kafka-vectors.ts'
import { bodyOf, decoded, encoded, recordsIn } from './support/plain-record.ts'

const stated = batches.filter(batch => batch.records !== null)

test.each(stated)('the records of Kafka\'s batch "$name" are those that went in', async ({ bytes, records }) => {
  await ensureCodec(codecOf(bytes, 0))
  expect(decoded(bytes)).toEqual(records)
})

test('a control record\'s key says that it commits', () => {
  const [marker] = decoded(batchNamed('commit marker').bytes)
  expect(marker?.key?.toString('hex')).toBe('00000001')
})

test('offset deltas are given as stored, gaps and all', () => {
  const body = Buffer.concat([3, 4, 90].map(bareRecord))
  const cursor = new RecordCursor(body, 3)
  const deltas: number[] = []
  while (cursor.next()) deltas.push(cursor.offsetDelta)
  expect(deltas).toEqual([3, 4, 90])
})

describe('records that make no sense are refused as malformed', () => {
  //                                               length attrs time offset key value headers
  test.each<[string, RegExp, number[]]>([
    ['no bytes', /a number runs beyond/, []],
    ['a length beyond the batch', /its length is 8, 6 bytes remain/, [0x10, 0, 0, 0, 1, 1, 0]],
    ['a length of 0', /its length is 0/, [0, 0, 0, 0, 1, 1, 0]],
    ['a negative length', /its length is -1/, [1, 0, 0, 0, 1, 1, 0]],
    ['a length that ends within the header count', /a number runs beyond/, [0x0a, 0, 0, 0, 1, 1, 0]],
    ['a length that leaves bytes over', /0 headers in its last 1 bytes/, [0x0e, 0, 0, 0, 1, 1, 0, 0]],
    ['a key beyond its record', /length of its key is 63, 2 bytes remain/, [0x0c, 0, 0, 0, 0x7e, 1, 0]],
    ['a key length of -2', /length of its key is -2/, [0x0c, 0, 0, 0, 3, 1, 0]],
    ['a value beyond its record', /length of its value is 63, 1 bytes remain/, [0x0c, 0, 0, 0, 1, 0x7e, 0]],
    ['more headers than bytes', /counts 63 headers in its last 0 bytes/, [0x0c, 0, 0, 0, 1, 1, 0x7e]],
    ['2^30 headers', /counts 1073741824 headers in its last 0 bytes/, [0x14, 0, 0, 0, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x08]],
    ['a negative header count', /counts -1 headers/, [0x0c, 0, 0, 0, 1, 1, 1]],
    ['a header without a name', /name of header 0 is null/, [0x10, 0, 0, 0, 1, 1, 2, 1, 1]],
    ['a header name beyond its record', /length of its header name is 4, 1 bytes remain/, [0x10, 0, 0, 0, 1, 1, 2, 8, 1]],
    ['a header value beyond its record', /length of its header value is 4, 0 bytes remain/, [0x10, 0, 0, 0, 1, 1, 2, 0, 8]],
    ['bytes behind the last header', /2 bytes follow its last header/, [0x14, 0, 0, 0, 1, 1, 2, 0, 1, 0, 0]],
    ['a negative offset delta', /offset delta is -1/, [0x0c, 0, 0, 1, 1, 1, 0]],
    ['bytes behind the last record', /1 bytes follow the last of 1 records/, [0x0c, 0, 0, 0, 1, 1, 0, 0]],
  ])('%s', (_what, message, bytes) => {
    expectMalformed(() => recordsIn(Buffer.from(bytes), 1))
    expect(() => recordsIn(Buffer.from(bytes), 1)).toThrow(message)
  })

  test('an offset delta twice', () => {
    expectMalformed(() => recordsIn(Buffer.concat([bareRecord(0), bareRecord(0)]), 2))
  })

  test('a count above or below the records that are there', () => {
    const batch = batchNamed('small none').bytes
    expectMalformed(() => recordsIn(bodyOf(batch), recordCount(batch, 0) + 1))
    expectMalformed(() => recordsIn(bodyOf(batch), recordCount(batch, 0) - 1))
  })
})

test('whatever happens to the bytes, records are refused as malformed or lie within them', () => {
  const change = fc.tuple(fc.nat(), fc.nat(255))
  fc.assert(fc.property(records, fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(60), (given, changes, cut) => {
    const batch = Buffer.from(encoded(given))
    const body = batch.subarray(HEADER_BYTES, Math.max(HEADER_BYTES, batch.length - (cut > 40 ? cut - 40 : 0)))
    if (body.length > 0) for (const [at, byte] of changes) body[at % body.length] = byte
    try {
      const read = recordsIn(body, given.length)
      const bytes = read.reduce((sum, { key, value, headers }) => sum + (key?.length ?? 0) + (value?.length ?? 0) + headers.reduce((total, [, part]) => total + (part?.length ?? 0), 0), 0)
      expect(bytes).toBeLessThanOrEqual(body.length)
    } catch (error) {
      expect(error).toBeInstanceOf(CorruptionError)
    }
  }), { numRuns: 1500 })
})

/** Null key, null value, no headers. */
function bareRecord(offsetDelta: number): Buffer {
  const delta = Buffer.alloc(varintBytes(offsetDelta))
  writeVarint(delta, 0, offsetDelta)
  return Buffer.from([2 * (5 + delta.length), 0, 0, ...delta, 1, 1, 0])
}

function expectMalformed(read: () => unknown): void {
  expect(read).toThrow(CorruptionError)
  expect(read).toThrow(expect.objectContaining({ code: 'RECORD_MALFORMED' }))
}
