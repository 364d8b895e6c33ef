// The async iterators over a RecordReader: records, or batches. Written by hand rather than as generators, so that a
// record that is at hand costs one promise and nothing else (the benchmark 'read'). As with a generator, an error is
// the last thing that comes.
import type { LogRecord, RecordBatch } from './log-record.ts'
import type { RecordReader } from './record-reader.ts'

export class BatchIterator implements AsyncIterableIterator<RecordBatch> {
  readonly #reader: RecordReader
  #last: Promise<unknown> = Promise.resolve()

  constructor(reader: RecordReader) {
    this.#reader = reader
  }

  [Symbol.asyncIterator](): this { return this }

  /** Calls that come before the last one is answered wait for it. */
  next(): Promise<IteratorResult<RecordBatch>> {
    const next = this.#last.then(() => this.#next())
    this.#last = next.catch(() => { this.#reader.end() })
    return next
  }

  return(): Promise<IteratorResult<RecordBatch>> {
    this.#reader.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  async #next(): Promise<IteratorResult<RecordBatch>> {
    const batch = await this.#reader.next()
    return batch === undefined ? { value: undefined, done: true } : { value: batch, done: false }
  }
}

export class RecordsIterator implements AsyncIterableIterator<LogRecord> {
  readonly #reader: RecordReader
  #records: Iterator<LogRecord> | undefined
  /** Calls whose answer takes a fetch, or that wait behind one: while there are any, calls that come queue up too. */
  #inTurn = 0
  #tail: Promise<unknown> = Promise.resolve()

  constructor(reader: RecordReader) {
    this.#reader = reader
  }

  [Symbol.asyncIterator](): this { return this }

  next(): Promise<IteratorResult<LogRecord>> {
    const tired = this.#reader.slices.due()
    if (tired || this.#inTurn > 0 || this.#records === undefined) return this.#nextInTurn(tired)
    try {
      const result = this.#records.next()
      return result.done === true ? this.#nextInTurn(false) : Promise.resolve(result)
    } catch (error) {
      void this.return()
      return Promise.reject(error as Error)
    }
  }

  return(): Promise<IteratorResult<LogRecord>> {
    this.#reader.end()
    this.#records = undefined
    return Promise.resolve({ value: undefined, done: true })
  }

  #nextInTurn(tired: boolean): Promise<IteratorResult<LogRecord>> {
    const next = this.#inTurn++ === 0 ? this.#fetch(tired) : this.#tail.then(() => this.#fetch(tired))
    this.#tail = next.catch(() => { /* the caller has it */ })
    return next
  }

  async #fetch(tired: boolean): Promise<IteratorResult<LogRecord>> {
    try {
      if (tired) await this.#reader.slices.pause()
      for (;;) {
        const result = this.#records?.next()
        if (result !== undefined && result.done !== true) return result
        const batch = await this.#reader.next()
        if (batch === undefined) return { value: undefined, done: true }
        this.#records = batch[Symbol.iterator]()
      }
    } catch (error) {
      void this.return()
      throw error
    } finally {
      this.#inTurn-- // before the caller hears of it: the next call is answered at once again
    }
  }
}
