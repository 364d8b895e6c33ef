// A producer made by hand, for tests below the transactions' own door: its batches carry id, epoch and sequence, and its
// transactions end by markers that raise the epoch, as Kafka's do since transaction version 2.
import { BatchEncoder } from '../../src/format/batch-encoder.ts'
import { writeInt32, writeInt64 } from '../../src/format/integers.ts'
import { ATTRIBUTES_AT, BASE_SEQUENCE_AT, PRODUCER_EPOCH_AT, PRODUCER_ID_AT, TRANSACTIONAL } from '../../src/format/record-batch.ts'
import type { WritablePartition } from '../../src/storage/writable-partition.ts'

export interface PlainRecord { readonly key?: string; readonly value: string }

export class NumberedProducer {
  readonly id: number
  epoch = 0
  /** Of the next record. */
  sequence = 0

  constructor(id: number) {
    this.id = id
  }

  /** Returns the offset of the first record. */
  send(partition: WritablePartition, records: readonly PlainRecord[], { transactional = true, timestamp = 1000 }: { transactional?: boolean; timestamp?: number } = {}): number {
    return partition.append(this.batch(records, { transactional, timestamp }))
  }

  batch(records: readonly PlainRecord[], { transactional, timestamp }: { transactional: boolean; timestamp: number }): Buffer {
    const encoder = new BatchEncoder()
    for (const { key, value } of records) encoder.append(timestamp, key === undefined ? null : Buffer.from(key), Buffer.from(value), [])
    const bytes = encoder.seal({})
    if (transactional) bytes.writeInt16BE(bytes.readInt16BE(ATTRIBUTES_AT) | TRANSACTIONAL, ATTRIBUTES_AT)
    writeInt64(bytes, PRODUCER_ID_AT, this.id)
    bytes.writeInt16BE(this.epoch, PRODUCER_EPOCH_AT)
    writeInt32(bytes, BASE_SEQUENCE_AT, this.sequence)
    this.sequence += records.length
    return bytes
  }

  end(partition: WritablePartition, type: 'commit' | 'abort', timestamp = 1000): void {
    this.epoch++
    this.sequence = 0
    partition.endTransaction({ producerId: this.id, producerEpoch: this.epoch }, { type, coordinatorEpoch: 0 }, timestamp)
  }
}
