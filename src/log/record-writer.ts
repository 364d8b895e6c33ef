// One producer: takes records in the order of the calls, places them in partitions, and writes their batches at the
// end of the tick, after the linger, or when they are full.
//
// The usual record goes straight into its batch. When something has to be waited for (an asynchronous schema, a long
// array, full buffers) the calls that follow queue behind it in #steps, so that their order holds. Nothing bounds
// that queue: a caller who awaits none of its sends holds their bytes in memory, beyond maxBufferedBytes.
import { ClosedError, LimitError, UsageError } from '../base/errors.ts'
import { recordBytes } from '../format/batch-encoder.ts'
import { ensureCodec, isCodecLoaded } from '../format/compression.ts'
import type { Codec } from '../format/record-batch.ts'
import type { Clock } from '../platform/clock.ts'
import { EndOfTick } from '../platform/end-of-tick.ts'
import { keepAlive } from '../platform/keep-alive.ts'
import { ArraySend, type RecordSink } from './array-send.ts'
import { BatchAccumulator, type TransactionalProducer } from './batch-accumulator.ts'
import { ByteBudget } from './byte-budget.ts'
import { copyBytes, type EncodedRecord, type NewRecord } from './record-codec.ts'
import { OneReceipt, type Receipt, type Sent } from './send-receipts.ts'
import type { StoredTopic } from './stored-topic.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'

export interface WriterSettings {
  readonly durability: 'process' | 'power'
  /** undefined: the topic's. */
  readonly compression: Codec | undefined
  readonly linger: number
  readonly batchBytes: number
  readonly maxBufferedBytes: number
  /** What it sends is part of a transaction. */
  readonly producer?: TransactionalProducer | undefined
}

/** What the writer holds of one topic. */
interface Route {
  readonly topic: StoredTopic
  readonly accumulators: (BatchAccumulator | undefined)[]
  /** Where records without a key go, until a batch of it is full or written. */
  keyless: { readonly partition: number; readonly batch: number } | undefined
}

export class RecordWriter {
  readonly #settings: WriterSettings
  readonly #clock: Clock
  readonly #budget: ByteBudget
  readonly #routes = new Map<StoredTopic, Route>()
  /** The route of the last record: most producers have one topic. */
  #latest: Route | undefined
  readonly #open = new Set<BatchAccumulator>()
  /** Refuses a send that waits for its schema. */
  readonly #unchecked = new Set<(reason: unknown) => void>()
  readonly #endOfTick = new EndOfTick(() => { this.#writeOpen() })
  readonly #sink: RecordSink = {
    hasRoom: () => !this.#budget.full,
    room: () => this.#room(),
    checked: encoded => this.#checked(encoded),
    add: (topic, record, receipt, index) => { this.#add(topic, record, receipt, index) },
  }
  #steps = 0
  #tail: Promise<void> = Promise.resolve()
  #endLinger: (() => void) | undefined
  #closed: ClosedError | undefined

  constructor(settings: WriterSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
    this.#budget = new ByteBudget(settings.maxBufferedBytes)
    if (settings.compression !== undefined) this.#inOrder(() => ensureCodec(settings.compression!).catch((error: unknown) => { this.#closed = error as ClosedError }))
  }

  send(topic: StoredTopic, record: NewRecord): Promise<Sent> {
    return new Promise((resolve, reject) => {
      this.#checkOpen()
      const now = this.#clock.now()
      topic.checkRecord(record, now)
      const encoded = topic.codec.encode(record, now)
      if (encoded instanceof Promise || this.#mustQueue) this.#addLater(topic, encoded, resolve, reject)
      else this.#add(topic, encoded, new OneReceipt(encoded.timestamp, resolve, reject), 0)
    })
  }

  /**
   * The array is the writer's from now on. Once one of its records is refused, no later one is stored that is not in
   * the log yet. Batches enter a partition in order: there, none stands behind a refused one (a failed sync leaves it
   * open). Other partitions may have had theirs before. `details.sent` counts all that are stored.
   */
  sendAll(records: readonly NewRecord[], topicOf: (index: number) => StoredTopic): Promise<Sent[]> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    const sending = new ArraySend(records, topicOf, this.#sink, this.#clock)
    this.#inOrder(() => sending.run())
    return sending.receipt.done
  }

  /** A record with bytes of its own, that was checked before. It waits for nothing, and for no room; nothing else that waits may be before it. */
  addEncoded(topic: StoredTopic, record: EncodedRecord, receipt: Receipt, index: number): void {
    this.#checkOpen()
    this.#add(topic, record, receipt, index)
  }

  /** In the log when it returns. */
  sendSync(topic: StoredTopic, record: NewRecord): Sent {
    this.#checkOpen()
    const now = this.#clock.now()
    topic.checkRecord(record, now)
    const encoded = topic.codec.encode(record, now)
    if (encoded instanceof Promise) {
      encoded.catch(() => { /* refused below, whatever the schema says */ })
      throw new UsageError('SCHEMA_ASYNCHRONOUS', `topic '${topic.name}': its schema is asynchronous, sendSync can't wait for it`, { hint: 'use send()', details: { topic: topic.name } })
    }
    if (this.#mustQueue) {
      throw new LimitError('PRODUCER_BUSY', `topic '${topic.name}': earlier sends of this producer are still waiting, sendSync would overtake them`, {
        hint: 'await send() or flush() first, or use a producer of its own for sendSync', details: { topic: topic.name }, retriable: true,
      })
    }
    this.#checkCodec(topic)
    checkedBytes(topic, encoded)
    return this.#accumulator(topic, this.#place(topic, encoded)).addNow(encoded)
  }

  #codec(topic: StoredTopic): Codec {
    return this.#settings.compression ?? topic.settings.compression
  }

  /** A topic that was only listed has not loaded its codec yet; a send with a promise does that. */
  #checkCodec(topic: StoredTopic): void {
    const codec = this.#codec(topic)
    if (codec === 'none' || isCodecLoaded(codec)) return
    throw new UsageError('CODEC_NOT_LOADED', `topic '${topic.name}': its codec '${codec}' is not loaded yet, sendSync can't wait for it`, { hint: `open the topic first: await log.topic('${topic.name}')`, details: { topic: topic.name, codec } })
  }

  /** Resolves once everything sent before the call is stored, or has failed. */
  async flush(): Promise<void> {
    await this.#tail
    this.#writeOpen()
    await Promise.all([...this.#accumulators()].map(accumulator => accumulator.settled()))
  }

  /** Those that a transaction has written to. */
  get numbered(): WritablePartition[] {
    return [...this.#accumulators()].filter(({ hasNumbered }) => hasNumbered).map(({ partition }) => partition)
  }

  /** What was sent is stored first. Idempotent. */
  async close(reason = new ClosedError('PRODUCER_CLOSED', 'the producer was closed', { hint: 'make a new one: topic.producer()' })): Promise<void> {
    this.#closed ??= reason
    await this.flush()
  }

  /** Sends that wait for an asynchronous schema are refused. Whatever else they wait for ends by itself. */
  giveUp(reason: ClosedError): void {
    for (const refuse of this.#unchecked) refuse(reason)
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw this.#closed
  }

  /** Earlier calls are still waiting, or there is no room. */
  get #mustQueue(): boolean { return this.#steps > 0 || this.#budget.full }

  /** Steps run one after the other; the first begins at once. */
  #inOrder(step: () => Promise<void>): void {
    const run = this.#steps++ === 0 ? step() : this.#tail.then(step)
    this.#tail = run.finally(() => { this.#steps-- })
  }

  #addLater(topic: StoredTopic, encoded: EncodedRecord | Promise<EncodedRecord>, resolve: (sent: Sent) => void, reject: (error: unknown) => void): void {
    const owned = encoded instanceof Promise ? encoded : copyBytes(encoded)
    if (owned instanceof Promise) owned.catch(() => { /* the step below reports it, in its turn */ })
    this.#inOrder(async () => {
      try {
        await this.#room()
        const record = await this.#checked(owned)
        this.#add(topic, record, new OneReceipt(record.timestamp, resolve, reject), 0)
      } catch (error) {
        reject(error)
      }
    })
  }

  /** What the schema makes of a record, unless it takes longer than the log can wait. */
  #checked(encoded: EncodedRecord | Promise<EncodedRecord>): Promise<EncodedRecord> {
    return new Promise((resolve, reject) => {
      this.#unchecked.add(reject)
      Promise.resolve(encoded).then(resolve, reject).finally(() => this.#unchecked.delete(reject))
    })
  }

  async #room(): Promise<void> {
    if (!this.#budget.full) return
    this.#writeOpen()
    await this.#budget.room()
  }

  #add(topic: StoredTopic, record: EncodedRecord, receipt: Receipt, index: number): void {
    const bytes = checkedBytes(topic, record)
    const accumulator = this.#accumulator(topic, this.#place(topic, record))
    if (!accumulator.hasOpenBatch) this.#open.add(accumulator)
    accumulator.add(record, bytes, receipt, index)
    if (this.#settings.linger === 0) this.#endOfTick.ask()
    else if (this.#endLinger === undefined) this.#writeAfterLinger()
  }

  #place(topic: StoredTopic, record: EncodedRecord): number {
    if (record.partition !== undefined) return record.partition
    const count = topic.partitions.length
    if (record.key !== null) return topic.codec.place(record.key, count)
    if (count === 1) return 0
    const route = this.#route(topic)
    const current = route.keyless
    if (current !== undefined && this.#accumulator(topic, current.partition).nextBatch === current.batch) return current.partition
    const partition = current === undefined ? 0 : (current.partition + 1) % count
    route.keyless = { partition, batch: this.#accumulator(topic, partition).nextBatch }
    return partition
  }

  #route(topic: StoredTopic): Route {
    if (this.#latest?.topic === topic) return this.#latest
    return this.#latest = this.#routes.get(topic) ?? this.#newRoute(topic)
  }

  #newRoute(topic: StoredTopic): Route {
    const isTransaction = this.#settings.producer !== undefined // what it has written must be there when it is committed
    for (const other of this.#routes.keys()) if (other.gone !== undefined && !isTransaction) this.#routes.delete(other)
    const route: Route = { topic, accumulators: [], keyless: undefined }
    this.#routes.set(topic, route)
    return route
  }

  #accumulator(topic: StoredTopic, partition: number): BatchAccumulator {
    const { accumulators } = this.#route(topic)
    return accumulators[partition] ??= this.#newAccumulator(topic, partition)
  }

  #newAccumulator(topic: StoredTopic, partition: number): BatchAccumulator {
    return new BatchAccumulator(topic.writable(partition), { topic: topic.name, partition }, {
      codec: () => this.#codec(topic),
      batchBytes: this.#settings.batchBytes,
      durability: this.#settings.durability,
      appendTime: () => topic.settings.timestamps === 'append' ? this.#clock.now() : undefined,
      budget: this.#budget,
      producer: this.#settings.producer,
    })
  }

  *#accumulators(): Iterable<BatchAccumulator> {
    for (const route of this.#routes.values()) for (const accumulator of route.accumulators) if (accumulator !== undefined) yield accumulator
  }

  #writeAfterLinger(): void {
    const release = keepAlive()
    const timer = this.#clock.setTimeout(() => { this.#writeOpen() }, this.#settings.linger)
    this.#endLinger = () => {
      timer.cancel()
      release()
    }
  }

  #writeOpen(): void {
    this.#endLinger?.()
    this.#endLinger = undefined
    for (const accumulator of this.#open) accumulator.write()
    this.#open.clear()
  }
}

/** The record's size in a batch, if the topic takes it. */
export function checkedBytes(topic: StoredTopic, record: EncodedRecord): number {
  const { maxRecordBytes } = topic.settings
  const bytes = recordBytes(record.key, record.value, record.headers)
  if (bytes <= maxRecordBytes) return bytes
  throw new LimitError('RECORD_TOO_LARGE', `topic '${topic.name}': a record of about ${bytes} bytes is larger than maxRecordBytes, ${maxRecordBytes}`, {
    hint: 'store large values elsewhere and send where they are, or alter the topic', details: { topic: topic.name, bytes, maxRecordBytes },
  })
}
