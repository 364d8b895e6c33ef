// What one attempt sends where each effect is to happen exactly once. It is checked and encoded at the call, so that a
// mistake rejects there and what is done to the object later is not seen; and held back in memory until its record is
// handled and a transaction takes it (run-transactions.ts). Of an attempt that fails nothing is taken.
//
// A send that fails fails the attempt, whoever catches its error: all of what was sent, or nothing.
import { LimitError, UsageError } from '../base/errors.ts'
import { MiB, formatBytes } from '../base/units.ts'
import { copyBytes, type EncodedRecord, type NewRecord } from '../log/record-codec.ts'
import { checkedBytes } from '../log/record-writer.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import type { Clock } from '../platform/clock.ts'

/** Of one attempt. */
const LARGEST_HELD_BYTES = 32 * MiB
const HELD = Promise.resolve()

export interface HeldRecord {
  readonly topic: StoredTopic
  readonly record: EncodedRecord
}

export interface HeldSendsParts {
  readonly clock: Clock
  /** What the caller was given, as the log holds it. Throws where it is none. */
  readonly topicOf: (topic: unknown) => StoredTopic
  /** Begins messages: "group 'billing': tx.send". */
  readonly what: string
}

export class HeldSends {
  readonly #parts: HeldSendsParts
  /** In the order of the calls. A place is kept for what waits for its schema. */
  readonly #records: (HeldRecord | undefined)[] = []
  #bytes = 0
  /** Settles, and never rejects, once all schemas have answered. */
  #encoding: Promise<unknown> | undefined
  #failure: { readonly error: unknown } | undefined
  #isOpen = true

  constructor(parts: HeldSendsParts) {
    this.#parts = parts
  }

  /** All of it, once the attempt has ended well. */
  get records(): readonly HeldRecord[] { return this.#records as readonly HeldRecord[] }
  get bytes(): number { return this.#bytes }

  /** Resolves once it is held. Not `async`: most sends wait for nothing (the benchmark 'exactly-once'). */
  send(topic: unknown, given: unknown): Promise<void> {
    try {
      if (!this.#isOpen) throw attemptEnded(this.#parts.what)
      return this.#holdAll(this.#parts.topicOf(topic), (Array.isArray(given) ? given : [given]) as unknown[]) ?? HELD
    } catch (error) {
      return this.#refuse(error)
    }
  }

  /** Takes one that the runner sends itself, however large it is. */
  hold(topic: StoredTopic, record: NewRecord): void {
    const now = this.#parts.clock.now()
    topic.checkRecord(record, now)
    const encoded = topic.codec.encode(record, now)
    if (!(encoded instanceof Promise)) this.#put(this.#records.length, topic, copyBytes(encoded), Infinity)
  }

  /** Nothing more is taken. */
  close(): void {
    this.#isOpen = false
  }

  /** What has to be awaited before checkSound(). */
  get encoding(): Promise<unknown> | undefined { return this.#encoding }

  /** Throws the first failure. */
  checkSound(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #holdAll(topic: StoredTopic, records: readonly unknown[]): Promise<void> | undefined {
    const now = this.#parts.clock.now()
    for (const record of records) topic.checkRecord(record, now)
    let encoding: Promise<void>[] | undefined
    for (const record of records as readonly NewRecord[]) {
      const place = this.#records.length
      const encoded = topic.codec.encode(record, now)
      if (encoded instanceof Promise) {
        this.#records.push(undefined)
        encoding = [...encoding ?? [], encoded.then(late => { this.#put(place, topic, late, LARGEST_HELD_BYTES) })]
      } else this.#put(place, topic, copyBytes(encoded), LARGEST_HELD_BYTES)
    }
    return encoding === undefined ? undefined : this.#await(encoding)
  }

  #put(place: number, topic: StoredTopic, record: EncodedRecord, mostBytes: number): void {
    this.#bytes += checkedBytes(topic, record)
    if (this.#bytes > mostBytes) throw tooMuch(this.#parts.what, this.#bytes)
    this.#records[place] = { topic, record }
  }

  #await(encoding: readonly Promise<void>[]): Promise<void> {
    const sent = Promise.all(encoding).then(() => undefined, (error: unknown) => this.#refuse(error))
    this.#encoding = Promise.allSettled([this.#encoding, sent])
    return sent
  }

  #refuse(error: unknown): Promise<void> {
    this.#failure ??= { error }
    const refused = Promise.reject(error as Error)
    refused.catch(() => { /* the attempt fails with it, whoever awaits this */ })
    return refused
  }
}

function attemptEnded(what: string): UsageError {
  return new UsageError('TRANSACTION_ENDED', `${what}: the attempt has ended, and what it sent with it`, { hint: 'await what the handler starts before it returns, and send within it' })
}

function tooMuch(what: string, bytes: number): LimitError {
  return new LimitError('TRANSACTION_TOO_LARGE', `${what}: one attempt has sent ${bytes} bytes, more than the ${formatBytes(LARGEST_HELD_BYTES)} that are held back for it`, {
    hint: 'store large values elsewhere and send where they are, or spread the work over several records', details: { bytes, mostBytes: LARGEST_HELD_BYTES },
  })
}
