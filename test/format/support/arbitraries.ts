import fc from 'fast-check'
import type { PlainRecord } from './plain-record.ts'

const bytes = (maxLength: number): fc.Arbitrary<Buffer> => fc.uint8Array({ maxLength }).map(array => Buffer.from(array))
const nullableBytes = (maxLength: number): fc.Arbitrary<Buffer | null> => fc.option(bytes(maxLength))
const timestamp = fc.oneof(fc.integer({ min: 0, max: 2 ** 41 }), fc.maxSafeNat())

export const records: fc.Arbitrary<PlainRecord[]> = fc.array(fc.record({
  timestamp,
  key: nullableBytes(40),
  value: fc.oneof(nullableBytes(200), bytes(40).map(part => Buffer.concat(Array<Buffer>(50).fill(part)))),
  headers: fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 12 }), nullableBytes(20)), { maxLength: 4 }),
}), { minLength: 1, maxLength: 20 })
