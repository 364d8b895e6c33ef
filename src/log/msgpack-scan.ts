// Walks MessagePack bytes once before they are decoded, and believes nothing: every length is checked against what
// is there before anyone allocates for it, depth and count are bounded, no byte is left over. Refused besides: keys
// that reach prototypes, and every extension but the three that we write; msgpackr's own (records, which it compiles
// into code, references, regular expressions, errors) are not for data that others may have written.
//
//   00-7f int | 80-8f map | 90-9f array | a0-bf text | c0 nil | c2 c3 boolean | c4-c6 bytes | c7-c9 extension
//   ca cb float | cc-cf d0-d3 int | d4-d8 extension of 1 2 4 8 16 bytes | d9-db text | dc dd array | de df map | e0-ff int
//   extensions: 00 undefined (1 byte), ff timestamp (4, 8, 12; 1: an invalid date), 42 large integer (any length)
import { isPrototypeKey } from './prototype-keys.ts'

/** Arrays and maps inside each other. */
export const MSGPACK_DEPTH = 256
/** Arrays and maps together: an empty map is one byte here and some 60 in memory. */
export const MSGPACK_CONTAINERS = 1_000_000

const UNDEFINED = 0x00
const TIMESTAMP = 0xff
const LARGE_INTEGER = 0x42

/** Throws what is wrong with the bytes; returns whether there are byte strings among the values. */
export function scanMsgpack(bytes: Uint8Array): { readonly hasBytes: boolean } {
  const scan = new MsgpackScan(bytes)
  scan.value(0, undefined)
  scan.end()
  return scan
}

class MsgpackScan {
  hasBytes = false
  #containers = 0
  #position = 0
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  end(): void {
    if (this.#position !== this.#bytes.length) throw new Error(`${this.#bytes.length - this.#position} bytes follow the value`)
  }

  /** `key`: under which the value lies, where that matters. */
  value(depth: number, key: string | undefined): void {
    const token = this.#uint(1)
    if (token < 0x80 || token >= 0xe0) return
    if (token < 0x90) return this.#map(token & 0x0f, depth, key)
    if (token < 0xa0) return this.#array(token & 0x0f, depth)
    if (token < 0xc0) return this.#skip(token & 0x1f)
    switch (token) {
      case 0xc0: case 0xc2: case 0xc3: return
      case 0xc4: case 0xc5: case 0xc6: return this.#byteString(this.#uint(1 << token - 0xc4))
      case 0xc7: case 0xc8: case 0xc9: return this.#extension(this.#uint(1 << token - 0xc7))
      case 0xca: return this.#skip(4)
      case 0xcb: return this.#skip(8)
      case 0xcc: case 0xcd: case 0xce: case 0xcf: return this.#skip(1 << token - 0xcc)
      case 0xd0: case 0xd1: case 0xd2: case 0xd3: return this.#skip(1 << token - 0xd0)
      case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return this.#extension(1 << token - 0xd4)
      case 0xd9: case 0xda: case 0xdb: return this.#skip(this.#uint(1 << token - 0xd9))
      case 0xdc: case 0xdd: return this.#array(this.#uint(2 << token - 0xdc), depth)
      case 0xde: case 0xdf: return this.#map(this.#uint(2 << token - 0xde), depth, key)
      default: throw new Error(`0x${token.toString(16)} begins no value`)
    }
  }

  #array(count: number, depth: number): void {
    this.#enter(depth)
    for (let i = 0; i < count; i++) this.value(depth + 1, undefined)
  }

  #map(count: number, depth: number, container: string | undefined): void {
    this.#enter(depth)
    for (let i = 0; i < count; i++) {
      const key = this.#key(depth)
      if (key !== undefined && isPrototypeKey(key, container)) throw new Error(`the key '${key}' could change prototypes`)
      this.value(depth + 1, key)
    }
  }

  /** Whatever count a header claims, every item takes a byte: the walk ends with the bytes. */
  #enter(depth: number): void {
    if (depth >= MSGPACK_DEPTH) throw new Error(`nested deeper than ${MSGPACK_DEPTH}`)
    if (++this.#containers > MSGPACK_CONTAINERS) throw new Error(`more than ${MSGPACK_CONTAINERS} arrays and maps`)
  }

  /** Only keys of the length of a suspicious one are made text. */
  #key(depth: number): string | undefined {
    const start = this.#position
    this.value(depth + 1, undefined)
    const length = this.#position - start
    if (length < SHORTEST_SUSPECT || length > LONGEST_SUSPECT + LONGEST_TEXT_HEADER) return undefined
    const token = this.#bytes[start]!
    const header = token >= 0xa0 && token < 0xc0 ? 1 : token === 0xd9 ? 2 : token === 0xda ? 3 : token === 0xdb ? 5 : undefined
    return header === undefined ? undefined : String.fromCharCode(...this.#bytes.subarray(start + header, this.#position))
  }

  #byteString(length: number): void {
    this.hasBytes = true
    this.#skip(length)
  }

  #extension(length: number): void {
    const type = this.#uint(1)
    const known = type === UNDEFINED ? length === 1
      : type === TIMESTAMP ? length === 4 || length === 8 || length === 12 || length === 1
      : type === LARGE_INTEGER && length > 0
    if (!known) throw new Error(`extension type 0x${type.toString(16)} of ${length} bytes is not one of ours`)
    this.#skip(length)
  }

  #uint(length: number): number {
    this.#need(length)
    let value = 0
    for (let i = 0; i < length; i++) value = value * 256 + this.#bytes[this.#position++]!
    return value
  }

  #skip(length: number): void {
    this.#need(length)
    this.#position += length
  }

  #need(length: number): void {
    if (length > this.#bytes.length - this.#position) throw new Error('the bytes end inside the value')
  }
}

const SHORTEST_SUSPECT = '__proto__'.length
const LONGEST_SUSPECT = 'constructor'.length
const LONGEST_TEXT_HEADER = 5
