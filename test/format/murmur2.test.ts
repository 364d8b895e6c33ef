import { expect, test } from 'vitest'
import { murmur2, toPositive } from '../../src/format/murmur2.ts'
import { hashes } from './support/kafka-vectors.ts'

test('every key hashes and is placed as Kafka\'s Java client hashes and places it', () => {
  expect(hashes.length).toBeGreaterThan(50)
  for (const { key, hash, of7 } of hashes) {
    expect(murmur2(key), key.toString('hex')).toBe(hash)
    expect(toPositive(murmur2(key)) % 7).toBe(of7)
  }
})

test('a key hashes the same wherever it lies in a larger buffer', () => {
  for (const { key, hash } of hashes) expect(murmur2(Buffer.concat([Buffer.from([1, 2, 3]), key, Buffer.from([4])]).subarray(3, 3 + key.length))).toBe(hash)
})
