// The producers' writers of a log: flushed and closed with it, within a time.
import type { ClosedError } from '../base/errors.ts'
import type { Clock } from '../platform/clock.ts'
import type { RecordWriter } from './record-writer.ts'
import type { StoredTopic } from './stored-topic.ts'

export class OpenWriters {
  readonly #clock: Clock
  /** And the topic, of those that write to one alone. */
  readonly #writers = new Map<RecordWriter, StoredTopic | undefined>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(writer: RecordWriter, only: StoredTopic | undefined): void {
    this.#writers.set(writer, only)
  }

  forget(writer: RecordWriter): void {
    this.#writers.delete(writer)
  }

  forgetThoseOf(topic: StoredTopic): void {
    for (const [writer, only] of this.#writers) if (only === topic) this.#writers.delete(writer)
  }

  /** Resolves with whether all was stored in time. What was not is given up. */
  async close(timeoutMs: number, reason: ClosedError): Promise<boolean> {
    const inTime = await this.#flushed(timeoutMs, reason)
    if (!inTime) for (const writer of this.#writers.keys()) writer.giveUp(reason)
    return inTime
  }

  async #flushed(timeoutMs: number, reason: ClosedError): Promise<boolean> {
    const flushed = Promise.all([...this.#writers.keys()].map(writer => writer.close(reason))).then(() => true)
    if (timeoutMs === Infinity) return await flushed
    let timer: { cancel(): void } | undefined
    const late = new Promise<false>(resolve => { timer = this.#clock.setTimeout(() => { resolve(false) }, timeoutMs) })
    return await Promise.race([flushed, late]).finally(() => { timer?.cancel() })
  }
}
