import { afterEach, expect, test, vi } from 'vitest'
import { Slices } from '../../src/platform/slices.ts'

// The time that records take is simulated: performance.now() is what the test says.
const time = vi.hoisted(() => ({ nowMs: 0, looks: 0 }))
vi.mock('node:perf_hooks', () => ({ performance: { now: () => { time.looks++; return time.nowMs } } }))
afterEach(() => { time.looks = 0 })

/** Runs records that each take so long, and returns the stretches between pauses. */
async function stretchesMs(recordMs: (record: number) => number, records: number): Promise<number[]> {
  const slices = new Slices(5)
  const stretches: number[] = []
  let since = time.nowMs
  for (let record = 0; record < records; record++) {
    time.nowMs += recordMs(record)
    if (!slices.due()) continue
    stretches.push(time.nowMs - since)
    await slices.pause()
    since = time.nowMs
  }
  return [...stretches, time.nowMs - since]
}

test('a loop gives way about every 5 ms, whether its body takes 20 ns or 3 ms', async () => {
  for (const ms of [0.00002, 0.001, 0.05, 0.7, 3]) expect(Math.max(...await stretchesMs(() => ms, Math.ceil(60 / ms))), `${ms} ms`).toBeLessThanOrEqual(5 + Math.max(1, ms))
})

test('a quick loop looks at the time once in a thousand records', async () => {
  await stretchesMs(() => 0.0001, 500_000)
  expect(time.looks).toBeGreaterThan(400)
  expect(time.looks).toBeLessThan(700)
})

test('a body that turns slow on the way overruns once, by a few budgets at most', async () => {
  const stretches = await stretchesMs(record => record < 5000 ? 0.001 : 0.02, 20_000)
  expect(Math.max(...stretches)).toBeLessThan(20)
  expect(stretches.filter(ms => ms > 6).length).toBeLessThanOrEqual(1)
})

test('a pause lets the event loop turn and starts a fresh budget', async () => {
  const slices = new Slices(5)
  time.nowMs += 6
  expect(slices.due()).toBe(true)
  let turned = false
  setImmediate(() => { turned = true })
  const paused = slices.pause()
  time.nowMs += 100
  await paused
  expect(turned).toBe(true)
  expect(slices.due()).toBe(false)
})
