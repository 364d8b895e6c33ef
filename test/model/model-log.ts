// What the log is compared with: a plain array of records for each partition, and what was sent and not yet answered.
// Knows no batches, segments, files or indexes.
//
//   start ≤ end = records.length        records below `start` are kept, to be told apart from others, and never shown
//   durable ≤ end                       below it a power cut takes nothing
import assert from 'node:assert/strict'
import { murmur2, toPositive } from '../../src/format/murmur2.ts'
import type { Sent } from '../../src/log/send-receipts.ts'
import type { TopicKind } from './topic-kinds.ts'

export interface ModelRecord {
  readonly key: string | null
  readonly value: unknown
  readonly headers: readonly (readonly [string, string | null])[]
  readonly timestamp: number
}

export class ModelPartition {
  readonly records: ModelRecord[] = []
  start = 0
  durable = 0
  /** Nothing was left above the start when it was opened: the segment below it goes with the next truncation or opening. */
  openedEmpty = false
  /** Where each producer stands: its calls enter the partition in their order. */
  readonly #reached = new Map<string, readonly [number, number]>()

  get end(): number { return this.records.length }

  /** Offsets and records that a reader of this range is shown. */
  between(from: number, end: number): [number, ModelRecord][] {
    return this.records.slice(from, end).map((record, i) => [from + i, record])
  }

  append(sending: Sending, index: number, timestamp: number): void {
    const [number, last] = this.#reached.get(sending.producer) ?? [-1, -1]
    assert(sending.number > number || (sending.number === number && index > last), `producer ${sending.producer}: a later call entered ${sending.topic.name} before an earlier one`)
    this.#reached.set(sending.producer, [sending.number, index])
    this.records.push({ ...sending.records[index]!.record, timestamp })
  }

  offsetAt(time: number): number {
    for (let offset = this.start; offset < this.end; offset++) if (this.records[offset]!.timestamp >= time) return offset
    return this.end
  }
}

export class ModelTopic {
  readonly kind: TopicKind
  readonly partitions: ModelPartition[] = []

  constructor(kind: TopicKind, partitions: number) {
    this.kind = kind
    this.grow(partitions)
  }

  get name(): string { return this.kind.name }

  grow(partitions: number): void {
    while (this.partitions.length < partitions) this.partitions.push(new ModelPartition())
  }

  /** Whether a record sent now may be found in a partition; where the schema is slow, more may be added before it is placed. */
  placing(key: string | null, partition: number | undefined): (index: number) => boolean {
    if (partition !== undefined) return index => index === partition
    if (key === null) return () => true
    const hash = toPositive(murmur2(Buffer.from(key)))
    const least = this.partitions.length
    return index => {
      for (let count = least; count <= (this.kind.asynchronous ? this.partitions.length : least); count++) if (hash % count === index) return true
      return false
    }
  }
}

export interface Place { readonly partition: number; readonly offset: number; readonly timestamp: number }

export interface SentRecord {
  readonly record: ModelRecord
  readonly mayBeIn: (partition: number) => boolean
  /** The log stamps it, at some time between the call and its answer. */
  readonly stampedLater: boolean
}

/** One call of send, sendSync or send(array). */
export interface Sending {
  readonly producer: string
  readonly number: number
  readonly topic: ModelTopic
  readonly records: readonly SentRecord[]
  readonly power: boolean
  readonly sentAt: number
  /** By the clock: when it is answered at the latest. */
  readonly answeredBy: number
  readonly promise: Promise<unknown>
  stored: readonly Sent[] | undefined
  failure: Error | undefined
  /** Where its records were found in the log, by their index; before or after it was answered. */
  readonly found: Map<number, Place>
}

export class LogModel {
  readonly topics = new Map<string, ModelTopic>()
  sendings: Sending[] = []
  /** For records that differ from all others. */
  nextNumber = 1

  get all(): ModelTopic[] { return [...this.topics.values()] }

  /** The device has all there is. */
  allDurable(): void {
    for (const { partitions } of this.all) for (const partition of partitions) partition.durable = partition.end
  }
}
