// The machine of a test log that goes down while something waits for its device: nobody hears that it succeeded.
import { expect, test } from 'vitest'
import { testLog } from '../../src/testing.ts'

test.each(['crash', 'powerCut'] as const)('what waits for the device at a %s is never acknowledged by the log that went down', async end => {
  for (let seed = 1; seed <= 50; seed++) {
    const log = await testLog({ seed, durability: 'power' })
    const orders = await log.topic('orders')
    const consumer = await log.group('billing').join(orders, { from: 'earliest', commit: 'manual' })
    await orders.send({ value: 0 })
    for await (const _ of consumer) break
    const outcomes: unknown[] = []
    const hear = (what: Promise<unknown>) => { what.then(() => outcomes.push('acknowledged'), (error: unknown) => outcomes.push((error as { code?: unknown }).code)) }
    hear(orders.send({ value: 1 }))
    hear(log.topic('other'))
    hear(log.group('audit').reset('orders', 'latest'))
    hear(consumer.commit())
    for (let turns = seed % 10; turns > 0; turns--) await Promise.resolve()
    const before = outcomes.length
    const next = await log[end]()
    await next.clock.settle()
    expect([seed, outcomes.length, outcomes.slice(before).filter(outcome => outcome !== 'LOG_CRASHED')]).toEqual([seed, 4, []])
    await next.close()
  }
})
