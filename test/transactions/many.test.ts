// Many transactions: one after the other, and side by side. Nothing of one that has ended is kept.
import { expect, test } from 'vitest'
import { testLog } from '../../src/testing.ts'
import type { Topic } from '../../src/index.ts'

async function countOf(topic: Topic<unknown>, isolation: 'read_committed' | 'read_uncommitted' = 'read_committed'): Promise<number> {
  let count = 0
  for await (const { offset } of topic.read({ isolation })) count += offset < 0 ? 0 : 1
  return count
}

test("a producer's epochs are used up after 32,766 transactions: it goes on with another id, before and after a crash", async () => {
  const log = await testLog({ housekeeping: false })
  const orders = await log.topic<number>('orders', { value: 'msgpack' })
  for (let i = 0; i < 33_000; i++) {
    await log.transaction(async tx => {
      await tx.send(orders, { value: i })
      if (i % 100 === 99) throw new Error('no')
    }, { id: 'a' }).catch(() => {})
  }
  expect(await countOf(orders)).toBe(33_000 - 330)
  const next = await log.crash()
  const again = await next.topic<number>('orders')
  for (let i = 0; i < 10; i++) await next.transaction(async tx => { await tx.send(again, { value: i }) }, { id: 'a' })
  expect(await countOf(again)).toBe(33_000 - 330 + 10)
  await next.close()
}, 120_000)

test('a thousand that are open at once all end, each as it was told', async () => {
  const log = await testLog()
  const orders = await log.topic<number>('orders', { partitions: 8, value: 'msgpack' })
  let open = 0
  let goOn = (): void => {}
  const allOpen = new Promise<void>(resolve => { goOn = resolve })
  const outcomes = await Promise.allSettled(Array.from({ length: 1000 }, (_, i) => log.transaction(async tx => {
    await tx.send(orders, [0, 1].map(j => ({ value: i, partition: (i + j) % 8 })))
    if (++open === 1000) {
      expect(log.stats().transactions).toHaveLength(1000)
      goOn()
    }
    await allOpen
    if (i % 3 === 0) throw new Error('no')
  })))
  expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(334)
  expect(await countOf(orders)).toBe(2 * 666)
  expect(await countOf(orders, 'read_uncommitted')).toBe(2000)
  expect(log.stats().transactions).toEqual([])
  await log.close()
})

test('who awaits one transaction after the other leaves the event loop its turns', async () => {
  const log = await testLog()
  const orders = await log.topic<number>('orders', { value: 'msgpack' })
  let turns = 0
  const timer = setInterval(() => { turns++ }, 1)
  for (let i = 0; i < 3000; i++) await log.transaction(async tx => { await tx.send(orders, { value: i }) })
  clearInterval(timer)
  expect(turns).toBeGreaterThan(0)
  await log.close()
})
