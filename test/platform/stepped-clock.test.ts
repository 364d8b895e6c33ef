import { expect, test } from 'vitest'
import { systemClock } from '../../src/platform/clock.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'

test('time stands still until it is advanced, and then by exactly that much', async () => {
  const clock = new SteppedClock({ startMs: 1000 })
  expect(clock.now()).toBe(1000)
  await clock.advance(0)
  await clock.advance(250)
  expect(clock.now()).toBe(1250)
  expect(new SteppedClock().now()).toBe(new SteppedClock().now())
})

test('timers fire in order of time, then of making, each at its own time', async () => {
  const clock = new SteppedClock({ startMs: 0 })
  const fired: string[] = []
  for (const [name, ms] of [['c', 30], ['a', 10], ['b1', 20], ['b2', 20], ['later', 100]] as const) clock.setTimeout(() => { fired.push(`${name}@${clock.now()}`) }, ms)
  await clock.advance(50)
  expect(fired).toEqual(['a@10', 'b1@20', 'b2@20', 'c@30'])
  expect(clock.pending).toBe(1)
  await clock.advance(50)
  expect(fired.at(-1)).toBe('later@100')
})

test('timers that are made on the way take part, also by promise chains and later turns', async () => {
  const clock = new SteppedClock({ startMs: 0 })
  const ticks: number[] = []
  const tick = async (): Promise<void> => {
    ticks.push(clock.now())
    await Promise.resolve()
    await new Promise(resolve => { setImmediate(resolve) })
    clock.setTimeout(() => { void tick() }, 10)
  }
  void tick()
  await clock.advance(35)
  expect(ticks).toEqual([0, 10, 20, 30])
})

test('a cancelled timer does not fire, even by another of the same time', async () => {
  const clock = new SteppedClock()
  const fired: string[] = []
  const second = { cancel: (): void => undefined }
  clock.setTimeout(() => { fired.push('first'); second.cancel() }, 10)
  second.cancel = clock.setTimeout(() => { fired.push('second') }, 10).cancel
  await clock.advance(10)
  expect(fired).toEqual(['first'])
  expect(clock.pending).toBe(0)
})

test('work under way on a simulated disk ends before time goes on', async () => {
  const fs = new SimulatedFileSystem({ seed: 5 })
  const clock = new SteppedClock({ startMs: 0, busy: () => fs.pendingJobs })
  const ended: number[] = []
  clock.setTimeout(() => {
    for (let job = 0; job < 20; job++) void fs.jobs.run(() => fs.jobs.run(() => { ended.push(clock.now()) }))
  }, 10)
  clock.setTimeout(() => undefined, 11)
  await clock.advance(1000)
  expect(ended).toEqual(Array.from({ length: 20 }, () => 10))
})

test('what never comes to rest is an error, not a hang', async () => {
  const clock = new SteppedClock({ busy: () => 1 })
  await expect(clock.advance(1)).rejects.toThrow('no rest')
})

test('timers of the system clock fire, unless they are cancelled', async () => {
  let fired = false
  systemClock.setTimeout(() => { fired = true }, 0).cancel()
  await new Promise<void>(resolve => {
    const keepsTheProcess = setInterval(() => undefined, 1000)
    systemClock.setTimeout(() => { clearInterval(keepsTheProcess); resolve() }, 5)
  })
  expect(fired).toBe(false)
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000)
})
