// One call over all records of a batch: where each stands, and two hashes of its key. Who goes over whole logs, as the
// cleaner does, is paid by that: a call for each record would cost more than the work. The twin of native/records.c.
//
// It reads what format/record-cursor.ts reads, and refuses what that refuses. Why, only the cursor says.
import { Word64 } from './word64.ts'
import { nativePart } from './load.ts'
import { ROW_END, ROW_HASHES, ROW_KEY, ROW_KEY_BYTES, ROW_OFFSET_DELTA, ROW_TAIL, ROW_TIMESTAMP_HIGH, ROW_TIMESTAMP_LOW, ROW_VALUE_BYTES, ROW_WORDS } from './record-layout.ts'
import { xxh64InScript } from './xxh64.ts'

const MIN_HEADER_BYTES = 2
const LARGEST_BODY_BYTES = 2 ** 31 - 1

/**
 * Fills a row for each of the body's `count` records; `rows` has room for them, `seeds` are two of 64 bits, little-endian.
 * false: the body is not what so many records are, and the rows hold nothing of use.
 */
export function walkRecords(body: Uint8Array, count: number, seeds: Uint8Array, rows: Int32Array): boolean {
  return nativePart !== undefined ? nativePart.walkRecords(body, count, seeds, rows) : walkRecordsInScript(body, count, seeds, rows)
}

export function walkRecordsInScript(body: Uint8Array, count: number, seeds: Uint8Array, rows: Int32Array): boolean {
  if (body.length > LARGEST_BODY_BYTES) return false
  const walk = new Walk(body, seeds, rows)
  let last = -1
  for (let row = 0; row < count * ROW_WORDS; row += ROW_WORDS) {
    if (!walk.takeRecord(row) || rows[row + ROW_OFFSET_DELTA]! <= last) return false
    last = rows[row + ROW_OFFSET_DELTA]!
  }
  return walk.at === body.length
}

/** at ≤ end. Whatever can't be read is 0, and `#sound` is false from then on. */
class Walk {
  at = 0
  #end = 0
  #sound = true
  readonly #body: Uint8Array
  readonly #rows: Int32Array
  readonly #seeds: readonly [Word64, Word64]
  readonly #hash = new Word64(0, 0)

  constructor(body: Uint8Array, seeds: Uint8Array, rows: Int32Array) {
    this.#body = body
    this.#rows = rows
    this.#seeds = [new Word64(0, 0).load(seeds, 0), new Word64(0, 0).load(seeds, 8)]
  }

  /** Fills the row that begins at that word. */
  takeRecord(row: number): boolean {
    const rows = this.#rows
    this.#end = this.#body.length
    const bytes = this.#varint()
    if (bytes < 1 || bytes > this.#body.length - this.at) return false
    this.#end = this.at + bytes
    this.at++ // attributes, unused
    const timestampDelta = this.#varlong()
    rows[row + ROW_TIMESTAMP_LOW] = timestampDelta
    rows[row + ROW_TIMESTAMP_HIGH] = Math.floor(timestampDelta / 2 ** 32)
    rows[row + ROW_TAIL] = this.at
    rows[row + ROW_OFFSET_DELTA] = this.#varint()
    const keyBytes = this.#length()
    const key = this.at
    if (keyBytes > 0) this.at += keyBytes
    rows[row + ROW_KEY] = key
    rows[row + ROW_KEY_BYTES] = keyBytes
    const valueBytes = this.#length()
    if (valueBytes > 0) this.at += valueBytes
    rows[row + ROW_VALUE_BYTES] = valueBytes
    const headers = this.#varint()
    const left = this.#end - this.at
    if (!this.#sound || headers < 0 || headers * MIN_HEADER_BYTES > left || (headers === 0 && left !== 0)) return false
    this.#hashKey(row + ROW_HASHES, key, keyBytes)
    rows[row + ROW_END] = this.at = this.#end
    return true
  }

  #hashKey(at: number, key: number, keyBytes: number): void {
    const hash = this.#hash
    for (let i = 0; i < 2; i++) {
      hash.set(0, 0)
      if (keyBytes >= 0) xxh64InScript(this.#body, key, key + keyBytes, this.#seeds[i]!, hash)
      this.#rows[at + 2 * i] = hash.low
      this.#rows[at + 2 * i + 1] = hash.high
    }
  }

  /** The length of what comes next, -1 for null; the bytes are there. */
  #length(): number {
    const bytes = this.#varint()
    if (bytes >= -1 && bytes <= this.#end - this.at) return bytes
    this.#sound = false
    return -1
  }

  #varint(): number {
    let zigzag = 0
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.#byte()
      if (shift === 28 && byte > 0x0f) break
      zigzag |= (byte & 0x7f) << shift
      if (byte < 0x80) return zigzag >>> 1 ^ -(zigzag & 1)
    }
    this.#sound = false
    return 0
  }

  /** What a number holds of it exactly. The sign comes with the first six bits. */
  #varlong(): number {
    const first = this.#byte()
    let magnitude = (first & 0x7f) >>> 1
    let byte = first
    for (let unit = 2 ** 6; byte >= 0x80 && unit < 2 ** 69; unit *= 2 ** 7) {
      byte = this.#byte()
      magnitude += (byte & 0x7f) * unit
    }
    const value = first & 1 ? -magnitude - 1 : magnitude
    if (byte < 0x80 && Number.isSafeInteger(value)) return value
    this.#sound = false
    return 0
  }

  #byte(): number {
    if (this.at < this.#end) return this.#body[this.at++]!
    this.#sound = false
    return 0
  }
}
