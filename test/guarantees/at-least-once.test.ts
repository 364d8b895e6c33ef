// A group handles every record at least once: through crashes, members that come and go and handlers that fail, no
// position passes a record that was not handled. test/crash/ kills real processes, test/model/ draws longer histories.
import type { EventLog, Topic } from 'millrace'
import { testLog } from 'millrace/testing'
import { describe, expect, test } from 'vitest'
import { draws } from './support/draws.ts'

const SEEDS = Array.from({ length: 15 }, (_, i) => Number(process.env['SEED'] ?? 2000) + i)

/** Of the records below what the group has committed, those that nobody has handled. */
async function skipped(log: EventLog, topic: Topic<number>, handled: ReadonlySet<number>): Promise<number[]> {
  const committed = await log.group('billing').committed(topic)
  const below: number[] = []
  for await (const record of topic.read()) if (record.offset < (committed.get(record.partition) ?? 0)) below.push(record.value!)
  return below.filter(value => !handled.has(value))
}

describe.each(SEEDS)('seed %i', seed => {
  test.each([['process', 'crash'], ['power', 'powerCut']] as const)("with durability '%s' nothing is skipped over a %s", async (durability, end) => {
    const draw = draws(seed)
    let log = await testLog({ seed, durability })
    const handled = new Set<number>()
    let sent = 0
    let up = {} // of the process that runs now
    const orders = async () => await log.topic<number>('orders', { partitions: 3 })
    const run = async (isLast: boolean) => {
      const born = up
      await log.group('billing').run(await orders(), async ({ value }) => {
        if (!isLast && draw(4) === 0) throw new Error('now and then')
        if (draw(2) === 0) await new Promise<void>(resolve => { log.clock.setTimeout(resolve, draw(50)) })
        if (born === up) handled.add(value!) // else it went down with its process
      }, { from: 'earliest', concurrency: 1 + draw(4), order: draw(2) === 0 ? 'key' : 'partition', retry: { attempts: 1000, backoff: 10 } })
    }
    for (let life = 0; life < 5; life++) {
      await run(false)
      for (let n = 0; n < 20; n++) {
        await (await orders()).send({ key: String(draw(6)), value: sent++ })
        if (draw(4) === 0) await log.clock.advance(draw(60))
        if (draw(12) === 0) await run(false)
      }
      up = {}
      log = await log[end]()
      expect(await skipped(log, await orders(), handled)).toEqual([])
    }
    await run(true)
    await log.clock.advance('1m')
    expect([...handled].sort((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, n) => n))
    await log.close()
  })
})

test('a record that fails for good is not passed over: it stops the runner, or it is a dead letter', async () => {
  const log = await testLog()
  const orders = await log.topic<number>('orders')
  await orders.send([{ value: 0 }, { value: 1 }, { value: 2 }])
  const group = log.group('billing')
  const handled: number[] = []
  const handler = ({ value }: { value: number | null }) => {
    if (value === 1) throw new Error('never')
    handled.push(value!)
  }
  const runner = await group.run(orders, handler, { from: 'earliest' })
  await expect(runner.done).rejects.toMatchObject({ code: 'HANDLER_FAILED', details: { partition: 0, offset: 1 } })
  expect([handled, await group.committed(orders)]).toEqual([[0], new Map([[0, 1]])])
  await group.run(orders, handler, { from: 'earliest', deadLetter: 'orders.dead' })
  await log.idle()
  expect([handled, await group.committed(orders)]).toEqual([[0, 2], new Map([[0, 3]])])
  expect((await (await log.topic('orders.dead')).partitions[0]!.get(0))?.headers.text('millrace-origin-offset')).toBe('1')
  await log.close()
})
