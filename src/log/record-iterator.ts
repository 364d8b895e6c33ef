// The async iterators over a RecordReader: records, or batches.
import type { LogRecord, RecordBatch } from './log-record.ts'
import type { RecordReader } from './record-reader.ts'
import { TurnIterator } from './turn-iterator.ts'

abstract class ReaderIterator<T> extends TurnIterator<T> {
  protected readonly reader: RecordReader

  constructor(reader: RecordReader) {
    super(reader.slices)
    this.reader = reader
  }

  protected override end(): void {
    this.reader.end()
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

  protected override end(): void {
    this.#records = undefined
    super.end()
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
