// Protobuf's zigzag varints, as Kafka's records use them: seven bits a byte, low bits first, the top bit set on all
// bytes but the last.
//
//   varint   int32                1 to 5 bytes
//   varlong  ±2^53 of an int64    1 to 10 bytes
//
// Writers leave bounds to the caller, who has asked for the size or reserved MAX_VARINT_BYTES / MAX_VARLONG_BYTES.
// The reader trusts nothing. Needlessly long encodings are read up to those sizes, as Kafka does.
import { CorruptionError } from '../base/errors.ts'

export const MAX_VARINT_BYTES = 5
export const MAX_VARLONG_BYTES = 10

export function varintBytes(value: number): number {
  const zigzag = (value << 1 ^ value >> 31) >>> 0
  if (zigzag < 0x80) return 1
  if (zigzag < 0x4000) return 2
  if (zigzag < 0x200000) return 3
  return zigzag < 0x10000000 ? 4 : 5
}

export function varlongBytes(value: number): number {
  if (value === (value | 0)) return varintBytes(value)
  let bytes = 1
  for (let rest = Math.floor(magnitude(value) / 64); rest > 0; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

/** Returns the position behind the value. Nearly all lengths and deltas take one byte or two (the benchmark 'send'). */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  const zigzag = (value << 1 ^ value >> 31) >>> 0
  if (zigzag < 0x80) {
    bytes[at] = zigzag
    return at + 1
  }
  if (zigzag < 0x4000) {
    bytes[at] = zigzag & 0x7f | 0x80
    bytes[at + 1] = zigzag >>> 7
    return at + 2
  }
  return writeLong(bytes, at, zigzag)
}

function writeLong(bytes: Uint8Array, at: number, zigzag: number): number {
  let rest = zigzag
  while (rest > 0x7f) {
    bytes[at++] = rest & 0x7f | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

/** Returns the position behind the value. */
export function writeVarlong(bytes: Uint8Array, at: number, value: number): number {
  if (value === (value | 0)) return writeVarint(bytes, at, value)
  // The sign goes with the first six bits, so that nothing on the way exceeds 2^53.
  let rest = magnitude(value)
  let low = rest % 64 * 2 + (value < 0 ? 1 : 0)
  rest = Math.floor(rest / 64)
  while (rest > 0) {
    bytes[at++] = low | 0x80
    low = rest % 128
    rest = Math.floor(rest / 128)
  }
  bytes[at++] = low
  return at
}

/** Reads from `at`, never beyond `end`; throws a CorruptionError where the bytes are no number. */
export class VarintReader {
  readonly bytes: Uint8Array
  at: number
  end: number

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  /** One or two bytes are the usual case. */
  varint(): number {
    const { bytes, at } = this
    if (at + 1 < this.end) {
      const first = bytes[at]!
      if (first < 0x80) {
        this.at = at + 1
        return first >>> 1 ^ -(first & 1)
      }
      const second = bytes[at + 1]!
      if (second < 0x80) {
        this.at = at + 2
        const zigzag = first & 0x7f | second << 7
        return zigzag >>> 1 ^ -(zigzag & 1)
      }
    }
    return this.#longVarint()
  }

  varlong(): number {
    if (this.at < this.end) {
      const byte = this.bytes[this.at]!
      if (byte < 0x80) {
        this.at++
        return byte >>> 1 ^ -(byte & 1)
      }
    }
    return this.#longVarlong()
  }

  #longVarint(): number {
    let zigzag = 0
    for (let shift = 0; shift < 7 * MAX_VARINT_BYTES; shift += 7) {
      const byte = this.#byte()
      if (shift === 28 && byte > 0x0f) throw malformed('a varint does not fit 32 bits', this.at)
      zigzag |= (byte & 0x7f) << shift
      if (byte < 0x80) return zigzag >>> 1 ^ -(zigzag & 1)
    }
    throw malformed('a varint is longer than 5 bytes', this.at)
  }

  #longVarlong(): number {
    const first = this.#byte()
    let value = (first & 0x7f) >>> 1
    let last = first
    let unit = 64
    for (let count = 1; last >= 0x80; count++) {
      if (count === MAX_VARLONG_BYTES) throw malformed('a varlong is longer than 10 bytes', this.at)
      last = this.#byte()
      value += (last & 0x7f) * unit
      unit *= 128
    }
    const signed = first & 1 ? -value - 1 : value
    if (!Number.isSafeInteger(signed)) throw malformed('a varlong lies beyond 2^53', this.at)
    return signed
  }

  #byte(): number {
    if (this.at >= this.end) throw malformed('a number runs beyond its record', this.at)
    return this.bytes[this.at++]!
  }
}

/** What zigzag stores beside the sign: 0, 1, 2 … for 0, 1, 2 … and for -1, -2, -3 … */
function magnitude(value: number): number {
  return value < 0 ? -value - 1 : value
}

function malformed(what: string, at: number): CorruptionError {
  return new CorruptionError('RECORD_MALFORMED', `${what} (byte ${at} of the batch's records)`, {
    hint: 'The batch passed its checksum, so its writer produced it that way. Records before this one can be read.',
    details: { at },
  })
}
