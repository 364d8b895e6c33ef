// One producer: takes records in the order of the calls, places them in partitions, and writes their batches at the
// end of the tick, after the linger, or when they are full.
//
// The usual record goes straight into its batch. When something has to be waited for (an asynchronous schema, a long
// array, full buffers) the calls that follow queue behind it in #steps, so that their order holds.
import { ClosedError, LimitError, UsageError } from '../base/errors.ts'
import { ensureCodec, isCodecLoaded } from '../format/compression.ts'
import type { Codec } from '../format/record-batch.ts'
import type { Clock } from '../platform/clock.ts'
import { HeldLoop } from '../platform/held-loop.ts'
import { keepAlive } from '../platform/keep-alive.ts'
import { nextTurn } from '../platform/next-turn.ts'
import { Slices } from '../platform/slices.ts'
import { BatchAccumulator, checkRecordBytes, type Receipt } from './batch-accumulator.ts'
import { ByteBudget } from './byte-budget.ts'
import type { EncodedRecord, NewRecord } from './record-codec.ts'
import { ArrayReceipt, OneReceipt, type Sent } from './send-receipts.ts'
import type { StoredTopic } from './stored-topic.ts'

export interface WriterSettings {
  readonly durability: 'process' | 'power'
  /** undefined: the topic's. */
  readonly compression: Codec | undefined
  readonly linger: number
  readonly batchBytes: number
  readonly maxBufferedBytes: number
}

interface Route {
  readonly accumulators: (BatchAccumulator | undefined)[]
  /** Where records without a key go, until a batch of it is full or written. */
  keyless: { readonly partition: number; readonly batch: number } | undefined
}

export class RecordWriter {
  readonly #settings: WriterSettings
  readonly #clock: Clock
  readonly #budget: ByteBudget
  readonly #routes = new Map<StoredTopic, Route>()
  readonly #open = new Set<BatchAccumulator>()
  /** Refuses a send that waits for its schema. */
  readonly #unchecked = new Set<(reason: unknown) => void>()
  readonly #loop = new HeldLoop()
  #steps = 0
  #tail: Promise<void> = Promise.resolve()
  #added = 0
  #writeScheduled = false
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
      topic.checkRecord(record)
      const receipt = new OneReceipt(topic.name, resolve, reject)
      const encoded = topic.codec.encode(record)
      if (this.#steps === 0 && !this.#budget.full && !(encoded instanceof Promise)) this.#add(topic, encoded, receipt, 0)
      else this.#addLater(topic, encoded, receipt)
    })
  }

  /** The array is the writer's from now on. */
  sendAll(records: readonly NewRecord[], topicOf: (index: number) => StoredTopic): Promise<Sent[]> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    const receipt = new ArrayReceipt(records.length, index => topicOf(index).name)
    this.#inOrder(() => this.#addAll(records, topicOf, receipt))
    return receipt.done
  }

  /** In the log when it returns. */
  sendSync(topic: StoredTopic, record: NewRecord): Sent {
    this.#checkOpen()
    topic.checkRecord(record)
    const encoded = topic.codec.encode(record)
    if (encoded instanceof Promise) {
      encoded.catch(() => { /* refused below, whatever the schema says */ })
      throw new UsageError('SCHEMA_ASYNCHRONOUS', `topic '${topic.name}': its schema is asynchronous, sendSync can't wait for it`, { hint: 'use send()', details: { topic: topic.name } })
    }
    if (this.#steps > 0 || this.#budget.full) {
      throw new LimitError('PRODUCER_BUSY', `topic '${topic.name}': earlier sends of this producer are still waiting, sendSync would overtake them`, {
        hint: 'await send() or flush() first, or use a producer of its own for sendSync', details: { topic: topic.name }, retriable: true,
      })
    }
    this.#checkCodec(topic)
    checkRecordBytes(encoded, topic.settings.maxRecordBytes, topic.name)
    const partition = this.#place(topic, encoded)
    return { topic: topic.name, partition, ...this.#accumulator(topic, partition).addNow(encoded) }
  }

  #codec(topic: StoredTopic): Codec {
    return this.#settings.compression ?? topic.settings.compression
  }

  /** A topic that was only listed has not loaded its codec yet; a send with a promise does that. */
  #checkCodec(topic: StoredTopic): void {
    const codec = this.#codec(topic)
    if (isCodecLoaded(codec)) return
    throw new UsageError('CODEC_NOT_LOADED', `topic '${topic.name}': its codec '${codec}' is not loaded yet, sendSync can't wait for it`, { hint: `open the topic first: await log.topic('${topic.name}')`, details: { topic: topic.name, codec } })
  }

  /** Resolves once everything sent before the call is stored, or has failed. */
  async flush(): Promise<void> {
    await this.#tail
    this.#writeOpen()
    await Promise.all([...this.#accumulators()].map(accumulator => accumulator.settled()))
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

  /** Steps run one after the other; the first begins at once. */
  #inOrder(step: () => Promise<void>): void {
    const run = this.#steps++ === 0 ? step() : this.#tail.then(step)
    this.#tail = run.finally(() => { this.#steps-- })
  }

  #addLater(topic: StoredTopic, encoded: EncodedRecord | Promise<EncodedRecord>, receipt: OneReceipt): void {
    if (encoded instanceof Promise) encoded.catch(() => { /* the step below reports it, in its turn */ })
    this.#inOrder(async () => {
      try {
        await this.#room()
        this.#add(topic, await this.#checked(encoded), receipt, 0)
      } catch (error) {
        receipt.failed(0, error)
      }
    })
  }

  async #addAll(records: readonly NewRecord[], topicOf: (index: number) => StoredTopic, receipt: ArrayReceipt): Promise<void> {
    const slices = new Slices()
    let index = 0
    try {
      for (; index < records.length; index++) {
        const topic: StoredTopic = topicOf(index)
        topic.checkRecord(records[index])
        if (slices.due()) await slices.pause()
      }
    } catch (error) {
      receipt.complete({ index, error })
      return
    }
    try {
      for (index = 0; index < records.length && !receipt.hasFailed; index++) {
        const topic = topicOf(index)
        const encoded = topic.codec.encode(records[index]!)
        const ready = encoded instanceof Promise ? await this.#checked(encoded) : encoded
        if (this.#budget.full) await this.#room()
        this.#add(topic, ready, receipt, index)
        receipt.taken()
        if (slices.due()) await slices.pause()
      }
      receipt.complete()
    } catch (error) {
      receipt.complete({ index, error })
    }
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
    checkRecordBytes(record, topic.settings.maxRecordBytes, topic.name)
    const accumulator = this.#accumulator(topic, this.#place(topic, record))
    accumulator.add(record, receipt, index)
    this.#open.add(accumulator)
    this.#added++
    this.#scheduleWrite()
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
    const known = this.#routes.get(topic)
    if (known !== undefined) return known
    for (const other of this.#routes.keys()) if (other.gone !== undefined) this.#routes.delete(other)
    const route: Route = { accumulators: [], keyless: undefined }
    this.#routes.set(topic, route)
    return route
  }

  #accumulator(topic: StoredTopic, partition: number): BatchAccumulator {
    const { accumulators } = this.#route(topic)
    return accumulators[partition] ??= new BatchAccumulator(topic.writable(partition), partition, {
      codec: () => this.#codec(topic),
      batchBytes: this.#settings.batchBytes,
      durability: this.#settings.durability,
      appendTime: () => topic.settings.timestamps === 'append' ? this.#clock.now() : undefined,
      budget: this.#budget,
    })
  }

  *#accumulators(): Iterable<BatchAccumulator> {
    for (const route of this.#routes.values()) for (const accumulator of route.accumulators) if (accumulator !== undefined) yield accumulator
  }

  #scheduleWrite(): void {
    if (this.#writeScheduled) return
    this.#writeScheduled = true
    if (this.#settings.linger === 0) this.#writeWhenQuiet(this.#added)
    else this.#writeAfterLinger()
  }

  /** At the end of the tick: when a turn of the microtask queue has brought no more records. */
  #writeWhenQuiet(seen: number): void {
    void Promise.resolve().then(() => {
      if (this.#added !== seen) this.#writeWhenQuiet(this.#added)
      else if (this.#loop.held()) void nextTurn().then(() => { this.#writeOpen() })
      else this.#writeOpen()
    })
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
    this.#writeScheduled = false
    this.#endLinger?.()
    this.#endLinger = undefined
    for (const accumulator of this.#open) accumulator.write()
    this.#open.clear()
  }
}
