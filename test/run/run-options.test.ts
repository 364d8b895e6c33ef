import { describe, expect, test } from 'vitest'
import { readRunOptions } from '../../src/run/run-options.ts'

const read = (options: object) => readRunOptions({ from: 'earliest', ...options }, "group 'billing': run")

test('what was not given is complete', () => {
  const { join, ...own } = read({})
  expect(own).toEqual({
    signal: undefined, delivery: 'at-least-once', concurrency: 1, order: 'partition', batch: undefined,
    retry: { attempts: 1, backoffMs: 0, maxBackoffMs: 0, jitter: false }, deadLetter: undefined, handlerTimeoutMs: Infinity,
  })
  expect(join).toMatchObject({ from: 'earliest', commit: 'auto', assignor: 'sticky', commitInterval: 0 })
})

test("an empty retry is 5 attempts, from 100 ms up to 30 s, with jitter; an empty batch is 500 without waiting", () => {
  const { retry, batch } = read({ retry: {}, batch: {} })
  expect([retry, batch]).toEqual([{ attempts: 5, backoffMs: 100, maxBackoffMs: 30_000, jitter: true }, { max: 500, waitMs: 0 }])
})

test('a back-off that is longer than the usual longest is the longest', () => {
  expect(read({ retry: { backoff: '1h' } }).retry).toMatchObject({ backoffMs: 3_600_000, maxBackoffMs: 3_600_000 })
})

test('with exactly-once nothing is committed but by transactions', () => {
  expect(read({ delivery: 'exactly-once' }).join.commit).toBe('manual')
})

test('at-most-once commits beforehand; a dead letter is known by its name, or by the topic', () => {
  expect(read({ delivery: 'at-most-once' }).join.commit).toBe('before')
  expect(read({ deadLetter: 'dead' }).deadLetter).toBe('dead')
  expect(read({ deadLetter: { name: 'dead', send: () => {}, read: () => {} } }).deadLetter).toBe('dead')
})

test('the signal is the runner\'s, not the member\'s', () => {
  const { signal } = new AbortController()
  const settings = read({ signal })
  expect([settings.signal, settings.join.signal]).toEqual([signal, undefined])
})

describe('refused', () => {
  const refused: [what: string, options: object, expected: object][] = [
    ['batches where each effect happens exactly once', { delivery: 'exactly-once', batch: {} }, { code: 'OPTIONS_CONTRADICT', message: expect.stringContaining('the handler takes one record') }],
    ['retry where nothing may come twice', { delivery: 'at-most-once', retry: {} }, { code: 'OPTIONS_CONTRADICT', message: expect.stringContaining('at-most-once') }],
    ['a longest back-off below the first', { retry: { backoff: '1s', maxBackoff: '500ms' } }, { code: 'OPTIONS_CONTRADICT', message: "group 'billing': run: option 'retry': backoff is 1s and maxBackoff 500ms" }],
    ['an option of join that follows from delivery', { commit: 'manual' }, { code: 'UNKNOWN_OPTION' }],
    ['a misspelt option of retry', { retry: { attempt: 3 } }, { code: 'UNKNOWN_OPTION', hint: "did you mean 'attempts'?" }],
    ['no attempt at all', { retry: { attempts: 0 } }, { code: 'OPTION_INVALID' }],
    ['a batch of nothing', { batch: { max: 0 } }, { code: 'OPTION_INVALID' }],
    ['no concurrency', { concurrency: 0 }, { code: 'OPTION_INVALID' }],
    ['a time-out longer than a timer', { handlerTimeout: '30d' }, { code: 'OPTION_INVALID' }],
    ['a dead letter that is no topic', { deadLetter: 5 }, { code: 'OPTION_INVALID', message: expect.stringContaining('the name of a topic') }],
    ['a dead letter without a name', { deadLetter: '' }, { code: 'OPTION_INVALID' }],
    ['no place to begin', { from: undefined }, { code: 'FROM_MISSING' }],
  ]

  test.each(refused)('%s', (_what, options, expected) => {
    expect(() => read(options)).toThrow(expect.objectContaining({ name: 'UsageError', ...expected }) as Error)
  })
})
