// How keys and values become bytes. Four serdes are built in; a topic may bring its own. The name is stored with the
// topic, so a name means the same bytes for ever. null never comes here: as a value it is a tombstone, as a key it is
// no key. What encode returns is copied before anything else happens; decode may return a view of the bytes it is given.
//
//   msgpack  most values of JavaScript, exactly (msgpack.ts)
//   json     what JSON.stringify makes of it, by JSON's rules: inside of a value, undefined is left out and NaN is null;
//            a value that as a whole has no JSON form is refused
//   string   UTF-8, strict in both directions: no lone surrogates in, no invalid bytes out
//   bytes    a Uint8Array as it is
import { describeType, listNames, quote } from '../base/describe.ts'
import { UsageError } from '../base/errors.ts'
import { nearestName } from '../base/nearest-name.ts'
import { optionInvalid } from '../base/options.ts'
import { decodeMsgpack, encodeMsgpack } from './msgpack.ts'
import { hasPrototypeKey, mayHavePrototypeKey } from './prototype-keys.ts'
import { isWellFormed, notDecodable, notEncodable } from './serde-errors.ts'

export interface Serde<T> { readonly name: string; encode(value: T): Uint8Array; decode(bytes: Uint8Array): T }
export type SerdeName<T> = 'msgpack' | 'json' | (unknown extends T ? 'string' | 'bytes' : never) | (T extends string ? 'string' : never) | (T extends Uint8Array ? 'bytes' : never)

const SERDE_NAME = /^[a-zA-Z0-9._-]{1,64}$/

const BUILT_IN: ReadonlyMap<string, Serde<unknown>> = new Map([
  { name: 'msgpack', encode: encodeMsgpack, decode: decodeMsgpack },
  { name: 'json', encode: encodeJson, decode: decodeJson },
  { name: 'string', encode: encodeString, decode: (bytes: Uint8Array) => decodeString('string', bytes) },
  { name: 'bytes', encode: encodeBytes, decode: (bytes: Uint8Array) => bytes },
].map(serde => [serde.name, Object.freeze(serde)]))

/** undefined: the name is that of a serde which the user brings. */
export function builtInSerde(name: string): Serde<unknown> | undefined {
  return BUILT_IN.get(name)
}

/** The serde that an option means: the name of a built-in one, or one of the user's. */
export function readSerde(value: unknown, name: string): Serde<unknown> {
  if (typeof value !== 'string') return checkSerde(value, name)
  const serde = builtInSerde(value)
  if (serde !== undefined) return serde
  const nearest = nearestName(value, BUILT_IN.keys())
  throw optionInvalid(value, name, `${listNames([...BUILT_IN.keys()])}, or a serde`, nearest === undefined ? 'a serde of your own is given as an object: { name, encode, decode }' : `did you mean '${nearest}'?`)
}

/** A frozen serde that calls the user's and makes typed errors of what it throws or wrongly returns. */
export function checkSerde(serde: unknown, what: string): Serde<unknown> {
  if (!hasSerdeShape(serde)) throw optionInvalid(serde, what, 'a serde: { name, encode(value), decode(bytes) }', "take a built-in one by its name: 'msgpack', 'json', 'string' or 'bytes'")
  const { name } = serde
  if (typeof name !== 'string' || !SERDE_NAME.test(name)) throw serdeNameInvalid(name, what, "1 to 64 of the characters a-z A-Z 0-9 '.' '_' '-'")
  if (BUILT_IN.has(name)) throw serdeNameInvalid(name, what, 'a name that is not a built-in one')
  return Object.freeze({ name, encode: (value: unknown) => encodeWith(serde, name, value), decode: (bytes: Uint8Array) => decodeWith(serde, name, bytes) })
}

function hasSerdeShape(serde: unknown): serde is { readonly name: unknown; encode(value: unknown): unknown; decode(bytes: Uint8Array): unknown } {
  return typeof serde === 'object' && serde !== null && 'name' in serde
    && 'encode' in serde && typeof serde.encode === 'function' && 'decode' in serde && typeof serde.decode === 'function'
}

function serdeNameInvalid(name: unknown, what: string, expected: string): UsageError {
  const found = typeof name === 'string' ? quote(name) : describeType(name)
  return new UsageError('SERDE_NAME_INVALID', `${what}: the serde's name is ${found}, expected ${expected}`, {
    hint: 'the name is stored with the topic and stands for the form of the bytes, for ever', details: { name },
  })
}

function encodeWith(serde: { encode(value: unknown): unknown }, name: string, value: unknown): Uint8Array {
  let bytes: unknown
  try {
    bytes = serde.encode(value)
  } catch (cause) {
    throw notEncodable({ serde: name, found: `${describeType(value)}: ${cause instanceof Error ? cause.message : String(cause)}`, hint: "the topic's own serde refused it: look at the cause", cause })
  }
  if (bytes instanceof Uint8Array) return bytes
  throw notEncodable({ serde: name, found: `${describeType(value)}: its encode returned ${describeType(bytes)}`, hint: 'encode returns a Uint8Array, at once' })
}

function decodeWith(serde: { decode(bytes: Uint8Array): unknown }, name: string, bytes: Uint8Array): unknown {
  try {
    return serde.decode(bytes)
  } catch (cause) {
    throw notDecodable(name, bytes, cause)
  }
}

// ---------------------------------------------------------------- string, bytes

/** Up to this length, as most keys are, text is tried as ASCII first. */
const SHORT_TEXT_LENGTH = 32
/** Fatal: invalid bytes are an error, not U+FFFD. A byte order mark is part of the text. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function encodeString(value: unknown): Uint8Array {
  if (typeof value !== 'string') throw notEncodable({ serde: 'string', found: describeType(value), hint: "send a string, or open the topic with another serde ('msgpack' takes most values)" })
  const ascii = value.length <= SHORT_TEXT_LENGTH ? encodeAscii(value) : undefined
  if (ascii !== undefined) return ascii
  if (!isWellFormed(value)) throw notEncodable({ serde: 'string', found: 'a string with a lone surrogate', hint: 'UTF-8 has no form for half a character: send it as bytes' })
  return Buffer.from(value, 'utf8')
}

/** undefined: it is not ASCII. Half of what the runtime takes for so little text (the benchmark 'send', text as keys). */
function encodeAscii(text: string): Uint8Array | undefined {
  const bytes = Buffer.allocUnsafe(text.length)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) return undefined
    bytes[i] = unit
  }
  return bytes
}

function decodeString(serde: string, bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw notDecodable(serde, bytes, cause)
  }
}

function encodeBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw notEncodable({ serde: 'bytes', found: describeType(value), hint: 'send a Uint8Array: Buffer.from(text), or new Uint8Array(arrayBuffer)' })
}

// ---------------------------------------------------------------- json

function encodeJson(value: unknown): Uint8Array {
  const text = stringify(value)
  if (text === undefined) throw notEncodable({ serde: 'json', found: describeType(value), hint: 'it has no JSON form' })
  if (text === 'null') throw notEncodable({ serde: 'json', found: `${describeType(value)} that JSON writes as null`, hint: 'null is a tombstone: send it as the value itself if that is meant' })
  if (mayHavePrototypeKey(text) && hasPrototypeKey(JSON.parse(text))) throw notEncodable({ serde: 'json', found: "a key that could change prototypes ('__proto__')", hint: 'choose another key' })
  return Buffer.from(text, 'utf8')
}

/** undefined: there is no JSON text for it. */
function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value) as string | undefined
  } catch (cause) {
    throw notEncodable({ serde: 'json', found: `${describeType(value)}: ${cause instanceof Error ? cause.message : String(cause)}`, hint: "JSON has no bigints and no cycles; the serde 'msgpack' stores bigints", cause })
  }
}

function decodeJson(bytes: Uint8Array): unknown {
  const text = decodeString('json', bytes)
  try {
    const value: unknown = JSON.parse(text)
    if (mayHavePrototypeKey(text) && hasPrototypeKey(value)) throw new Error("a key could change prototypes ('__proto__')")
    return value
  } catch (cause) {
    throw notDecodable('json', bytes, cause)
  }
}
