// A topic as the log holds it: settings, partitions, and the codec between values and bytes. What users hold (surface/)
// and what later layers work on is this.
import { ConflictError, NotFoundError, UsageError, type ClosedError } from '../base/errors.ts'
import type { PartitionLog } from '../storage/partition-log.ts'
import { WritablePartition } from '../storage/writable-partition.ts'
import type { RecordSource } from './record-view.ts'
import type { NewRecord, RecordCodec } from './record-codec.ts'
import type { TopicSettings } from './topic-settings.ts'

export class StoredTopic {
  readonly name: string
  readonly id: string
  readonly codec: RecordCodec
  settings: Readonly<TopicSettings>
  /** Grows; an index is a partition's number. */
  partitions: readonly PartitionLog[]
  sources: readonly RecordSource[] = []
  /** Set when the topic is deleted or the log is closed: what readers and writers in progress get. */
  gone: ClosedError | undefined
  #deleted = false
  readonly #onGrown = new Set<() => void>()

  constructor(name: string, id: string, settings: Readonly<TopicSettings>, partitions: readonly PartitionLog[], codec: RecordCodec) {
    this.name = name
    this.id = id
    this.settings = settings
    this.codec = codec
    this.partitions = partitions
    this.#nameSources()
  }

  grow(partitions: readonly PartitionLog[]): void {
    this.partitions = [...this.partitions, ...partitions]
    this.#nameSources()
    const waiting = [...this.#onGrown]
    this.#onGrown.clear()
    for (const callback of waiting) callback()
  }

  /** Calls back once when partitions are added. */
  onGrown(callback: () => void): () => void {
    this.#onGrown.add(callback)
    return () => this.#onGrown.delete(callback)
  }

  markGone(reason: ClosedError, how: 'deleted' | 'closed'): void {
    this.gone = reason
    this.#deleted = how === 'deleted'
  }

  /** At the beginning of every call. */
  checkUsable(): void {
    if (this.#deleted) throw new NotFoundError('TOPIC_DELETED', `topic '${this.name}' was deleted`, { hint: 'open it again to create it anew', details: { topic: this.name } })
    if (this.gone !== undefined) throw this.gone
  }

  /** `now`: the clock's. */
  checkRecord(record: unknown, now: number): asserts record is NewRecord {
    this.checkUsable()
    this.codec.check(record, this.partitions.length, now)
    if (this.settings.cleanup === 'delete' || (record.key !== undefined && record.key !== null)) return
    throw new UsageError('KEY_MISSING', `topic '${this.name}' is compacted: a record without a key can't be sent to it`, { hint: 'compaction keeps the newest record of each key: give one', details: { topic: this.name } })
  }

  writable(partition: number): WritablePartition {
    const log = this.partitions[partition]!
    if (log instanceof WritablePartition) return log
    throw new ConflictError('READ_ONLY', `topic '${this.name}': the log was opened read-only`, { hint: 'the process that holds the log can write; or open it without readOnly', details: { topic: this.name } })
  }

  #nameSources(): void {
    this.sources = this.partitions.map((_, partition) => ({
      topic: this.name,
      partition,
      decodeKey: bytes => this.codec.decodeKey(bytes),
      decodeValue: (bytes, record) => this.codec.decodeValue(bytes, record),
    }))
  }
}
