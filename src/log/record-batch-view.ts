// What readers hold: a batch as it is stored, and its records as views that decode key, value and headers when they
// are first looked at. A view keeps its batch's bytes alive. Nothing here reads a disk or knows a topic: how bytes
// become values comes as a RecordSource.
//
// A batch shows the records with offsets in [from, end): a read that begins or ends inside a batch shows part of it.
import { CorruptionError } from '../base/errors.ts'
import { inflate, inflateLater, isCodecLoaded } from '../format/compression.ts'
import { RecordCursor, readHeaders } from '../format/record-cursor.ts'
import { HEADER_BYTES, baseOffset, baseTimestamp, codecOf, isLogAppendTime, lastOffset, maxTimestamp, recordCount } from '../format/record-batch.ts'
import type { LogRecord, RecordBatch, RecordHeaders } from './log-record.ts'
import { StoredHeaders, noHeaders } from './record-headers.ts'

/** api.md: what one batch may inflate to. */
const INFLATED_LIMIT_BYTES = 64 * 1024 * 1024
/** Compressed batches from this size on are inflated off the main thread. */
const INFLATE_LATER_BYTES = 32 * 1024
const INSPECT = Symbol.for('nodejs.util.inspect.custom')
const UNSEEN = Symbol('not decoded yet')

export interface RecordSource {
  readonly topic: string
  readonly partition: number
  decodeKey(bytes: Uint8Array): unknown
  decodeValue(bytes: Uint8Array, headers: () => RecordHeaders): unknown
}

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

  [Symbol.iterator](): Iterator<LogRecord<V, K>> {
    this.#body ??= this.#inflateNow()
    return new RecordIterator<V, K>(this.#source, this.bytes, this.#body, this.#from, this.#end)
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

class RecordIterator<V, K> implements IterableIterator<LogRecord<V, K>> {
  readonly #source: RecordSource
  readonly #cursor: RecordCursor
  readonly #baseOffset: number
  readonly #baseTimestamp: number
  /** With LogAppendTime every record has the batch's time. */
  readonly #appendTime: number | undefined
  readonly #from: number
  readonly #end: number

  constructor(source: RecordSource, batch: Buffer, body: Buffer, from: number, end: number) {
    this.#source = source
    this.#cursor = new RecordCursor(body, recordCount(batch, 0))
    this.#baseOffset = baseOffset(batch, 0)
    this.#baseTimestamp = baseTimestamp(batch, 0)
    this.#appendTime = isLogAppendTime(batch, 0) ? maxTimestamp(batch, 0) : undefined
    this.#from = from
    this.#end = end
  }

  [Symbol.iterator](): this { return this }

  next(): IteratorResult<LogRecord<V, K>> {
    const cursor = this.#cursor
    while (cursor.next()) {
      const offset = this.#baseOffset + cursor.offsetDelta
      if (offset < this.#from) continue
      if (offset >= this.#end) break
      return { value: new RecordView<V, K>(this.#source, cursor, offset, this.#appendTime ?? this.#baseTimestamp + cursor.timestampDelta), done: false }
    }
    return { value: undefined, done: true }
  }
}

/**
 * A view of one record. Its properties are getters, so that what nobody looks at is never decoded. A deep comparison
 * (`toEqual`, `deepEqual`) looks at own properties: it asks for the tag first, and that makes them.
 */
class RecordView<V, K> implements LogRecord<V, K> {
  readonly #source: RecordSource
  readonly #body: Buffer
  readonly #offset: number
  readonly #timestamp: number
  readonly #keyStart: number
  readonly #keyBytes: number
  readonly #valueStart: number
  readonly #valueBytes: number
  readonly #headersStart: number
  readonly #headerCount: number
  readonly #end: number
  #key: unknown = UNSEEN
  #value: unknown = UNSEEN
  #headers: RecordHeaders | undefined

  constructor(source: RecordSource, cursor: RecordCursor, offset: number, timestamp: number) {
    this.#source = source
    this.#body = cursor.body
    this.#offset = offset
    this.#timestamp = timestamp
    this.#keyStart = cursor.keyStart
    this.#keyBytes = cursor.keyBytes
    this.#valueStart = cursor.valueStart
    this.#valueBytes = cursor.valueBytes
    this.#headersStart = cursor.headersStart
    this.#headerCount = cursor.headerCount
    this.#end = cursor.end
  }

  get topic(): string { return this.#source.topic }
  get partition(): number { return this.#source.partition }
  get offset(): number { return this.#offset }
  get timestamp(): number { return this.#timestamp }

  get key(): K | null {
    if (this.#key === UNSEEN) {
      const bytes = this.#bytesAt(this.#keyStart, this.#keyBytes)
      this.#key = bytes === null ? null : this.#located('key', () => this.#source.decodeKey(bytes))
    }
    return this.#key as K | null
  }

  get value(): V | null {
    if (this.#value === UNSEEN) {
      const bytes = this.#bytesAt(this.#valueStart, this.#valueBytes)
      this.#value = bytes === null ? null : this.#located('value', () => this.#source.decodeValue(bytes, () => this.headers))
    }
    return this.#value as V | null
  }

  get headers(): RecordHeaders {
    if (this.#headerCount === 0) return noHeaders
    this.#headers ??= new StoredHeaders(readHeaders(this.#body, this.#headersStart, this.#headerCount, this.#end))
    return this.#headers
  }

  toJSON(): unknown {
    return this.#plain()
  }

  /** Printing never fails: what can't be decoded is shown as its error. */
  [INSPECT](): unknown {
    return { topic: this.topic, partition: this.partition, offset: this.offset, timestamp: this.timestamp, key: orError(() => this.key), value: orError(() => this.value), headers: orError(() => this.headers) }
  }

  get [Symbol.toStringTag](): string | undefined {
    for (const [name, value] of Object.entries(this.#plain())) Object.defineProperty(this, name, { value, enumerable: true, configurable: true })
    return undefined
  }

  #bytesAt(start: number, length: number): Buffer | null {
    return length < 0 ? null : this.#body.subarray(start, start + length)
  }

  #plain() {
    return { topic: this.topic, partition: this.partition, offset: this.offset, timestamp: this.timestamp, key: this.key, value: this.value, headers: this.headers }
  }

  #located<T>(what: string, decode: () => T): T {
    try {
      return decode()
    } catch (cause) {
      if (!(cause instanceof CorruptionError)) throw cause
      const place = { topic: this.topic, partition: this.partition, offset: this.offset }
      throw new CorruptionError(cause.code, `${this.topic}-${this.partition}, offset ${this.offset}: the ${what} ${cause.message}`, { hint: cause.hint, details: { ...cause.details, ...place }, cause })
    }
  }
}

function orError(look: () => unknown): unknown {
  try {
    return look()
  } catch (error) {
    return error
  }
}
