// Who waits for what was sent: one record, or an array of them. A receipt numbers its records itself, from 0; it is told
// of those that entered a batch as neighbours by one call, and makes what the caller gets of them.
import { MillraceError, type ErrorFacts } from '../base/errors.ts'

export interface Sent { readonly topic: string; readonly partition: number; readonly offset: number; readonly timestamp: number }

/** Where a batch goes. */
export interface Destination { readonly topic: string; readonly partition: number }

export interface Failure { readonly index: number; readonly error: unknown }

/** Told once for each of its records: that it is as durable as was asked for, or that it has failed. */
export interface Receipt {
  /** Why the record must not be stored any more: an earlier one of the same array has failed. */
  failureBefore(index: number): Failure | undefined
  /** `count` records from `index` on stand from `offset` on; with `appendTime`, that is the time of each. */
  stored(index: number, count: number, destination: Destination, offset: number, appendTime: number | undefined): void
  failed(index: number, count: number, error: unknown): void
}

export class OneReceipt implements Receipt {
  readonly #timestamp: number
  readonly #resolve: (sent: Sent) => void
  readonly #reject: (error: unknown) => void

  constructor(timestamp: number, resolve: (sent: Sent) => void, reject: (error: unknown) => void) {
    this.#timestamp = timestamp
    this.#resolve = resolve
    this.#reject = reject
  }

  failureBefore(): undefined {
    return undefined
  }

  stored(_index: number, _count: number, { topic, partition }: Destination, offset: number, appendTime: number | undefined): void {
    this.#resolve({ topic, partition, offset, timestamp: appendTime ?? this.#timestamp })
  }

  failed(_index: number, _count: number, error: unknown): void {
    this.#reject(error)
  }
}

/** Settles when every record that was taken has settled: with all of them, or with the first that failed. */
export class ArrayReceipt implements Receipt {
  readonly done: Promise<Sent[]>
  readonly #timestamps: Float64Array
  readonly #sent: Sent[]
  #resolve!: (sent: Sent[]) => void
  #reject!: (error: unknown) => void
  #outstanding = 0
  #storedCount = 0
  #complete = false
  #failure: Failure | undefined

  constructor(count: number) {
    this.#timestamps = new Float64Array(count)
    this.#sent = new Array<Sent>(count)
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** No record is taken after the first failure. */
  get hasFailed(): boolean { return this.#failure !== undefined }

  /** It has entered a batch. */
  taken(index: number, timestamp: number): void {
    this.#timestamps[index] = timestamp
    this.#outstanding++
  }

  /** No more records will be taken: because all are, or because one could not be. */
  complete(failure?: Failure): void {
    this.#failure ??= failure
    this.#complete = true
    this.#settleIfDone()
  }

  failureBefore(index: number): Failure | undefined {
    return this.#failure !== undefined && this.#failure.index < index ? this.#failure : undefined
  }

  stored(index: number, count: number, { topic, partition }: Destination, offset: number, appendTime: number | undefined): void {
    const sent = this.#sent
    const timestamps = this.#timestamps
    for (let i = 0; i < count; i++) sent[index + i] = { topic, partition, offset: offset + i, timestamp: appendTime ?? timestamps[index + i]! }
    this.#storedCount += count
    this.#outstanding -= count
    this.#settleIfDone()
  }

  failed(index: number, count: number, error: unknown): void {
    if (this.#failure === undefined || index < this.#failure.index) this.#failure = { index, error }
    this.#outstanding -= count
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
