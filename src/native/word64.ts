// A number of 64 bits in two words of 32, changed in place: bigints take twenty times as long. All that XXH64 needs.

export class Word64 {
  low: number
  high: number

  constructor(low: number, high: number) {
    this.low = low | 0
    this.high = high | 0
  }

  set(low: number, high: number): this {
    this.low = low | 0
    this.high = high | 0
    return this
  }

  copy({ low, high }: Word64): this {
    this.low = low
    this.high = high
    return this
  }

  /** Eight bytes, little-endian. */
  load(bytes: Uint8Array, at: number): this {
    this.low = readInt32LE(bytes, at)
    this.high = readInt32LE(bytes, at + 4)
    return this
  }

  plus({ low, high }: Word64): this {
    const sum = (this.low >>> 0) + (low >>> 0)
    this.low = sum | 0
    this.high = this.high + high + (sum > 0xffffffff ? 1 : 0) | 0
    return this
  }

  minus({ low, high }: Word64): this {
    const difference = (this.low >>> 0) - (low >>> 0)
    this.low = difference | 0
    this.high = this.high - high - (difference < 0 ? 1 : 0) | 0
    return this
  }

  xor({ low, high }: Word64): this {
    this.low ^= low
    this.high ^= high
    return this
  }

  /** To the left, by less than 32. */
  rotate(by: number): this {
    const { low, high } = this
    this.low = low << by | high >>> 32 - by
    this.high = high << by | low >>> 32 - by
    return this
  }

  /** hash ^= hash >>> by */
  fold(by: number): this {
    const { low, high } = this
    this.low = low ^ (by < 32 ? low >>> by | high << 32 - by : high >>> by - 32)
    if (by < 32) this.high = high ^ high >>> by
    return this
  }

  /** The low 64 bits of the product: the low words by halves, so that no step exceeds 32 bits. */
  times(by: Word64): this {
    const { low, high } = this
    const a0 = low & 0xffff
    const a1 = low >>> 16
    const b0 = by.low & 0xffff
    const b1 = by.low >>> 16
    const middle = Math.imul(a0, b1)
    const other = Math.imul(a1, b0)
    const carry = (Math.imul(a0, b0) >>> 16) + (middle & 0xffff) + (other & 0xffff)
    this.high = Math.imul(low, by.high) + Math.imul(high, by.low) + Math.imul(a1, b1) + (middle >>> 16) + (other >>> 16) + (carry >>> 16) | 0
    this.low = Math.imul(low, by.low)
    return this
  }
}

export function readInt32LE(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24
}
