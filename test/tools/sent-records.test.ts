// That the comparison of the disks campaign finds what a log can do wrong when it loses its disk.
import { beforeEach, expect, test } from 'vitest'
import { SentRecords, type FoundRecord } from '../../tools/disks/sent-records.mjs'

const BYTES = 20

let sent: SentRecords
let values: string[]

/** Records 0 to 3 are acknowledged, at the offsets of their numbers; 4 was refused, 5 is unknown. */
beforeEach(() => {
  sent = new SentRecords()
  values = Array.from({ length: 6 }, () => sent.next(BYTES).value)
  for (const number of [0, 1, 2, 3]) sent.settle(number, 'acknowledged', number)
  sent.settle(4, 'refused')
  sent.settle(5, 'unknown')
})

const found = (...numbers: number[]): FoundRecord[] => numbers.map((number, offset) => ({ offset, value: values[number] }))

test('what was acknowledged is right, with a record of unknown outcome or without', () => {
  expect(sent.acknowledged).toBe(4)
  expect(sent.compare(found(0, 1, 2, 3), [], 0)).toEqual([])
  expect(sent.compare(found(0, 1, 2, 3, 5), [], 0)).toEqual([])
})

test.each<[what: string, records: () => FoundRecord[], wrong: string]>([
  ['a record that is missing at the end', () => found(0, 1, 2), 'record 3 (offset 3) was acknowledged and is not there, and no error tells it'],
  ['a record that is missing in the middle', () => found(0, 2, 3), 'record 1 (offset 1) was acknowledged and is not there'],
  ['a record at another offset than was told', () => found(0, 1, 3), 'record 3 (offset 3) is at offset 2'],
  ['a record that is there twice', () => found(0, 1, 2, 3, 3), 'record 3 is at offset 3 and at 4'],
  ['a record that was refused', () => found(0, 1, 2, 3, 4), 'record 4 was refused for want of room and is at offset 4'],
  ['records in another order', () => found(1, 0, 2, 3), 'record 1 (offset 1) is at offset 0'],
  ['a torn value', () => [...found(0, 1, 2), { offset: 3, value: values[3]!.slice(0, -1) }], 'what is at offset 3 was not sent'],
  ['a value of another kind', () => [...found(0, 1, 2, 3), { offset: 4, value: null }], 'what is at offset 4 was not sent'],
])('%s is found', (_, records, wrong) => {
  expect(sent.compare(records(), [], 0).join('\n')).toContain(wrong)
})

test('an error that tells of offsets excuses the records there, and no others', () => {
  const gap = { from: 2, to: 4, error: 'damaged' }
  expect(sent.compare(found(0, 1), [gap], 0)).toEqual([])
  expect(sent.compare(found(0), [gap], 0)).toEqual(['record 1 (offset 1) was acknowledged and is not there, and no error tells it'])
})

test('no error excuses a record whose bytes were left alone', () => {
  expect(sent.compare(found(0, 1), [{ from: 2, to: 4, error: 'damaged' }], 3)).toEqual([expect.stringContaining('record 2 (offset 2) was acknowledged and is not there, though its bytes were left alone')])
})

test('a value is as long as it was asked to be, and no two are alike', () => {
  expect(new Set(values).size).toBe(values.length)
  for (const bytes of [2, 10, 60_000]) expect(sent.next(bytes).value).toHaveLength(bytes)
})
