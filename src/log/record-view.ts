// Records as readers hold them: views of stored bytes that decode key, value and headers when they are first looked
// at. A view keeps the bytes of its run alive. Nothing here reads a disk or knows a topic: how bytes become values
// comes as a RecordSource.
//
// Hot: a view is made for every record that is visited. What records share stands in their run, and a view holds deltas
// rather than times and offsets, which would be a heap number each (the benchmarks 'read' and 'batches').
import { assert } from '../base/assert.ts'
import { CorruptionError } from '../base/errors.ts'
import { RecordCursor, readHeaders } from '../format/record-cursor.ts'
import { baseOffset, baseTimestamp, isLogAppendTime, maxTimestamp } from '../format/record-batch.ts'
import type { LogRecord, RecordHeaders } from './log-record.ts'
import { StoredHeaders, noHeaders } from './record-headers.ts'

const INSPECT = Symbol.for('nodejs.util.inspect.custom')
const UNSEEN = Symbol('not decoded yet')

export interface RecordSource {
  readonly topic: string
  readonly partition: number
  decodeKey(bytes: Uint8Array): unknown
  decodeValue(bytes: Uint8Array, record: { readonly headers: RecordHeaders }): unknown
}

/** A record as its bytes are stored: views, undecoded. */
export interface StoredParts {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Iterable<readonly [name: string, value: Uint8Array | null]>
}

/** Records that stand one behind the other: those of a batch, or some of them. */
export class RecordRun {
  readonly source: RecordSource
  /** Inflated; nothing but the records. */
  readonly body: Buffer
  readonly count: number
  readonly baseOffset: number
  readonly baseTimestamp: number
  /** With LogAppendTime every record has the batch's time. */
  readonly appendTime: number | undefined

  /** `batch` begins with the batch's header. */
  constructor(source: RecordSource, batch: Buffer, body: Buffer, count: number) {
    this.source = source
    this.body = body
    this.count = count
    this.baseOffset = baseOffset(batch, 0)
    this.baseTimestamp = baseTimestamp(batch, 0)
    this.appendTime = isLogAppendTime(batch, 0) ? maxTimestamp(batch, 0) : undefined
  }

  /** undefined: it holds none with that offset. */
  at<V, K>(offset: number): LogRecord<V, K> | undefined {
    const cursor = new RecordCursor(this.body, this.count)
    const delta = offset - this.baseOffset
    while (cursor.next()) if (cursor.offsetDelta >= delta) return cursor.offsetDelta === delta ? new RecordView<V, K>(this, cursor) : undefined
    return undefined
  }

  /** Those with offsets in [from, end). */
  records<V, K>(from: number, end: number): IterableIterator<LogRecord<V, K>> {
    return new RunIterator<V, K>(this, from, end)
  }
}

class RunIterator<V, K> implements IterableIterator<LogRecord<V, K>> {
  readonly #run: RecordRun
  readonly #cursor: RecordCursor
  readonly #fromDelta: number
  readonly #endDelta: number

  constructor(run: RecordRun, from: number, end: number) {
    this.#run = run
    this.#cursor = new RecordCursor(run.body, run.count)
    this.#fromDelta = from - run.baseOffset
    this.#endDelta = end - run.baseOffset
  }

  [Symbol.iterator](): this { return this }

  next(): IteratorResult<LogRecord<V, K>> {
    const cursor = this.#cursor
    while (cursor.next()) {
      if (cursor.offsetDelta < this.#fromDelta) continue
      if (cursor.offsetDelta >= this.#endDelta) break
      return { value: new RecordView<V, K>(this.#run, cursor), done: false }
    }
    return { value: undefined, done: true }
  }
}

/**
 * A view of one record. Its properties are getters, so that what nobody looks at is never decoded. A deep comparison
 * (`toEqual`, `deepEqual`) looks at own properties: it asks for the tag first, and that makes them.
 */
class RecordView<V, K> implements LogRecord<V, K> {
  readonly #run: RecordRun
  readonly #offsetDelta: number
  readonly #timestampDelta: number
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

  constructor(run: RecordRun, cursor: RecordCursor) {
    this.#run = run
    this.#offsetDelta = cursor.offsetDelta
    this.#timestampDelta = cursor.timestampDelta
    this.#keyStart = cursor.keyStart
    this.#keyBytes = cursor.keyBytes
    this.#valueStart = cursor.valueStart
    this.#valueBytes = cursor.valueBytes
    this.#headersStart = cursor.headersStart
    this.#headerCount = cursor.headerCount
    this.#end = cursor.end
  }

  get topic(): string { return this.#run.source.topic }
  get partition(): number { return this.#run.source.partition }
  get offset(): number { return this.#run.baseOffset + this.#offsetDelta }
  get timestamp(): number { return this.#run.appendTime ?? this.#run.baseTimestamp + this.#timestampDelta }

  get key(): K | null {
    if (this.#key === UNSEEN) this.#key = this.#keyBytes < 0 ? null : this.#decodeKey()
    return this.#key as K | null
  }

  get value(): V | null {
    if (this.#value === UNSEEN) this.#value = this.#valueBytes < 0 ? null : this.#decodeValue()
    return this.#value as V | null
  }

  get headers(): RecordHeaders {
    if (this.#headerCount === 0) return noHeaders
    this.#headers ??= new StoredHeaders(readHeaders(this.#run.body, this.#headersStart, this.#headerCount, this.#end))
    return this.#headers
  }

  // Not methods, which users would see on their records.

  static storedKey(record: RecordView<unknown, unknown>): Buffer | null {
    return record.#keyBytes < 0 ? null : record.#run.body.subarray(record.#keyStart, record.#keyStart + record.#keyBytes)
  }

  static storedValue(record: RecordView<unknown, unknown>): Buffer | null {
    return record.#valueBytes < 0 ? null : record.#run.body.subarray(record.#valueStart, record.#valueStart + record.#valueBytes)
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

  #decodeKey(): unknown {
    const { body, source } = this.#run
    try {
      return source.decodeKey(body.subarray(this.#keyStart, this.#keyStart + this.#keyBytes))
    } catch (cause) {
      throw this.#located('key', cause)
    }
  }

  #decodeValue(): unknown {
    const { body, source } = this.#run
    try {
      return source.decodeValue(body.subarray(this.#valueStart, this.#valueStart + this.#valueBytes), this)
    } catch (cause) {
      throw this.#located('value', cause)
    }
  }

  #plain() {
    return { topic: this.topic, partition: this.partition, offset: this.offset, timestamp: this.timestamp, key: this.key, value: this.value, headers: this.headers }
  }

  #located(what: string, cause: unknown): unknown {
    if (!(cause instanceof CorruptionError)) return cause
    const place = { topic: this.topic, partition: this.partition, offset: this.offset }
    return new CorruptionError(cause.code, `${this.topic}-${this.partition}, offset ${this.offset}: the ${what} ${cause.message}`, { hint: cause.hint, details: { ...cause.details, ...place }, cause })
  }
}

/** Of a record that was read here. */
export function storedKey(record: LogRecord): Buffer | null {
  assert(record instanceof RecordView, 'the record is a view of stored bytes')
  return RecordView.storedKey(record)
}

/** Of a record that was read here. */
export function storedParts(record: LogRecord): StoredParts {
  assert(record instanceof RecordView, 'the record is a view of stored bytes')
  return { key: RecordView.storedKey(record), value: RecordView.storedValue(record), headers: record.headers }
}

function orError(look: () => unknown): unknown {
  try {
    return look()
  } catch (error) {
    return error
  }
}
