import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BatchEncoder } from '../../src/format/batch-encoder.ts'
import { crc32c } from '../../src/native/crc32c.ts'
import { OffsetMap, type KeyHash } from '../../src/storage/offset-map.ts'

const SEEDS = Buffer.from('0123456789abcdef')
const MAX_BYTES = 1024 * 1024
/** One that is far too weak: among 300 keys, some are the same to it. */
const EIGHT_BITS: KeyHash = key => [crc32c(key) & 0xff, 0, 0, 0]
/** All keys begin at one slot, but for the last word they are told apart. */
const CROWDED: KeyHash = key => [-1, 0, 0, crc32c(key) | 0]

type Key = string | null

function bodyOf(keys: readonly Key[]): Buffer {
  const encoder = new BatchEncoder()
  for (const key of keys) encoder.append(1000, key === null ? null : Buffer.from(key), Buffer.from('value'), [])
  return encoder.body()
}

function newMap(expectedKeys: number, hash?: KeyHash, maxBytes = MAX_BYTES): OffsetMap {
  return new OffsetMap({ maxBytes, expectedKeys, seeds: SEEDS, ...hash === undefined ? {} : { hash } })
}

/** Puts each key at the offset that follows; returns which were taken. */
function put(map: OffsetMap, keys: readonly Key[], firstOffset: number): boolean[] {
  map.take(bodyOf(keys), keys.length)
  return keys.map((_, i) => map.putAt(i, firstOffset + i))
}

function get(map: OffsetMap, keys: readonly Key[]): number[] {
  map.take(bodyOf(keys), keys.length)
  return keys.map((_, i) => map.getAt(i))
}

/** Batches of keys go in; what comes out is compared with what a Map says. */
function checkAgainstModel(batches: readonly (readonly Key[])[], map: OffsetMap): void {
  const model = new Map<string, number>()
  let offset = 0
  for (const keys of batches) {
    const taken = put(map, keys, offset)
    keys.forEach((key, i) => {
      const fits = key === null || model.has(key) || model.size < map.capacity
      expect(taken[i]).toBe(fits)
      if (key !== null && fits) model.set(key, offset + i)
    })
    expect(map.size).toBe(model.size)
    offset += keys.length
  }
  const asked = [...new Set([...batches.flat(), 'never put', ''])]
  expect(get(map, asked)).toEqual(asked.map(key => key === null ? -1 : model.get(key) ?? -1))
}

const key = fc.oneof(fc.nat(400).map(number => `key ${number}`), fc.string({ maxLength: 100 }), fc.constant(null))
const batches = fc.array(fc.array(key, { minLength: 1, maxLength: 60 }), { maxLength: 15 })

test('it knows the newest offset of each key, until it is full, and then of those it has', () => {
  fc.assert(fc.property(batches, fc.nat(300), (batches, expectedKeys) => { checkAgainstModel(batches, newMap(expectedKeys)) }), { numRuns: 300 })
})

test('keys whose slots are the same are still told apart, round the end of its memory', () => {
  fc.assert(fc.property(batches, fc.nat(300), (batches, expectedKeys) => { checkAgainstModel(batches, newMap(expectedKeys, CROWDED)) }), { numRuns: 100 })
})

test('a hash of 8 bits takes keys for others, and the model shows it', () => {
  const keys = Array.from({ length: 300 }, (_, i) => `key ${i}`)
  checkAgainstModel([keys], newMap(1000))
  expect(() => { checkAgainstModel([keys], newMap(1000, EIGHT_BITS)) }).toThrow()
})

test('100,000 keys in as much memory as they need are all told apart', () => {
  const keys = Array.from({ length: 100_000 }, (_, i) => i.toString(36))
  const map = newMap(keys.length, undefined, 64 * MAX_BYTES)
  expect(map.capacity).toBeGreaterThanOrEqual(keys.length)
  expect(map.capacity).toBeLessThan(keys.length + 3)
  put(map, keys, 0)
  put(map, keys.slice(5000), 200_000)
  expect(map.size).toBe(keys.length)
  expect(get(map, keys)).toEqual(keys.map((_, i) => i < 5000 ? i : 195_000 + i))
})

test('offsets up to the largest are kept exactly, beside others too', () => {
  const offsets = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5, 2 ** 53 - 2, 2 ** 53 - 1]
  const map = newMap(1)
  for (const offset of offsets) {
    expect(put(map, ['key'], offset)).toEqual([true])
    expect(get(map, ['key'])).toEqual([offset])
    const crowded = newMap(10, CROWDED)
    put(crowded, ['first'], offset)
    put(crowded, ['second'], 3)
    expect(get(crowded, ['first', 'second'])).toEqual([offset, 3])
  }
})

test('a record without a key has no place in it; one whose key is empty has', () => {
  const map = newMap(10)
  expect(put(map, [null, '', null], 5)).toEqual([true, true, true])
  expect(map.size).toBe(1)
  expect(get(map, [null, ''])).toEqual([-1, 6])
  const zeros = newMap(10, () => [0, 0, 0, 0])
  put(zeros, ['key'], 5)
  expect(get(zeros, [null, 'key'])).toEqual([-1, 5])
})

describe('its memory', () => {
  test.each([[24 * 100, 1_000_000, 90], [24 * 100, 10, 10], [24 * 2, 1_000_000, 1], [MAX_BYTES, 0, 1]])('%i bytes and %i expected keys hold at least %i keys, within those bytes', (maxBytes, expectedKeys, atLeast) => {
    const map = newMap(expectedKeys, undefined, maxBytes)
    expect(map.capacity).toBeGreaterThanOrEqual(atLeast)
    const keys = Array.from({ length: map.capacity + 1 }, (_, i) => `key ${i}`)
    expect(put(map, keys, 0)).toEqual([...keys.slice(1).map(() => true), false])
    expect(map.capacity * 24).toBeLessThan(maxBytes)
    expect(map.capacity).toBeLessThanOrEqual(expectedKeys + 2)
  })

  test('seeds of another length are a mistake', () => {
    expect(() => new OffsetMap({ maxBytes: MAX_BYTES, expectedKeys: 1, seeds: Buffer.alloc(15) })).toThrow(/15 bytes of seeds/)
  })
})
