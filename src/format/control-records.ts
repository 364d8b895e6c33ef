// Control records: what a log says about its own records, shown to no reader. End-of-transaction markers are the ones that
// matter here, one to a batch, in each partition that a transaction wrote to. Key and value begin with a version.
//
//   key      int16 version 0 · int16 type: 0 abort, 1 commit
//   value    int16 version 0 · int32 coordinator epoch
//   marker   a batch that is transactional and control, of the producer's id and epoch, base sequence -1, with one such record
//
// As in Kafka, what a newer version says is read as version 0, so that a newer marker still ends its transaction: whatever
// it adds follows behind. Other types (2 leader change, 3 snapshot header, 4 snapshot footer, …) are 'other', and their
// values are left alone. Base offset, leader epoch and checksum of a batch are the log's to set (native/stamp.ts).
import { CorruptionError } from '../base/errors.ts'
import { BatchEncoder } from './batch-encoder.ts'
import { PrimitiveReader, PrimitiveWriter } from './primitives.ts'
import * as batch from './record-batch.ts'
import { RecordCursor } from './record-cursor.ts'

export interface EndMarker {
  readonly type: 'commit' | 'abort'
  /** Of the coordinator that decided: one with an older epoch is no longer believed. */
  readonly coordinatorEpoch: number
}

export interface OtherControlRecord { readonly type: 'other'; readonly kind: number }

export type ControlRecord = EndMarker | OtherControlRecord

/** An end marker with what its batch says. */
export interface MarkerBatch extends EndMarker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly timestamp: number
}

const VERSION = 0
const ABORT = 0
const COMMIT = 1
/** A marker's batch has 78 bytes; the encoder reserves for the longest varints. */
const MARKER_BUFFER_BYTES = 128
/** One for all: a transaction makes one for each of its partitions (the benchmark 'transactions'). */
const encoder = new BatchEncoder(MARKER_BUFFER_BYTES)

export function encodeEndMarker({ type, coordinatorEpoch }: EndMarker): { key: Buffer; value: Buffer } {
  const key = new PrimitiveWriter(4)
  key.int16(VERSION)
  key.int16(type === 'commit' ? COMMIT : ABORT)
  const value = new PrimitiveWriter(6)
  value.int16(VERSION)
  value.int32(coordinatorEpoch)
  return { key: key.finish(), value: value.finish() }
}

export function parseControlRecord(key: Uint8Array | null, value: Uint8Array | null): ControlRecord {
  const kind = parseVersioned(key, 'key', reader => reader.int16('type'))
  if (kind !== ABORT && kind !== COMMIT) return { type: 'other', kind }
  const coordinatorEpoch = parseVersioned(value, 'value', reader => reader.int32('coordinator epoch'))
  return { type: kind === COMMIT ? 'commit' : 'abort', coordinatorEpoch }
}

/** Sealed as BatchEncoder.seal() leaves a batch; valid until the next call. */
export function encodeMarkerBatch({ producerId, producerEpoch, timestamp, ...marker }: MarkerBatch): Buffer {
  const { key, value } = encodeEndMarker(marker)
  encoder.reset()
  encoder.append(timestamp, key, value, [])
  const bytes = encoder.seal({ producer: { id: producerId, epoch: producerEpoch, sequence: -1 } })
  bytes.writeInt16BE(batch.TRANSACTIONAL | batch.CONTROL, batch.ATTRIBUTES_AT)
  return bytes
}

/**
 * What the control batch at `at` says, of which batchFault found nothing. Undefined where a broker's compaction has
 * emptied it: nothing is left of its transaction then.
 */
export function parseMarkerBatch(bytes: Buffer, at: number): MarkerBatch | OtherControlRecord | undefined {
  const codec = batch.codecOf(bytes, at)
  if (codec !== 'none') throw malformed(`a control batch is compressed by ${codec}`, at)
  const body = bytes.subarray(at + batch.HEADER_BYTES, at + batch.batchBytes(bytes, at))
  const cursor = new RecordCursor(body, batch.recordCount(bytes, at))
  if (!cursor.next()) return undefined
  const record = parseControlRecord(taken(body, cursor.keyStart, cursor.keyBytes), taken(body, cursor.valueStart, cursor.valueBytes))
  if (record.type === 'other') return record
  const timestamp = batch.isLogAppendTime(bytes, at) ? batch.maxTimestamp(bytes, at) : batch.baseTimestamp(bytes, at) + cursor.timestampDelta
  return { ...record, producerId: batch.producerId(bytes, at), producerEpoch: batch.producerEpoch(bytes, at), timestamp }
}

function parseVersioned(bytes: Uint8Array | null, which: 'key' | 'value', read: (reader: PrimitiveReader) => number): number {
  const fault = (what: string, at: number): CorruptionError => malformed(`the ${which} of a control record is malformed: ${what}`, at)
  if (bytes === null) throw fault('it is null', 0)
  const reader = new PrimitiveReader(bytes, fault)
  const version = reader.int16('version')
  if (version < VERSION) throw fault(`its version is ${version}`, 0)
  const field = read(reader)
  if (version === VERSION) reader.expectEnd()
  return field
}

function taken(body: Buffer, start: number, bytes: number): Buffer | null {
  return bytes < 0 ? null : body.subarray(start, start + bytes)
}

function malformed(what: string, at: number): CorruptionError {
  return new CorruptionError('CONTROL_RECORD_MALFORMED', `${what} (byte ${at})`, {
    hint: 'The record passed its checksum, so its writer produced it that way.', details: { at },
  })
}
