// Who waits for what was sent: one record, or an array of them.
import { MillraceError, type ErrorFacts } from '../base/errors.ts'
import type { Receipt } from './batch-accumulator.ts'

export interface Sent { readonly topic: string; readonly partition: number; readonly offset: number; readonly timestamp: number }

export class OneReceipt implements Receipt {
  readonly #topic: string
  readonly #resolve: (sent: Sent) => void
  readonly #reject: (error: unknown) => void

  constructor(topic: string, resolve: (sent: Sent) => void, reject: (error: unknown) => void) {
    this.#topic = topic
    this.#resolve = resolve
    this.#reject = reject
  }

  stored(_index: number, partition: number, offset: number, timestamp: number): void {
    this.#resolve({ topic: this.#topic, partition, offset, timestamp })
  }

  failed(_index: number, error: unknown): void {
    this.#reject(error)
  }
}

/** Settles when every record that was taken has settled: with all of them, or with the first that failed. */
export class ArrayReceipt implements Receipt {
  readonly done: Promise<Sent[]>
  readonly #topics: (index: number) => string
  readonly #sent: Sent[]
  #resolve!: (sent: Sent[]) => void
  #reject!: (error: unknown) => void
  #outstanding = 0
  #storedCount = 0
  #complete = false
  #failure: { readonly index: number; readonly error: unknown } | undefined

  constructor(count: number, topics: (index: number) => string) {
    this.#topics = topics
    this.#sent = new Array<Sent>(count)
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** No record is taken after the first failure. */
  get hasFailed(): boolean { return this.#failure !== undefined }

  taken(): void {
    this.#outstanding++
  }

  /** No more records will be taken: because all are, or because one could not be. */
  complete(failure?: { readonly index: number; readonly error: unknown }): void {
    this.#failure ??= failure
    this.#complete = true
    this.#settleIfDone()
  }

  stored(index: number, partition: number, offset: number, timestamp: number): void {
    this.#sent[index] = { topic: this.#topics(index), partition, offset, timestamp }
    this.#storedCount++
    this.#outstanding--
    this.#settleIfDone()
  }

  failed(index: number, error: unknown): void {
    if (this.#failure === undefined || index < this.#failure.index) this.#failure = { index, error }
    this.#outstanding--
    this.#settleIfDone()
  }

  #settleIfDone(): void {
    if (!this.#complete || this.#outstanding > 0) return
    if (this.#failure === undefined) this.#resolve(this.#sent)
    else this.#reject(withDetails(this.#failure.error, { index: this.#failure.index, sent: this.#storedCount }))
  }
}

/** The same error, saying more. */
function withDetails(error: unknown, details: Readonly<Record<string, unknown>>): unknown {
  if (!(error instanceof MillraceError)) return error
  const facts: ErrorFacts = { hint: error.hint, details: { ...error.details, ...details }, retriable: error.retriable, cause: error }
  return new (error.constructor as new (code: string, message: string, facts: ErrorFacts) => MillraceError)(error.code, error.message, facts)
}
