// The newest value of each key of a topic, kept as a map while it is open. Stores nothing of its own: it replays the
// topic and follows it. Keys are told apart by their stored bytes. Records without a key are passed over.
// Once it has ended (closed, aborted, its topic gone, a record that can't be read) every call says why: what it held
// is no answer any more. An open view keeps no process alive.
import { ClosedError } from '../base/errors.ts'
import { tellAll } from './event-emitter.ts'
import type { RecordCodec } from './record-codec.ts'
import { RecordReader, readReadOptions } from './record-reader.ts'
import type { StoredTopic } from './stored-topic.ts'

export interface ViewChange { readonly key: unknown; readonly value: unknown }

interface Waiter { readonly ends: ReadonlyMap<number, number>; readonly resolve: () => void; readonly reject: (error: unknown) => void }

export class KeyView {
  readonly #codec: RecordCodec
  readonly #topic: StoredTopic
  readonly #reader: RecordReader
  readonly #entries = new Map<string, { key: unknown; value: unknown }>()
  readonly #applied = new Map<number, number>()
  readonly #listeners = new Set<(change: ViewChange) => void>()
  readonly #onError: (error: unknown) => void
  readonly #signal: AbortSignal | undefined
  #waiters: Waiter[] = []
  /** Why it ended. */
  #ended: Error | undefined
  #running: Promise<void> | undefined

  constructor(topic: StoredTopic, onError: (error: unknown) => void, signal?: AbortSignal) {
    this.#topic = topic
    this.#codec = topic.codec
    this.#onError = onError
    this.#signal = signal
    this.#reader = new RecordReader(topic, readReadOptions({ from: 'earliest', follow: true, signal }, topic.name), {
      holdsProcess: false,
      onRest: () => {
        for (const [partition, offset] of this.#reader.reached) this.#applied.set(partition, offset) // control batches at the end come to nobody
        this.#settleWaiters()
      },
    })
  }

  /** Resolves once what was stored before the call is in the view. */
  async start(): Promise<void> {
    await this.#reader.begin()
    this.#running = this.#run()
    await this.caughtUp()
  }

  get size(): number {
    this.#checkOpen()
    return this.#entries.size
  }

  get(key: unknown): unknown {
    this.#checkOpen()
    return this.#entries.get(this.#name(key))?.value
  }

  has(key: unknown): boolean {
    this.#checkOpen()
    return this.#entries.has(this.#name(key))
  }

  entries(): IterableIterator<[unknown, unknown]> {
    this.#checkOpen()
    return this.#pairs()
  }

  async caughtUp(): Promise<void> {
    this.#checkOpen()
    const ends = new Map(this.#topic.partitions.map((log, partition) => {
      log.refresh()
      return [partition, log.stableOffset] as const
    }))
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ ends, resolve, reject })
      this.#settleWaiters()
    })
  }

  onChange(listener: (change: ViewChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#reader.end()
    await this.#running
  }

  #checkOpen(): void {
    if (this.#ended !== undefined) throw this.#ended
    this.#signal?.throwIfAborted()
    if (this.#topic.gone !== undefined) throw this.#topic.gone
  }

  *#pairs(): IterableIterator<[unknown, unknown]> {
    for (const { key, value } of this.#entries.values()) yield [key, value]
  }

  async #run(): Promise<void> {
    try {
      for (let batch = await this.#reader.next(); batch !== undefined; batch = await this.#reader.next()) {
        for (const record of batch) {
          if (record.key !== null) this.#apply(record.key, record.value)
          if (this.#reader.slices.due()) await this.#reader.slices.pause()
        }
        this.#applied.set(batch.partition, batch.lastOffset + 1)
        this.#settleWaiters()
      }
      this.#ended = new ClosedError('VIEW_CLOSED', `the view of topic '${this.#topic.name}' was closed`, { hint: 'make a new one: topic.view()' })
    } catch (error) {
      this.#ended = error as Error
      if (!(error instanceof ClosedError) && this.#signal?.aborted !== true) this.#onError(error)
    }
    this.#settleWaiters()
  }

  #apply(key: unknown, value: unknown): void {
    const name = this.#name(key)
    if (value === null) this.#entries.delete(name)
    else this.#entries.set(name, { key, value })
    tellAll(this.#listeners, 'change', { key, value: value === null ? undefined : value }, this.#onError)
  }

  #name(key: unknown): string {
    const bytes = this.#codec.encodeKey(key)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  }

  #settleWaiters(): void {
    this.#waiters = this.#waiters.filter(waiter => {
      if (this.#ended !== undefined) waiter.reject(this.#ended)
      else if ([...waiter.ends].every(([partition, end]) => (this.#applied.get(partition) ?? this.#topic.partitions[partition]!.startOffset) >= end)) waiter.resolve()
      else return true
      return false
    })
  }
}
