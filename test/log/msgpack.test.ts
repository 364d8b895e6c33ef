import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { afterEach, describe, expect, it } from 'vitest'
import { CorruptionError, UsageError } from '../../src/base/errors.ts'
import { MSGPACK_DEPTH } from '../../src/log/msgpack-scan.ts'
import { decodeMsgpack, encodeMsgpack } from '../../src/log/msgpack.ts'

const roundTrip = (value: unknown): unknown => decodeMsgpack(encodeMsgpack(value))
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const nested = (depth: number): unknown => Array.from({ length: depth }).reduce(value => [value], 0 as unknown)

describe('what was sent is what is read', () => {
  it.each<[string, unknown]>([
    ['undefined', undefined], ['booleans', [true, false]], ['integers', [0, 127, 128, -1, -32, -33, 65_535, 65_536, 2 ** 31, 2 ** 32, -(2 ** 31), 2 ** 53 - 1]], ['floats', [0.1, NaN, Infinity, -Infinity, 5e-324]],
    ['bigints', [0n, 5n, -5n, 2n ** 63n, -(2n ** 63n), 2n ** 64n, -(2n ** 64n) - 1n, 2n ** 500n, -(2n ** 5000n)]],
    ['text', ['', 'ada', 'zażółć', '🦉', 'x'.repeat(70_000), 'ż'.repeat(100), 'a\u0000b']], ['dates', [new Date(0), new Date(-1), new Date(1.7e12 + 123), new Date(8.64e15), new Date(-8.64e15), new Date(NaN)]],
    ['bytes', { small: new Uint8Array([1, 2, 3]), empty: new Uint8Array(), large: new Uint8Array(70_000).fill(7) }], ['objects', { a: { b: null, c: undefined }, '': 1, 'two words': 2, 7: 'seven' }],
    ['more keys than 65,535', Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i]))],
  ])('%s', (_name, value) => {
    expect(roundTrip(value)).toStrictEqual(value)
  })

  it('the word constructor too', () => {
    const value = { constructor: 3, prototype: 4, list: [{ constructor: { name: 'x' } }] }
    expect(roundTrip(value)).toEqual(value)
  })

  it('save the sign of zero', () => {
    expect(roundTrip(-0)).toBe(0)
  })

  it('for any value of these kinds', () => {
    const plain = fc.anything({ withBigInt: true, withDate: true, withNullPrototype: false, withUnicodeString: true, withSparseArray: false, maxDepth: 4 })
    fc.assert(fc.property(plain.filter(isEncodable), value => { expect(roundTrip(value)).toEqual(value) }), { numRuns: 500 })
  })

  it('and the bytes are MessagePack that a plain msgpackr reads', () => {
    const value = { id: 7, tags: ['a'], at: new Date(5000), raw: Buffer.from('ab'), big: 2n ** 60n }
    expect(new Packr({ mapsAsObjects: true }).unpack(encodeMsgpack(value))).toEqual(value)
  })

  it('an object of a class by its toJSON or its own fields, read as a plain object', () => {
    class Money { readonly cents = 5; toJSON(): unknown { return { cents: String(this.cents) } } }
    class Order { readonly total = new Money(); readonly at = new Date(0); total2(): number { return 2 } }
    const order = new Order()
    const value = { orders: [1, order], from: new URL('https://example.com/') }
    expect(roundTrip(value)).toStrictEqual({ orders: [1, { total: { cents: '5' }, at: new Date(0) }], from: 'https://example.com/' })
    expect([value.orders[1], order.total, value.from]).toEqual([expect.any(Order), expect.any(Money), expect.any(URL)])
    expect(roundTrip(Object.assign(Object.create(null) as object, { a: 1 }))).toStrictEqual({ a: 1 })
  })

  function isEncodable(value: unknown): boolean {
    if (typeof value === 'string') return !value.startsWith('\ufeff')
    if (Object.is(value, -0)) return false
    if (typeof value !== 'object' || value === null || value instanceof Date) return true
    return Object.entries(value).every(([key, item]) => key !== '__proto__' && key !== 'toJSON' && !(key === 'constructor' && typeof item === 'object') && isEncodable(key) && isEncodable(item))
  }
})

describe('encoding', () => {
  it.each<[string, unknown, string]>([
    ['a function', { on: { done: () => 0 } }, 'a function (at on.done)'], ['a symbol', [Symbol('x')], 'a symbol (at [0])'], ['a Map', { a: [{}, new Map()] }, 'a Map (at a[1])'], ['a Set', new Set(), 'a Set'],
    ['a Promise', { 'not awaited': Promise.resolve(1) }, 'a Promise (at ["not awaited"])'], ['a RegExp', /x/, 'a RegExp'], ['an Error', new Error('x'), 'an Error'], ['floats as they lie in memory', new Float32Array(2), 'a Float32Array'], ['an ArrayBuffer', new ArrayBuffer(2), 'an ArrayBuffer'],
    ['half a character', { name: 'a\ud800' }, 'a string with a lone surrogate (at name)'], ['half a character in a key', { '\udc00': 1 }, 'lone surrogate'], ['a byte order mark', '\ufeffid;name', 'byte order mark'],
    ['__proto__', { a: JSON.parse('{"__proto__": {"x": 1}}') as unknown }, "the key '__proto__' (at a.__proto__)"], ['constructor.prototype', { constructor: { prototype: { x: 1 } } }, "the key 'prototype' (at constructor.prototype)"],
    ['a class that stands for null', { toJSON: null, x: () => 0 }, 'a function (at x)'], ['null by toJSON', new (class { toJSON(): null { return null } })(), 'toJSON gives null'], ['a tree too deep', nested(MSGPACK_DEPTH + 1), `deeper than ${MSGPACK_DEPTH}`],
    ['more containers than are read back', Array.from({ length: 1_000_001 }, () => []), 'arrays and maps'],
  ])('refuses %s, with its place in the value', (_name, value, message) => {
    expect(() => encodeMsgpack(value)).toThrow(expect.objectContaining({ name: 'UsageError', code: 'VALUE_NOT_ENCODABLE', message: expect.stringContaining(message) as string }))
  })

  it('refuses a cycle', () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = { list: [cycle] }
    expect(() => encodeMsgpack(cycle)).toThrow(expect.objectContaining({ code: 'VALUE_NOT_ENCODABLE', hint: expect.stringContaining('cycle') as string }))
  })

  it('never writes over bytes that it returned, whatever comes after', async () => {
    const values = Array.from({ length: 200 }, (_, i) => ({ i, text: 'x'.repeat(i * 97 % 3000) }))
    const encoded = values.map(value => encodeMsgpack(value))
    encodeMsgpack('y'.repeat(3_000_000))
    await Promise.resolve()
    values.forEach((_, i) => encodeMsgpack({ i: -i, text: 'z'.repeat(2000) }))
    expect(encoded.map(decodeMsgpack)).toEqual(values)
  })

  it('gives a large buffer back once the large value is encoded', async () => {
    encodeMsgpack('y'.repeat(3_000_000))
    expect(encodeMsgpack('a').buffer.byteLength).toBeGreaterThan(3_000_000)
    await Promise.resolve()
    expect(encodeMsgpack('a').buffer.byteLength).toBeLessThanOrEqual(8192)
  })

  it('is not disturbed by a value that encodes another one in its toJSON', () => {
    class Nosy { toJSON(): unknown { return { inner: Buffer.from(encodeMsgpack({ deep: 'x'.repeat(500_000) })).length } } }
    expect(roundTrip([new Nosy(), 'after', new Nosy()])).toStrictEqual([{ inner: 500_011 }, 'after', { inner: 500_011 }])
  })
})

describe('decoding bytes that others wrote', () => {
  afterEach(() => { expect(Object.keys(Object.prototype).concat('polluted' in {} ? 'polluted' : [])).toEqual([]) })

  it.each<[string, string, string]>([
    ['nothing', '', 'end inside'], ['bytes after the value', '01 02', '1 bytes follow'], ['the code that begins no value', 'c1', '0xc1 begins no value'], ['a text that is cut', 'a3 61 62', 'end inside'], ['a float that is cut', 'cb 00', 'end inside'],
    ['an array of four billion items', 'dd ff ff ff ff 00', 'end inside'], ['a map of four billion keys', 'df ff ff ff ff', 'end inside'], ['a text of four billion bytes', 'db ff ff ff ff 61', 'end inside'], ['bytes of four billion', 'c6 ff ff ff ff', 'end inside'],
    ['a key __proto__', '81 a9 5f5f70726f746f5f5f 81 a8 706f6c6c75746564 c3', "'__proto__' could change prototypes"], ['a key __proto__ with a long header', '81 db 00000009 5f5f70726f746f5f5f 80', "'__proto__'"], ['a key __proto__ deep inside', '81 a1 61 91 81 d9 09 5f5f70726f746f5f5f 80', "'__proto__'"],
    ['constructor.prototype', '81 ab 636f6e7374727563746f72 81 a9 70726f746f74797065 81 a8 706f6c6c75746564 c3', "'prototype' could change prototypes"],
    ['a record definition, which msgpackr compiles', 'd4 72 40 91 a1 61 01', 'extension type 0x72'], ['a two-byte record definition', 'd5 72 40 00 91 a1 61 01', 'extension type 0x72'], ['a reference', 'd6 70 00000001', 'extension type 0x70'], ['a referee', 'd6 69 00000001 90', 'extension type 0x69'],
    ['a regular expression', 'd4 78 00 92 a1 61 a0', 'extension type 0x78'], ['an error', 'd4 65 00 93 a1 61 a1 62 c0', 'extension type 0x65'], ['a set', 'd4 73 00 90', 'extension type 0x73'], ['a typed array', 'c7 02 74 01 00', 'extension type 0x74'], ['a bundle of strings', 'd6 62 00000001 01 a0 a0', 'extension type 0x62'],
    ['a large integer of no bytes', 'c7 00 42', 'extension type 0x42 of 0 bytes'], ['a timestamp of two bytes', 'd5 ff 0000', 'extension type 0xff of 2 bytes'], ['a map with arrays as keys', '81 91 01 02', "can't decode"],
  ])('refuses %s', (_name, hex, message) => {
    expect(() => decodeMsgpack(bytes(hex))).toThrow(expect.objectContaining({ name: 'CorruptionError', code: 'VALUE_NOT_DECODABLE', message: expect.stringContaining(message) as string }))
  })

  it('refuses nesting without end, and containers without number', () => {
    expect(() => decodeMsgpack(new Uint8Array(1_000_000).fill(0x91))).toThrow(expect.objectContaining({ message: expect.stringContaining('nested deeper') as string }))
    const bomb = new Uint8Array(1_500_005).fill(0x80)
    bomb.set([0xdd, 0x00, 0x16, 0xe3, 0x60])
    expect(() => decodeMsgpack(bomb)).toThrow(expect.objectContaining({ message: expect.stringContaining('more than 1000000 arrays and maps') as string }))
    expect(roundTrip(nested(MSGPACK_DEPTH))).toEqual(nested(MSGPACK_DEPTH))
  })

  it('ends in a value or in a CorruptionError, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), garbage => {
      try {
        decodeMsgpack(garbage)
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptionError)
      }
    }), { numRuns: 5000 })
  })

  it('reads or refuses a value of ours with one byte changed', () => {
    const value = { id: 'ord-1', tags: ['a', { b: 2n ** 70n }], at: new Date(5), raw: new Uint8Array(20), text: 'ż'.repeat(40) }
    fc.assert(fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Uint8Array.from(encodeMsgpack(value))
      damaged[at % damaged.length]! ^= flip
      try {
        decodeMsgpack(damaged)
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptionError)
      }
    }), { numRuns: 3000 })
  })

  it('gives the bytes inside of a value as a Uint8Array of their own', () => {
    const encoded = Buffer.from(encodeMsgpack({ raw: new Uint8Array([1, 2, 3]) }))
    const { raw } = decodeMsgpack(encoded) as { raw: Uint8Array }
    expect(Object.getPrototypeOf(raw)).toBe(Uint8Array.prototype)
    expect(raw.buffer.byteLength).toBe(3)
    encoded.fill(0)
    expect(raw).toEqual(new Uint8Array([1, 2, 3]))
  })
})

it('reads the same with and without the native string reader that msgpackr may have', () => {
  const texts = ['short', 'x'.repeat(300), 'ż'.repeat(300), '🦉'.repeat(70), `a\ufeff${'b'.repeat(100)}`]
  const hex = Buffer.from(encodeMsgpack(texts)).toString('hex')
  const program = `import { Packr } from 'msgpackr'; process.stdout.write(JSON.stringify(new Packr({ useRecords: false }).unpack(Buffer.from('${hex}', 'hex'))))`
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { env: { ...process.env, MSGPACKR_NATIVE_ACCELERATION_DISABLED: 'true' } })
  expect(JSON.parse(output.toString())).toEqual(texts)
  expect(roundTrip(texts)).toEqual(texts)
  expect(() => encodeMsgpack(`\ufeff${'b'.repeat(100)}`)).toThrow(UsageError)
})
