import { expect, test } from 'vitest'
import { backOffMs } from '../../src/run/back-off.ts'

const retry = { attempts: 10_000, backoffMs: 100, maxBackoffMs: 30_000, jitter: false }
const never = () => { throw new Error('nothing is drawn') }

test('it doubles from the first to the longest', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(attempt => backOffMs(retry, attempt, never))).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000])
})

test('it stays a number however many attempts there are', () => {
  expect(backOffMs(retry, 5000, never)).toBe(30_000)
  expect(backOffMs({ ...retry, backoffMs: 0 }, 5000, never)).toBe(0)
})

test('with jitter it is drawn from [half, all)', () => {
  expect([0, 0.25, 0.5, 0.9999].map(drawn => backOffMs({ ...retry, jitter: true }, 1, () => drawn))).toEqual([50, 62, 75, 99])
})
