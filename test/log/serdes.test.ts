import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { builtInSerde, checkSerde, readSerde } from '../../src/log/serdes.ts'
import type { Serde, SerdeName } from '../../src/log/serdes.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const serde = (name: string): Serde<unknown> => readSerde(name, 'test')
const roundTrip = (name: string, value: unknown): unknown => serde(name).decode(serde(name).encode(value))

it('four serdes are built in, and no name of an object prototype is one', () => {
  expect(['msgpack', 'json', 'string', 'bytes'].map(name => builtInSerde(name)?.name)).toEqual(['msgpack', 'json', 'string', 'bytes'])
  for (const name of ['avro', 'constructor', '__proto__', '', 'JSON']) expect(builtInSerde(name)).toBeUndefined()
  expectTypeOf<SerdeName<string>>().toEqualTypeOf<'msgpack' | 'json' | 'string'>()
  expectTypeOf<SerdeName<{ a: 1 }>>().toEqualTypeOf<'msgpack' | 'json'>()
})

describe('string', () => {
  it('gives every well-formed text back, marks and all', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), text => roundTrip('string', text) === text))
    for (const text of ['', '\ufeffid;name', 'a\u0000', '🦉', 'x'.repeat(100_000)]) expect(roundTrip('string', text)).toBe(text)
  })

  it('is UTF-8, whatever the length and wherever the first character beyond ASCII stands', () => {
    for (let length = 0; length <= 70; length++) {
      const ascii = '\u0000a~\u007f'.repeat(20).slice(0, length)
      for (const text of [ascii, `${ascii}\u0080`, `é${ascii}`, `${ascii}🦉${ascii}`]) expect(Buffer.from(serde('string').encode(text))).toEqual(Buffer.from(utf8(text)))
      expect(() => serde('string').encode(`${ascii}\ud800`)).toThrow(expect.objectContaining({ code: 'VALUE_NOT_ENCODABLE' }))
    }
  })

  it.each([[1, 'a number'], [null, 'null'], [undefined, 'undefined'], [{}, 'an object'], [Buffer.from('a'), 'a Buffer'], [1n, 'a bigint'], [new String('a'), 'a String'], ['a\ud800', 'a string with a lone surrogate'], ['\udc00', 'a string with a lone surrogate']])('refuses to encode %o', (value, found) => {
    expect(() => serde('string').encode(value)).toThrow(expect.objectContaining({ name: 'UsageError', code: 'VALUE_NOT_ENCODABLE', message: expect.stringContaining(`serde 'string' can't encode ${found}`) as string }))
  })

  it.each([['ff'], ['c3'], ['c080'], ['eda080'], ['f4908080'], ['61e28261']])('refuses to decode the bytes %s, which are not UTF-8', hex => {
    expect(() => serde('string').decode(Buffer.from(hex, 'hex'))).toThrow(expect.objectContaining({ name: 'CorruptionError', code: 'VALUE_NOT_DECODABLE' }))
  })
})

describe('bytes', () => {
  it('hands bytes through as they are', () => {
    const bytes = new Uint8Array([0, 255])
    expect(serde('bytes').encode(bytes)).toBe(bytes)
    expect(serde('bytes').decode(bytes)).toBe(bytes)
  })

  it.each(['a', [1], new ArrayBuffer(1), new Uint16Array(1), null, { length: 1 }])('refuses %o', value => {
    expect(() => serde('bytes').encode(value)).toThrow(expect.objectContaining({ code: 'VALUE_NOT_ENCODABLE', hint: expect.stringContaining('Uint8Array') as string }))
  })
})

describe('json', () => {
  it('gives back whatever JSON can say', () => {
    fc.assert(fc.property(fc.jsonValue({ noUnicodeString: false }).filter(value => value !== null && !JSON.stringify(value).includes('__proto__')), value => {
      expect(roundTrip('json', value)).toEqual(JSON.parse(JSON.stringify(value)))
    }))
  })

  it("keeps to JSON's own rules inside of a value", () => {
    expect(roundTrip('json', { a: undefined, b: NaN, at: new Date(0), list: [undefined], half: '\ud800' })).toEqual({ b: null, at: '1970-01-01T00:00:00.000Z', list: [null], half: '\ud800' })
    expect(roundTrip('json', { constructor: 1, prototype: 'prototype' })).toEqual({ constructor: 1, prototype: 'prototype' })
  })

  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  it.each<[string, unknown]>([
    ['undefined', undefined], ['a function', () => 0], ['a symbol', Symbol('x')], ['NaN, which it writes as null', NaN], ['an invalid date, which it writes as null', new Date(NaN)], ['a bigint', { a: 1n }], ['a cycle', cycle],
    ['a toJSON that throws', { toJSON() { throw new Error('no') } }], ['__proto__', JSON.parse('{"a": [{"__proto__": 1}]}')], ['constructor.prototype', { constructor: { prototype: {} } }],
  ])('refuses to encode %s', (_name, value) => {
    expect(() => serde('json').encode(value)).toThrow(expect.objectContaining({ name: 'UsageError', code: 'VALUE_NOT_ENCODABLE' }))
  })

  it.each<[string, Uint8Array]>([
    ['nothing', utf8('')], ['half a text', utf8('{"a":')], ['bytes after the value', utf8('1 2')], ['bytes that are not UTF-8', new Uint8Array([0x22, 0xff, 0x22])], ['a byte order mark', utf8('\ufeff{}')],
    ['__proto__', utf8('{"__proto__": {"polluted": true}}')], ['__proto__ by escapes', utf8(String.raw`{"a": [{"\u005f_proto__": 1}]}`)], ['__proto__ all by escapes', utf8(String.raw`{"\u005F\u005F\u0070roto__": 1}`)],
    ['constructor.prototype', utf8('{"constructor": {"prototype": {"polluted": true}}}')], ['constructor.prototype by escapes', utf8(String.raw`{"constructor": {"\u0070rototype": {"polluted": true}}}`)],
  ])('refuses to decode %s', (_name, bytes) => {
    expect(() => serde('json').decode(bytes)).toThrow(expect.objectContaining({ name: 'CorruptionError', code: 'VALUE_NOT_DECODABLE', details: { serde: 'json', bytes: bytes.length } }))
    expect('polluted' in {}).toBe(false)
  })
})

describe('a serde of the user', () => {
  class Upper {
    readonly name = 'upper-1.0'
    readonly #encoder = new TextEncoder()
    encode(value: string): Uint8Array { return this.#encoder.encode(value.toUpperCase()) }
    decode(bytes: Uint8Array): string { return new TextDecoder().decode(bytes) }
  }

  it('is called as the object that it is, and can not be changed from outside', () => {
    const own = checkSerde(new Upper(), 'test')
    expect(own.decode(own.encode('ada'))).toBe('ADA')
    expect(Object.isFrozen(own)).toBe(true)
  })

  it.each<[string, unknown]>([
    ['null', null], ['a function', () => 0], ['without a name', { encode: () => 0, decode: () => 0 }], ['without encode', { name: 'x', decode: () => 0 }], ['without decode', { name: 'x', encode: () => 0 }], ['with decode that is no function', { name: 'x', encode: () => 0, decode: 1 }],
  ])('is refused: %s', (_name, given) => {
    expect(() => checkSerde(given, "topic 'orders': option 'value'")).toThrow(expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining("topic 'orders': option 'value'") as string }))
  })

  it.each(['', 'a b', 'x'.repeat(65), 'ż', 'json', 'msgpack', 'string', 'bytes', 7, undefined])('is refused by the name %o', name => {
    expect(() => checkSerde({ name, encode: () => 0, decode: () => 0 }, 'test')).toThrow(expect.objectContaining({ code: 'SERDE_NAME_INVALID' }))
  })

  it('fails with typed errors that carry the cause', () => {
    const cause = new Error('schema registry says no')
    const broken = checkSerde({ name: 'own', encode() { throw cause }, decode() { throw cause } }, 'test')
    expect(() => broken.encode({})).toThrow(expect.objectContaining({ code: 'VALUE_NOT_ENCODABLE', cause, message: "serde 'own' can't encode an object: schema registry says no" }))
    expect(() => broken.decode(utf8('abc'))).toThrow(expect.objectContaining({ code: 'VALUE_NOT_DECODABLE', cause, message: "serde 'own' can't decode 3 bytes: schema registry says no" }))
  })

  it.each(['text', undefined, [1], new ArrayBuffer(1), Promise.resolve(new Uint8Array())])('is refused what it encodes to when that is %o', encoded => {
    const own = checkSerde({ name: 'own', encode: () => encoded, decode: () => 0 }, 'test')
    expect(() => own.encode(1)).toThrow(expect.objectContaining({ code: 'VALUE_NOT_ENCODABLE', message: expect.stringContaining('its encode returned') as string }))
  })

  it('that is only named must be a built-in one, and the nearest is suggested', () => {
    expect(() => readSerde('msgpak', 'value')).toThrow(expect.objectContaining({ code: 'OPTION_INVALID', hint: "did you mean 'msgpack'?" }))
    expect(() => readSerde('avro', 'value')).toThrow(expect.objectContaining({ hint: expect.stringContaining('{ name, encode, decode }') as string }))
  })
})
