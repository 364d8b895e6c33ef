import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BatchEncoder, recordBytes } from '../../src/format/batch-encoder.ts'
import {
  HEADER_BYTES, baseOffset, batchBytes, batchFault, codecOf, isLogAppendTime, lastOffset, leaderEpoch, maxTimestamp, recordCount,
} from '../../src/format/record-batch.ts'
import { stampBatch } from '../../src/native/stamp.ts'
import { records } from './support/arbitraries.ts'
import { batchNamed } from './support/kafka-vectors.ts'
import { appendAll, decoded, encoded, stamped } from './support/plain-record.ts'

const value = (bytes: number): Buffer => Buffer.alloc(bytes, 'v')

test.each(['small none', 'far times'])('what Kafka makes of the records of "%s" is made to the byte', name => {
  const vector = batchNamed(name)
  const batch = encoded(vector.records ?? [])
  stampBatch(batch, batch.length, 0, vector.header.leaderEpoch)
  expect(batch.toString('hex')).toBe(vector.bytes.toString('hex'))
})

test('records come back as they were appended', () => {
  fc.assert(fc.property(records, given => {
    const batch = encoded(given)
    expect(batchFault(batch, 0, batch.length)).toBeUndefined()
    expect(decoded(batch)).toEqual(given)
    expect(maxTimestamp(batch, 0)).toBe(Math.max(...given.map(record => record.timestamp)))
  }))
})

test('a record adds no more than foretold, and bytes is what has been added', () => {
  fc.assert(fc.property(records, given => {
    const encoder = new BatchEncoder(1)
    expect(encoder.bytes).toBe(HEADER_BYTES)
    for (const record of given) {
      const before = encoder.bytes
      appendAll(encoder, [record])
      expect(encoder.bytes - before).toBeLessThanOrEqual(recordBytes(record.key, record.value, record.headers.map(([name, bytes]) => [Buffer.from(name), bytes])))
    }
    const { bytes, count } = encoder
    expect(encoder.body().length).toBe(bytes - HEADER_BYTES)
    const batch = encoder.seal({})
    expect([batch.length, recordCount(batch, 0), lastOffset(batch, 0)]).toEqual([bytes, count, count - 1])
  }))
})

test('base offset, leader epoch and checksum are left for the log to set, whatever the last batch had', () => {
  const encoder = new BatchEncoder()
  encoder.append(1, null, value(10), [])
  encoder.seal({}).fill(0xff)
  encoder.reset()
  encoder.append(1, null, value(10), [])
  const batch = encoder.seal({})
  expect([baseOffset(batch, 0), leaderEpoch(batch, 0), batchFault(batch, 0, batch.length)]).toEqual([0, 0, expect.stringMatching(/checksum/)])
  stampBatch(batch, batch.length, 2 ** 40 + 3, 7)
  expect([baseOffset(batch, 0), leaderEpoch(batch, 0), batchFault(batch, 0, batch.length)]).toEqual([2 ** 40 + 3, 7, undefined])
})

describe('seal', () => {
  test('puts a compressed body in place of the records', () => {
    const encoder = new BatchEncoder()
    encoder.append(5, null, value(1000), [])
    const body = Buffer.alloc(50, 7)
    const batch = stamped(encoder.seal({ compressed: { codec: 'lz4', body } }))
    expect([batchFault(batch, 0, batch.length), codecOf(batch, 0), batchBytes(batch, 0)]).toEqual([undefined, 'lz4', HEADER_BYTES + 50])
    expect(batch.subarray(HEADER_BYTES)).toEqual(body)
  })

  test('keeps the records as they are when compression did not make them smaller', () => {
    const encoder = new BatchEncoder()
    encoder.append(5, null, value(20), [])
    const body = Buffer.from(encoder.body())
    const batch = encoder.seal({ compressed: { codec: 'gzip', body: Buffer.alloc(body.length) } })
    expect(codecOf(batch, 0)).toBe('none')
    expect(batch.subarray(HEADER_BYTES)).toEqual(body)
  })

  test('gives every record the append time', () => {
    const encoder = new BatchEncoder()
    encoder.append(99, null, value(1), [])
    const batch = encoder.seal({ appendTime: 50 })
    expect([isLogAppendTime(batch, 0), maxTimestamp(batch, 0)]).toEqual([true, 50])
  })

  test('is refused twice, without records, and before an append: those are our own mistakes', () => {
    const encoder = new BatchEncoder()
    expect(() => encoder.seal({})).toThrow(/broken invariant/)
    encoder.append(1, null, value(1), [])
    encoder.seal({})
    expect(() => encoder.seal({})).toThrow(/broken invariant/)
    expect(() => encoder.append(1, null, value(1), [])).toThrow(/broken invariant/)
  })
})

describe('reset', () => {
  test('makes it empty', () => {
    const encoder = new BatchEncoder()
    encoder.append(7, null, value(1), [])
    encoder.reset()
    expect([encoder.count, encoder.bytes, encoder.maxTimestamp]).toEqual([0, HEADER_BYTES, -1])
    encoder.append(3, null, value(1), [])
    expect(decoded(encoder.seal({})).map(record => record.timestamp)).toEqual([3])
  })

  test('keeps a buffer of up to 1 MiB and lets a larger one go', () => {
    const encoder = new BatchEncoder()
    const backingStore = (): ArrayBufferLike => {
      encoder.append(1, null, value(10), [])
      return encoder.body().buffer
    }
    const first = backingStore()
    encoder.reset()
    expect(backingStore()).toBe(first)
    encoder.append(1, null, value(2 ** 20), [])
    const large = encoder.body().buffer
    encoder.reset()
    expect(backingStore()).not.toBe(large)
  })
})
