// That the comparison after a kill finds each broken promise of exactly-once: a pipeline's first stage, broken in one way
// at a time.
import { expect, test } from 'vitest'
import { ExpectedPipeline, type Stored } from '../../tools/torture/exactly-once/expected-pipeline.mjs'
import type { Entry } from '../../tools/torture/exactly-once/journal.mjs'
import { LETTERS, STAGES, effectsOf } from '../../tools/torture/exactly-once/pipeline.mjs'

/** With one effect, two, none and a dead letter. */
const NAMES = ['k1.0.1', 'k1.0.2', 'k1.0.4', 'k1.0.32']
const POSITION = 4

const input: Stored[] = NAMES.map((name, offset) => ({ topic: 'input', partition: 0, offset, key: 'k1', name, from: '', isDoomed: false }))
const middle: Stored[] = NAMES.flatMap((name, source) => effectsOf('prepare', name).map(effect => ({ ...effect, from: `input-0:${source}` })))
  .map((effect, offset) => ({ ...effect, topic: 'middle', partition: 0, offset: offset * 2, isDoomed: false }))
const letters: Stored[] = [{ topic: LETTERS, partition: 0, offset: 0, key: 'k1', name: 'k1.0.32', from: 'input-0:3', isDoomed: false }]

interface Changed { entries?: Entry[]; position?: number; input?: Stored[]; middle?: Stored[]; letters?: Stored[]; isDrained?: boolean }

function violationsOf({ entries = [], position = POSITION, isDrained = false, ...changed }: Changed): string {
  const pipeline = new ExpectedPipeline(STAGES.filter(({ group }) => group === 'prepare'))
  for (const entry of entries) pipeline.take(entry)
  const records = new Map([['input', changed.input ?? input], ['middle', changed.middle ?? middle], [LETTERS, changed.letters ?? letters]])
  pipeline.compare({ positions: new Map([['prepare', [position]]]), records }, { isDrained })
  return pipeline.violations.join('\n')
}

const at = (index: number, changes: Partial<Stored>): Stored[] => middle.map((record, i) => i === index ? { ...record, ...changes } : record)

test('all effects of what is before the position, and none of what is behind it', () => {
  const entries: Entry[] = [['sent', 0, 1, 'k1.0.2'], ['seen', 'middle', 0, 0, 'k1.0.1/0'], ['told', 'prepare', 0, 2], ['committed', 'prepare', 0, 4]]
  expect(violationsOf({ entries, isDrained: true })).toBe('')
  expect(violationsOf({ position: 1, middle: middle.slice(0, 1), letters: [] })).toBe('')
})

test.each<[what: string, changed: Changed, found: string]>([
  ['an effect is lost', { middle: middle.slice(0, -1) }, 'prepare, position 4: input-0:1 has lost the effect k1.0.2/1'],
  ['one is there twice', { middle: [...middle, { ...middle[2]!, offset: 9 }] }, 'input-0:1 has the effect k1.0.2/1 2 times'],
  ['one is of a record that is not handled', { position: 1 }, 'prepare, position 1: input-0:1 has the effect k1.0.2/0, though it is not handled'],
  ['one is of another record', { middle: at(0, { name: 'k1.0.5/0' }) }, 'input-0:0 has the effect k1.0.5/0, though it is not handled'],
  ['one is of no record', { middle: at(0, { from: 'input-0:9' }) }, 'there are effects of input-0:9, which is not there'],
  ['one was sent by an attempt that failed', { middle: at(1, { isDoomed: true }) }, 'middle-0:2: k1.0.2/0 was sent by an attempt that failed'],
  ['they are in another order', { middle: at(0, { offset: 9 }).sort((a, b) => a.offset - b.offset) }, 'middle-0 from input-0: k1.0.1/0 of offset 0 comes behind k1.0.2/1 of 1'],
  ['a key is in two partitions', { middle: at(1, { key: 'k1', partition: 1, offset: 0 }) }, 'middle: key k1 is in partitions 0 and 1'],
  ['a dead letter is lost', { letters: [] }, 'as a dead letter input-0:3 has lost the effect k1.0.32'],
  ['a dead letter is of what is not handled', { position: 3 }, 'as a dead letter input-0:3 has the effect k1.0.32, though it is not handled'],
  ['an acknowledged record is gone', { entries: [['sent', 0, 4, 'k1.0.8']] }, 'input-0:4: k1.0.8 was there, and is gone'],
  ['what was read is gone', { entries: [['seen', 'middle', 0, 9, 'k9.0.1/0']] }, 'middle-0:9: k9.0.1/0 was there, and is gone'],
  ['what was read is another', { entries: [['seen', 'middle', 0, 0, 'k9.0.1/0']] }, 'middle-0:0: was k9.0.1/0, and then k1.0.1/0'],
  ['a position goes back', { entries: [['told', 'prepare', 0, 5]] }, 'prepare: position 5 of partition 0 was told, and then 4'],
  ['a transaction that was committed is gone', { entries: [['committed', 'prepare', 0, 5]] }, 'prepare: position 5 of partition 0 was committed, and is 4'],
  ['the end is not reached', { position: 3, letters: [], isDrained: true }, 'prepare: nobody has handled input-0:3, the position stays at 3'],
])('found: %s', (_, changed, found) => {
  expect(violationsOf(changed)).toContain(found)
})

test('a look at positions may be told behind the commit that it has not seen, but not after the next opening', () => {
  const late: Entry[] = [['committed', 'prepare', 0, 4], ['told', 'prepare', 0, 3]]
  expect(violationsOf({ entries: late })).toBe('')
  expect(violationsOf({ entries: [late[0]!, ['opened'], late[1]!] })).toContain('position 4 of partition 0 was told, and then 3')
})
