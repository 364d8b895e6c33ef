// send(array) that fails on the way: once a record was refused, no later one of the same array enters the log, whatever
// was waited for in between and wherever it had got to. So in one partition, sending again from `details.index` on
// stores nothing twice.
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import type { StandardSchema } from '../../src/index.ts'
import { testLog, type TestLog } from '../../src/testing.ts'
import { failureOf } from '../contract/support/failures.ts'
import { numbers, valuesOf } from '../contract/support/records.ts'

const SEGMENT = /orders-0.*\.log$/

/** The next write to the first partition finds the disk full, those after it do not. */
function failNextWrite(log: TestLog): void {
  log.disk.failNext('write', { error: 'ENOSPC', path: SEGMENT })
}

async function later(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve()
}

test('a record whose schema takes longer than the write that refuses an earlier one is not stored', async () => {
  const log = await testLog()
  const slow: StandardSchema<unknown, number> = {
    '~standard': { version: 1, vendor: 'test', validate: value => value === 0 ? { value } : later(20).then(() => ({ value })) },
  }
  const topic = await log.topic<number>('orders', { schema: slow })
  failNextWrite(log)
  const error = await failureOf(() => topic.send([{ value: 0 }, { value: 1 }, { value: 2 }]))
  expect(error).toMatchObject({ name: 'LimitError', code: 'DISK_FULL', details: { index: 0, sent: 0 } })
  expect(await valuesOf(topic)).toEqual([])
  await log.close()
})

test('a record that waits for room while an earlier one is refused is not stored', async () => {
  const log = await testLog()
  const topic = await log.topic<string>('orders', { compression: 'gzip' })
  const producer = topic.producer({ maxBufferedBytes: '20KiB', batchBytes: '20KiB' })
  const value = randomBytes(15_000).toString('base64')
  failNextWrite(log)
  const error = await failureOf(() => producer.send(numbers(4).map(() => ({ value }))))
  expect(error).toMatchObject({ code: 'DISK_FULL', details: { index: 0, sent: 0 } })
  expect(topic.partitions[0]!.endOffset).toBe(0)
  await log.close()
})

test('batches that are being compressed behind the one that is refused are not stored', async () => {
  const log = await testLog()
  const topic = await log.topic<string>('orders', { compression: 'gzip' })
  const producer = topic.producer({ batchBytes: '20KiB' })
  const value = randomBytes(15_000).toString('base64')
  const before = producer.send({ value })
  await before
  failNextWrite(log)
  const sending = failureOf(() => producer.send(numbers(5).map(() => ({ value }))))
  const after = producer.send({ value: 'after' })
  expect(await sending).toMatchObject({ code: 'DISK_FULL', details: { index: 0, sent: 0 } })
  expect((await after).offset).toBe(1)
  expect(await valuesOf(topic)).toEqual([value, 'after'])
  await log.close()
})

test('the record that finds its batch full, and with it the disk, is not stored', async () => {
  const log = await testLog()
  const topic = await log.topic<string>('orders')
  const producer = topic.producer({ batchBytes: 1000 })
  failNextWrite(log)
  const error = await failureOf(() => producer.send([{ value: 'a'.repeat(800) }, { value: 'b'.repeat(800) }, { value: 'c' }]))
  expect(error).toMatchObject({ code: 'DISK_FULL', details: { index: 0, sent: 0 } })
  expect(await valuesOf(topic)).toEqual([])
  await log.close()
})

test('what shares a batch with the refused array is stored as it was sent, in another partition', async () => {
  const log = await testLog()
  const topic = await log.topic<unknown>('orders', { partitions: 2 })
  const producer = topic.producer()
  failNextWrite(log)
  const refused = failureOf(() => producer.send({ value: 'refused', partition: 0 }))
  const kept = producer.send({ key: 'k', value: 'kept', partition: 1, headers: { trace: 'x1', none: null }, timestamp: 7 })
  const array = failureOf(() => producer.send([{ value: 'a', partition: 0 }, { value: 'b', partition: 1 }, { value: 'c', partition: 1 }]))
  const other = producer.send([{ key: '', value: null, partition: 1 }])
  expect(await refused).toMatchObject({ code: 'DISK_FULL' })
  expect(await array).toMatchObject({ code: 'DISK_FULL', details: { index: 0, sent: 0 } })
  expect(await kept).toEqual({ topic: 'orders', partition: 1, offset: 0, timestamp: 7 })
  expect((await other)[0]).toMatchObject({ partition: 1, offset: 1 })
  const record = (await topic.partitions[1]!.get(0))!
  expect([record.key, record.value, record.timestamp, record.headers.text('trace'), record.headers.get('none')]).toEqual(['k', 'kept', 7, 'x1', null])
  await log.close()
})

test('what was stored before the refusal is counted, in whichever partition', async () => {
  const log = await testLog()
  const topic = await log.topic<unknown>('orders', { partitions: 2 })
  failNextWrite(log)
  // Partition 1 is written first: its batch was opened first.
  const error = await failureOf(() => topic.send([{ value: 0, partition: 1 }, { value: 1, partition: 0 }, { value: 2, partition: 1 }]))
  expect(error).toMatchObject({ code: 'DISK_FULL', details: { index: 1, sent: 2 } })
  expect(await valuesOf(topic)).toEqual([0, 2])
  await log.close()
})
