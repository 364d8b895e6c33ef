import fc from 'fast-check'
import { expect, it } from 'vitest'
import { murmur2, toPositive } from '../../src/format/murmur2.ts'
import { loadPartitioner } from '../../src/log/partitioner.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

it('murmur2 places by the sign-cleared hash, as the Kafka client does', async () => {
  const place = await loadPartitioner('murmur2')
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 10_000 }), (key, partitions) => place(key, partitions) === toPositive(murmur2(key)) % partitions))
  // Java: Utils.murmur2("21".getBytes()) is -973932308.
  expect(place(bytes('21'), 100)).toBe((-973932308 & 0x7fffffff) % 100)
})

it.each([['', 0x02cc5d05], ['a', 0x550d7456], ['abc', 0x32d153ff]])("xxhash places '%s' by xxh32 with seed 0, unsigned", async (text, hash) => {
  const place = await loadPartitioner('xxhash')
  expect([7, 10, 10_000].map(partitions => place(bytes(text), partitions))).toEqual([7, 10, 10_000].map(partitions => hash % partitions))
})

it('every key has a partition below their number', async () => {
  for (const name of ['murmur2', 'xxhash'] as const) {
    const place = await loadPartitioner(name)
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 1, max: 10_000 }), (key, partitions) => {
      const partition = place(key, partitions)
      expect(Number.isInteger(partition) && partition >= 0 && partition < partitions).toBe(true)
    }))
  }
})

it('a function of the user places, and is given the bytes of the key', async () => {
  const place = await loadPartitioner('custom', (key, partitions) => (key[0] ?? 0) % partitions)
  expect(place(new Uint8Array([9]), 4)).toBe(1)
})

it.each([[-1], [4], [1.5], [NaN], [Infinity], ['1'], [undefined], [null], [Promise.resolve(1)], [1n]])('a function of the user that returns %o is refused', async found => {
  const place = await loadPartitioner('custom', () => found as number)
  expect(() => place(bytes('ada'), 4)).toThrow(expect.objectContaining({ name: 'UsageError', code: 'PARTITION_INVALID', message: expect.stringContaining('from 0 to 3') as string }))
})

it("a topic whose function is not at hand refuses keys, and says what to do", async () => {
  const place = await loadPartitioner('custom')
  expect(() => place(bytes('ada'), 4)).toThrow(expect.objectContaining({ name: 'UsageError', code: 'PARTITIONER_MISSING', hint: expect.stringContaining('partitioner') as string }))
})
