// The async iterators over a RecordReader: records, or batches. Written by hand rather than as generators, so that what
// is at hand costs one promise and nothing else (the benchmark 'read'). As with a generator, calls are answered in their
// order, and an error is the last thing that comes.
import type { LogRecord, RecordBatch } from './log-record.ts'
import type { RecordReader } from './record-reader.ts'

abstract class ReaderIterator<T> implements AsyncIterableIterator<T> {
  protected readonly reader: RecordReader
  /** Calls whose answer takes a fetch, or that wait behind one: while there are any, calls that come queue up too. */
  #inTurn = 0
  #tail: Promise<unknown> = Promise.resolve()

  constructor(reader: RecordReader) {
    this.reader = reader
  }

  /** What comes next, where nothing has to be waited for. */
  protected abstract atHand(): IteratorResult<T> | undefined

  /** Asked when nothing is at hand. */
  protected abstract fetch(): Promise<IteratorResult<T>>

  [Symbol.asyncIterator](): this { return this }

  next(): Promise<IteratorResult<T>> {
    const tired = this.reader.slices.due()
    if (tired || this.#inTurn > 0) return this.#nextInTurn(tired)
    try {
      const result = this.atHand()
      return result === undefined ? this.#nextInTurn(false) : Promise.resolve(result)
    } catch (error) {
      void this.return()
      return Promise.reject(error as Error)
    }
  }

  return(): Promise<IteratorResult<T>> {
    this.reader.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  #nextInTurn(tired: boolean): Promise<IteratorResult<T>> {
    const next = this.#inTurn++ === 0 ? this.#answer(tired) : this.#tail.then(() => this.#answer(tired))
    this.#tail = next.catch(() => { /* the caller has it */ })
    return next
  }

  async #answer(tired: boolean): Promise<IteratorResult<T>> {
    try {
      if (tired) await this.reader.slices.pause()
      return this.atHand() ?? await this.fetch()
    } catch (error) {
      void this.return()
      throw error
    } finally {
      this.#inTurn-- // before the caller hears of it: the next call is answered at once again
    }
  }
}

export class BatchIterator extends ReaderIterator<RecordBatch> {
  protected override atHand(): IteratorResult<RecordBatch> | undefined {
    const batch = this.reader.take()
    return batch === undefined ? undefined : { value: batch, done: false }
  }

  protected override async fetch(): Promise<IteratorResult<RecordBatch>> {
    const batch = await this.reader.next()
    return batch === undefined ? { value: undefined, done: true } : { value: batch, done: false }
  }
}

export class RecordsIterator extends ReaderIterator<LogRecord> {
  #records: Iterator<LogRecord> | undefined

  override return(): Promise<IteratorResult<LogRecord>> {
    this.#records = undefined
    return super.return()
  }

  protected override atHand(): IteratorResult<LogRecord> | undefined {
    for (;;) {
      const result = this.#records?.next()
      if (result !== undefined && result.done !== true) return result
      this.#records = this.reader.take()?.[Symbol.iterator]()
      if (this.#records === undefined) return undefined
    }
  }

  protected override async fetch(): Promise<IteratorResult<LogRecord>> {
    for (;;) {
      const batch = await this.reader.next()
      if (batch === undefined) return { value: undefined, done: true }
      this.#records = batch[Symbol.iterator]()
      const result = this.#records.next()
      if (result.done !== true) return result
    }
  }
}
