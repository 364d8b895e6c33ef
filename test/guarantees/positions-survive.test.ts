// A position that was committed is as durable as the log: after the end of the process, or with 'power' of the machine,
// the group goes on there. Where a power cut took records of 'process', positions are put back and new records are not skipped.
import type { LogEvents } from 'millrace'
import { testLog, type TestLog } from 'millrace/testing'
import { describe, expect, test } from 'vitest'

const SEEDS = Array.from({ length: 20 }, (_, i) => Number(process.env['SEED'] ?? 6000) + i)

/** What a member of the group finds, up to the end of the topic. */
async function handle(log: TestLog, from: 'earliest' | 'latest'): Promise<number[]> {
  const orders = await log.topic<number>('orders', { partitions: 1 })
  const values: number[] = []
  const runner = await log.group('billing').run(orders, ({ value }) => { values.push(value!) }, { from })
  await log.idle()
  await runner.stop()
  return values
}

describe.each(SEEDS)('seed %i', seed => {
  test.each([['process', 'crash'], ['power', 'crash'], ['power', 'powerCut']] as const)("what was committed with durability '%s' survives a %s", async (durability, end) => {
    let log = await testLog({ seed, durability })
    for (let life = 0; life < 4; life++) {
      const orders = await log.topic<number>('orders', { partitions: 1 })
      const consumer = await log.group('billing').join(orders, { from: 'earliest', commit: 'manual' })
      await orders.send([{ value: life }, { value: life }])
      for await (const record of consumer) {
        await consumer.commit(record)
        if (record.offset === life * 2) continue
        expect(record.offset).toBe(life * 2 + 1)
        break
      }
      log = end === 'crash' ? await log.crash() : await log.powerCut({ seed: seed + life })
      expect(await log.group('billing').committed('orders')).toEqual(new Map([[0, life * 2 + 2]]))
    }
    await log.close()
  })

  test("after a power cut with 'process' no position lies beyond the end, that is told, and what is sent next is handled", async () => {
    let log = await testLog({ seed })
    const orders = await log.topic<number>('orders', { partitions: 1 })
    for (let n = 0; n < 10; n++) await orders.send({ value: n })
    expect(await handle(log, 'earliest')).toHaveLength(10)
    log = await log.powerCut({ seed })
    const rewound: LogEvents['rewound'][] = []
    log.on('rewound', event => rewound.push(event))
    await log.clock.settle()
    const left = await log.topic<number>('orders', { partitions: 1 })
    const { endOffset } = left.partitions[0]!
    expect((await log.group('billing').committed('orders')).get(0) ?? 0).toBeLessThanOrEqual(endOffset)
    expect(rewound.map(({ to }) => to)).toEqual(rewound.map(() => endOffset))

    const sent = Array.from({ length: 12 }, (_, n) => 100 + n)
    await left.producer({ durability: 'power' }).send(sent.map(value => ({ value })))
    log = await log.powerCut({ seed: seed + 1 }) // nothing but the records was synced by us: that the position was put back has to be on the device
    expect(await handle(log, 'earliest')).toEqual(expect.arrayContaining(sent))
    await log.close()
  })
})

test('the simulated power cut is one: of the seeds, some put positions back', async () => {
  let count = 0
  for (const seed of SEEDS) {
    const log = await testLog({ seed })
    await (await log.topic<number>('orders', { partitions: 1 })).send([{ value: 0 }, { value: 1 }])
    await handle(log, 'earliest')
    const next = await log.powerCut({ seed })
    next.on('rewound', () => { count++ })
    await next.clock.settle()
    await next.close()
  }
  expect(count).toBeGreaterThan(0)
})
