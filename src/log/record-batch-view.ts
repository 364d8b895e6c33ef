// What readers hold: a batch as it is stored, inflated when its records are first asked for. Nothing here reads a disk
// or knows a topic: how bytes become values comes as a RecordSource.
//
// A batch shows the records with offsets in [from, end): a read that begins or ends inside a batch shows part of it.
import { CorruptionError } from '../base/errors.ts'
import { inflate, inflateLater, isCodecLoaded } from '../format/compression.ts'
import { HEADER_BYTES, baseOffset, codecOf, lastOffset, recordCount } from '../format/record-batch.ts'
import { RecordCursor } from '../format/record-cursor.ts'
import type { LogRecord, RecordBatch } from './log-record.ts'
import { RecordRun, type RecordSource } from './record-view.ts'

/** api.md: what one batch may inflate to. */
const INFLATED_LIMIT_BYTES = 64 * 1024 * 1024
/** Compressed batches from this size on are inflated off the main thread. */
const INFLATE_LATER_BYTES = 32 * 1024

/** Kafka's record batch with its records, in the order of their offsets. */
export class RecordBatchView<V = unknown, K = unknown> implements RecordBatch<V, K> {
  readonly #source: RecordSource
  readonly #from: number
  readonly #end: number
  #body: Buffer | undefined
  /** Kafka's record batch, as stored. */
  readonly bytes: Buffer

  constructor(source: RecordSource, bytes: Buffer, from: number, end: number) {
    this.#source = source
    this.#from = from
    this.#end = end
    this.bytes = bytes
    if (codecOf(bytes, 0) === 'none') this.#body = bytes.subarray(HEADER_BYTES)
  }

  get topic(): string { return this.#source.topic }
  get partition(): number { return this.#source.partition }
  get baseOffset(): number { return baseOffset(this.bytes, 0) }
  get lastOffset(): number { return lastOffset(this.bytes, 0) }
  get count(): number { return recordCount(this.bytes, 0) }

  /** Inflates a large batch off the main thread, or loads the codec; undefined when there is nothing to wait for. */
  inflated(): Promise<void> | undefined {
    if (this.#body !== undefined || (this.bytes.length < INFLATE_LATER_BYTES && isCodecLoaded(codecOf(this.bytes, 0)))) return undefined
    return inflateLater(codecOf(this.bytes, 0), this.bytes.subarray(HEADER_BYTES), INFLATED_LIMIT_BYTES)
      .then(body => { this.#body = body }, (cause: unknown) => { throw this.#malformed(cause) })
  }

  /** undefined: it holds none with that offset. */
  at(offset: number): LogRecord<V, K> | undefined {
    return this.#run().at<V, K>(offset)
  }

  [Symbol.iterator](): Iterator<LogRecord<V, K>> {
    return this.#run().records<V, K>(this.#from, this.#end)
  }

  /** Walks the bytes of all its records, without a view of each. */
  cursor(): RecordCursor {
    return new RecordCursor(this.#body ??= this.#inflateNow(), this.count)
  }

  #run(): RecordRun {
    this.#body ??= this.#inflateNow()
    return new RecordRun(this.#source, this.bytes, this.#body, this.count)
  }

  #inflateNow(): Buffer {
    try {
      return inflate(codecOf(this.bytes, 0), this.bytes.subarray(HEADER_BYTES), INFLATED_LIMIT_BYTES)
    } catch (cause) {
      throw this.#malformed(cause)
    }
  }

  #malformed(cause: unknown): Error {
    if (!(cause instanceof CorruptionError)) return cause as Error
    const place = { topic: this.topic, partition: this.partition, baseOffset: this.baseOffset, lastOffset: this.lastOffset }
    return new CorruptionError(cause.code, `${this.topic}-${this.partition}, batch at offset ${this.baseOffset}: ${cause.message}`, { hint: cause.hint, details: { ...cause.details, ...place }, cause })
  }
}
