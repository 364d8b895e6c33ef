// The content of a partition's .snapshot file: what producers had written when the log ended at the offset that names the
// file, so that after a restart a duplicate is told from news without reading the whole log.
//
//   snapshot   int16 version 1 · uint32 CRC-32C of all that follows · array of producer
//   producer   int64 producer id · int16 epoch · int32 last sequence · int64 last offset · int32 offset delta
//              int64 timestamp · int32 coordinator epoch · int64 first offset of its open transaction (-1: none)
//
// Of a producer's last batches only the newest is kept. Where there is none (of an ended transaction nothing but the
// marker was seen), last sequence and last offset are -1. Kafka writes and reads version 1 alone. A snapshot is made anew
// from the log if it can't be believed, so parsing is strict: anything unexpected is a CorruptionError.
import { CorruptionError } from '../base/errors.ts'
import { crc32c } from '../native/crc32c.ts'
import { writeInt32 } from './integers.ts'
import { PrimitiveReader, PrimitiveWriter } from './primitives.ts'

export interface ProducerSnapshotEntry {
  readonly producerId: number
  readonly producerEpoch: number
  /** Of the last record of its newest batch; -1: no batch is known, as in the next. */
  readonly lastSequence: number
  readonly lastOffset: number
  /** From the first to the last offset of that batch. */
  readonly offsetDelta: number
  /** Of what it wrote last, markers included; -1: not known. */
  readonly timestamp: number
  /** Of the newest marker that ended a transaction of it; -1: there was none. */
  readonly coordinatorEpoch: number
  /** Undefined while none is open. */
  readonly currentTransactionFirstOffset: number | undefined
}

const VERSION = 1
const CRC_AT = 2
const CHECKED_FROM = 6
const HEADER_BYTES = 10
const PRODUCER_BYTES = 46
const NO_TRANSACTION = -1

/** The producers stand in the order given. */
export function encodeProducerSnapshot(entries: readonly ProducerSnapshotEntry[]): Buffer {
  const writer = new PrimitiveWriter(HEADER_BYTES + entries.length * PRODUCER_BYTES)
  writer.int16(VERSION)
  writer.int32(0)
  writer.array(entries, entry => {
    writer.int64(entry.producerId)
    writer.int16(entry.producerEpoch)
    writer.int32(entry.lastSequence)
    writer.int64(entry.lastOffset)
    writer.int32(entry.offsetDelta)
    writer.int64(entry.timestamp)
    writer.int32(entry.coordinatorEpoch)
    writer.int64(entry.currentTransactionFirstOffset ?? NO_TRANSACTION)
  })
  const bytes = writer.finish()
  writeInt32(bytes, CRC_AT, crc32c(bytes, CHECKED_FROM))
  return bytes
}

export function parseProducerSnapshot(bytes: Uint8Array): ProducerSnapshotEntry[] {
  const reader = new PrimitiveReader(bytes, malformed)
  const version = reader.int16('version')
  if (version !== VERSION) throw malformed(`its version is ${version}, only ${VERSION} is supported`, 0)
  const stored = reader.int32('checksum') >>> 0
  const actual = crc32c(bytes, CHECKED_FROM)
  if (stored !== actual) throw malformed(`its checksum is ${hex(actual)}, the header says ${hex(stored)}`, CRC_AT)
  const entries = reader.array('producers', () => readProducer(reader))
  reader.expectEnd()
  return entries
}

function readProducer(reader: PrimitiveReader): ProducerSnapshotEntry {
  const producerId = reader.int64('producer id')
  const producerEpoch = reader.int16('producer epoch')
  const lastSequence = reader.int32('last sequence')
  const lastOffset = reader.int64('last offset')
  const offsetDelta = reader.int32('offset delta')
  const timestamp = reader.int64('timestamp')
  const coordinatorEpoch = reader.int32('coordinator epoch')
  const firstOffset = reader.int64('first offset of an open transaction')
  // Kafka takes any negative one for none, too.
  const currentTransactionFirstOffset = firstOffset < 0 ? undefined : firstOffset
  return { producerId, producerEpoch, lastSequence, lastOffset, offsetDelta, timestamp, coordinatorEpoch, currentTransactionFirstOffset }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}

function malformed(what: string, at: number): CorruptionError {
  return new CorruptionError('PRODUCER_SNAPSHOT_MALFORMED', `a snapshot of producers is malformed: ${what} (byte ${at})`, {
    hint: 'The file was damaged, or written by something newer. It can be removed: the state of producers is then made anew from the log.', details: { at },
  })
}
