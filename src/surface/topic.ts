// What users hold of a topic and its partitions: thin covers over log/.
import { UsageError } from '../base/errors.ts'
import { oneOf, optionTable, readOptions, signal as readSignal, size } from '../base/options.ts'
import type { OpenLog } from '../log/open-log.ts'
import { checkTime, offsetAtTime, type Position } from '../log/positions.ts'
import type { LogRecord, RecordBatch } from '../log/log-record.ts'
import type { NewRecord } from '../log/record-codec.ts'
import { BatchIterator, RecordsIterator } from '../log/record-iterator.ts'
import { fetchBatches, recordAt, turnIfHeld } from '../log/record-lookup.ts'
import { RecordReader, readReadOptions } from '../log/record-reader.ts'
import type { Sent } from '../log/send-receipts.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import type { TopicOptions, TopicSettings } from '../log/topic-settings.ts'
import type { Size } from '../base/units.ts'
import { checkOffset, type PartitionLog, type SegmentStats } from '../storage/partition-log.ts'
import { TopicProducer, newWriter, type ProducerOptions } from './producer.ts'
import { View } from './view.ts'

export type Isolation = 'read_committed' | 'read_uncommitted'

export interface ReadOptions {
  from?: Position
  to?: Position
  partitions?: readonly number[]
  follow?: boolean
  isolation?: Isolation
  maxBufferedBytes?: Size
  signal?: AbortSignal
}

const SIGNAL_ONLY = optionTable({ signal: { default: undefined, read: readSignal } })

const FETCH_OPTIONS = optionTable({
  from: { default: undefined, read: value => value },
  maxBytes: { default: 1024 * 1024, read: size({ min: 1 }) },
  isolation: { default: 'read_committed', read: oneOf(['read_committed', 'read_uncommitted']) },
  signal: { default: undefined, read: readSignal },
})

export class Topic<V = unknown, K = unknown> {
  readonly #log: OpenLog
  readonly #topic: StoredTopic
  #partitions: Partition<V, K>[] = []
  #shared: TopicProducer | undefined

  constructor(log: OpenLog, topic: StoredTopic) {
    this.#log = log
    this.#topic = topic
  }

  get name(): string { return this.#topic.name }
  get settings(): Readonly<TopicSettings> { return this.#topic.settings }

  get partitions(): readonly Partition<V, K>[] {
    for (let index = this.#partitions.length; index < this.#topic.partitions.length; index++) {
      this.#partitions = [...this.#partitions, new Partition<V, K>(this.#log, this.#topic, index)]
    }
    return this.#partitions
  }

  /** Enters the log in the order of the calls; resolves once it is as durable as the log's `durability`. */
  send(record: NewRecord<V, K>): Promise<Sent>
  /** Not atomic. Resolves when the last record is stored; a failure says how far it came: `details.index`, `details.sent`. */
  send(records: readonly NewRecord<V, K>[]): Promise<Sent[]>
  send(given: NewRecord<V, K> | readonly NewRecord<V, K>[]): Promise<Sent | Sent[]> {
    try {
      this.#topic.checkUsable()
      this.#shared ??= new TopicProducer(this.#log, this.#topic, newWriter(this.#log, undefined, `topic '${this.name}'`, this.#topic))
      return this.#shared.send(given as NewRecord)
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  producer(options?: ProducerOptions): TopicProducer<V, K> {
    this.#topic.checkUsable()
    return new TopicProducer<V, K>(this.#log, this.#topic, newWriter(this.#log, options, `topic '${this.name}': producer`, this.#topic), options?.signal)
  }

  /** No group: replay, inspect, tail. Partitions are merged in no promised order; within one, by offset. */
  read(options?: ReadOptions): AsyncIterableIterator<LogRecord<V, K>> {
    return new RecordsIterator(this.#reader(options)) as AsyncIterableIterator<LogRecord<V, K>>
  }

  batches(options?: ReadOptions): AsyncIterableIterator<RecordBatch<V, K>> {
    return new BatchIterator(this.#reader(options)) as AsyncIterableIterator<RecordBatch<V, K>>
  }

  /** The newest value of each key, kept as a map while it is open. */
  async view(options?: { signal?: AbortSignal }): Promise<View<V, K>> {
    this.#topic.checkUsable()
    const { signal } = readOptions(options, SIGNAL_ONLY, `topic '${this.name}': view`)
    return await View.open<V, K>(this.#log, this.#topic, signal)
  }

  /** Policies, and more partitions; what is not given stays as it is. */
  async alter(options: Omit<TopicOptions<V, K>, 'key' | 'value' | 'partitioner'>): Promise<void> {
    await this.#log.alterTopic(this.#topic, options)
  }

  /** Refuses a handle whose topic was deleted, or is another log's, where topics are also known by their names. @internal */
  static check(given: unknown, log: OpenLog, what: string): void {
    if (typeof given !== 'object' || given === null || !(#log in given)) return
    if (given.#log !== log) throw new UsageError('TOPIC_OF_ANOTHER_LOG', `${what}: topic '${given.name}' is of the log in ${given.#log.location}`, { hint: 'open the topic in this log: await log.topic(name)', details: { topic: given.name } })
    given.#topic.checkUsable()
  }

  #reader(options: ReadOptions | undefined): RecordReader {
    this.#topic.checkUsable()
    return new RecordReader(this.#topic, readReadOptions(options, this.name))
  }
}

export class Partition<V = unknown, K = unknown> {
  readonly #log: OpenLog
  readonly #topic: StoredTopic
  readonly index: number

  constructor(log: OpenLog, topic: StoredTopic, index: number) {
    this.#log = log
    this.#topic = topic
    this.index = index
  }

  get topic(): string { return this.#topic.name }
  get startOffset(): number { return this.#current().startOffset }
  /** What read_committed readers go up to. */
  get stableOffset(): number { return this.#current().stableOffset }
  /** One past the last record. */
  get endOffset(): number { return this.#current().endOffset }
  get bytes(): number { return this.#current().bytes }

  offsets(): { readonly start: number; readonly stable: number; readonly end: number } {
    const { startOffset: start, stableOffset: stable, endOffset: end } = this.#current()
    return { start, stable, end }
  }

  /** undefined: no committed record has that offset (any more, or yet). */
  async get(offset: number): Promise<LogRecord<V, K> | undefined> {
    checkOffset(offset, `${this.#partition.label}: get`)
    const waiting = turnIfHeld()
    if (waiting !== undefined) await waiting
    this.#topic.checkUsable()
    const { startOffset, stableOffset } = this.#current()
    if (offset < startOffset || offset >= stableOffset) return undefined
    return recordAt(this.#topic, this.index, offset) as LogRecord<V, K> | undefined | Promise<LogRecord<V, K> | undefined>
  }

  /** What is stored from an offset on: whole batches, at least one if there is any. Empty at the end. */
  async fetch(options: { from: number; maxBytes?: Size; isolation?: Isolation; signal?: AbortSignal }): Promise<RecordBatch<V, K>[]> {
    const { from, maxBytes, isolation, signal } = readOptions(options, FETCH_OPTIONS, `${this.#partition.label}: fetch`)
    checkOffset(from, `${this.#partition.label}: fetch`)
    const waiting = turnIfHeld()
    if (waiting !== undefined) await waiting
    this.#topic.checkUsable()
    signal?.throwIfAborted()
    const { startOffset, endOffset } = this.#current()
    if (from < startOffset || from > endOffset) throw this.#partition.outOfRange(from)
    return await fetchBatches(this.#topic, this.index, from, maxBytes, isolation) as RecordBatch<V, K>[]
  }

  /** The first offset whose record is as late as the time; the end offset when there is none. */
  async offsetAt(time: number | Date): Promise<number> {
    const ms = checkTime(time, `${this.#partition.label}: offsetAt`)
    this.#topic.checkUsable()
    this.#current()
    return await offsetAtTime(this.#topic, this.index, ms)
  }

  /**
   * Records before the offset can't be read any more, but for what a reader has in its buffer; whole segments of them are deleted.
   * What lies in the same segment as the offset stays in its file until that goes.
   */
  async truncateBefore(offset: number): Promise<void> {
    this.#topic.checkUsable()
    await this.#topic.writable(this.index).truncateBefore(offset)
  }

  segments(): SegmentStats[] {
    this.#topic.checkUsable()
    return this.#current().segmentStats()
  }

  /** After a failed sync or write error: reads the disk again as opening does. */
  async recover(): Promise<void> {
    await this.#log.recoverPartition(this.#topic, this.index)
  }

  get #partition(): PartitionLog { return this.#topic.partitions[this.index]! }

  /** After a look at the disk, where another process writes. */
  #current(): PartitionLog {
    const partition = this.#partition
    partition.refresh()
    return partition
  }
}
