// All records of one batch at once, by their place in it: for who goes over whole logs. RecordCursor reads the same one after
// the other; taken at once, by one native call, they cost no more with their keys hashed. A table is filled again for each batch.
//
// Nothing is copied: places are those in the body that was taken, and hold until the next is.
import { assert } from '../base/assert.ts'
import {
  ROW_END, ROW_HASHES, ROW_KEY, ROW_KEY_BYTES, ROW_OFFSET_DELTA, ROW_TAIL, ROW_TIMESTAMP_HIGH, ROW_TIMESTAMP_LOW, ROW_VALUE_BYTES, ROW_WORDS,
} from '../native/record-layout.ts'
import { walkRecords } from '../native/walk-records.ts'
import { RecordCursor } from './record-cursor.ts'

/** A byte for each of its seven fields. What counts more records than its bytes can hold gets no memory for them. */
const MIN_RECORD_BYTES = 7

export class RecordTable {
  count = 0
  #rows = new Int32Array(0)

  /** `seeds` of the keys' hashes: 16 bytes. Throws as RecordCursor does, and then holds nothing. */
  take(body: Buffer, count: number, seeds: Uint8Array): void {
    this.count = 0
    if (count < 0 || count > body.length / MIN_RECORD_BYTES) throwFault(body, count)
    if (this.#rows.length < count * ROW_WORDS) this.#rows = new Int32Array(count * ROW_WORDS)
    if (!walkRecords(body, count, seeds, this.#rows)) throwFault(body, count)
    this.count = count
  }

  /** Other hashes of the keys: for tests that plant a weak one. */
  rehash(body: Buffer, hash: (key: Buffer) => readonly number[]): void {
    for (let i = 0; i < this.count; i++) {
      const start = this.keyStart(i)
      if (this.keyBytes(i) >= 0) this.#rows.set(hash(body.subarray(start, start + this.keyBytes(i))), i * ROW_WORDS + ROW_HASHES)
    }
  }

  /** Where the record begins. */
  start(index: number): number { return index === 0 ? 0 : this.end(index - 1) }

  end(index: number): number { return this.#rows[index * ROW_WORDS + ROW_END]! }

  timestampDelta(index: number): number {
    const row = index * ROW_WORDS
    return this.#rows[row + ROW_TIMESTAMP_HIGH]! * 2 ** 32 + (this.#rows[row + ROW_TIMESTAMP_LOW]! >>> 0)
  }

  /** Where what follows the timestamp delta begins: offset delta, key, value and headers, up to its end. */
  tailStart(index: number): number { return this.#rows[index * ROW_WORDS + ROW_TAIL]! }

  offsetDelta(index: number): number { return this.#rows[index * ROW_WORDS + ROW_OFFSET_DELTA]! }

  keyStart(index: number): number { return this.#rows[index * ROW_WORDS + ROW_KEY]! }

  /** -1: null. */
  keyBytes(index: number): number { return this.#rows[index * ROW_WORDS + ROW_KEY_BYTES]! }

  /** -1: null. */
  valueBytes(index: number): number { return this.#rows[index * ROW_WORDS + ROW_VALUE_BYTES]! }

  /** Of the key's two hashes of 64 bits: one of four words of 32, signed. */
  hashWord(index: number, word: number): number { return this.#rows[index * ROW_WORDS + ROW_HASHES + word]! }
}

function throwFault(body: Buffer, count: number): never {
  for (const cursor = new RecordCursor(body, count); cursor.next(););
  assert(false, 'records that a cursor reads were refused')
}
