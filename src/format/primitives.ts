// Kafka's primitive types, of which the records of its internal topics and the messages of its protocol are made.
//
//   int8 int16 int32 int64   big-endian
//   string                   int16 length (-1: null) · UTF-8
//   bytes                    int32 length (-1: null) · the bytes
//   array                    int32 count (-1: null) · the elements
//   tagged fields            in flexible versions alone: uvarint count · fields: uvarint tag · uvarint length · the field
//
// In flexible versions the other lengths and counts are uvarints too, one more than what they mean, so that 0 is null.
// The reader trusts nothing: lengths and counts are held against the bytes that remain before anything is made of them,
// and an int64 beyond ±2^53 is a fault. What a fault is called is up to whoever reads: `malformed` makes the error. Bytes
// that are no UTF-8 become U+FFFD, as in Kafka.
// Used by group-records.ts, transaction-records.ts, consumer-protocol.ts, control-records.ts, the files of producers and kafka/.
import { assert } from '../base/assert.ts'
import { readInt32, readInt64, writeInt32, writeInt64 } from './integers.ts'

const MAX_STRING_BYTES = 0x7fff
const MAX_UVARINT_BYTES = 5

/** Makes the error that is thrown for bytes which are not what they should be; `at` is where in them. */
export type Malformed = (what: string, at: number) => Error

/** `write` writes so many bytes with the writer that is given the field. */
export interface TaggedField { readonly tag: number; readonly bytes: number; readonly write: () => void }

export class PrimitiveReader {
  /** Whether lengths are read as flexible versions write them. */
  flexible = false
  /** How many more elements there may be, of all arrays together: one can take a hundred times its bytes in memory. */
  elementsLeft = Infinity
  #at = 0
  readonly #bytes: Buffer
  readonly #malformed: Malformed

  constructor(bytes: Uint8Array, malformed: Malformed) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#malformed = malformed
  }

  int8(field: string): number {
    return this.#bytes[this.#take(1, field)]! << 24 >> 24
  }

  int16(field: string): number {
    const at = this.#take(2, field)
    return this.#bytes[at]! << 24 >> 16 | this.#bytes[at + 1]!
  }

  int32(field: string): number {
    return readInt32(this.#bytes, this.#take(4, field))
  }

  int64(field: string): number {
    const value = readInt64(this.#bytes, this.#take(8, field))
    if (!Number.isSafeInteger(value)) throw this.#malformed(`its ${field} is ${value}, beyond 2^53`, this.#at - 8)
    return value
  }

  /** Beyond ±2^53 the number next to it, which no safe integer is equal to: for what others may send and nobody computes with. */
  roundedInt64(field: string): number {
    return readInt64(this.#bytes, this.#take(8, field))
  }

  string(field: string): string {
    return this.#text(this.#stringLength(field), field)
  }

  nullableString(field: string): string | null {
    const length = this.#stringLength(field)
    return length === -1 ? null : this.#text(length, field)
  }

  /** As many bytes, without a length before them. A view. */
  fixed(length: number, field: string): Buffer {
    return this.#view(length, field)
  }

  /** A view: it keeps the reader's bytes alive. */
  bytes(field: string): Buffer {
    return this.#view(this.#length(field), field)
  }

  /** As bytes(). */
  nullableBytes(field: string): Buffer | null {
    const length = this.#length(field)
    return length === -1 ? null : this.#view(length, field)
  }

  /** As many elements may follow; each takes a byte at least. */
  array<T>(field: string, element: () => T): T[] {
    return this.#elements(this.#length(field), field, element)
  }

  /** As array(). */
  nullableArray<T>(field: string, element: () => T): T[] | null {
    const count = this.#length(field)
    return count === -1 ? null : this.#elements(count, field, element)
  }

  /** Calls `read` at each of the fields that a flexible version may carry behind the others; it reads one or leaves it. */
  taggedFields(read: (tag: number) => void): void {
    if (!this.flexible) return
    const count = this.#uvarint('tagged field count')
    for (let i = 0; i < count; i++) {
      const tag = this.#uvarint('tag')
      const bytes = this.#uvarint('tagged field')
      const start = this.#take(bytes, 'tagged field')
      this.#at = start
      read(tag)
      if (this.#at !== start && this.#at !== start + bytes) throw this.#malformed(`its field of tag ${tag} has ${bytes} bytes, ${this.#at - start} are expected`, start)
      this.#at = start + bytes
    }
  }

  skipTaggedFields(): void {
    this.taggedFields(() => {})
  }

  /** The error for what was read and can't be. */
  malformed(what: string): Error {
    return this.#malformed(what, this.#at)
  }

  expectEnd(): void {
    if (this.#left() > 0) throw this.#malformed(`${this.#left()} bytes follow its last field`, this.#at)
  }

  #elements<T>(count: number, field: string, element: () => T): T[] {
    if (count < 0 || count > this.#left()) throw this.#malformed(`it counts ${count} ${field}, ${this.#left()} bytes are left`, this.#at)
    if (count > this.elementsLeft) throw this.#malformed(`it counts ${count} ${field}, ${this.elementsLeft} more elements are allowed`, this.#at)
    this.elementsLeft -= count
    const elements: T[] = []
    while (elements.length < count) elements.push(element())
    return elements
  }

  #text(length: number, field: string): string {
    const at = this.#take(length, field)
    return length === 0 ? '' : this.#bytes.toString('utf8', at, at + length)
  }

  #view(length: number, field: string): Buffer {
    const at = this.#take(length, field)
    return this.#bytes.subarray(at, at + length)
  }

  /** -1 for null, as the next. */
  #stringLength(field: string): number {
    return this.flexible ? this.#uvarint(field) - 1 : this.int16(field)
  }

  /** Of bytes, or of elements. */
  #length(field: string): number {
    return this.flexible ? this.#uvarint(field) - 1 : this.int32(field)
  }

  #uvarint(field: string): number {
    let value = 0
    for (let i = 0; i < MAX_UVARINT_BYTES; i++) {
      const byte = this.#bytes[this.#take(1, field)]!
      value += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return value
    }
    throw this.#malformed(`the length of its ${field} is longer than ${MAX_UVARINT_BYTES} bytes`, this.#at)
  }

  /** Moves behind the next `bytes`, which are there, and returns where they begin. */
  #take(bytes: number, field: string): number {
    const at = this.#at
    if (bytes < 0 || bytes > this.#left()) throw this.#malformed(bytes === -1 ? `its ${field} is null` : `its ${field} takes ${bytes} bytes, ${this.#left()} are left`, at)
    this.#at = at + bytes
    return at
  }

  #left(): number {
    return this.#bytes.length - this.#at
  }
}

export class PrimitiveWriter {
  /** Whether lengths are written as flexible versions have them. */
  flexible = false
  #bytes: Buffer
  #at = 0
  /** What finishParts() puts between what was written, and where. */
  readonly #apart: { readonly at: number; readonly bytes: Buffer }[] = []

  /** `expectedBytes`: if as many are written, nothing is copied. */
  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafe(expectedBytes)
  }

  int8(value: number): void {
    const at = this.#take(1)
    this.#bytes[at] = value
  }

  int16(value: number): void {
    const at = this.#take(2)
    this.#bytes[at] = value >>> 8
    this.#bytes[at + 1] = value
  }

  int32(value: number): void {
    const at = this.#take(4)
    writeInt32(this.#bytes, at, value)
  }

  int64(value: number): void {
    const at = this.#take(8)
    writeInt64(this.#bytes, at, value)
  }

  string(value: string): void {
    const length = Buffer.byteLength(value)
    assert(length <= MAX_STRING_BYTES, `a string of ${length} bytes for Kafka, whose strings have at most ${MAX_STRING_BYTES}`)
    this.#stringLength(length)
    const at = this.#take(length)
    this.#bytes.write(value, at, length)
  }

  nullableString(value: string | null): void {
    if (value === null) this.#stringLength(-1)
    else this.string(value)
  }

  bytes(value: Uint8Array): void {
    this.#length(value.length)
    const at = this.#take(value.length)
    this.#bytes.set(value, at)
  }

  nullableBytes(value: Uint8Array | null): void {
    if (value === null) this.#length(-1)
    else this.bytes(value)
  }

  /** Without a length before them. */
  fixed(value: Uint8Array): void {
    const at = this.#take(value.length)
    this.#bytes.set(value, at)
  }

  /** As nullableBytes(), for many: they are not copied, so finishParts() has to follow. */
  bytesApart(value: Buffer | null): void {
    this.#length(value === null ? -1 : value.length)
    if (value !== null && value.length > 0) this.#apart.push({ at: this.#at, bytes: value })
  }

  array<T>(elements: readonly T[], write: (element: T) => void): void {
    this.#length(elements.length)
    elements.forEach(write)
  }

  nullableArray<T>(elements: readonly T[] | null, write: (element: T) => void): void {
    if (elements === null) this.#length(-1)
    else this.array(elements, write)
  }

  /** Tags rise. Flexible versions have them behind their last field and behind each structure's in it, if only to say that there are none. */
  taggedFields(fields: readonly TaggedField[]): void {
    assert(this.flexible, 'tagged fields in a version that is not flexible')
    this.#uvarint(fields.length)
    for (const { tag, bytes, write } of fields) {
      this.#uvarint(tag)
      this.#uvarint(bytes)
      const start = this.#at
      write()
      assert(this.#at === start + bytes, `the field of tag ${tag} took ${this.#at - start} bytes for ${bytes}`)
    }
  }

  /** What was written. */
  finish(): Buffer {
    assert(this.#apart.length === 0, 'bytes apart, and no parts asked for')
    return this.#written()
  }

  /** What was written, in order: the bytes apart are parts of their own. */
  finishParts(): Buffer[] {
    const written = this.#written()
    const parts: Buffer[] = []
    let from = 0
    for (const { at, bytes } of this.#apart) {
      if (at > from) parts.push(written.subarray(from, at))
      parts.push(bytes)
      from = at
    }
    if (from < written.length || parts.length === 0) parts.push(written.subarray(from))
    return parts
  }

  #written(): Buffer {
    return this.#bytes.length === this.#at ? this.#bytes : this.#bytes.subarray(0, this.#at)
  }

  /** -1 for null, as the next. */
  #stringLength(length: number): void {
    if (this.flexible) this.#uvarint(length + 1)
    else this.int16(length)
  }

  #length(length: number): void {
    if (this.flexible) this.#uvarint(length + 1)
    else this.int32(length)
  }

  #uvarint(value: number): void {
    let rest = value
    for (; rest > 0x7f; rest >>>= 7) this.int8(rest | 0x80)
    this.int8(rest)
  }

  /** Where the next `bytes` go; there is room for them, in #bytes as it is from now on. */
  #take(bytes: number): number {
    const at = this.#at
    this.#at = at + bytes
    if (this.#at > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#at, 2 * this.#bytes.length))
      this.#bytes.copy(larger, 0, 0, at)
      this.#bytes = larger
    }
    return at
  }
}
