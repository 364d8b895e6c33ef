// The records of __transaction_state, as Kafka's transaction coordinator writes and reads them: how far the newest
// transaction of a transactional id has come. A tombstone forgets the id.
//
//   transaction key     int16 0 · string transactional id
//   transaction value   int16 1 · int64 producer id · int16 producer epoch · int32 timeout · int8 status
//                       array of topic (null while Empty) · int64 last update · int64 start · tagged fields
//   topic               string topic · array of int32 partition · tagged fields
//   tagged, if set      0 int64 previous producer id · 1 int64 next producer id · 2 int16 client transaction version
//                       3 int16 next producer epoch
//
// Written is value version 1, which is flexible: what Kafka 4 writes unless its transaction.version is 0, and Kafka 3.9
// reads too. Version 0, of older brokers, is read: it is not flexible and has no tagged fields. Tags that nobody knows yet are
// passed over, as Kafka does. Kafka's schema has the next producer epoch, its coordinator (4.3) leaves it alone: so do we.
//
// Keys of other kinds are 'unknown' and left to their owners. Control batches are for callers to pass over.
import { assert } from '../base/assert.ts'
import { CorruptionError } from '../base/errors.ts'
import { PrimitiveReader, PrimitiveWriter, type TaggedField } from './primitives.ts'

export type TransactionRecordKey =
  | { readonly kind: 'transaction'; readonly transactionalId: string }
  | { readonly kind: 'unknown'; readonly version: number }

/** A status' index is its number. */
export const TRANSACTION_STATUSES = ['Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit', 'CompleteAbort', 'Dead', 'PrepareEpochFence'] as const

export type TransactionStatus = typeof TRANSACTION_STATUSES[number]

export interface TransactionTopic { readonly topic: string; readonly partitions: readonly number[] }

export interface StoredTransaction {
  readonly producerId: number
  readonly producerEpoch: number
  readonly timeoutMs: number
  readonly status: TransactionStatus
  /** What the transaction wrote to. None while Empty; once it is complete none either. */
  readonly partitions: readonly TransactionTopic[]
  readonly lastUpdateTimestamp: number
  /** Of the newest transaction; -1: there was none. */
  readonly startTimestamp: number
  /** Of the newest transaction that ended, so that its producer can ask again how it ended. */
  readonly previousProducerId?: number | undefined
  /** What the producer has been told to go on with, its epochs being used up. */
  readonly nextProducerId?: number | undefined
  /** 2: the producer's epoch rises with every transaction. Not set is 0. */
  readonly clientTransactionVersion?: number | undefined
}

const TRANSACTION_KEY = 0
const WRITTEN_VALUE = 1
const NEWEST_VALUE = 1
const FIRST_FLEXIBLE_VALUE = 1
/** Behind version, producer id, epoch and timeout. */
const STATUS_AT = 16

const PREVIOUS_PRODUCER_ID = 0
const NEXT_PRODUCER_ID = 1
const CLIENT_TRANSACTION_VERSION = 2

export function encodeTransactionKey(transactionalId: string): Buffer {
  const writer = new PrimitiveWriter(4 + transactionalId.length)
  writer.int16(TRANSACTION_KEY)
  writer.string(transactionalId)
  return writer.finish()
}

export function parseTransactionKey(bytes: Uint8Array): TransactionRecordKey {
  const reader = new PrimitiveReader(bytes, keyMalformed)
  const version = reader.int16('version')
  if (version !== TRANSACTION_KEY) return { kind: 'unknown', version }
  const transactionalId = reader.string('transactional id')
  reader.expectEnd()
  return { kind: 'transaction', transactionalId }
}

export function encodeTransactionValue(state: StoredTransaction): Buffer {
  const isEmpty = state.status === 'Empty'
  assert(!isEmpty || state.partitions.length === 0, 'a transaction that is Empty has no partitions')
  const writer = new PrimitiveWriter(128)
  writer.int16(WRITTEN_VALUE)
  writer.flexible = true
  writer.int64(state.producerId)
  writer.int16(state.producerEpoch)
  writer.int32(state.timeoutMs)
  writer.int8(TRANSACTION_STATUSES.indexOf(state.status))
  writer.nullableArray(isEmpty ? null : state.partitions, ({ topic, partitions }) => {
    writer.string(topic)
    writer.array(partitions, partition => { writer.int32(partition) })
    writer.taggedFields([])
  })
  writer.int64(state.lastUpdateTimestamp)
  writer.int64(state.startTimestamp)
  writer.taggedFields(taggedFieldsOf(state, writer))
  return writer.finish()
}

/** Each if it is set: Kafka leaves a field out that has its default. */
function taggedFieldsOf({ previousProducerId = -1, nextProducerId = -1, clientTransactionVersion = 0 }: StoredTransaction, writer: PrimitiveWriter): TaggedField[] {
  const fields: TaggedField[] = []
  if (previousProducerId !== -1) fields.push({ tag: PREVIOUS_PRODUCER_ID, bytes: 8, write: () => { writer.int64(previousProducerId) } })
  if (nextProducerId !== -1) fields.push({ tag: NEXT_PRODUCER_ID, bytes: 8, write: () => { writer.int64(nextProducerId) } })
  if (clientTransactionVersion !== 0) fields.push({ tag: CLIENT_TRANSACTION_VERSION, bytes: 2, write: () => { writer.int16(clientTransactionVersion) } })
  return fields
}

export function parseTransactionValue(bytes: Uint8Array): StoredTransaction {
  const reader = new PrimitiveReader(bytes, valueMalformed)
  readVersion(reader)
  const producerId = reader.int64('producer id')
  const producerEpoch = reader.int16('producer epoch')
  const timeoutMs = reader.int32('timeout')
  const status = readStatus(reader)
  const partitions = reader.nullableArray('topics', () => readTopic(reader)) ?? []
  const lastUpdateTimestamp = reader.int64('last update')
  const startTimestamp = reader.int64('start')
  let previousProducerId: number | undefined
  let nextProducerId: number | undefined
  let clientTransactionVersion: number | undefined
  reader.taggedFields(tag => {
    if (tag === PREVIOUS_PRODUCER_ID) previousProducerId = reader.int64('previous producer id')
    else if (tag === NEXT_PRODUCER_ID) nextProducerId = reader.int64('next producer id')
    else if (tag === CLIENT_TRANSACTION_VERSION) clientTransactionVersion = reader.int16('client transaction version')
  })
  reader.expectEnd()
  return { producerId, producerEpoch, timeoutMs, status, partitions, lastUpdateTimestamp, startTimestamp, previousProducerId, nextProducerId, clientTransactionVersion }
}

function readTopic(reader: PrimitiveReader): TransactionTopic {
  const topic = reader.string('topic')
  const partitions = reader.array('partitions', () => reader.int32('partition'))
  reader.skipTaggedFields()
  return { topic, partitions }
}

function readStatus(reader: PrimitiveReader): TransactionStatus {
  const number = reader.int8('status')
  const status = TRANSACTION_STATUSES[number]
  if (status === undefined) throw valueMalformed(`its status is ${number}, known are 0 to ${TRANSACTION_STATUSES.length - 1}`, STATUS_AT)
  return status
}

function readVersion(reader: PrimitiveReader): void {
  const version = reader.int16('version')
  if (version < 0 || version > NEWEST_VALUE) {
    throw new CorruptionError('TRANSACTION_RECORD_UNSUPPORTED', `a transaction in __transaction_state has version ${version}, supported are 0 to ${NEWEST_VALUE} (byte 0 of the value)`, {
      hint: 'it was written by something newer, or the record is damaged', details: { version, newest: NEWEST_VALUE, at: 0 },
    })
  }
  reader.flexible = version >= FIRST_FLEXIBLE_VALUE
}

function keyMalformed(what: string, at: number): CorruptionError {
  return malformed('a key', what, at)
}

function valueMalformed(what: string, at: number): CorruptionError {
  return malformed('a transaction', what, at)
}

function malformed(which: string, what: string, at: number): CorruptionError {
  return new CorruptionError('TRANSACTION_RECORD_MALFORMED', `${which} in __transaction_state is malformed: ${what} (byte ${at})`, {
    hint: 'The record passed its checksum, so its writer produced it that way.', details: { at },
  })
}
