// On a test log a run is decided by its seed: who is next, and how long a back-off is.
import { expect, test } from 'vitest'
import { testLog } from '../../src/testing.ts'
import { numbers } from '../contract/support/records.ts'

async function course(seed: number): Promise<string[]> {
  const log = await testLog({ seed })
  const orders = await log.topic<number>('orders', { partitions: 6 })
  const begun = log.clock.now()
  const seen: string[] = []
  const run = async (name: string) => await log.group('billing').run(orders, ({ partition, offset }, { attempt }) => new Promise<void>((resolve, reject) => {
    seen.push(`${log.clock.now() - begun}: ${name} ${partition} ${offset} ${attempt}`)
    log.clock.setTimeout(() => {
      if (attempt < 3 && offset % 2 === 0) reject(new Error('not yet'))
      else resolve()
    }, partition + 1)
  }), { from: 'earliest', concurrency: 2, order: 'key', retry: {} })
  await orders.send(numbers(60).map(value => ({ value, key: `key ${value % 7}`, partition: value % 6 })))
  const runners = await Promise.all([run('one'), run('two')])
  await log.clock.advance('1m')
  for (const runner of runners) await runner.stop()
  await log.close()
  return seen
}

test('the same seed repeats a run to the millisecond, another seed takes another course', async () => {
  const first = await course(7)
  expect(first).toHaveLength(120)
  expect(await course(7)).toEqual(first)
  expect(await course(8)).not.toEqual(first)
})
