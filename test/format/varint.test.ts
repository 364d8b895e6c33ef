import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CorruptionError } from '../../src/base/errors.ts'
import { VarintReader, varintBytes, varlongBytes, writeVarint, writeVarlong } from '../../src/format/varint.ts'

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const edges = [0, -1, 1, 63, -64, 64, -65, 8191, -8192, 8192, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, -(2 ** 31) - 1, 2 ** 52, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]
const reader = (bytes: readonly number[]): VarintReader => new VarintReader(Buffer.from(bytes), 0, bytes.length)

test.each([
  [0, [0]], [-1, [1]], [1, [2]], [63, [0x7e]], [-64, [0x7f]], [64, [0x80, 0x01]], [8191, [0xfe, 0x7f]], [8192, [0x80, 0x80, 0x01]],
  [2147483647, [0xfe, 0xff, 0xff, 0xff, 0x0f]], [-2147483648, [0xff, 0xff, 0xff, 0xff, 0x0f]],
])('%d has the bytes that protobuf gives it', (value, bytes) => {
  const target = Buffer.alloc(5)
  expect([...target.subarray(0, writeVarint(target, 0, value))]).toEqual(bytes)
})

describe('what is written is read back, has the size foretold and no byte more', () => {
  test('for int32 as a varint', () => {
    fc.assert(fc.property(int32, value => {
      const bytes = Buffer.alloc(5)
      const end = writeVarint(bytes, 0, value)
      const back = new VarintReader(bytes, 0, end)
      expect(end).toBe(varintBytes(value))
      expect(back.varint()).toBe(value)
      expect(back.at).toBe(end)
    }))
  })

  test('for safe integers as a varlong, which is two\'s complement zigzag', () => {
    fc.assert(fc.property(fc.oneof(fc.constantFrom(...edges), fc.maxSafeInteger()), value => {
      const bytes = Buffer.alloc(10)
      const end = writeVarlong(bytes, 0, value)
      const back = new VarintReader(bytes, 0, end)
      expect(end).toBe(varlongBytes(value))
      expect([...bytes.subarray(0, end)]).toEqual(byBigint(value))
      expect(back.varlong()).toBe(value)
      expect(back.at).toBe(end)
    }), { numRuns: 500 })
  })
})

describe('bytes that are no number are refused', () => {
  test.each([
    ['nothing', []], ['one that stops in the middle', [0x80]], ['six bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
    ['33 bits', [0x80, 0x80, 0x80, 0x80, 0x10]],
  ])('a varint of %s', (_what, bytes) => {
    expect(() => reader(bytes).varint()).toThrow(CorruptionError)
  })

  test.each([
    ['nothing', []], ['one that stops in the middle', [0xff, 0xff]], ['eleven bytes', [...Array<number>(10).fill(0x80), 0x00]],
    ['2^53', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]], ['the least int64', [...Array<number>(9).fill(0xff), 0x01]],
  ])('a varlong of %s', (_what, bytes) => {
    expect(() => reader(bytes).varlong()).toThrow(CorruptionError)
  })

  test('a number that goes on beyond the given end', () => {
    expect(() => new VarintReader(Buffer.from([0x80, 0x01]), 0, 1).varint()).toThrow(CorruptionError)
  })
})

test('needlessly long encodings are read, as Kafka reads them', () => {
  expect(reader([0x82, 0x80, 0x80, 0x00]).varint()).toBe(1)
  expect(reader([0x83, ...Array<number>(8).fill(0x80), 0x00]).varlong()).toBe(-2)
})

function byBigint(value: number): number[] {
  let zigzag = BigInt.asUintN(64, BigInt(value) << 1n ^ BigInt(value) >> 63n)
  const bytes: number[] = []
  for (; zigzag > 0x7fn; zigzag >>= 7n) bytes.push(Number(zigzag & 0x7fn) | 0x80)
  return [...bytes, Number(zigzag)]
}
