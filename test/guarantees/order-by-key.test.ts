// With order 'key' and any concurrency, records of one key are handled one at a time and in the order of their offsets,
// also while members come and go. What comes again after a move comes behind its first time.
import type { Runner } from 'millrace'
import { matchers, testLog } from 'millrace/testing'
import { expect, test } from 'vitest'
import { draws } from './support/draws.ts'

expect.extend(matchers)

const SEEDS = Array.from({ length: 15 }, (_, i) => Number(process.env['SEED'] ?? 5000) + i)

test.each(SEEDS)('at concurrency 16, under random delays and failures (seed %i)', async seed => {
  const draw = draws(seed)
  const log = await testLog({ seed })
  const orders = await log.topic<number>('orders', { partitions: 3 })
  const busy = new Set<string>()
  const faults: string[] = []
  const firstTimes = new Map<string, number[]>()
  let most = 0
  const run = async () => await log.group('billing').run(orders, async ({ key, value }) => {
    if (busy.has(key!)) faults.push(`${key}: two at a time`)
    busy.add(key!)
    most = Math.max(most, busy.size)
    await new Promise<void>(resolve => { log.clock.setTimeout(resolve, draw(30)) })
    busy.delete(key!)
    if (draw(10) === 0) throw new Error('now and then')
    const values = firstTimes.get(key!) ?? []
    if (!values.includes(value!)) firstTimes.set(key!, [...values, value!])
  }, { from: 'earliest', order: 'key', concurrency: 16, retry: { attempts: 1000, backoff: 5 } })

  const runners: Runner[] = [await run()]
  let sent = 0
  for (let step = 0; step < 40; step++) {
    await orders.send(Array.from({ length: draw(12) }, () => ({ key: String(draw(12)), value: sent++ })))
    const choice = draw(10)
    if (choice === 0 && runners.length < 3) runners.push(await run())
    else if (choice === 1 && runners.length > 1) void runners.shift()!.stop()
    else await log.clock.advance(draw(20))
  }
  await log.clock.advance('1m')
  await expect(log.group('billing')).toHaveLag(0)
  expect(faults).toEqual([])
  expect(most).toBeGreaterThan(3) // more at a time than partitions
  expect([...firstTimes.values()].flat().length).toBe(sent)
  for (const values of firstTimes.values()) expect(values).toEqual([...values].sort((a, b) => a - b))
  await log.close()
})
