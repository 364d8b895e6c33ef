import { UsageError } from '../base/errors.ts'
import type { MillraceError } from '../base/errors.ts'
import { KeyView } from '../log/key-view.ts'
import type { OpenLog } from '../log/open-log.ts'
import type { StoredTopic } from '../log/stored-topic.ts'

/** The newest value of each key of a topic, kept as a map while it is open. Tombstones take keys out. */
export class View<V = unknown, K = unknown> implements AsyncDisposable {
  readonly #view: KeyView

  private constructor(view: KeyView) {
    this.#view = view
  }

  static async open<V, K>(log: OpenLog, topic: StoredTopic, signal: AbortSignal | undefined): Promise<View<V, K>> {
    const view = new KeyView(topic, error => { log.events.emit('error', { error: error as MillraceError, topic: topic.name }) }, signal)
    await view.start()
    return new View<V, K>(view)
  }

  get size(): number { return this.#view.size }

  get(key: K): V | undefined {
    return this.#view.get(key) as V | undefined
  }

  has(key: K): boolean {
    return this.#view.has(key)
  }

  entries(): IterableIterator<[K, V]> {
    return this.#view.entries() as IterableIterator<[K, V]>
  }

  /** Resolves once all that was written before the call is in the view; what stands behind an open transaction comes when that ends. */
  async caughtUp(): Promise<void> {
    await this.#view.caughtUp()
  }

  /** Returns what takes the listener off again. */
  on(event: 'change', listener: (change: { key: K; value: V | undefined }) => void): () => void {
    const known: string = event
    if (known === 'change' && typeof listener === 'function') return this.#view.onChange(change => { listener(change as { key: K; value: V | undefined }) })
    throw new UsageError('EVENT_UNKNOWN', `view: there is no event '${String(event)}', or its listener is no function`, { hint: "a view has the event 'change'" })
  }

  async close(): Promise<void> {
    await this.#view.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
