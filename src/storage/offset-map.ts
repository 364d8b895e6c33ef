// key → offset of its newest record, as the cleaner needs it for one pass over a partition (Kafka's SkimpyOffsetMap). The
// keys are not kept, only their hashes: 24 bytes a key whatever its length, in memory that is bounded and known beforehand.
// docs/decisions/offset-map.md says why 128 bits tell keys apart.
//
//   slot   hash 1 (int64) · hash 2 (int64) · offset + 1 (int64; 0: the slot is empty), low words first
//
// size ≤ capacity < slots. A key stands in the first free slot from its own on. Two passes over every record that is compacted
// come here: the benchmark 'offset-map'.
import { assert } from '../base/assert.ts'
import { RecordTable } from '../format/record-table.ts'
import { SEED_BYTES } from '../native/record-layout.ts'

/** Four words of 32 bits in place of two hashes of 64: for tests that plant a weak one. */
export type KeyHash = (key: Buffer) => readonly [number, number, number, number]

export interface OffsetMapOptions {
  readonly maxBytes: number
  /** No more room is taken than so many keys need. */
  readonly expectedKeys: number
  /** 16 random bytes. */
  readonly seeds: Uint8Array
  readonly hash?: KeyHash
}

const SLOT_WORDS = 6
const SLOT_BYTES = 4 * SLOT_WORDS
const HASH_WORDS = 4
const OFFSET_LOW = 4
const OFFSET_HIGH = 5
/** Fuller than this, whoever looks for an unknown key passes more than fifty others. */
const MAX_LOAD = 0.9
/** One for a key, and one that is empty. */
const MIN_SLOTS = 2

export class OffsetMap {
  /** Of the batch that was taken. */
  readonly records = new RecordTable()
  readonly capacity: number
  readonly #slots: Int32Array
  readonly #slotCount: number
  readonly #seeds: Uint8Array
  readonly #hash: KeyHash | undefined
  #size = 0

  constructor({ maxBytes, expectedKeys, seeds, hash }: OffsetMapOptions) {
    assert(seeds.length === SEED_BYTES, `${seeds.length} bytes of seeds`)
    this.#slotCount = Math.max(MIN_SLOTS, Math.min(Math.floor(maxBytes / SLOT_BYTES), Math.ceil(expectedKeys / MAX_LOAD)))
    this.#slots = new Int32Array(this.#slotCount * SLOT_WORDS)
    this.#seeds = seeds
    this.#hash = hash
    this.capacity = Math.floor(this.#slotCount * MAX_LOAD)
  }

  get size(): number { return this.#size }

  /** Hashes the keys of all records of an uncompressed batch's body, for putAt and getAt by the record's place in the batch. */
  take(body: Buffer, count: number): void {
    this.records.take(body, count, this.#seeds)
    if (this.#hash !== undefined) this.records.rehash(body, this.#hash)
  }

  /**
   * Notes the offset as the newest of that record's key; offsets only rise. false: it is full, and nothing has changed.
   * A record without a key changes nothing.
   */
  putAt(index: number, offset: number): boolean {
    if (this.records.keyBytes(index) < 0) return true
    const slots = this.#slots
    const at = this.#find(index)
    if (slots[at + OFFSET_LOW] === 0 && slots[at + OFFSET_HIGH] === 0) {
      if (this.#size === this.capacity) return false
      for (let word = 0; word < HASH_WORDS; word++) slots[at + word] = this.records.hashWord(index, word)
      this.#size++
    }
    slots[at + OFFSET_LOW] = offset + 1
    slots[at + OFFSET_HIGH] = Math.floor((offset + 1) / 2 ** 32)
    return true
  }

  /** The newest offset of that record's key; -1: the key is not known. */
  getAt(index: number): number {
    if (this.records.keyBytes(index) < 0) return -1
    const at = this.#find(index)
    return this.#slots[at + OFFSET_HIGH]! * 2 ** 32 + (this.#slots[at + OFFSET_LOW]! >>> 0) - 1
  }

  /** The slot of that record's key, or the empty one where it belongs. There always is one. */
  #find(index: number): number {
    const slots = this.#slots
    const first = this.records.hashWord(index, 0)
    const second = this.records.hashWord(index, 1)
    const third = this.records.hashWord(index, 2)
    const fourth = this.records.hashWord(index, 3)
    let at = Math.floor((first >>> 0) / 2 ** 32 * this.#slotCount) * SLOT_WORDS
    while (slots[at] !== first || slots[at + 1] !== second || slots[at + 2] !== third || slots[at + 3] !== fourth) {
      if (slots[at + OFFSET_LOW] === 0 && slots[at + OFFSET_HIGH] === 0) return at
      at += SLOT_WORDS
      if (at === slots.length) at = 0
    }
    return at
  }
}
