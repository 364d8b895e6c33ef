// What tx.advance() says without a record: all that was handed out moves with the transaction, and nothing else does. A
// partition of which nothing was handed out may change hands meanwhile.
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Consumer, LogRecord, RecordBatch, Topic } from '../../src/index.ts'
import { testLog, type TestLog } from '../../src/testing.ts'

interface Started { readonly log: TestLog; readonly orders: Topic<number>; readonly out: Topic<number>; readonly consumer: Consumer<number>; readonly batches: AsyncIterableIterator<RecordBatch<number>> }

async function start(): Promise<Started> {
  const log = await testLog()
  onTestFinished(() => log.close({ timeout: 0 }).catch(() => undefined))
  const orders = await log.topic<number>('orders', { partitions: 2 })
  const out = await log.topic<number>('out')
  const consumer = await log.group('g').join(orders, { from: 'earliest', commit: 'manual' }) as unknown as Consumer<number>
  return { log, orders, out, consumer, batches: consumer.batches() }
}

/** The next batch is copied on, while another member joins. */
async function copyWhileAnotherJoins({ log, orders, out, consumer, batches }: Started): Promise<readonly LogRecord<number>[]> {
  const { value: batch } = await batches.next() as { value: RecordBatch<number> }
  await log.transaction(async tx => {
    tx.advance(consumer)
    await tx.send(out, [...batch].map(({ value }) => ({ value })))
    await log.group('g').join(orders, { from: 'earliest', commit: 'manual' })
  })
  return [...batch]
}

async function copied({ out }: Started): Promise<number[]> {
  const values: number[] = []
  for await (const { value } of out.read()) values.push(value!)
  return values
}

describe.each([0, 1])('while another member joins, with partition %s in hand', partition => {
  test('a partition of which nothing was handed out yet moves, and the transaction commits', async () => {
    const started = await start()
    await started.orders.send({ value: 7, partition })
    await copyWhileAnotherJoins(started)
    expect(await copied(started)).toEqual([7])
    expect((await started.log.group('g').committed('orders')).get(partition)).toBe(1)
  })

  test('so does one whose records were all committed, whatever markers are behind them', async () => {
    const started = await start()
    const { log, orders, consumer, batches } = started
    await log.transaction(async tx => { await tx.send(orders, [{ value: 1, partition: 0 }, { value: 2, partition: 1 }]) })
    for (let i = 0; i < 2; i++) {
      await batches.next()
      await log.transaction(async tx => { tx.advance(consumer) })
    }
    await orders.send({ value: 7, partition })
    await copyWhileAnotherJoins(started)
    expect(await copied(started)).toEqual([7])
    expect((await log.group('g').committed('orders')).get(partition)).toBe(3)
  })
})

test('what was handed out and given back by a seek moves with it', async () => {
  const { log, consumer, batches, orders } = await start()
  await orders.send([{ value: 1, partition: 0 }, { value: 2, partition: 0 }])
  await batches.next()
  await log.transaction(async tx => { tx.advance(consumer) })
  await consumer.seek({ topic: 'orders', partition: 0 }, { offset: 1 })
  await log.transaction(async tx => { tx.advance(consumer) })
  expect((await log.group('g').committed('orders')).get(0)).toBe(1)
})
