import fc from 'fast-check'
import xxhash from 'xxhash-wasm'
import { expect, test } from 'vitest'
import { Word64 } from '../../src/native/word64.ts'
import { xxh64InScript } from '../../src/native/xxh64.ts'

const { h64Raw } = await xxhash()
const seed = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constantFrom(0n, 1n, 2n ** 32n - 1n, 2n ** 63n, 2n ** 64n - 1n))

function hashOf(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0n): bigint {
  const hash = new Word64(1, 1)
  xxh64InScript(bytes, start, end, wordOf(seed), hash)
  return BigInt(hash.high >>> 0) << 32n | BigInt(hash.low >>> 0)
}

function wordOf(number: bigint): Word64 {
  return new Word64(Number(number & 0xffffffffn), Number(number >> 32n))
}

/** What xxHash's own sanity checks are made on. */
function sanityBytes(length: number): Uint8Array {
  let state = 0x9e3779b1n
  return Uint8Array.from({ length }, () => {
    const byte = Number(state >> 56n)
    state = BigInt.asUintN(64, state * 0x9e3779b185ebca8dn)
    return byte
  })
}

test.each([
  [0, 0n, 0xef46db3751d8e999n], [0, 0x9e3779b1n, 0xac75fda2929b17efn],
  [1, 0n, 0xe934a84adb052768n], [1, 0x9e3779b1n, 0x5014607643a9b4c3n],
  [4, 0n, 0x9136a0dca57457een],
  [14, 0n, 0x8282dcc4994e35c8n], [14, 0x9e3779b1n, 0xc3bd6bf63deb6df0n],
  [222, 0n, 0xb641ae8cb691c174n], [222, 0x9e3779b1n, 0x20cb8ab7ae10c14an],
])('the hash of xxHash\'s %i sanity bytes with seed %s is the published one', (length, seed, expected) => {
  expect(hashOf(sanityBytes(length), 0, length, seed)).toBe(expected)
})

test('the hashes of some words are the published ones', () => {
  const words = ['a', 'abc', 'Nobody inspects the spammish repetition']
  expect(words.map(word => hashOf(Buffer.from(word)))).toEqual([0xd24ec4f1a98c6e5bn, 0x44bc2cf5ad770999n, 0xfbcea83c8a378bf1n])
})

test('every length up to some stripes, at every alignment, hashes as xxhash-wasm has it', () => {
  const bytes = sanityBytes(200)
  for (let length = 0; length <= 140; length++) {
    const start = length % 9
    expect(hashOf(bytes, start, start + length, 7n), `${length} bytes`).toBe(h64Raw(bytes.subarray(start, start + length), 7n))
  }
})

test('any bytes with any seed hash as xxhash-wasm has it', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), seed, (bytes, seed) => {
    expect(hashOf(bytes, 0, bytes.length, seed)).toBe(h64Raw(bytes, seed))
  }), { numRuns: 2000 })
})

test('a number in two words reckons as one of 64 bits does', () => {
  const u64 = (number: bigint): bigint => BigInt.asUintN(64, number)
  fc.assert(fc.property(seed, seed, fc.integer({ min: 1, max: 31 }), fc.integer({ min: 1, max: 63 }), (a, b, rotation, shift) => {
    const after = (change: (word: Word64) => Word64): bigint => {
      const { low, high } = change(wordOf(a))
      return BigInt(high >>> 0) << 32n | BigInt(low >>> 0)
    }
    expect(after(word => word.plus(wordOf(b)))).toBe(u64(a + b))
    expect(after(word => word.minus(wordOf(b)))).toBe(u64(a - b))
    expect(after(word => word.times(wordOf(b)))).toBe(u64(a * b))
    expect(after(word => word.xor(wordOf(b)))).toBe(a ^ b)
    expect(after(word => word.rotate(rotation))).toBe(u64(a << BigInt(rotation)) | a >> BigInt(64 - rotation))
    expect(after(word => word.fold(shift))).toBe(a ^ a >> BigInt(shift))
  }), { numRuns: 2000 })
})
