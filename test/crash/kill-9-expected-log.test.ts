// That the comparison after a kill finds each kind of damage: a log of two partitions, damaged in one way at a time.
import { expect, test } from 'vitest'
import { ExpectedLog, type StoredRecord, type StoredTopic } from '../../tools/torture/kill-9/expected-log.mjs'
import type { Change } from '../../tools/torture/kill-9/journal.mjs'
import { laneOf, valueOf } from '../../tools/torture/kill-9/lanes.mjs'

const LANE = laneOf('first', 'p', 'p0')
const OTHER = laneOf('first', 'p', 'p1')
const FREE = laneOf('first', 'p', 'free')

interface Stored { start: number; records: StoredRecord[] }

function stored(partitions: readonly Stored[], name = 'orders'): StoredTopic {
  return {
    name,
    partitions: partitions.map(({ start, records }) => ({ startOffset: start, endOffset: start + records.length })),
    read: async function* ({ partitions: [index] }) { yield* partitions[index!]!.records },
  }
}

function records(lanes: readonly (readonly [lane: string, number: number])[], start = 0): Stored {
  return { start, records: lanes.map(([lane, number], i) => ({ offset: start + i, value: valueOf(lane, number) })) }
}

/** Two partitions; of the first four records of partition 0 three are acknowledged, and one without a place. */
function told(): ExpectedLog {
  const log = new ExpectedLog()
  log.take(['begin', { kind: 'make', topic: 'orders', incarnation: 'first', partitions: 2 }])
  log.take(['end', 'orders'])
  for (const number of [0, 1, 2]) log.take(['ack', 'orders', LANE, number, 0, number])
  log.take(['ack', 'orders', OTHER, 0, 1, 0])
  return log
}

const whole = (): [Stored, Stored] => [records([[LANE, 0], [LANE, 1], [LANE, 2], [LANE, 3]]), records([[OTHER, 0], [FREE, 0], [FREE, 2]])]

async function violationsOf(log: ExpectedLog, topics: readonly StoredTopic[]): Promise<string> {
  await log.compare(topics)
  return log.violations.join('\n')
}

test('a log that holds what was acknowledged, and more that was on its way, has no violation, once and again', async () => {
  const log = told()
  for (let time = 0; time < 2; time++) expect(await violationsOf(log, [stored(whole())])).toBe('')
  expect(log.compared).toBe(14)
})

test.each<[what: string, damage: (partitions: [Stored, Stored]) => void, found: string]>([
  ['the last acknowledged record is missing', ([p]) => p.records.splice(2), 'orders-0: offset 2 (first/p/p0#2) is gone: the log ends at 2'],
  ['a record in the middle is missing', ([p]) => p.records.splice(1, 1), 'orders-0: offset 2 follows 0'],
  ['all are missing', ([p]) => p.records.splice(0), 'acknowledged up to 2, stored not at all'],
  ['the first records are cut off', ([p]) => { p.start = 1; p.records.shift() }, 'orders-0: begins at 1, not at 0'],
  ['a record is there twice', ([p]) => p.records.push({ offset: 4, value: valueOf(LANE, 3) }), 'orders-0: offset 4 holds first/p/p0#3 after #3'],
  ['two records have changed places', ([p]) => { p.records[0] = { offset: 0, value: valueOf(LANE, 1) }; p.records[1] = { offset: 1, value: valueOf(LANE, 0) } }, 'orders-0: offset 0 holds first/p/p0#1, not first/p/p0#0'],
  ['one on its way was written before an earlier one', ([p]) => { p.records[3] = { offset: 3, value: valueOf(LANE, 4) } }, 'orders-0: offset 3 holds first/p/p0#4 after #2'],
  ['a record is torn', ([p]) => { p.records[3] = { offset: 3, value: { ...valueOf(LANE, 3), body: 'torn' } } }, 'the record at offset 3 is none that was sent'],
  ['a record is no value of ours', ([p]) => { p.records[3] = { offset: 3, value: null } }, 'the record at offset 3 is none that was sent'],
  ['a record comes from a topic that was deleted', ([p]) => p.records.push({ offset: 4, value: valueOf(laneOf('earlier', 'p', 'p0'), 0) }), 'earlier/p/p0#0 of a topic that was deleted'],
  ['a record went to the wrong partition too', ([, q]) => q.records.push({ offset: 3, value: valueOf(LANE, 0) }), 'first/p/p0 is in two partitions'],
  ['one without a key is in two partitions', ([p]) => p.records.push({ offset: 4, value: valueOf(FREE, 2) }), 'first/p/free#2 is there twice'],
  ['ones without a key are out of order', ([, q]) => q.records.push({ offset: 3, value: valueOf(FREE, 1) }), 'first/p/free#1 after #2'],
])('found: %s', async (_, damage, found) => {
  const partitions = whole()
  damage(partitions)
  expect(await violationsOf(told(), [stored(partitions)])).toContain(found)
})

test('found: a topic is gone, a deleted one is back, partitions are missing', async () => {
  expect(await violationsOf(told(), [])).toContain("topic 'orders' is gone")
  expect(await violationsOf(told(), [stored(whole()), stored([records([])], 'stranger')])).toContain("topic 'stranger' is there")
  expect(await violationsOf(told(), [stored(whole().slice(0, 1))])).toContain("topic 'orders' has 1 partitions, not 2")
})

test('found: what was read once is gone or has changed, though it was never acknowledged', async () => {
  const log = told()
  await log.compare([stored(whole())])
  const [first, second] = whole()
  first.records.pop()
  expect(await violationsOf(log, [stored([first, second])])).toContain('offset 3 (first/p/p0#3) is gone')
})

test('found: one offset is given to two records', () => {
  const log = told()
  log.take(['ack', 'orders', OTHER, 1, 0, 2])
  expect(log.violations).toEqual(['orders-0: offset 2 was given to first/p/p0#2 and to first/p/p1#1'])
})

test('a change that was under way may have happened or not, and only as a whole', async () => {
  const [first, second] = whole()
  const grown = [first, second, records([])]
  const trimmed = [records([[LANE, 2], [LANE, 3]], 2), second]
  const changes = [
    [{ kind: 'drop', topic: 'orders' }, [[], [stored(whole())]], [stored([first])]],
    [{ kind: 'grow', topic: 'orders', partitions: 3 }, [[stored(grown)], [stored(whole())]], [stored([first])]],
    [{ kind: 'trim', topic: 'orders', partition: 0, offset: 2 }, [[stored(trimmed)], [stored(whole())]], [stored([records([[LANE, 1], [LANE, 2], [LANE, 3]], 1), second])]],
    [{ kind: 'make', topic: 'new', incarnation: 'n', partitions: 1 }, [[stored(whole()), stored([records([])], 'new')], [stored(whole())]], [stored(whole()), stored([records([[LANE, 0]])], 'new')]],
  ] as const
  for (const [change, allowed, refused] of changes) {
    for (const topics of allowed) expect(await violationsOf(begun(change), topics), change.kind).toBe('')
    expect(await violationsOf(begun(change), refused), change.kind).not.toBe('')
  }
})

test('a change that was acknowledged has happened', async () => {
  const log = begun({ kind: 'drop', topic: 'orders' })
  log.take(['end', 'orders'])
  expect(await violationsOf(log, [stored(whole())])).toContain("topic 'orders' is there")
})

function begun(change: Change): ExpectedLog {
  const log = told()
  log.take(['begin', change])
  return log
}
