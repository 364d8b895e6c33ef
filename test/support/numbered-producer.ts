// A producer made by hand, for tests below the transactions' own door: its batches carry id, epoch and sequence, and its
// transactions end by markers that raise the epoch, as Kafka's do since transaction version 2.
import { BatchEncoder } from '../../src/format/batch-encoder.ts'
import type { WritablePartition } from '../../src/storage/writable-partition.ts'
import { number } from './numbered-batches.ts'

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
    const { id, epoch, sequence } = this
    this.sequence += records.length
    return number(encoder.seal({}), { id, epoch, sequence, transactional })
  }

  end(partition: WritablePartition, type: 'commit' | 'abort', timestamp = 1000): void {
    this.epoch++
    this.sequence = 0
    partition.endTransaction({ producerId: this.id, producerEpoch: this.epoch }, { type, coordinatorEpoch: 0 }, timestamp)
  }
}
