// Builds one record batch at a time, in place: records are encoded into one growing buffer behind room for the header,
// and seal() fills the header in. Reused: append… seal, reset, append…
// It owns that buffer: what body() and seal() return are views, valid until the next append or reset. It knows no
// clock, no offsets and no codec: the caller compresses body() and hands the result to seal(); base offset, leader epoch
// and checksum are the log's to set (native/stamp.ts). The layout is record-batch.ts and record-cursor.ts.
// Hot: an append that fits the buffer allocates nothing (the benchmark 'send').
import { assert } from '../base/assert.ts'
import { LimitError } from '../base/errors.ts'
import { setInt64 } from './integers.ts'
import * as batch from './record-batch.ts'
import type { Codec } from './record-batch.ts'
import { MAX_VARINT_BYTES, MAX_VARLONG_BYTES, varintBytes, varlongBytes, writeVarint, writeVarlong } from './varint.ts'

export type EncodedHeaders = readonly (readonly [name: Uint8Array, value: Uint8Array | null])[]

/** Who numbers a batch: a producer in a transaction. */
export interface BatchProducer {
  readonly id: number
  readonly epoch: number
  /** Of the first record. */
  readonly sequence: number
}

export interface SealOptions {
  readonly compressed?: { readonly codec: Codec; readonly body: Uint8Array } | undefined
  readonly appendTime?: number | undefined
  /** The batch is part of its transaction. */
  readonly producer?: BatchProducer | undefined
}

/** Kafka's length field and every position in a segment are an int32. */
const MAX_BATCH_BYTES = 2 ** 31 - 1
/** What a reset keeps: one large batch must not hold its memory for as long as its producer lives. */
const KEPT_BYTES = 1024 * 1024
const INITIAL_BYTES = 16 * 1024
/** Up to this a loop copies faster than a call of set(). */
const SHORT_COPY_BYTES = 8
const NO_PRODUCER: BatchProducer = { id: -1, epoch: -1, sequence: -1 }
/** Length, attributes, timestamp delta, offset delta, the lengths of key and value, header count. */
const MAX_RECORD_OVERHEAD = 5 * MAX_VARINT_BYTES + MAX_VARLONG_BYTES + 1

export class BatchEncoder {
  readonly #initialBytes: number
  #buffer: Buffer = Buffer.alloc(0)
  /** Of the same bytes: fills the header in with a quarter of the stores. */
  #view: DataView = new DataView(new ArrayBuffer(0))
  #end = batch.HEADER_BYTES
  #count = 0
  #firstTimestamp = 0
  #maxTimestamp = -1
  #sealed = false

  constructor(initialBytes = INITIAL_BYTES) {
    this.#initialBytes = initialBytes
  }

  get count(): number {
    return this.#count
  }

  /** Header and records so far, uncompressed. */
  get bytes(): number {
    return this.#end
  }

  /** Of the first record, if there is one. */
  get firstTimestamp(): number {
    return this.#firstTimestamp
  }

  /** The largest timestamp so far; -1 without records. */
  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  append(timestamp: number, key: Uint8Array | null, value: Uint8Array | null, headers: EncodedHeaders): void {
    assert(!this.#sealed, 'a sealed batch takes no records')
    this.#reserve(recordBytes(key, value, headers))
    const b = this.#buffer
    const offsetDelta = this.#count
    if (offsetDelta === 0) this.#firstTimestamp = timestamp
    const timestampDelta = timestamp - this.#firstTimestamp

    let at = writeVarint(b, this.#end, contentBytes(timestampDelta, offsetDelta, key, value, headers))
    b[at++] = 0
    at = writeVarlong(b, at, timestampDelta)
    at = writeVarint(b, at, offsetDelta)
    at = writeNullable(b, at, key)
    at = writeNullable(b, at, value)
    at = writeVarint(b, at, headers.length)
    for (let i = 0; i < headers.length; i++) {
      const header = headers[i]!
      at = writeNullable(b, at, header[0])
      at = writeNullable(b, at, header[1])
    }

    this.#end = at
    this.#count = offsetDelta + 1
    if (offsetDelta === 0 || timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
  }

  /** The records so far, uncompressed; valid until the next append or reset. */
  body(): Buffer {
    return this.#buffer.subarray(batch.HEADER_BYTES, this.#end)
  }

  /**
   * Writes the header and returns the batch, yet without its checksum; valid until reset. `compressed` takes the body's
   * place, unless it is not smaller: then the body stays as it is and the codec is 'none', as Kafka's clients do.
   * With `appendTime` every record has that time (LogAppendTime).
   */
  seal(options: SealOptions): Buffer {
    return this.#buffer.subarray(0, this.sealInPlace(options))
  }

  /** As seal, without the 40 ns of a view: returns the batch's length. It stands at the beginning of `buffer`. */
  sealInPlace({ compressed, appendTime, producer }: SealOptions): number {
    assert(this.#count > 0 && !this.#sealed, 'a batch is sealed once, with records in it')
    this.#sealed = true
    let end = this.#end
    let attributes = 0
    if (compressed !== undefined && compressed.body.length < end - batch.HEADER_BYTES) {
      this.#buffer.set(compressed.body, batch.HEADER_BYTES)
      end = batch.HEADER_BYTES + compressed.body.length
      attributes |= batch.CODECS.indexOf(compressed.codec)
    }
    if (appendTime !== undefined) attributes |= batch.LOG_APPEND_TIME
    if (producer !== undefined) attributes |= batch.TRANSACTIONAL
    this.#writeHeader(end, attributes, appendTime ?? this.#maxTimestamp, producer ?? NO_PRODUCER)
    return end
  }

  /** All of it: what stands behind the sealed batch means nothing. */
  get buffer(): Buffer {
    return this.#buffer
  }

  /** Makes it empty. The buffer stays, unless it grew beyond 1 MiB. */
  reset(): void {
    if (this.#buffer.length > KEPT_BYTES) this.#use(Buffer.alloc(0))
    this.#end = batch.HEADER_BYTES
    this.#count = 0
    this.#maxTimestamp = -1
    this.#sealed = false
  }

  #writeHeader(end: number, attributes: number, maxTimestamp: number, producer: BatchProducer): void {
    const b = this.#buffer
    const view = this.#view
    batch.setBaseOffset(b, 0, 0)
    batch.setBatchBytes(b, 0, end)
    batch.setLeaderEpoch(b, 0, 0)
    view.setInt8(batch.MAGIC_AT, batch.MAGIC)
    view.setInt16(batch.ATTRIBUTES_AT, attributes)
    view.setInt32(batch.LAST_OFFSET_DELTA_AT, this.#count - 1)
    setInt64(view, batch.BASE_TIMESTAMP_AT, this.#firstTimestamp)
    setInt64(view, batch.MAX_TIMESTAMP_AT, maxTimestamp)
    setInt64(view, batch.PRODUCER_ID_AT, producer.id)
    view.setInt16(batch.PRODUCER_EPOCH_AT, producer.epoch)
    view.setInt32(batch.BASE_SEQUENCE_AT, producer.sequence)
    view.setInt32(batch.RECORD_COUNT_AT, this.#count)
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes
    if (needed <= this.#buffer.length) return
    if (needed > MAX_BATCH_BYTES) {
      throw new LimitError('BATCH_TOO_LARGE', `a batch of ${this.#end} bytes can't take another ${bytes}: ${MAX_BATCH_BYTES} is the most`, {
        hint: 'Send fewer or smaller records at once.',
        details: { bytes: this.#end, recordBytes: bytes, limitBytes: MAX_BATCH_BYTES },
      })
    }
    // Not from Node's pool: a small slice of it would keep the whole pool page alive for as long as the encoder.
    const grown = Buffer.allocUnsafeSlow(Math.min(MAX_BATCH_BYTES, Math.max(needed, this.#initialBytes, 2 * this.#buffer.length)))
    grown.set(this.#buffer.subarray(0, this.#end))
    this.#use(grown)
  }

  #use(buffer: Buffer): void {
    this.#buffer = buffer
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  }
}

/** An upper bound of what one record adds to a batch. */
export function recordBytes(key: Uint8Array | null, value: Uint8Array | null, headers: EncodedHeaders): number {
  let bytes = MAX_RECORD_OVERHEAD + (key === null ? 0 : key.length) + (value === null ? 0 : value.length)
  for (let i = 0; i < headers.length; i++) {
    const header = headers[i]!
    bytes += 2 * MAX_VARINT_BYTES + header[0].length + (header[1] === null ? 0 : header[1].length)
  }
  return bytes
}

/** What the record's length field says: all of it but that field. */
function contentBytes(timestampDelta: number, offsetDelta: number, key: Uint8Array | null, value: Uint8Array | null, headers: EncodedHeaders): number {
  let bytes = 1 + varlongBytes(timestampDelta) + varintBytes(offsetDelta) + nullableBytes(key) + nullableBytes(value) + varintBytes(headers.length)
  for (let i = 0; i < headers.length; i++) {
    const header = headers[i]!
    bytes += nullableBytes(header[0]) + nullableBytes(header[1])
  }
  return bytes
}

function nullableBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintBytes(bytes.length) + bytes.length
}

function writeNullable(b: Buffer, at: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(b, at, -1)
  const start = writeVarint(b, at, bytes.length)
  if (bytes.length > SHORT_COPY_BYTES) b.set(bytes, start)
  else for (let i = 0; i < bytes.length; i++) b[start + i] = bytes[i]!
  return start + bytes.length
}
