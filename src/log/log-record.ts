// What readers are handed, as users know it. record-batch-view.ts makes them of stored bytes; a test double, or a log
// elsewhere, may make them of anything.

/** A view of one record; key, value and headers are decoded when first looked at. Prints and serialises like a plain object. */
export interface LogRecord<V = unknown, K = unknown> {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: K | null
  readonly value: V | null
  readonly headers: RecordHeaders
  toJSON(): unknown
}

/** In order; a name may come more than once. */
export interface RecordHeaders extends Iterable<readonly [name: string, value: Uint8Array | null]> {
  /** The last header of that name. */
  get(name: string): Uint8Array | null | undefined
  text(name: string): string | null | undefined
  readonly size: number
}

export interface RecordBatch<V = unknown, K = unknown> extends Iterable<LogRecord<V, K>> {
  readonly topic: string
  readonly partition: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly count: number
  /** Kafka's record batch, as stored. */
  readonly bytes: Uint8Array
}
