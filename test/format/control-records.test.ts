import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CorruptionError } from '../../src/base/errors.ts'
import { parseAbortedTransactions } from '../../src/format/aborted-transactions.ts'
import { encodeEndMarker, encodeMarkerBatch, parseControlRecord, parseMarkerBatch, type ControlRecord } from '../../src/format/control-records.ts'
import { ATTRIBUTES_AT, HEADER_BYTES, RECORD_COUNT_AT, baseOffset, baseSequence, batchFault, isControl, isTransactional, recordCount } from '../../src/format/record-batch.ts'
import { stampBatch } from '../../src/native/stamp.ts'
import { batchesOf, brokersFiles, emptiedMarker, markers, newerMarkers, otherControlRecords } from './support/kafka-transactions.ts'

const int16 = fc.integer({ min: 0, max: 2 ** 15 - 1 })
const endMarkers = fc.record({ type: fc.constantFrom('commit' as const, 'abort' as const), coordinatorEpoch: fc.integer() })
const markerBatches = fc.record({
  type: fc.constantFrom('commit' as const, 'abort' as const), coordinatorEpoch: fc.integer(), producerId: fc.maxSafeNat(), producerEpoch: int16, timestamp: fc.maxSafeNat(),
})

/** Of a marker's batch: behind five bytes of its record, and the version of its key. */
const TYPE_AT = HEADER_BYTES + 7

describe("Kafka's own markers", () => {
  test.each(markers)('are read as Kafka reads them: $name', ({ key, value, batch, fields }) => {
    expect(parseControlRecord(key, value)).toEqual({ type: fields.type, coordinatorEpoch: fields.coordinatorEpoch })
    expect(parseMarkerBatch(Buffer.concat([Buffer.alloc(7, 0xee), batch, Buffer.alloc(3, 0xee)]), 7)).toEqual(fields)
  })

  test.each(markers)('are those that we write, once they are in the log: $name', ({ key, value, batch, offset, leaderEpoch, fields }) => {
    expect(encodeEndMarker(fields)).toEqual({ key, value })
    const ours = encodeMarkerBatch(fields)
    stampBatch(ours, ours.length, offset, leaderEpoch)
    expect(ours).toEqual(batch)
  })

  test.each(newerMarkers)('of a newer version end their transaction all the same, as in Kafka', ({ key, value, fields }) => {
    expect(parseControlRecord(key, value)).toEqual(fields)
  })

  test('that compaction emptied say nothing', () => {
    expect(batchFault(emptiedMarker, 0, emptiedMarker.length)).toBeUndefined()
    expect([isControl(emptiedMarker, 0), recordCount(emptiedMarker, 0)]).toEqual([true, 0])
    expect(parseMarkerBatch(emptiedMarker, 0)).toBeUndefined()
  })

  test('in the segments that a broker left are read, and their aborts are those of its transaction indexes', () => {
    const aborts = brokersFiles('.log').flatMap(({ path, bytes }) => markersIn(bytes).filter(({ type }) => type === 'abort').map(({ producerId, offset }) => ({ path, producerId, offset })))
    const indexed = brokersFiles('.txnindex').flatMap(({ path, bytes }) => parseAbortedTransactions(bytes).entries.map(({ producerId, lastOffset }) => ({ path: path.replace('.txnindex', '.log'), producerId, offset: lastOffset })))
    expect(indexed.length).toBeGreaterThan(10)
    expect(aborts).toEqual(indexed)
  })
})

describe('other control records', () => {
  test.each(otherControlRecords)('are left alone, whatever their value: $name', ({ key, kind }) => {
    for (const value of [null, Buffer.alloc(0), Buffer.from('anything')]) expect(parseControlRecord(key, value)).toEqual({ type: 'other', kind })
  })

  test.each([-1, 7, 0x7fff, -0x8000])('of kinds that are not there yet too: %d', kind => {
    expect(parseControlRecord(keyOf(0, kind), null)).toEqual({ type: 'other', kind })
    expect(parseControlRecord(Buffer.concat([keyOf(3, kind), Buffer.alloc(9)]), null)).toEqual({ type: 'other', kind })
  })

  test('are told apart in a batch of theirs', () => {
    const batch = encodeMarkerBatch({ type: 'commit', coordinatorEpoch: 0, producerId: 1, producerEpoch: 0, timestamp: 0 })
    batch.writeInt16BE(2, TYPE_AT)
    expect(parseMarkerBatch(batch, 0)).toEqual({ type: 'other', kind: 2 })
  })
})

describe('what is written is read back', () => {
  test('for records', () => {
    fc.assert(fc.property(endMarkers, marker => {
      const { key, value } = encodeEndMarker(marker)
      expect(parseControlRecord(key, value)).toEqual(marker)
    }))
  })

  test('for batches, which are transactional, control, without a sequence and sound', () => {
    fc.assert(fc.property(markerBatches, fc.maxSafeNat(), fc.nat(), (marker, offset, leaderEpoch) => {
      const batch = encodeMarkerBatch(marker)
      stampBatch(batch, batch.length, offset, leaderEpoch)
      expect(batchFault(batch, 0, batch.length)).toBeUndefined()
      expect([isTransactional(batch, 0), isControl(batch, 0), baseSequence(batch, 0), recordCount(batch, 0)]).toEqual([true, true, -1, 1])
      expect(parseMarkerBatch(batch, 0)).toEqual(marker)
    }))
  })

  test('with the time of the append, where the log says so', () => {
    const batch = encodeMarkerBatch({ type: 'abort', coordinatorEpoch: 0, producerId: 1, producerEpoch: 0, timestamp: 500 })
    batch.writeInt16BE(0x38, ATTRIBUTES_AT)
    batch.writeBigInt64BE(900n, 35)
    expect(parseMarkerBatch(batch, 0)).toMatchObject({ timestamp: 900 })
  })
})

describe('bytes that are not what they should be are refused with their place', () => {
  const { key, value } = encodeEndMarker({ type: 'commit', coordinatorEpoch: 5 })

  test.each<[string, string, () => unknown]>([
    ['no key', 'the key of a control record is malformed: it is null (byte 0)', () => parseControlRecord(null, value)],
    ['no value', 'the value of a control record is malformed: it is null (byte 0)', () => parseControlRecord(key, null)],
    ['half a key', 'the key of a control record is malformed: its type takes 2 bytes, 1 are left (byte 2)', () => parseControlRecord(key.subarray(0, 3), value)],
    ['half a value', 'the value of a control record is malformed: its coordinator epoch takes 4 bytes, 3 are left (byte 2)', () => parseControlRecord(key, value.subarray(0, 5))],
    ['a key of a negative version', 'the key of a control record is malformed: its version is -1 (byte 0)', () => parseControlRecord(keyOf(-1, 1), value)],
    ['a value of a negative version', 'the value of a control record is malformed: its version is -2 (byte 0)', () => parseControlRecord(key, Buffer.of(0xff, 0xfe, 0, 0, 0, 0))],
    ['a key with more than its fields', 'the key of a control record is malformed: 1 bytes follow its last field (byte 4)', () => parseControlRecord(Buffer.concat([key, Buffer.of(0)]), value)],
    ['a value with more than its fields', 'the value of a control record is malformed: 1 bytes follow its last field (byte 6)', () => parseControlRecord(key, Buffer.concat([value, Buffer.of(0)]))],
    ['a newer key that is too short', 'the key of a control record is malformed: its type takes 2 bytes, 0 are left (byte 2)', () => parseControlRecord(Buffer.of(0, 1), value)],
    ['a batch that is compressed', 'a control batch is compressed by zstd (byte 0)', () => parseMarkerBatch(changed(markers[0]!.batch, ATTRIBUTES_AT + 1, 0x34), 0)],
  ])('%s', (_what, message, parse) => {
    expect(parse).toThrow(message)
    expect(parse).toThrow(expect.objectContaining({ code: 'CONTROL_RECORD_MALFORMED' }))
    expect(parse).toThrow(CorruptionError)
  })

  test('a batch that counts a record and has none', () => {
    const batch = Buffer.from(emptiedMarker)
    batch.writeInt32BE(1, RECORD_COUNT_AT)
    expect(() => parseMarkerBatch(batch, 0)).toThrow(expect.objectContaining({ code: 'RECORD_MALFORMED' }))
  })

  test('whatever happens to the records of a batch, they are refused or read as control records', () => {
    const change = fc.tuple(fc.integer({ min: HEADER_BYTES, max: markers[0]!.batch.length - 1 }), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff)))
    fc.assert(fc.property(fc.constantFrom(...markers), fc.array(change, { minLength: 1, maxLength: 4 }), ({ batch }, changes) => {
      const damaged = changes.reduce((bytes, [at, byte]) => changed(bytes, at, byte), batch)
      const read = attempt(() => parseMarkerBatch(damaged, 0))
      if (read instanceof Error) expect(read).toBeInstanceOf(CorruptionError)
      else expect(['commit', 'abort', 'other']).toContain(read?.type)
    }), { numRuns: 2000 })
  })

  test('any key and value are refused or read', () => {
    const bytes = fc.option(fc.uint8Array({ maxLength: 9 }))
    fc.assert(fc.property(bytes, bytes, (anyKey, anyValue) => {
      const read = attempt<ControlRecord>(() => parseControlRecord(anyKey, anyValue))
      if (read instanceof Error) expect(read).toBeInstanceOf(CorruptionError)
    }), { numRuns: 2000 })
  })
})

// ---------------------------------------------------------------- support

function markersIn(segment: Buffer): { type: string; producerId: number; offset: number }[] {
  return batchesOf(segment).flatMap(at => {
    const marker = isControl(segment, at) ? parseMarkerBatch(segment, at) : undefined
    return marker === undefined || marker.type === 'other' ? [] : [{ type: marker.type, producerId: marker.producerId, offset: baseOffset(segment, at) }]
  })
}

function keyOf(version: number, kind: number): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(version)
  key.writeInt16BE(kind, 2)
  return key
}

function changed(given: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(given)
  copy[at] = byte
  return copy
}

function attempt<T>(work: () => T): T | Error {
  try {
    return work()
  } catch (error) {
    return error as Error
  }
}
