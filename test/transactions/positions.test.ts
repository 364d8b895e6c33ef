// Positions that transactions move: what is in effect is what an opening of the log finds.
import { describe, expect, test } from 'vitest'
import type { Consumer, LogRecord } from '../../src/index.ts'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { testLog, type TestLog } from '../../src/testing.ts'

async function start(seed: number, durability: 'process' | 'power'): Promise<{ log: TestLog; consumer: Consumer<number, string>; records: LogRecord<number, string>[] }> {
  const log = await testLog({ seed, durability })
  const orders = await log.topic<number>('orders', { value: 'msgpack' })
  await log.topic<number>('out', { value: 'msgpack', partitions: 4 })
  await orders.producer({ durability: 'power' }).send(Array.from({ length: 10 }, (_, i) => ({ value: i })))
  const consumer = await log.group('g').join(orders, { from: 'earliest', commit: 'manual' })
  const records: LogRecord<number, string>[] = []
  for await (const record of consumer) {
    records.push(record)
    if (records.length === 10) break
  }
  return { log, consumer, records }
}

async function positionIn(log: TestLog): Promise<number> {
  return (await log.group('g').committed('orders')).get(0) ?? 0
}

describe.each(['process', 'power'] as const)("in a log with durability '%s'", durability => {
  test("of a 'power' transaction and commits beside it what counts is what counts after a crash", async () => {
    for (let seed = 0; seed < 60; seed++) {
      const { log, consumer, records } = await start(seed, durability)
      const out = await log.topic<number>('out')
      const to = (index: number, partitions: number): Promise<void> => log.transaction(async tx => {
        tx.advance(consumer, records[index])
        for (let partition = 0; partition < partitions; partition++) await tx.send(out, { value: index, partition })
      }, { durability: 'power' })
      const turns = async (count: number): Promise<void> => { for (; count > 0; count--) await nextTurn() }
      const after = async (count: number, work: () => Promise<void>): Promise<void> => { await turns(count); await work() }
      await Promise.all([to(2, 4), after(seed % 4, () => consumer.commit(records[seed % 2 === 0 ? 5 : 1])), after(seed % 7, () => consumer.commit(records[7]))])
      const position = await positionIn(log)
      expect(await positionIn(await log.crash()), `seed ${seed}`).toBe(position)
    }
  })
})
