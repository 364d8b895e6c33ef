// Producers as users hold them: of one topic, or of any.
import { UsageError } from '../base/errors.ts'
import { describe } from '../base/describe.ts'
import { duration, oneOf, optionTable, readOptions, signal as readSignal, size } from '../base/options.ts'
import type { Duration, Size } from '../base/units.ts'
import { CODECS, type Codec } from '../format/record-batch.ts'
import type { OpenLog } from '../log/open-log.ts'
import type { NewRecord } from '../log/record-codec.ts'
import type { RecordWriter } from '../log/record-writer.ts'
import type { Sent } from '../log/send-receipts.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import { nameOf, type TopicLike } from '../log/topic-like.ts'

export interface ProducerOptions { durability?: 'process' | 'power'; compression?: Codec; linger?: Duration; batchBytes?: Size; maxBufferedBytes?: Size; signal?: AbortSignal }
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a topic of any types
export interface AnyNewRecord extends NewRecord { topic: string | TopicLike<any, any> }

const PRODUCER_OPTIONS = optionTable({
  durability: { default: undefined, read: oneOf(['process', 'power']) }, // the log's
  compression: { default: undefined, read: oneOf(CODECS) }, // the topic's
  linger: { default: 0, read: duration({ max: 60_000 }) }, // sends of one tick share a batch
  batchBytes: { default: 256 * 1024, read: size({ min: 1, max: 16 * 1024 * 1024 }) },
  maxBufferedBytes: { default: 32 * 1024 * 1024, read: size({ min: 1 }) },
  signal: { default: undefined, read: readSignal },
})

export function newWriter(log: OpenLog, options: ProducerOptions | undefined, what: string, only?: StoredTopic): RecordWriter {
  const { signal, durability, ...rest } = readOptions(options, PRODUCER_OPTIONS, what)
  signal?.throwIfAborted()
  return log.writer({ ...rest, durability: durability ?? log.settings.durability }, only)
}

/** What both kinds of producers do at their end. */
abstract class ClosableProducer implements AsyncDisposable {
  readonly #log: OpenLog
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = (): void => { void this.close() }
  protected readonly writer: RecordWriter

  constructor(log: OpenLog, writer: RecordWriter, signal: AbortSignal | undefined) {
    this.#log = log
    this.#signal = signal
    this.writer = writer
    signal?.addEventListener('abort', this.#onAbort)
  }

  /** Resolves once everything sent before the call is stored, or has failed. */
  async flush(): Promise<void> {
    await this.writer.flush()
  }

  async close(): Promise<void> {
    this.#log.forget(this.writer)
    this.#signal?.removeEventListener('abort', this.#onAbort)
    await this.writer.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

export class TopicProducer<V = unknown, K = unknown> extends ClosableProducer {
  readonly #topic: StoredTopic

  constructor(log: OpenLog, topic: StoredTopic, writer: RecordWriter, signal?: AbortSignal) {
    super(log, writer, signal)
    this.#topic = topic
  }

  send(record: NewRecord<V, K>): Promise<Sent>
  send(records: readonly NewRecord<V, K>[]): Promise<Sent[]>
  send(given: NewRecord<V, K> | readonly NewRecord<V, K>[]): Promise<Sent | Sent[]> {
    if (!Array.isArray(given)) return this.writer.send(this.#topic, given as NewRecord)
    return this.writer.sendAll([...given as readonly NewRecord[]], () => this.#topic)
  }

  /** In the log, 'process' durable, when it returns. */
  sendSync(record: NewRecord<V, K>): Sent {
    return this.writer.sendSync(this.#topic, record as NewRecord)
  }
}

/** A producer for any topic. */
export class Producer extends ClosableProducer {
  readonly #topics: ReadonlyMap<string, StoredTopic>

  constructor(log: OpenLog, writer: RecordWriter, signal: AbortSignal | undefined) {
    super(log, writer, signal)
    this.#topics = log.topics
  }

  send(record: AnyNewRecord): Promise<Sent>
  send(records: readonly AnyNewRecord[]): Promise<Sent[]>
  async send(given: AnyNewRecord | readonly AnyNewRecord[]): Promise<Sent | Sent[]> {
    if (Array.isArray(given)) return await this.#sendAll(given)
    const { topic, record } = split(given)
    return await this.writer.send(this.#stored(topic), record)
  }

  sendSync(given: AnyNewRecord): Sent {
    const { topic, record } = split(given)
    return this.writer.sendSync(this.#stored(topic), record)
  }

  #sendAll(given: readonly unknown[]): Promise<Sent[]> {
    const parts = Array.from(given, split)
    const topics: StoredTopic[] = []
    return this.writer.sendAll(parts.map(({ record }) => record), index => topics[index] ??= this.#stored(parts[index]!.topic))
  }

  #stored(topic: unknown): StoredTopic {
    const name = nameOf(topic)
    const stored = typeof name === 'string' ? this.#topics.get(name) : undefined
    if (stored !== undefined) return stored
    throw new UsageError('TOPIC_UNKNOWN', `producer: found topic ${describe(name)}, expected one that was opened`, { hint: 'open it first: await log.topic(name); records are { topic, key, value }', details: { topic: name } })
  }
}

/** Where a record goes, and what is sent there. */
function split(given: unknown): { topic: unknown; record: NewRecord } {
  const { topic, ...record } = (given ?? {}) as Partial<AnyNewRecord>
  return { topic, record: record as NewRecord }
}
