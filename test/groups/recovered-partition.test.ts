// A partition that failed and was recovered may end before where a group had come: members go on at that end, and what
// is sent to the offsets that were lost is handled.
import { expect, test } from 'vitest'
import type { LogEvents } from '../../src/index.ts'
import { testLog, type TestLog } from '../../src/testing.ts'

/** A sync fails, what was not on the device is damaged in the page cache, and the partition is recovered without it. */
async function loseTail(log: TestLog): Promise<void> {
  const orders = await log.topic<string>('orders')
  log.disk.failNext('sync', { error: 'EIO', path: /orders-0/ })
  await expect(orders.producer({ durability: 'power' }).send({ value: 'refused' })).rejects.toMatchObject({ name: 'StorageError' })
  const name = log.disk.list('/log/orders-0').find(file => file.endsWith('.log'))!
  log.disk.corrupt(`/log/orders-0/${name}`, 300, 0xff)
  await orders.partitions[0]!.recover()
  expect(orders.partitions[0]!.endOffset).toBeLessThan(10)
}

async function filled(log: TestLog) {
  const orders = await log.topic<string>('orders')
  const producer = orders.producer({ durability: 'power' })
  await producer.send({ value: 'old 0' })
  for (let n = 1; n < 10; n++) await orders.send({ value: `old ${n}` })
  return orders
}

test('a runner handles what is sent after a recovery that took what it had handled', async () => {
  const log = await testLog({ seed: 2 })
  const rewound: LogEvents['rewound'][] = []
  log.on('rewound', event => rewound.push(event))
  const orders = await filled(log)
  const seen: string[] = []
  const runner = await log.group('billing').run(orders, record => { seen.push(record.value!) }, { from: 'earliest' })
  await log.idle()
  await loseTail(log)
  const { endOffset } = orders.partitions[0]!
  expect(rewound).toEqual([{ group: 'billing', topic: 'orders', partition: 0, from: 11, to: endOffset }]) // it had the refused one, too: a record is visible once it is written
  for (let n = 0; n < 12; n++) await orders.send({ value: `new ${n}` })
  if (runner.health().state !== 'running') await log.group('billing').run(orders, record => { seen.push(record.value!) }, { from: 'latest' })
  await log.idle()
  expect(seen.filter(value => value.startsWith('new'))).toEqual(Array.from({ length: 12 }, (_, n) => `new ${n}`))
  expect(await log.group('billing').committed(orders)).toEqual(new Map([[0, endOffset + 12]]))
  await log.close()
})

test('a consumer that was paused meanwhile goes on at the end, and what it had in hand is not committed', async () => {
  const log = await testLog({ seed: 2 })
  const orders = await filled(log)
  const consumer = await log.group('billing').join(orders, { from: 'earliest' })
  const records = consumer[Symbol.asyncIterator]()
  let last
  for (let n = 0; n < 10; n++) last = (await records.next()).value
  await consumer.commit()
  consumer.pause()
  await loseTail(log)
  const { endOffset } = orders.partitions[0]!
  for (let n = 0; n < 12; n++) await orders.send({ value: `new ${n}` })
  await log.clock.settle()
  await expect(consumer.commit(last)).rejects.toMatchObject({ name: 'UsageError', code: 'OFFSET_INVALID' })
  const { value } = await records.next()
  expect([value.offset, value.value]).toEqual([endOffset, 'new 0'])
  await consumer.close()
  await log.close()
})

test('a handler that has a lost record in hand is told', async () => {
  const log = await testLog({ seed: 2 })
  const orders = await filled(log)
  const signals: AbortSignal[] = []
  await log.group('billing').run(orders, (_record, { signal }) => {
    signals.push(signal)
    return signals.length > 8 ? new Promise(() => { /* until the log closes */ }) : undefined
  }, { from: 'earliest' })
  await log.clock.settle()
  await loseTail(log)
  expect(signals.at(-1)).toMatchObject({ aborted: true, reason: { name: 'ConflictError', code: 'PARTITION_RECOVERED' } })
  await log.close({ timeout: 0 }).catch(() => undefined)
})
