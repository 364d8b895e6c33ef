// What callers get when the disk fails, and what holds after it: the table "Failures" of the surface, a row each.
// test/crash/ fails every single call; here the rows are read out loud.
import { describe, expect, test } from 'vitest'
import type { LogEvents, Topic } from '../../src/index.ts'
import { testLog, type TestLog } from '../../src/testing.ts'
import { failureOf } from '../contract/support/failures.ts'
import { numbers, valuesOf } from '../contract/support/records.ts'

const SEGMENT = /orders-0.*\.log$/

async function threeRecords(options: Parameters<typeof testLog>[0] = {}): Promise<{ log: TestLog; topic: Topic<number>; errors: LogEvents['error'][] }> {
  const log = await testLog(options)
  const errors: LogEvents['error'][] = []
  log.on('error', event => errors.push(event))
  const topic = await log.topic<number>('orders')
  await topic.send(numbers(3).map(value => ({ value })))
  return { log, topic, errors }
}

describe('want of room', () => {
  test.each([
    ['ENOSPC', 'DISK_FULL'], ['EDQUOT', 'QUOTA_EXCEEDED'], ['EFBIG', 'FILE_TOO_LARGE'],
  ])('%s is a LimitError: nothing is changed, and the same partition goes on when there is room', async (error, code) => {
    const { log, topic, errors } = await threeRecords()
    const before = log.stats()
    for (const send of [() => topic.send({ value: 9 }), () => topic.send([{ value: 9 }]), () => topic.producer().sendSync({ value: 9 })]) {
      log.disk.failNext('write', { error, path: SEGMENT, writtenBytes: 30 })
      expect(await failureOf(send)).toMatchObject({ name: 'LimitError', code })
    }
    expect(log.stats()).toEqual(before)
    expect(await valuesOf(topic)).toEqual([0, 1, 2])
    expect((await topic.send({ value: 3 })).offset).toBe(3)
    expect(errors).toEqual([])
    await log.close()
  })

  test('a disk that is full refuses, and takes more once it is larger', async () => {
    const { log, topic } = await threeRecords()
    log.disk.capacityBytes = log.disk.usedBytes + 100
    expect(await failureOf(() => topic.send({ value: 1, headers: { padding: 'x'.repeat(200) } }))).toMatchObject({ name: 'LimitError', code: 'DISK_FULL', retriable: true })
    expect(await valuesOf(topic)).toEqual([0, 1, 2])
    log.disk.capacityBytes = Infinity
    expect((await topic.send({ value: 3 })).offset).toBe(3)
    await log.close()
  })

  test('no descriptor for a new segment is a LimitError, and the next send rolls', async () => {
    const log = await testLog()
    const topic = await log.topic<number>('orders', { segmentBytes: '1KiB' })
    const record = { value: 1, headers: { padding: 'x'.repeat(1000) } }
    await topic.send(record)
    log.disk.failNext('open', { error: 'EMFILE', path: SEGMENT })
    expect(await failureOf(() => topic.send(record))).toMatchObject({ name: 'LimitError', code: 'TOO_MANY_OPEN_FILES', retriable: true })
    expect((await topic.send(record)).offset).toBe(1)
    expect(topic.partitions[0]!.segments()).toHaveLength(2)
    await log.close()
  })
})

describe('a disk that loses what it was given', () => {
  test('a failed sync is a StorageError, now and on every later send, and reads end below what is uncertain', async () => {
    const { log, topic, errors } = await threeRecords({ durability: 'power' })
    log.disk.failNext('sync', { error: 'EIO', path: SEGMENT })
    const sends = await Promise.allSettled([topic.send({ value: 3 }), topic.send([{ value: 4 }, { value: 5 }])])
    for (const sent of sends) expect(sent).toMatchObject({ status: 'rejected', reason: { name: 'StorageError', code: 'PARTITION_FAILED', details: { syncedOffset: 3, endOffset: 6 } } })
    for (const send of [() => topic.send({ value: 9 }), () => topic.producer({ durability: 'process' }).send({ value: 9 }), () => topic.producer().sendSync({ value: 9 })]) {
      expect(await failureOf(send)).toMatchObject({ name: 'StorageError', code: 'PARTITION_FAILED' })
    }
    const seen: (number | null)[] = []
    expect(await failureOf(async () => { for await (const record of topic.read()) seen.push(record.value) })).toMatchObject({ code: 'PARTITION_FAILED' })
    expect(seen).toEqual([0, 1, 2])
    expect(topic.partitions[0]!.endOffset).toBe(6)
    expect(errors).toMatchObject([{ topic: 'orders', partition: 0, error: { code: 'PARTITION_FAILED', cause: { code: 'SYNC_FAILED' } } }])
    await log.close()
  })

  test('recover() reads the disk again: what it has is served, and sends go on behind it', async () => {
    const { log, topic } = await threeRecords({ durability: 'power' })
    log.disk.failNext('sync', { error: 'EIO', path: SEGMENT })
    await failureOf(() => topic.send({ value: 3 }))
    await Promise.all([topic.partitions[0]!.recover(), topic.partitions[0]!.recover()])
    const values = await valuesOf(topic)
    expect(values.slice(0, 3)).toEqual([0, 1, 2])
    expect((await topic.send({ value: 7 })).offset).toBe(values.length)
    expect(await valuesOf(topic)).toEqual([...values, 7])
    await log.close()
  })

  test('a write that fails with EIO is one, too', async () => {
    const { log, topic } = await threeRecords()
    log.disk.failNext('write', { error: 'EIO', path: SEGMENT })
    expect(await failureOf(() => topic.send({ value: 3 }))).toMatchObject({ name: 'StorageError', code: 'PARTITION_FAILED' })
    expect(await failureOf(() => topic.send({ value: 4 }))).toMatchObject({ name: 'StorageError', code: 'PARTITION_FAILED' })
    await topic.partitions[0]!.recover()
    await topic.send({ value: 5 })
    expect((await valuesOf(topic)).at(-1)).toBe(5)
    await log.close()
  })

  test('other partitions and other topics go on', async () => {
    const { log, topic } = await threeRecords({ durability: 'power' })
    await topic.alter({ partitions: 2 })
    const other = await log.topic('other')
    log.disk.failNext('sync', { error: 'EIO', path: SEGMENT })
    await failureOf(() => topic.send({ value: 3, partition: 0 }))
    await topic.send({ value: 4, partition: 1 })
    await other.send({ value: 5 })
    await log.close()
  })
})

describe('a disk that can not be read', () => {
  test('EIO on reading is a typed error that names the file, and passes', async () => {
    const log = await testLog()
    const made = await log.topic('orders')
    await made.send(numbers(3).map(value => ({ value })))
    const next = await log.crash()
    const topic = await next.topic('orders')
    next.disk.failNext('readLater', { error: 'EIO' })
    expect(await failureOf(() => valuesOf(topic))).toMatchObject({ name: 'StorageError', code: 'IO_FAILED', details: { path: expect.stringMatching(SEGMENT) as string, errno: 'EIO' } })
    expect(await valuesOf(topic)).toEqual([0, 1, 2])
    await next.close()
  })
})
