import { expect, test, vi } from 'vitest'
import { StallMeter } from '../../src/platform/stall-meter.ts'

let nowMs = 0
let turn = (): void => {}
vi.mock('node:perf_hooks', () => ({ performance: { now: () => nowMs } }))
vi.mock('node:timers', () => ({
  setInterval: (callback: () => void) => {
    turn = callback
    return { unref: () => 0 }
  },
  clearInterval: () => { turn = () => {} },
}))

test('work that lets no turn of the event loop come has held it all the time', () => {
  const meter = new StallMeter()
  nowMs += 100
  expect(meter.end()).toEqual({ durationMs: 100, longestStallMs: 99 })
})

test('the longest time between two turns counts, the first and the last among them', () => {
  for (const held of [[30, 2, 1], [2, 30, 1], [1, 2, 30]]) {
    const meter = new StallMeter()
    const [first, second, last] = held as [number, number, number]
    nowMs += first
    turn()
    nowMs += second
    turn()
    nowMs += last
    expect(meter.end()).toEqual({ durationMs: 33, longestStallMs: 29 })
  }
})

test('turns that come when they should are no stall', () => {
  const meter = new StallMeter()
  for (let i = 0; i < 10; i++) {
    nowMs++
    turn()
  }
  expect(meter.end()).toEqual({ durationMs: 10, longestStallMs: 0 })
})
