// Kafka's record batch, version 2: what stands where, and whether bytes are one. A batch is a range of a buffer that
// begins at `at`; nothing here copies or holds it. Records are record-cursor.ts, writing is batch-encoder.ts.
//
//   at  bytes
//    0      8  base offset               the log sets it; outside the checksum
//    8      4  length                    of what follows: whole batch = 12 + length; outside the checksum
//   12      4  partition leader epoch    the log sets it; outside the checksum
//   16      1  magic                     2
//   17      4  CRC-32C                   of all from byte 21 to the batch's end
//   21      2  attributes                bits 0-2 codec, 3 log append time, 4 transactional, 5 control, 6 delete horizon
//   23      4  last offset delta         last offset = base offset + this; compaction keeps it when records go
//   27      8  base timestamp            of the first record, or the delete horizon
//   35      8  max timestamp             with log append time: the time of every record
//   43      8  producer id               -1: none, as the next two
//   51      2  producer epoch
//   53      4  base sequence
//   57      4  record count              0 in a batch that compaction emptied
//   61      …  records                   all of them compressed as one by the codec
//
// Offsets, times and ids are numbers: values beyond ±2^53 are a fault. The getters trust their caller to have asked
// batchFault first (or to have written the batch).
import { CHECKED_FROM, CRC_AT, HEADER_BYTES, LEADER_EPOCH_AT, LENGTH_AT, LOG_OVERHEAD, MAGIC, MAGIC_AT } from '../native/batch-layout.ts'
import { crc32c } from '../native/crc32c.ts'
import { readInt32, readInt64, writeInt32, writeInt64 } from './integers.ts'

export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

export { CRC_AT, HEADER_BYTES, LOG_OVERHEAD, MAGIC, MAGIC_AT }
/** Length, attributes, two deltas, two lengths and the header count, one byte each. */
export const MIN_RECORD_BYTES = 7

/** A codec's index is its number in the attributes. */
export const CODECS: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

export const ATTRIBUTES_AT = 21
export const LAST_OFFSET_DELTA_AT = 23
export const BASE_TIMESTAMP_AT = 27
export const MAX_TIMESTAMP_AT = 35
export const PRODUCER_ID_AT = 43
export const PRODUCER_EPOCH_AT = 51
export const BASE_SEQUENCE_AT = 53
export const RECORD_COUNT_AT = 57

export const CODEC_MASK = 0x07
export const LOG_APPEND_TIME = 0x08
export const TRANSACTIONAL = 0x10
export const CONTROL = 0x20
export const DELETE_HORIZON = 0x40

export const baseOffset = (b: Buffer, at: number): number => readInt64(b, at)
/** The whole batch, from its base offset to its last record. */
export const batchBytes = (b: Buffer, at: number): number => LOG_OVERHEAD + readInt32(b, at + LENGTH_AT)
export const leaderEpoch = (b: Buffer, at: number): number => readInt32(b, at + LEADER_EPOCH_AT)
export const magic = (b: Buffer, at: number): number => b[at + MAGIC_AT]! << 24 >> 24
export const storedCrc = (b: Buffer, at: number): number => readInt32(b, at + CRC_AT) >>> 0
export const attributes = (b: Buffer, at: number): number => b[at + ATTRIBUTES_AT]! << 8 | b[at + ATTRIBUTES_AT + 1]!
export const codecOf = (b: Buffer, at: number): Codec => CODECS[attributes(b, at) & CODEC_MASK]!
export const isLogAppendTime = (b: Buffer, at: number): boolean => (attributes(b, at) & LOG_APPEND_TIME) !== 0
export const isTransactional = (b: Buffer, at: number): boolean => (attributes(b, at) & TRANSACTIONAL) !== 0
export const isControl = (b: Buffer, at: number): boolean => (attributes(b, at) & CONTROL) !== 0
export const hasDeleteHorizon = (b: Buffer, at: number): boolean => (attributes(b, at) & DELETE_HORIZON) !== 0
export const lastOffsetDelta = (b: Buffer, at: number): number => readInt32(b, at + LAST_OFFSET_DELTA_AT)
export const lastOffset = (b: Buffer, at: number): number => baseOffset(b, at) + lastOffsetDelta(b, at)
export const baseTimestamp = (b: Buffer, at: number): number => readInt64(b, at + BASE_TIMESTAMP_AT)
export const maxTimestamp = (b: Buffer, at: number): number => readInt64(b, at + MAX_TIMESTAMP_AT)
export const producerId = (b: Buffer, at: number): number => readInt64(b, at + PRODUCER_ID_AT)
/** It is one of a producer that numbers its batches, or a marker for one. */
export const hasProducer = (b: Buffer, at: number): boolean => b[at + PRODUCER_ID_AT]! < 0x80
export const producerEpoch = (b: Buffer, at: number): number => (b[at + PRODUCER_EPOCH_AT]! << 8 | b[at + PRODUCER_EPOCH_AT + 1]!) << 16 >> 16
export const baseSequence = (b: Buffer, at: number): number => readInt32(b, at + BASE_SEQUENCE_AT)
export const recordCount = (b: Buffer, at: number): number => readInt32(b, at + RECORD_COUNT_AT)

export function setBaseOffset(b: Buffer, at: number, offset: number): void {
  writeInt64(b, at, offset)
}

export function setBatchBytes(b: Buffer, at: number, bytes: number): void {
  writeInt32(b, at + LENGTH_AT, bytes - LOG_OVERHEAD)
}

export function setLeaderEpoch(b: Buffer, at: number, epoch: number): void {
  writeInt32(b, at + LEADER_EPOCH_AT, epoch)
}

/** The checksum has to be set behind it, as behind the next. */
export function setAttributes(b: Buffer, at: number, bits: number): void {
  b.writeUInt16BE(bits, at + ATTRIBUTES_AT)
}

export function setMaxTimestamp(b: Buffer, at: number, timestamp: number): void {
  writeInt64(b, at + MAX_TIMESTAMP_AT, timestamp)
}

/**
 * Why the bytes from `at` are not one whole, believable batch within [at, end); undefined when they are. Up to
 * `checkedEnd` somebody has compared the checksums.
 */
export function batchFault(b: Buffer, at: number, end: number, checkedEnd = at): string | undefined {
  const given = end - at
  if (given < HEADER_BYTES) return `${given} bytes are left, a batch header has ${HEADER_BYTES}`
  const bytes = batchBytes(b, at)
  if (bytes < HEADER_BYTES) return `the length field says ${bytes - LOG_OVERHEAD}, at least ${HEADER_BYTES - LOG_OVERHEAD} is expected`
  if (magic(b, at) !== MAGIC) return `magic is ${magic(b, at)}, only version ${MAGIC} is supported`
  if (bytes > given) return `the batch is ${bytes} bytes long, ${given} are left`
  if (at + bytes > checkedEnd) {
    const fault = checksumFault(b, at)
    if (fault !== undefined) return fault
  }
  return headerFault(b, at, bytes)
}

/** Of a batch that is there whole. */
export function checksumFault(b: Buffer, at: number): string | undefined {
  const crc = crc32c(b, at + CHECKED_FROM, at + batchBytes(b, at))
  return crc === storedCrc(b, at) ? undefined : `the checksum is ${hex(crc)}, the header says ${hex(storedCrc(b, at))}`
}

/** What a checksum can't tell: a header that its own writer got wrong, and fields outside the checksum. */
function headerFault(b: Buffer, at: number, bytes: number): string | undefined {
  const offset = baseOffset(b, at)
  const delta = lastOffsetDelta(b, at)
  const count = recordCount(b, at)
  if (!Number.isSafeInteger(offset) || offset < 0) return `base offset ${offset} is no offset`
  if (delta < 0) return `last offset delta is ${delta}`
  if (!Number.isSafeInteger(offset + delta)) return `last offset ${offset + delta} is no offset`
  if (leaderEpoch(b, at) < -1) return `leader epoch is ${leaderEpoch(b, at)}`
  if (count < 0 || count > delta + 1) return `record count is ${count} with a last offset delta of ${delta}`
  const codec = attributes(b, at) & CODEC_MASK
  if (codec >= CODECS.length) return `codec ${codec} is unknown`
  if (codec === 0 && count * MIN_RECORD_BYTES > bytes - HEADER_BYTES) return `${count} records can't stand in ${bytes - HEADER_BYTES} bytes`
  if (!Number.isSafeInteger(baseTimestamp(b, at))) return `base timestamp ${baseTimestamp(b, at)} is out of range`
  if (!Number.isSafeInteger(maxTimestamp(b, at))) return `max timestamp ${maxTimestamp(b, at)} is out of range`
  const id = producerId(b, at)
  if (!Number.isSafeInteger(id) || id < -1) return `producer id is ${id}`
  return undefined
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}
