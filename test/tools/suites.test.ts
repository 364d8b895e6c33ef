// That the comparison of clients' own test suites finds what is lacking, and that what the document lists is read.
import { expect, test } from 'vitest'
import { lacking, listed, merge } from '../../tools/suites/comparison.mjs'
import { counted, note, type Outcome } from '../../tools/suites/outcomes.mjs'

const outcomes = (of: Record<string, Outcome>): Map<string, Outcome> => new Map(Object.entries(of))

test('what passes at a broker alone is lacking, whether it fails, is skipped or did not run at a door', () => {
  const broker = outcomes({ fails: 'passed', skipped: 'passed', missing: 'passed', passes: 'passed', 'fails at both': 'failed' })
  const door = outcomes({ fails: 'failed', skipped: 'skipped', passes: 'passed', 'fails at both': 'failed', 'passes here alone': 'passed' })
  expect(lacking(broker, door)).toEqual(['fails', 'skipped', 'missing'])
})

test('of several runs a door keeps what passed once, a broker what failed once', () => {
  const before = outcomes({ unsteady: 'failed', steady: 'failed', 'not run again': 'passed' })
  const again = outcomes({ unsteady: 'passed', steady: 'failed', 'hung before': 'passed' })
  expect(Object.fromEntries(merge(before, again, 'passed'))).toEqual({ unsteady: 'passed', steady: 'failed', 'not run again': 'passed', 'hung before': 'passed' })
  expect(merge(again, before, 'failed').get('unsteady')).toBe('failed')
})

test('tests of one name in a file are counted each', () => {
  const of = new Map<string, Outcome>()
  note(of, 'a.js', 'sends', 'passed')
  note(of, 'a.js', 'sends', 'failed')
  note(of, 'b.js', 'sends', 'skipped')
  expect([...of.keys()]).toEqual(['a.js > sends', 'a.js > sends (2)', 'b.js > sends'])
  expect(counted(of)).toBe('1 passed, 1 failed, 1 skipped')
})

test('the table of its section of the document says which tests lack for a reason', () => {
  const page = ["## What differs", '| `a.js` | of another section | no |', "## Clients' own test suites", '| file | test | why |', '|---|---|---|', '| `a.js` | sends (all \\| none) | because |', '## More', '| `b.js` | later | no |'].join('\n')
  expect([...listed(page)]).toEqual(['a.js > sends (all | none)'])
  expect(listed().size).toBeGreaterThan(0)
})
