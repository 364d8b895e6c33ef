import { expect, test } from 'vitest'
import { SeededJobs, directJobs } from '../../src/platform/jobs.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'

async function orderOf(seed: number): Promise<number[]> {
  const jobs = new SeededJobs(new SeededRandom(seed))
  const order: number[] = []
  const run = (number: number): Promise<void> => jobs.run(() => { order.push(number) })
  // A job that is added while others wait takes part in the draw.
  await Promise.all([...Array.from({ length: 6 }, (_, index) => run(index)), run(6).then(() => run(7))])
  expect(jobs.pending).toBe(0)
  return order
}

test('the same seed gives the same order, another seed another', async () => {
  expect(await orderOf(1)).toEqual(await orderOf(1))
  const orders = new Set<string>()
  for (let seed = 0; seed < 20; seed++) orders.add(String(await orderOf(seed)))
  expect(orders.size).toBeGreaterThan(15)
})

test('a turn of the event loop starts one job', async () => {
  const jobs = new SeededJobs(new SeededRandom(3))
  let done = 0
  const all = Array.from({ length: 5 }, () => jobs.run(() => { done++ }))
  expect(done).toBe(0)
  for (let turn = 1; turn <= 5; turn++) {
    await new Promise(resolve => { setImmediate(resolve) })
    expect(done).toBe(turn)
  }
  await Promise.all(all)
})

test('a job that waits does not hold up the others, and counts as pending', async () => {
  const jobs = new SeededJobs(new SeededRandom(3))
  let finish = (): void => undefined
  const slow = jobs.run(() => new Promise<void>(resolve => { finish = resolve }))
  await jobs.run(() => undefined)
  await jobs.run(() => undefined)
  expect(jobs.pending).toBe(1)
  finish()
  await slow
})

test('abandoned jobs never run, and reject', async () => {
  const jobs = new SeededJobs(new SeededRandom(3))
  let ran = false
  const lost = jobs.run(() => { ran = true })
  jobs.abandon(new Error('gone'))
  await expect(lost).rejects.toThrow('gone')
  await jobs.run(() => undefined)
  expect(ran).toBe(false)
})

test('direct jobs begin at once, and a throw is a rejection', async () => {
  let ran = false
  const job = directJobs.run(() => { ran = true })
  expect(ran).toBe(true)
  await job
  await expect(directJobs.run(() => { throw new Error('mine') })).rejects.toThrow('mine')
})
