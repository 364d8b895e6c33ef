import { expect, test } from 'vitest'
import type { Clock } from '../../src/platform/clock.ts'
import { ClockAgreement } from '../../src/platform/clock-agreement.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'

const MINUTE_MS = 60_000

/** A time of day and a monotonic clock that tests move by themselves. */
function twoClocks() {
  const times = { wall: 1_000_000_000, monotonic: 5_000 }
  const clock: Clock = { now: () => times.wall, setTimeout: () => ({ cancel: () => {} }) }
  const agreement = new ClockAgreement(clock, () => times.monotonic)
  const pass = (ms: number): void => {
    times.wall += ms
    times.monotonic += ms
  }
  return { times, agreement, pass }
}

test('the time of day is believed once it has gone along with the monotonic clock for five minutes', () => {
  const { agreement, pass } = twoClocks()
  expect(agreement.remainingMs()).toBe(5 * MINUTE_MS)
  pass(4 * MINUTE_MS)
  expect(agreement.remainingMs()).toBe(MINUTE_MS)
  pass(MINUTE_MS)
  expect(agreement.remainingMs()).toBe(0)
  pass(100 * MINUTE_MS)
  expect(agreement.remainingMs()).toBe(0)
})

test.each([10 * MINUTE_MS, -10 * MINUTE_MS])('a time of day that jumps by %i ms is not believed for the next five minutes', jump => {
  const { times, agreement, pass } = twoClocks()
  pass(6 * MINUTE_MS)
  expect(agreement.remainingMs()).toBe(0)
  times.wall += jump
  expect(agreement.remainingMs()).toBe(5 * MINUTE_MS)
  pass(5 * MINUTE_MS)
  expect(agreement.remainingMs()).toBe(0)
})

test('a jump between two looks is seen by the second', () => {
  const { times, agreement, pass } = twoClocks()
  pass(3 * MINUTE_MS)
  times.wall += MINUTE_MS
  pass(3 * MINUTE_MS)
  expect(agreement.remainingMs()).toBe(5 * MINUTE_MS)
})

test('a clock that is set in small steps is believed', () => {
  const { times, agreement, pass } = twoClocks()
  for (let minute = 0; minute < 6; minute++) {
    pass(MINUTE_MS)
    times.wall += 100
    agreement.remainingMs()
  }
  expect(agreement.remainingMs()).toBe(0)
})

test('a machine that was asleep, where the monotonic clock stands still, waits', () => {
  const { times, agreement, pass } = twoClocks()
  pass(6 * MINUTE_MS)
  times.wall += 8 * 60 * MINUTE_MS
  expect(agreement.remainingMs()).toBe(5 * MINUTE_MS)
})

test('a clock that the caller gives is believed at once, wherever it goes', async () => {
  const clock = new SteppedClock()
  const agreement = new ClockAgreement(clock)
  expect(agreement.remainingMs()).toBe(0)
  await clock.advance(30 * 24 * 60 * MINUTE_MS)
  expect(agreement.remainingMs()).toBe(0)
})
