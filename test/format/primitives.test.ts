import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PrimitiveReader, PrimitiveWriter } from '../../src/format/primitives.ts'

class Refused extends Error {}

const bytes = fc.uint8Array({ maxLength: 300 }).map(array => Buffer.from(array))
const text = fc.string({ unit: 'grapheme', maxLength: 60 })

const readerOf = (given: readonly number[] | Uint8Array, flexible = false): PrimitiveReader => {
  const reader = new PrimitiveReader(Uint8Array.from(given), (what, at) => new Refused(`${what} @${at}`))
  reader.flexible = flexible
  return reader
}

describe('what is written is read back to the last byte', () => {
  test.each([[0, false], [1, false], [7, false], [4096, false], [0, true], [4096, true]])('by a writer that expected %d bytes, flexible: %s', (expectedBytes, flexible) => {
    const fields = fc.record({
      int8: fc.integer({ min: -128, max: 127 }), int16: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }), int32: fc.integer(), int64: fc.maxSafeInteger(),
      string: text, nullableString: fc.option(text), bytes, nullableBytes: fc.option(bytes), array: fc.array(text, { maxLength: 5 }), nullableArray: fc.option(fc.array(fc.integer(), { maxLength: 200 })),
    })
    fc.assert(fc.property(fields, given => {
      const writer = new PrimitiveWriter(expectedBytes)
      writer.flexible = flexible
      writer.int8(given.int8)
      writer.int16(given.int16)
      writer.int32(given.int32)
      writer.int64(given.int64)
      writer.string(given.string)
      writer.nullableString(given.nullableString)
      writer.bytes(given.bytes)
      writer.nullableBytes(given.nullableBytes)
      writer.array(given.array, element => { writer.string(element) })
      writer.nullableArray(given.nullableArray, element => { writer.int32(element) })
      const reader = readerOf(writer.finish(), flexible)
      expect({
        int8: reader.int8('j'), int16: reader.int16('a'), int32: reader.int32('b'), int64: reader.int64('c'), string: reader.string('d'), nullableString: reader.nullableString('e'),
        bytes: reader.bytes('f'), nullableBytes: reader.nullableBytes('g'), array: reader.array('h', () => reader.string('i')),
        nullableArray: reader.nullableArray('k', () => reader.int32('l')),
      }).toEqual(given)
      reader.expectEnd()
    }))
  })

  test('a string of 32,767 bytes, and one of a byte more is our own mistake', () => {
    const writer = new PrimitiveWriter(0)
    writer.string('x'.repeat(0x7fff))
    expect(readerOf(writer.finish()).string('name')).toBe('x'.repeat(0x7fff))
    expect(() => { writer.string(`${'x'.repeat(0x7ffe)}ß`) }).toThrow('broken invariant: a string of 32768 bytes')
  })
})

test('flexible lengths are one more than they mean, and take as many bytes as they need', () => {
  expect(readerOf([3, 0x61, 0x62], true).string('name')).toBe('ab')
  expect(readerOf([0], true).nullableString('name')).toBeNull()
  expect(readerOf([1], true).nullableString('name')).toBe('')
  expect(readerOf([0], true).nullableBytes('data')).toBeNull()
  expect(readerOf([2, 0xff], true).bytes('data')).toEqual(Buffer.of(0xff))
  expect(readerOf([0xc9, 0x01, ...Array<number>(200).fill(0x78)], true).string('name')).toBe('x'.repeat(200))
  const reader = readerOf([3, 0, 7, 0, 9], true)
  expect(reader.array('numbers', () => reader.int16('number'))).toEqual([7, 9])
})

test('flexible lengths are written in as few bytes as they need', () => {
  const written = (write: (writer: PrimitiveWriter) => void): number[] => {
    const writer = new PrimitiveWriter(0)
    writer.flexible = true
    write(writer)
    return [...writer.finish().subarray(0, 4)]
  }
  expect(written(writer => { writer.nullableString(null) })).toEqual([0])
  expect(written(writer => { writer.string('') })).toEqual([1])
  expect(written(writer => { writer.nullableBytes(null) })).toEqual([0])
  expect(written(writer => { writer.nullableArray(null, () => {}) })).toEqual([0])
  expect(written(writer => { writer.array([7, 9], n => { writer.int8(n) }) })).toEqual([3, 7, 9])
  expect(written(writer => { writer.bytes(Buffer.alloc(126, 5)) })).toEqual([127, 5, 5, 5])
  expect(written(writer => { writer.bytes(Buffer.alloc(127, 5)) })).toEqual([0x80, 1, 5, 5])
  expect(written(writer => { writer.bytes(Buffer.alloc(2 ** 21 - 1, 5)) })).toEqual([0x80, 0x80, 0x80, 1])
})

test('tagged fields are read by whoever knows the tag, and are written with tag and length', () => {
  const writer = new PrimitiveWriter(0)
  writer.flexible = true
  writer.taggedFields([{ tag: 0, bytes: 8, write: () => { writer.int64(5) } }, { tag: 300, bytes: 2, write: () => { writer.int16(7) } }, { tag: 301, bytes: 1, write: () => { writer.int8(1) } }])
  writer.int8(9)
  expect([...writer.finish()]).toEqual([3, 0, 8, 0, 0, 0, 0, 0, 0, 0, 5, 0xac, 2, 2, 0, 7, 0xad, 2, 1, 1, 9])

  const reader = readerOf(writer.finish(), true)
  const read: [number, number?][] = []
  reader.taggedFields(tag => { read.push(tag === 300 ? [tag, reader.int16('known')] : [tag]) })
  expect(read).toEqual([[0], [300, 7], [301]])
  expect(reader.int8('next')).toBe(9)
})

test('a tagged field that is not as long as it says, and one in a version that is not flexible, are our own mistakes', () => {
  const writer = new PrimitiveWriter(0)
  expect(() => { writer.taggedFields([]) }).toThrow('broken invariant: tagged fields in a version that is not flexible')
  writer.flexible = true
  expect(() => { writer.taggedFields([{ tag: 1, bytes: 4, write: () => { writer.int64(0) } }]) }).toThrow('broken invariant: the field of tag 1 took 8 bytes for 4')
})

test('tagged fields are passed over in flexible versions, and looked for in no other', () => {
  const flexible = readerOf([2, 0, 1, 0xaa, 0xac, 0x02, 2, 0xbb, 0xbb, 0x00, 0x07], true)
  flexible.skipTaggedFields()
  expect(flexible.int16('next')).toBe(7)
  const plain = readerOf([0, 7])
  plain.skipTaggedFields()
  expect(plain.int16('next')).toBe(7)
})

describe('what the bytes do not hold is refused in the words of whoever reads', () => {
  test.each<[string, string, readonly number[], boolean, (reader: PrimitiveReader) => unknown]>([
    ['half a number', 'its count takes 4 bytes, 3 are left @0', [0, 0, 0], false, reader => reader.int32('count')],
    ['2^53', 'its offset is 9007199254740992, beyond 2^53 @0', [0, 0x20, 0, 0, 0, 0, 0, 0], false, reader => reader.int64('offset')],
    ['the least int64', 'its offset is -9223372036854776000, beyond 2^53 @0', [0x80, 0, 0, 0, 0, 0, 0, 0], false, reader => reader.int64('offset')],
    ['a string beyond the end', 'its name takes 4 bytes, 3 are left @2', [0, 4, 1, 1, 1], false, reader => reader.string('name')],
    ['no string', 'its name is null @2', [0xff, 0xff], false, reader => reader.string('name')],
    ['no flexible string', 'its name is null @1', [0], true, reader => reader.string('name')],
    ['a string of -2 bytes', 'its name takes -2 bytes, 0 are left @2', [0xff, 0xfe], false, reader => reader.nullableString('name')],
    ['bytes of 2 GiB', 'its data takes 2147483647 bytes, 1 are left @4', [0x7f, 0xff, 0xff, 0xff, 0], false, reader => reader.bytes('data')],
    ['no bytes', 'its data is null @4', [0xff, 0xff, 0xff, 0xff], false, reader => reader.bytes('data')],
    ['bytes of the least length', 'its data takes -2147483648 bytes, 0 are left @4', [0x80, 0, 0, 0], false, reader => reader.nullableBytes('data')],
    ['flexible bytes of 32 GiB', 'its data takes 34359738366 bytes, 0 are left @5', [0xff, 0xff, 0xff, 0xff, 0x7f], true, reader => reader.bytes('data')],
    ['a length of six bytes', 'the length of its data is longer than 5 bytes @5', [0x80, 0x80, 0x80, 0x80, 0x80, 0], true, reader => reader.bytes('data')],
    ['a length that stops in the middle', 'its data takes 1 bytes, 0 are left @1', [0x80], true, reader => reader.bytes('data')],
    ['more elements than bytes', 'it counts 2 names, 1 bytes are left @4', [0, 0, 0, 2, 0], false, reader => reader.array('names', () => reader.string('name'))],
    ['no array', 'it counts -1 names, 0 bytes are left @4', [0xff, 0xff, 0xff, 0xff], false, reader => reader.array('names', () => reader.string('name'))],
    ['more tagged fields than bytes', 'its tag takes 1 bytes, 0 are left @5', [0xff, 0xff, 0xff, 0xff, 0x0f], true, reader => { reader.skipTaggedFields() }],
    ['a tagged field beyond the end', 'its tagged field takes 2 bytes, 1 are left @3', [1, 0, 2, 0], true, reader => { reader.skipTaggedFields() }],
    ['a tagged field that is longer than what is known of it', 'its field of tag 1 has 3 bytes, 2 are expected @3', [1, 1, 3, 0, 0, 0], true, reader => { reader.taggedFields(() => { reader.int16('known') }) }],
    ['a tagged field that is shorter than what is known of it', 'its field of tag 1 has 1 bytes, 2 are expected @3', [1, 1, 1, 0, 0, 0], true, reader => { reader.taggedFields(() => { reader.int16('known') }) }],
    ['more elements of a nullable array than bytes', 'it counts 2 names, 1 bytes are left @4', [0, 0, 0, 2, 0], false, reader => reader.nullableArray('names', () => reader.string('name'))],
    ['a nullable array of -2', 'it counts -2 names, 0 bytes are left @4', [0xff, 0xff, 0xff, 0xfe], false, reader => reader.nullableArray('names', () => reader.string('name'))],
    ['fixed bytes beyond the end', 'its id takes 16 bytes, 2 are left @0', [1, 2], false, reader => reader.fixed(16, 'id')],
    ['what only the caller can tell', 'its colour is 7 @1', [7], false, reader => { throw reader.malformed(`its colour is ${reader.int8('colour')}`) }],
    ['more elements than are allowed, of two arrays', 'it counts 2 names, 1 more elements are allowed @9', [0, 0, 0, 1, 7, 0, 0, 0, 2, 0, 0], false, reader => {
      reader.elementsLeft = 2
      reader.array('numbers', () => reader.int8('number'))
      reader.array('names', () => reader.string('name'))
    }],
    ['bytes behind the last field', '2 bytes follow its last field @0', [1, 2], false, reader => { reader.expectEnd() }],
  ])('%s', (_what, message, given, flexible, read) => {
    expect(() => read(readerOf(given, flexible))).toThrow(new Refused(message))
  })
})

test('views are of the bytes that were given, where they stand in their memory', () => {
  const memory = Uint8Array.from([9, 9, 0, 0, 0, 2, 5, 6, 9])
  const view = new PrimitiveReader(memory.subarray(2, 8), what => new Refused(what)).bytes('data')
  expect(view).toEqual(Buffer.of(5, 6))
  memory[6] = 7
  expect(view).toEqual(Buffer.of(7, 6))
})

test('bytes apart have their length where they belong and are parts of their own, in order', () => {
  const long = Buffer.alloc(5000, 'l')
  const short = Buffer.from('s')
  for (const flexible of [false, true]) {
    const writer = new PrimitiveWriter(0)
    writer.flexible = flexible
    for (const given of [long, short, Buffer.alloc(0), null, long]) writer.bytesApart(given)
    writer.fixed(Buffer.of(1, 2))
    const parts = writer.finishParts()
    expect(parts.filter(part => part === long || part === short)).toEqual([long, short, long])
    const reader = readerOf(Buffer.concat(parts), flexible)
    expect(Array.from({ length: 5 }, () => reader.nullableBytes('a'))).toEqual([long, short, Buffer.alloc(0), null, long])
    expect(reader.fixed(2, 'b')).toEqual(Buffer.of(1, 2))
    reader.expectEnd()
  }
})

test('bytes apart end what was written, or are forgotten by our own mistake', () => {
  const writer = new PrimitiveWriter(0)
  writer.bytesApart(Buffer.of(7))
  expect(writer.finishParts()).toEqual([Buffer.of(0, 0, 0, 1), Buffer.of(7)])
  expect(() => writer.finish()).toThrow('broken invariant: bytes apart, and no parts asked for')
  expect(new PrimitiveWriter(8).finishParts()).toEqual([Buffer.alloc(0)])
})

test('an int64 beyond 2^53 can be read rounded, and is equal to no safe integer then', () => {
  expect(readerOf([0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).roundedInt64('a')).toBe(2 ** 63)
  expect(readerOf([0x80, 0, 0, 0, 0, 0, 0, 0]).roundedInt64('a')).toBe(-(2 ** 63))
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), value => {
    const given = Buffer.alloc(8)
    given.writeBigInt64BE(value)
    const read = readerOf(given).roundedInt64('a')
    expect(read).toBe(Number(value))
    expect(Number.isSafeInteger(read)).toBe(value === BigInt(read) && value > -(2n ** 53n) && value < 2n ** 53n)
  }))
})
