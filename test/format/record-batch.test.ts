import { describe, expect, test } from 'vitest'
import { crc32c } from '../../src/native/crc32c.ts'
import {
  ATTRIBUTES_AT, BASE_TIMESTAMP_AT, CRC_AT, HEADER_BYTES, LAST_OFFSET_DELTA_AT, MAGIC_AT, MAX_TIMESTAMP_AT, PRODUCER_ID_AT, RECORD_COUNT_AT, attributes,
  baseOffset, baseSequence, baseTimestamp, batchBytes, batchFault, codecOf, hasDeleteHorizon, isControl, isLogAppendTime, isTransactional, lastOffset,
  lastOffsetDelta, leaderEpoch, magic, maxTimestamp, producerEpoch, producerId, recordCount, setBaseOffset, setLeaderEpoch, storedCrc,
} from '../../src/format/record-batch.ts'
import { batchNamed, batches } from './support/kafka-vectors.ts'

test.each(batches)('the header of Kafka\'s batch "$name" reads as Kafka reads it, wherever it stands', ({ bytes, header }) => {
  const at = 5
  const b = Buffer.concat([Buffer.alloc(at, 0xee), bytes, Buffer.alloc(3, 0xee)])
  expect(batchFault(b, at, b.length)).toBeUndefined()
  expect({
    baseOffset: baseOffset(b, at), lastOffset: lastOffset(b, at), sizeInBytes: batchBytes(b, at), leaderEpoch: leaderEpoch(b, at), magic: magic(b, at),
    checksum: storedCrc(b, at), codec: codecOf(b, at), logAppendTime: isLogAppendTime(b, at), transactional: isTransactional(b, at), control: isControl(b, at),
    baseTimestamp: baseTimestamp(b, at), maxTimestamp: maxTimestamp(b, at), producerId: producerId(b, at), producerEpoch: producerEpoch(b, at),
    baseSequence: baseSequence(b, at), count: recordCount(b, at),
  }).toEqual(header)
  expect(lastOffsetDelta(b, at)).toBe(header.lastOffset - header.baseOffset)
  expect(hasDeleteHorizon(b, at)).toBe(false)
})

test('base offset and leader epoch are set without touching what the checksum covers', () => {
  const b = Buffer.from(batchNamed('small none').bytes)
  setBaseOffset(b, 0, 2 ** 52 + 12345)
  setLeaderEpoch(b, 0, 77)
  expect(batchFault(b, 0, b.length)).toBeUndefined()
  expect([baseOffset(b, 0), leaderEpoch(b, 0)]).toEqual([2 ** 52 + 12345, 77])
  expect(b.subarray(MAGIC_AT)).toEqual(batchNamed('small none').bytes.subarray(MAGIC_AT))
})

test('the delete horizon bit is read', () => {
  const b = Buffer.from(batchNamed('small none').bytes)
  b[ATTRIBUTES_AT + 1] = 0x40
  expect(attributes(b, 0)).toBe(0x40)
  expect(hasDeleteHorizon(b, 0)).toBe(true)
})

describe('bytes that are no believable batch are named for what they are', () => {
  const good = batchNamed('small none').bytes

  test.each<[string, RegExp, (b: Buffer) => void]>([
    ['a length of 48, one below an empty batch', /length field says 48/, b => b.writeInt32BE(48, 8)],
    ['a negative length', /length field says -1/, b => b.writeInt32BE(-1, 8)],
    ['a length beyond the end', /is 625 bytes long, 624 are left/, b => b.writeInt32BE(613, 8)],
    ['the largest length', /2147483659 bytes long/, b => b.writeInt32BE(2 ** 31 - 1, 8)],
    ['magic 1', /magic is 1, only version 2/, b => b.writeInt8(1, MAGIC_AT)],
    ['a negative magic', /magic is -1/, b => b.writeInt8(-1, MAGIC_AT)],
    ['a flipped bit in the records', /checksum is/, b => { b[b.length - 1]! ^= 1 }],
    ['a flipped bit in the checksum', /checksum is/, b => { b[CRC_AT]! ^= 0x80 }],
    ['a negative base offset', /base offset -1/, b => b.writeBigInt64BE(-1n, 0)],
    ['a base offset of 2^53', /base offset 9007199254740992/, b => b.writeBigInt64BE(2n ** 53n, 0)],
    ['a last offset beyond 2^53', /last offset 900719925474099\d/, b => b.writeBigInt64BE(2n ** 53n - 3n, 0)],
    ['leader epoch -2', /leader epoch is -2/, b => b.writeInt32BE(-2, 12)],
    ['a negative last offset delta', /last offset delta is -1/, resealed(b => b.writeInt32BE(-1, LAST_OFFSET_DELTA_AT))],
    ['a negative record count', /record count is -1/, resealed(b => b.writeInt32BE(-1, RECORD_COUNT_AT))],
    ['more records than offsets', /record count is 9 with a last offset delta of 7/, resealed(b => b.writeInt32BE(9, RECORD_COUNT_AT))],
    ['more records than bytes', /1000000 records can't stand in 563 bytes/, resealed(b => { b.writeInt32BE(999_999, LAST_OFFSET_DELTA_AT); b.writeInt32BE(1_000_000, RECORD_COUNT_AT) })],
    ['codec 5', /codec 5 is unknown/, resealed(b => b.writeInt16BE(5, ATTRIBUTES_AT))],
    ['a base timestamp beyond 2^53', /base timestamp/, resealed(b => b.writeBigInt64BE(2n ** 62n, BASE_TIMESTAMP_AT))],
    ['a max timestamp below -2^53', /max timestamp/, resealed(b => b.writeBigInt64BE(-(2n ** 62n), MAX_TIMESTAMP_AT))],
    ['producer id -2', /producer id is -2/, resealed(b => b.writeBigInt64BE(-2n, PRODUCER_ID_AT))],
  ])('%s', (_what, expected, damage) => {
    const b = Buffer.from(good)
    damage(b)
    expect(batchFault(b, 0, b.length)).toMatch(expected)
  })

  test('every length short of the whole batch', () => {
    for (let end = 0; end < good.length; end++) expect(batchFault(good, 0, end), `${end} bytes`).toBeDefined()
  })

  test('zeros, as many as there may be', () => {
    expect(batchFault(Buffer.alloc(4096), 0, 4096)).toMatch(/length field says 0/)
  })
})

/** The writer's own mistake: the checksum holds. */
function resealed(damage: (b: Buffer) => void): (b: Buffer) => void {
  return b => {
    damage(b)
    b.writeUInt32BE(crc32c(b, ATTRIBUTES_AT), CRC_AT)
    expect(b.length).toBeGreaterThan(HEADER_BYTES)
  }
}
