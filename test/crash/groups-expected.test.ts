// That the comparison after a kill finds each broken promise: a group's life, a kill, and what comes after it, broken in
// one way at a time.
import { expect, test } from 'vitest'
import { ExpectedGroups } from '../../tools/torture/groups/expected-groups.mjs'
import type { Entry } from '../../tools/torture/groups/journal.mjs'

const NAMES = ['k1.0.0', 'k2.0.1', 'k1.0.2', 'k3.0.3', 'k2.0.4', 'k1.0.5']

const begin = (group: string, ...offsets: number[]): Entry => ['begin', group, 'orders', 0, offsets.map((offset): [number, string] => [offset, NAMES[offset]!])]
const end = (group: string, ...offsets: number[]): Entry => ['end', group, 'orders', 0, offsets]
const fail = (group: string, offset: number): Entry => ['fail', group, 'orders', 0, [offset]]
const told = (group: string, position: number): Entry => ['told', group, 'orders', [[0, position]]]
const handled = (group: string, ...offsets: number[]): Entry[] => offsets.flatMap(offset => [begin(group, offset), end(group, offset)])
/** The next process: it finds the partition's end, and the group's position. */
const opened = (group: string, position: number | undefined, last = 6): Entry => ['opened', [['orders', [last]]], position === undefined ? [] : [[group, 'orders', [[0, position]]]]]
const sent: Entry[] = NAMES.map((name, offset) => ['sent', 'orders', 0, offset, name])

function violationsOf(...entries: (Entry | Entry[])[]): string {
  return taken(...entries).violations.join('\n')
}

function taken(...entries: (Entry | Entry[])[]): ExpectedGroups {
  const groups = new ExpectedGroups()
  for (const entry of [opened('in-order', undefined, 0), ...sent, ...entries.flatMap(one => typeof one[0] === 'string' ? [one as Entry] : one as Entry[])]) groups.take(entry)
  return groups
}

test('what was handled and not committed may come again, and is counted', () => {
  const groups = taken(handled('in-order', 0, 1, 2, 3), told('in-order', 2), opened('in-order', 3), handled('in-order', 3, 4, 5), told('in-order', 6), opened('in-order', 6))
  groups.drained([['orders', [6]]], ['in-order'], new Map())
  expect(groups.violations).toEqual([])
  expect(groups.repeated).toEqual({ repeats: 1, uncommitted: 1 })
  expect(groups.figures).toMatchObject({ sent: 6, handled: 7 })
})

test.each<[what: string, entries: (Entry | Entry[])[], found: string]>([
  ['a commit that was acknowledged is gone', [handled('in-order', 0, 1, 2), told('in-order', 3), opened('in-order', 2)], 'in-order orders-0: position 3 was told, and then 2'],
  ['all positions are gone', [handled('in-order', 0), told('in-order', 1), opened('in-order', undefined)], 'position 1 was told, none is found'],
  ['a position is beyond the end', [handled('in-order', 0), opened('in-order', 7)], 'position 7 is beyond the end, 6'],
  ['a record was left out', [handled('in-order', 0, 1), opened('in-order', 3)], 'position 3 passes offset 2, which nobody has handled'],
  ['a position passes what is in hand', [handled('in-order', 0), begin('in-order', 1), told('in-order', 2)], 'position 2 passes offset 1, which nobody has handled'],
  ['a position passes what has failed', [begin('in-order', 0), fail('in-order', 0), told('in-order', 1)], 'position 1 passes offset 0, which nobody has handled'],
  ['what was committed comes again', [handled('in-order', 0, 1, 2), opened('in-order', 2), begin('in-order', 1)], 'offset 1 is handed out below position 2'],
  ['what was handled comes again in the same life', [handled('in-order', 0, 1), begin('in-order', 1)], 'offset 1 comes after 1 in one life'],
  ['more comes again than was uncommitted', [handled('in-order', 0, 1, 0, 1), opened('in-order', 2)], '2 records came again, 0 were handled and not committed'],
  ['one overtakes the other', [handled('in-order', 0, 2, 1)], 'offset 1 is handled after 2'],
  ['two of a partition are in hand', [begin('in-order', 0), begin('in-order', 1)], 'offset 1 is handed out while 0 is in hand'],
  ['two of a key are in hand', [begin('by-key', 0), begin('by-key', 2)], 'offset 2 is handed out while 0 is in hand'],
  ['one of a key overtakes the other', [handled('by-key', 2, 0)], 'offset 0 is handled after 2'],
  ['a commit takes its time', [handled('in-order', 0, 1), told('in-order', 1), ['looked'], ['looked']], 'offset 1 was handled and not committed soon'],
  ['at most once, and yet twice', [handled('once', 0, 1), opened('once', 2), begin('once', 1)], 'offset 1 is handed out twice'],
  ['at most once, handed out before the commit', [begin('once', 0), opened('once', 0)], 'position 1 was told, and then 0'],
  ['at most once, more is skipped than was in hand', [handled('once', 0), opened('once', 6)], 'once: 5 records were skipped, at most 3 were in hand'],
  ['another record than the one that was sent', [['begin', 'in-order', 'orders', 0, [[0, 'k9.0.9']]]], 'orders-0: offset 0 was k1.0.0, and then k9.0.9'],
  ['acknowledged records are gone', [opened('in-order', undefined, 5)], 'orders-0: acknowledged up to 6, ends at 5'],
  ['joined from latest without a position', [['came', 'from-latest', 'seat-0', ['orders-0']]], 'from-latest orders-0: joined, and has no position'],
  ['from latest, begun before the position', [begin('from-latest', 3), told('from-latest', 2)], 'offset 3 came first, though the position is 2'],
])('found: %s', (_, entries, found) => {
  expect(violationsOf(...entries)).toContain(found)
})

test('found: at the end a record was not handled, a position stays behind, a dead letter is missing', () => {
  const atEnd = (group: string, letters: string[], ...entries: (Entry | Entry[])[]) => {
    const groups = taken(...entries)
    groups.drained([['orders', [2]]], [group], new Map([[group, new Set(letters)]]))
    return groups.violations
  }
  expect(atEnd('in-order', [], handled('in-order', 0))).toEqual(['in-order orders-0: nobody has handled offset 1, the partition ends at 2', 'in-order orders-0: the position stays at undefined, the partition ends at 2'])
  expect(atEnd('in-order', [], handled('in-order', 0, 1), told('in-order', 1))).toEqual(['in-order orders-0: the position stays at 1, the partition ends at 2'])
  const given: (Entry | Entry[])[] = [handled('retries', 0), begin('retries', 1), ['bury', 'retries', 'orders', 0, [1]], told('retries', 2)]
  expect(atEnd('retries', ['orders-0:1'], ...given)).toEqual([])
  expect(atEnd('retries', [], ...given)).toEqual(['retries: orders-0:1 was given up and is no dead letter'])
})

test('found: a static member comes back to other partitions, or has others after a rebalance', () => {
  const first: Entry = ['owns', 'static', [['static-0', ['orders-0', 'orders-1']], ['static-1', ['orders-2']], ['static-2', ['orders-3']]]]
  expect(violationsOf(first, opened('static', undefined), ['came', 'static', 'static-1', ['orders-2']], ['owns', 'static', [['static-0', []], ['static-1', ['orders-2']]]])).toBe('')
  expect(violationsOf(first, opened('static', undefined), ['came', 'static', 'static-1', ['orders-3']])).toBe('static: static-1 comes back to orders-3, it had orders-2')
  expect(violationsOf(first, ['owns', 'static', [['static-0', ['orders-0']]]])).toBe('static: static-0 has orders-0, it had orders-0,orders-1')
})

test('records of a group that repeats where partitions move may come again in one life, down to what was committed', () => {
  expect(violationsOf(handled('manual', 0, 1, 2), told('manual', 1), handled('manual', 1, 2, 3))).toBe('')
  expect(violationsOf(handled('manual', 0, 1, 2), told('manual', 1), handled('manual', 0))).toContain('offset 0 is handed out below position 1')
})

test('of many alike the first is told, and how many there were', () => {
  expect(violationsOf(begin('in-order', 0), begin('in-order', 1), begin('in-order', 2))).toBe('in-order orders-0: offset 1 is handed out while 0 is in hand (and 1 more like it)')
})
