// The default serde's bytes: MessagePack by msgpackr, fenced on both sides so that what was sent is what is read.
// Stored are null, undefined, booleans, numbers, bigints, texts, Dates, Uint8Arrays, arrays and plain objects. An
// object of a class goes by its toJSON, or as its own fields, and is read as a plain object. What would come back
// changed (a Map, a Set, a function, half a surrogate pair) is refused with its place in the value; -0 alone is read as 0.
//
// msgpackr is given nothing but plain values, so that its extension table, which the whole process shares, matters
// to no object of a class. Its bytes lie in a buffer that it fills once and never overwrites: they are copied into
// a batch without a copy here. Integers beyond 32 bits, as other clients write them, are read as bigints.
import { Packr } from 'msgpackr'
import { describeType } from '../base/describe.ts'
import { MSGPACK_CONTAINERS, MSGPACK_DEPTH, scanMsgpack } from './msgpack-scan.ts'
import { isPrototypeKey } from './prototype-keys.ts'
import { isWellFormed, notDecodable, notEncodable } from './serde-errors.ts'

const SERDE = 'msgpack'
const NIL = 0xc0
const BYTE_ORDER_MARK = 0xfeff
/** msgpackr's buffer grows with the largest value and stays so; after one above this it gets a small one again. */
const KEPT_BUFFER_BYTES = 256 * 1024
const FRESH_BUFFER_BYTES = 8 * 1024

const packr = new Packr({
  useRecords: false, // maps with their keys in full, readable everywhere; no structures
  variableMapSize: true, // the shortest header, and more than 65,535 keys
  mapsAsObjects: true,
  structuredClone: false,
  moreTypes: false,
  useToJSON: false, // done here, before
  useBigIntExtension: true,
  copyBuffers: true, // bytes inside of an object do not keep their batch alive
})

export function encodeMsgpack(value: unknown): Uint8Array {
  const bytes = encodeStorable(value)
  if (value !== null && bytes.length === 1 && bytes[0] === NIL) throw notEncodable({ serde: SERDE, found: 'a value whose toJSON gives null', hint: 'null is a tombstone: send it as the value itself if that is meant' })
  if (bytes.length > MSGPACK_CONTAINERS) scanLarge(bytes)
  if (bytes.length > KEPT_BUFFER_BYTES) dropLargeBuffer()
  return bytes
}

export function decodeMsgpack(bytes: Uint8Array): unknown {
  try {
    const { hasBytes } = scanMsgpack(bytes)
    // A Buffer's parts would be Buffers: bytes are read as they are documented, as Uint8Arrays.
    return packr.unpack(hasBytes ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes) as unknown
  } catch (error) {
    throw notDecodable(SERDE, bytes, error)
  }
}

function encodeStorable(value: unknown): Uint8Array {
  const storable = toStorable(value, undefined, undefined)
  try {
    return packr.pack(storable)
  } catch (cause) {
    throw notEncodable({ serde: SERDE, found: `this value: ${cause instanceof Error ? cause.message : String(cause)}`, hint: 'look at the cause', cause })
  }
}

/** The decoder's bounds hold for the encoder too, else a value could be sent and never read. */
function scanLarge(bytes: Uint8Array): void {
  try {
    scanMsgpack(bytes)
  } catch (cause) {
    throw notEncodable({ serde: SERDE, found: `a value of ${bytes.length} bytes: ${cause instanceof Error ? cause.message : String(cause)}`, hint: 'send it in several records', cause })
  }
}

let droppingBuffer = false

/** In a microtask, where nobody's pack() is under way: the buffer belongs to every user of msgpackr in the process. */
function dropLargeBuffer(): void {
  if (droppingBuffer) return
  droppingBuffer = true
  void Promise.resolve().then(() => {
    droppingBuffer = false
    packr.useBuffer(Buffer.allocUnsafeSlow(FRESH_BUFFER_BYTES))
  })
}

// ---------------------------------------------------------------- what is stored of a value

/** Where in the value the walk is; one for each array and object. */
interface Place { readonly key: string | number | undefined; readonly container: Place | undefined; readonly depth: number }

/** The value itself where it can be stored as it is, else a copy in plain values. */
function toStorable(value: unknown, key: string | number | undefined, container: Place | undefined): unknown {
  switch (typeof value) {
    case 'string': return textToStorable(value, key, container)
    case 'object': return value === null ? null : objectToStorable(value, key, container)
    case 'function': case 'symbol': throw refused(describeType(value), 'leave it out of the value', key, container)
    default: return value
  }
}

/** msgpackr's reader drops a byte order mark at the start of long texts, so none is stored. */
function textToStorable(text: string, key: string | number | undefined, container: Place | undefined): string {
  if (!isWellFormed(text)) throw refused('a string with a lone surrogate', 'UTF-8 has no form for half a character: send it as bytes', key, container)
  if (text.charCodeAt(0) === BYTE_ORDER_MARK) throw refused('a string that begins with a byte order mark', 'leave the mark out, or send the text as bytes', key, container)
  return text
}

function objectToStorable(value: object, key: string | number | undefined, container: Place | undefined): unknown {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return fieldsToStorable(value as Fields, enter(value, key, container))
  if (Array.isArray(value)) return itemsToStorable(value, enter(value, key, container))
  if (value instanceof Date || value instanceof Uint8Array) return value
  const json = 'toJSON' in value && typeof value.toJSON === 'function' ? Reflect.apply(value.toJSON, value, []) as unknown : value
  if (json !== value) return toStorable(json, key, container)
  if (Object.prototype.toString.call(value) === '[object Object]') return fieldsToStorable({ ...value }, enter(value, key, container))
  throw refused(describeType(value), hintFor(value), key, container)
}

type Fields = Readonly<Record<string, unknown>>

function fieldsToStorable(fields: Fields, place: Place): Fields {
  let copy: Record<string, unknown> | undefined
  for (const key of Object.keys(fields)) {
    if (isPrototypeKey(key, place.key)) throw refused(`the key '${key}'`, 'it could change prototypes in the program that reads it: choose another key', key, place)
    textToStorable(key, key, place)
    const field = fields[key]
    const storable = toStorable(field, key, place)
    if (!Object.is(storable, field)) (copy ??= { ...fields })[key] = storable
  }
  return copy ?? fields
}

function itemsToStorable(items: readonly unknown[], place: Place): readonly unknown[] {
  let copy: unknown[] | undefined
  for (let i = 0; i < items.length; i++) {
    const storable = toStorable(items[i], i, place)
    if (!Object.is(storable, items[i])) (copy ??= [...items])[i] = storable
  }
  return copy ?? items
}

/** A cycle ends here too, at the bound. */
function enter(value: object, key: string | number | undefined, container: Place | undefined): Place {
  const depth = container === undefined ? 0 : container.depth + 1
  if (depth < MSGPACK_DEPTH) return { key, container, depth }
  throw notEncodable({ serde: SERDE, found: `${describeType(value)} nested deeper than ${MSGPACK_DEPTH}`, hint: 'is it part of a cycle? Values are trees, of a bounded depth' })
}

function refused(found: string, hint: string, key: string | number | undefined, container: Place | undefined): Error {
  const path = key === undefined ? [] : [key]
  for (let place = container; place?.key !== undefined; place = place.container) path.unshift(place.key)
  return notEncodable({ serde: SERDE, found, hint, path })
}

function hintFor(value: object): string {
  if (value instanceof Map) return 'it would be read as an object: send Object.fromEntries(map) or [...map]'
  if (value instanceof Set) return 'it would be read as an array: send [...set]'
  if (value instanceof Promise) return 'await it first'
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 'send a Uint8Array of its bytes, or an array of its numbers'
  return 'send plain values, give its class a toJSON(), or the topic a serde of its own'
}
