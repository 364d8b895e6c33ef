import { describe, expect, test } from 'vitest'
import {
  OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES, countValidOffsetEntries, countValidTimeEntries, entryOffset, entryPosition, timeEntryOffset, timeEntryTimestamp,
  writeOffsetEntry, writeTimeEntry,
} from '../../src/format/index-entries.ts'
import { files } from './support/kafka-vectors.ts'

const T = 1_700_000_000_000
const offsetEntries = [[41, 4200], [90, 8400], [2 ** 31 - 1, 2 ** 30]] as const
const timeEntries = [[T, 41], [T + 2 ** 40, 90]] as const

function offsetIndex(entries: readonly (readonly [number, number])[], bytes = entries.length * OFFSET_ENTRY_BYTES): Buffer {
  const index = Buffer.alloc(bytes)
  entries.forEach(([offset, position], i) => writeOffsetEntry(index, i, offset, position))
  return index
}

function timeIndex(entries: readonly (readonly [number, number])[], bytes = entries.length * TIME_ENTRY_BYTES): Buffer {
  const index = Buffer.alloc(bytes)
  entries.forEach(([timestamp, offset], i) => writeTimeEntry(index, i, timestamp, offset))
  return index
}

test('Kafka\'s preallocated indexes are read up to their last entry, and ours are the same to the byte', () => {
  expect(countValidOffsetEntries(files.index)).toBe(offsetEntries.length)
  expect(offsetEntries.map((_, i) => [entryOffset(files.index, i), entryPosition(files.index, i)])).toEqual(offsetEntries)
  expect(offsetIndex(offsetEntries, files.index.length)).toEqual(files.index)
  expect(countValidTimeEntries(files.timeindex)).toBe(timeEntries.length)
  expect(timeEntries.map((_, i) => [timeEntryTimestamp(files.timeindex, i), timeEntryOffset(files.timeindex, i)])).toEqual(timeEntries)
  expect(timeIndex(timeEntries, files.timeindex.length)).toEqual(files.timeindex)
})

describe('entries are counted up to the first that breaks the order', () => {
  test.each([
    ['nothing', [], 0], ['all in order', [[1, 100], [5, 200]], 2], ['only zeros', [[0, 0], [0, 0]], 0], ['an offset twice', [[5, 100], [5, 200]], 1],
    ['a falling offset', [[5, 100], [4, 200]], 1], ['a position twice', [[5, 100], [6, 100]], 1], ['a negative offset', [[5, 100], [-6, 200]], 1],
    ['zeros between entries', [[5, 100], [0, 0], [9, 300]], 1],
  ] as const)('an offset index of %s', (_what, entries, count) => {
    expect(countValidOffsetEntries(offsetIndex(entries))).toBe(count)
  })

  test.each([
    ['nothing', [], 0], ['all in order', [[1, 1], [2, 5]], 2], ['only zeros', [[0, 0], [0, 0]], 0], ['a timestamp twice', [[5, 1], [5, 2]], 1],
    ['a falling timestamp', [[5, 1], [4, 2]], 1], ['a falling offset', [[5, 3], [6, 2]], 1], ['time 0 at a later offset', [[0, 7], [1, 8]], 2],
    ['a negative timestamp', [[-2, 3]], 0],
  ] as const)('a time index of %s', (_what, entries, count) => {
    expect(countValidTimeEntries(timeIndex(entries))).toBe(count)
  })

  test('half an entry at the end is none', () => {
    expect(countValidOffsetEntries(offsetIndex(offsetEntries).subarray(0, -1))).toBe(2)
    expect(countValidTimeEntries(timeIndex(timeEntries).subarray(0, -1))).toBe(1)
  })

  test('a timestamp beyond 2^53 is no entry', () => {
    const index = timeIndex(timeEntries)
    index[TIME_ENTRY_BYTES] = 0x7f
    expect(countValidTimeEntries(index)).toBe(1)
  })
})
