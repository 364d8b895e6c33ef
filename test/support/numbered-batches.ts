// Batches as an idempotent or transactional producer sends them, of plain text records.
import { writeInt64 } from '../../src/format/integers.ts'
import { BASE_SEQUENCE_AT, ATTRIBUTES_AT, PRODUCER_EPOCH_AT, PRODUCER_ID_AT, TRANSACTIONAL } from '../../src/format/record-batch.ts'
import { batchOf } from './partitions.ts'

export interface Numbers {
  readonly id: number
  readonly epoch?: number
  /** Of the first record. */
  readonly sequence: number
  readonly transactional?: boolean
  readonly timestamp?: number
}

export function numberedBatch(values: readonly string[], { timestamp = 1000, ...numbers }: Numbers): Buffer {
  return number(batchOf(values, timestamp), numbers)
}

/** Makes a sealed batch that of a producer. */
export function number(batch: Buffer, { id, epoch = 0, sequence, transactional = false }: Omit<Numbers, 'timestamp'>): Buffer {
  writeInt64(batch, PRODUCER_ID_AT, id)
  batch.writeInt16BE(epoch, PRODUCER_EPOCH_AT)
  batch.writeInt32BE(sequence, BASE_SEQUENCE_AT)
  if (transactional) batch.writeInt16BE(batch.readInt16BE(ATTRIBUTES_AT) | TRANSACTIONAL, ATTRIBUTES_AT)
  return batch
}
