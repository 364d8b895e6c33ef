// The fields that are not made of others. How they stand on the wire is said in format/primitives.ts; besides:
//
//   boolean   int8, true unless 0
//   uuid      16 bytes; here 22 characters of base64url as Kafka prints them, ZERO_UUID for none
//   records   as bytes: record batches. A view when read, and not copied when written
//
// An int64 beyond ±2^53 is read rounded: it is equal to no offset, id or time that can be stored, and less and greater
// still hold, so a request for offset 2^63 - 1 gets the answer that Kafka gives. The greatest and the least come back exact.
// What doesn't fit its type is our own mistake when it is written.
import { assert } from '../../base/assert.ts'
import type { PrimitiveReader } from '../../format/primitives.ts'
import { isNullable, type Codec, type Field, type FieldOptions, type IsOptional, type NullableOptions, type OrNull } from './field.ts'

/** 2^63 - 1, as it is read. */
export const GREATEST_INT64 = 2 ** 63

export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'

const UUID_BYTES = 16
const MAX_STRING_BYTES = 0x7fff
const MAX_BYTES_OF_CHARACTER = 3
const GREATEST_INT64_BYTES = Buffer.from('7fffffffffffffff', 'hex')

type Plain<T, O> = Field<T, T, IsOptional<O>>
type Nullable<T, O> = Field<OrNull<T, O>, OrNull<T, O>, IsOptional<O>>

export const int8 = number(value => value << 24 >> 24 === value, {
  read: (reader, name) => reader.int8(name),
  write: (writer, value) => { writer.int8(value) },
})

export const int16 = number(value => value << 16 >> 16 === value, {
  read: (reader, name) => reader.int16(name),
  write: (writer, value) => { writer.int16(value) },
})

export const int32 = number(value => (value | 0) === value, {
  read: (reader, name) => reader.int32(name),
  write: (writer, value) => { writer.int32(value) },
})

export const int64 = number(value => Number.isInteger(value) && Math.abs(value) <= GREATEST_INT64, {
  read: (reader, name) => reader.roundedInt64(name),
  write(writer, value) {
    if (value === GREATEST_INT64) writer.fixed(GREATEST_INT64_BYTES)
    else writer.int64(value)
  },
})

const booleanCodec: Codec<boolean> = {
  read: (reader, name) => reader.int8(name) !== 0,
  write: (writer, value) => { writer.int8(value ? 1 : 0) },
}

export function boolean<const O extends FieldOptions<boolean>>(options?: O): Plain<boolean, O> {
  return plain(false, booleanCodec, options)
}

const uuidCodec: Codec<string> = {
  read: (reader, name) => reader.fixed(UUID_BYTES, name).toString('base64url'),
  write(writer, value, name) {
    const bytes = Buffer.from(value, 'base64url')
    if (bytes.length !== UUID_BYTES) mistake(name, value, 'a uuid')
    writer.fixed(bytes)
  },
}

export function uuid<const O extends FieldOptions<string>>(options?: O): Plain<string, O> {
  return plain(ZERO_UUID, uuidCodec, options)
}

const stringCodec: Codec<string> = {
  read: (reader, name) => limited(reader, reader.string(name), name),
  write: (writer, value) => { writer.string(value) },
}

const nullableStringCodec: Codec<string | null> = {
  read: (reader, name) => limited(reader, reader.nullableString(name), name),
  write: (writer, value) => { writer.nullableString(value) },
}

export function string<const O extends NullableOptions<string>>(options?: O): Nullable<string, O> {
  return nullable('', stringCodec, nullableStringCodec, options)
}

const bytesCodec: Codec<Buffer> = {
  read: (reader, name) => reader.bytes(name),
  write: (writer, value) => { writer.bytes(value) },
}

const nullableBytesCodec: Codec<Buffer | null> = {
  read: (reader, name) => reader.nullableBytes(name),
  write: (writer, value) => { writer.nullableBytes(value) },
}

export function bytes<const O extends NullableOptions<Buffer>>(options?: O): Nullable<Buffer, O> {
  return nullable(Buffer.alloc(0), bytesCodec, nullableBytesCodec, options)
}

const recordsCodec: Codec<Buffer | null> = {
  read: (reader, name) => reader.nullableBytes(name),
  write: (writer, value) => { writer.bytesApart(value) },
}

/** Null where there are none; messages say so in every version. */
export function records(): Field<Buffer | null, Buffer | null, false> {
  return { ...plain<Buffer | null, object>(null, recordsCodec, {}), optional: false }
}

// ---------------------------------------------------------------- how they are made

function number(fits: (value: number) => boolean, codec: Codec<number>): <const O extends FieldOptions<number>>(options?: O) => Plain<number, O> {
  const checked: Codec<number> = {
    read: codec.read,
    write(writer, value, name) {
      if (!fits(value)) mistake(name, value, 'a number that fits')
      codec.write(writer, value, name)
    },
  }
  return options => plain(0, checked, options)
}

function plain<T, O extends FieldOptions<T>>(zero: T, codec: Codec<T>, options: O | undefined): Plain<T, O> {
  const { from = 0, to = Infinity, tag, default: initial = zero }: FieldOptions<T> = options ?? {}
  return { from, to, tag, initial, isInitial: value => value === initial, codec: () => codec }
}

function nullable<T, O extends NullableOptions<T>>(zero: T, codec: Codec<T>, orNull: Codec<T | null>, options: O | undefined): Nullable<T, O> {
  const { from = 0, to = Infinity, tag, default: initial = zero, ...rest }: NullableOptions<T> = options ?? {}
  const field: Field<T | null> = { from, to, tag, initial, isInitial: value => value === initial, codec: version => isNullable(rest, version) ? orNull : neverNull(codec) }
  return field as Nullable<T, O>
}

/** Where a type has null for other versions, and the given one has not. */
export function neverNull<Read, Write>(codec: Codec<Read, Write>): Codec<Read, Write | null> {
  return {
    read: codec.read.bind(codec),
    write(writer, value, name) {
      if (value === null) mistake(name, value, 'anything but null in this version')
      else codec.write(writer, value, name)
    },
  }
}

/**
 * A string that could not be written again is refused: answers say which topic they are about. It can be too long as such,
 * by a flexible length, or because bytes that were no UTF-8 have become longer.
 */
function limited<T extends string | null>(reader: PrimitiveReader, value: T, name: string): T {
  if (value !== null && value.length * MAX_BYTES_OF_CHARACTER > MAX_STRING_BYTES && Buffer.byteLength(value) > MAX_STRING_BYTES) {
    throw reader.malformed(`its ${name} is longer than ${MAX_STRING_BYTES} bytes`)
  }
  return value
}

function mistake(name: string, value: unknown, expected: string): void {
  assert(false, `${name} is ${String(value)}, and has to be ${expected}`)
}
