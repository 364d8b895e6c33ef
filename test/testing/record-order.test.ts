import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findInOrder } from '../../src/testing/record-order.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

/** Tries every way to meet the expectations, one letter each. */
function canMeet(expected: readonly string[], partitions: readonly string[]): boolean {
  const [first, ...rest] = expected
  if (first === undefined) return true
  return partitions.some((records, p) => [...records].some((record, i) => record === first && canMeet(rest, partitions.with(p, records.slice(i + 1)))))
}

function find(expected: readonly string[], partitions: readonly string[]) {
  return findInOrder(expected.length, partitions.map(records => records.length), (e, p, i) => partitions[p]![i] === expected[e])
}

const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 })

test(`what is found is what trying every way finds, and in order (seed ${SEED})`, () => {
  fc.assert(fc.property(letters, fc.array(letters.map(list => list.join('')), { maxLength: 3 }), (expected, partitions) => {
    const { at, met } = find(expected, partitions)
    expect(at !== undefined).toBe(canMeet(expected, partitions))
    expect(canMeet(expected.slice(0, met), partitions)).toBe(true)
    const ends = partitions.map(() => -1)
    for (const [e, { partition, index }] of (at ?? []).entries()) {
      expect(partitions[partition]![index]).toBe(expected[e])
      expect(index).toBeGreaterThan(ends[partition]!)
      ends[partition] = index
    }
  }), { seed: SEED, numRuns: 1000 })
})

test('a choice of a partition that turns out wrong is taken back', () => {
  expect(find(['x', 'y'], ['yx', 'x']).at).toMatchObject([{ partition: 1, index: 0 }, { partition: 0, index: 0 }])
})

test('a search that would go on for ever is given up with an error that says how to narrow it', () => {
  const many = 'a'.repeat(30)
  expect(() => find([...'a'.repeat(100), 'b'], [many, many, many, many])).toThrow(expect.objectContaining({ name: 'UsageError', code: 'ORDER_AMBIGUOUS' }))
})
