import { describe, expect, test } from 'vitest'
import { planCleaning, type CleaningFacts, type CleaningPlan, type CleaningPolicy } from '../../src/storage/cleaning-plan.ts'
import type { Segment } from '../../src/storage/segment.ts'

const NOW = 1_000_000
const POLICY: CleaningPolicy = { segmentBytes: 1000, minDirtyRatio: 0.5, compactionLagMinMs: 0, compactionLagMaxMs: Infinity }
const FACTS: CleaningFacts = { cleanedTo: 0, startOffset: 0, stableOffset: Infinity, now: NOW, nextHorizon: Infinity, onDemand: false }

interface Drawn { readonly bytes: number; readonly age?: number; readonly span?: number }

/** Sealed segments one after the other, of ten offsets each. `age`: of their records. */
function plan(drawn: readonly Drawn[], facts: Partial<CleaningFacts> = {}, policy: Partial<CleaningPolicy> = {}): CleaningPlan | undefined {
  let base = 0
  const segments = drawn.map(({ bytes, span = 10 }) => {
    const segment = { baseOffset: base, endOffset: base + span, bytes } as Segment
    base += span
    return segment
  })
  const ageOf = (segment: Segment): number => drawn[segments.indexOf(segment)]!.age ?? 0
  return planCleaning(segments, { ...POLICY, ...policy }, { ...FACTS, ...facts }, segment => ({ largest: NOW - ageOf(segment), first: NOW - ageOf(segment) }))
}

const bases = (cleaning: CleaningPlan | undefined): number[][] | undefined => cleaning?.groups.map(group => group.map(({ baseOffset }) => baseOffset))
const same = (count: number, bytes: number): Drawn[] => Array.from({ length: count }, () => ({ bytes }))

test('where no segment is sealed there is nothing to compact', () => {
  expect(plan([], { onDemand: true })).toBeUndefined()
})

describe('what is dirty is compacted', () => {
  test('once it makes up minDirtyRatio of the bytes', () => {
    expect(plan(same(10, 100), { cleanedTo: 60 })).toBeUndefined()
    expect(plan(same(10, 100), { cleanedTo: 50 })).toMatchObject({ dirtyFrom: 50, upTo: 100 })
  })

  test('whatever its share, where somebody asks for it', () => {
    expect(plan(same(10, 100), { cleanedTo: 90, onDemand: true })).toMatchObject({ dirtyFrom: 90, upTo: 100 })
    expect(plan(same(10, 100), { cleanedTo: 100, onDemand: true })).toBeUndefined()
  })

  test('whatever its share, once it is older than compactionLag allows', () => {
    const segments = [...same(9, 100), { bytes: 100, age: 500 }]
    expect(plan(segments, { cleanedTo: 90 }, { compactionLagMaxMs: 501 })).toBeUndefined()
    expect(plan(segments, { cleanedTo: 90 }, { compactionLagMaxMs: 500 })).toMatchObject({ dirtyFrom: 90 })
  })

  test('from the start offset on, where records before it were truncated', () => {
    expect(plan(same(5, 100), { startOffset: 20, onDemand: true })).toMatchObject({ dirtyFrom: 20 })
  })

  test('all of it, where the log ends before what is said to be clean', () => {
    expect(plan(same(5, 100), { cleanedTo: 70, onDemand: true })).toMatchObject({ dirtyFrom: 0, upTo: 50 })
  })
})

describe('compactionLag', () => {
  test('holds the first segment with a young record, and all behind it', () => {
    const segments = [{ bytes: 100, age: 900 }, { bytes: 100, age: 99 }, { bytes: 100, age: 900 }]
    expect(plan(segments, { onDemand: true }, { compactionLagMinMs: 100 })).toMatchObject({ upTo: 10 })
    expect(plan(segments, { onDemand: true }, { compactionLagMinMs: 99 })).toMatchObject({ upTo: 30 })
    expect(plan(segments, { onDemand: true }, { compactionLagMinMs: 1000 })).toBeUndefined()
  })

  test('does not hold what was compacted before', () => {
    expect(plan([{ bytes: 100, age: 0 }, { bytes: 100, age: 500 }], { cleanedTo: 10, onDemand: true }, { compactionLagMinMs: 100 })).toMatchObject({ upTo: 20 })
  })
})

test('what has a transaction whose end is open waits, and so does what is behind it', () => {
  const segments = same(4, 100)
  for (const [stableOffset, upTo] of [[40, 40], [39, 30], [20, 20], [11, 10]]) expect(plan(segments, { onDemand: true, stableOffset: stableOffset! })).toMatchObject({ upTo })
  expect(plan(segments, { onDemand: true, stableOffset: 9 })).toBeUndefined()
  expect(plan(segments, { cleanedTo: 20, stableOffset: 25, onDemand: true })).toBeUndefined()
  expect(plan(segments, { cleanedTo: 30, stableOffset: 20, nextHorizon: NOW })).toMatchObject({ dirtyFrom: 30, upTo: 30, groups: [segments.slice(0, 2).map(() => expect.anything())] })
})

test('a tombstone whose horizon has passed is reason enough, though nothing is dirty', () => {
  expect(plan(same(3, 100), { cleanedTo: 30, nextHorizon: NOW + 1 })).toBeUndefined()
  expect(plan(same(3, 100), { cleanedTo: 30, nextHorizon: NOW })).toMatchObject({ dirtyFrom: 30, upTo: 30 })
})

describe('neighbours become one segment', () => {
  test('as far as they fit into segmentBytes', () => {
    expect(bases(plan([...same(2, 400), { bytes: 1500 }, ...same(5, 250)], { onDemand: true }))).toEqual([[0, 10], [20], [30, 40, 50, 60], [70]])
  })

  test('as far as their offsets are told by 31 bits', () => {
    const span = 2 ** 30
    expect(bases(plan([{ bytes: 1, span }, { bytes: 1, span: span - 1 }, { bytes: 1, span: 1 }], { onDemand: true }))).toEqual([[0, span], [2 ** 31 - 1]])
  })
})
