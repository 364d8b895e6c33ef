// What a group does when its positions can't be written: a full disk passes, a failed one does not.
import { describe, expect, test } from 'vitest'
import type { LogEvents } from '../../src/index.ts'
import { testLog, type TestLog } from '../../src/testing.ts'
import { offsetCommit } from '../../src/kafka/apis/08-offset-commit.ts'
import { KAFKA_ERRORS } from '../../src/kafka/kafka-errors.ts'
import { listen } from '../../src/kafka.ts'
import { connectTo } from '../kafka-door/support/open-door.ts'
import { failureOf } from '../contract/support/failures.ts'

const POSITIONS = /__consumer_offsets-0/

async function prepared(log: TestLog) {
  const orders = await log.topic<number>('orders')
  const group = log.group('billing')
  const errors: unknown[] = []
  group.on('error', ({ error }) => errors.push(error))
  const logErrors: LogEvents['error'][] = []
  log.on('error', event => logErrors.push(event))
  const seen: number[] = []
  const runner = await group.run(orders, record => { seen.push(record.value!) }, { from: 'earliest' })
  await orders.send({ value: 0 })
  await log.idle()
  return { orders, group, errors, logErrors, seen, runner }
}

describe('a full disk', () => {
  test('handling goes on, the commit is tried again until there is room, and nothing comes twice', async () => {
    const log = await testLog()
    const { orders, group, errors, seen, runner } = await prepared(log)
    for (let i = 0; i < 3; i++) log.disk.failNext('write', { error: 'ENOSPC', path: POSITIONS })
    await orders.send({ value: 1 })
    await log.clock.settle()
    expect([seen, await group.committed(orders)]).toEqual([[0, 1], new Map([[0, 1]])])
    expect(errors).toMatchObject([{ name: 'LimitError', code: 'DISK_FULL' }])
    await log.clock.advance('5s')
    expect(await group.committed(orders)).toEqual(new Map([[0, 2]]))
    expect(runner.health()).toMatchObject({ state: 'running', lag: 0 })
    await log.close()
  })

  test('a client of the door is told to commit again, and its position is what it was', async () => {
    const log = await testLog()
    await log.topic('orders')
    const client = await connectTo(await listen(log))
    const commit = async (committedOffset: number) => {
      const { topics } = await client.ask(offsetCommit, 8, { groupId: 'billing', memberId: '', topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: '' }] }] })
      return topics[0]!.partitions[0]!.errorCode
    }
    expect(await commit(1)).toBe(0)
    log.disk.failNext('write', { error: 'ENOSPC', path: POSITIONS })
    expect(await commit(2)).toBe(KAFKA_ERRORS.COORDINATOR_NOT_AVAILABLE)
    expect(await log.group('billing').committed('orders')).toEqual(new Map([[0, 1]]))
    expect(await commit(3)).toBe(0)
    await log.close()
  })

  test('join is refused and leaves no member behind; the next one succeeds', async () => {
    const log = await testLog()
    const orders = await log.topic('orders')
    const group = log.group('billing')
    await (await group.join(orders, { from: 'earliest' })).close()
    log.disk.failNext('write', { error: 'ENOSPC', path: POSITIONS })
    expect(await failureOf(() => group.join(orders, { from: 'earliest' }))).toMatchObject({ name: 'LimitError', code: 'DISK_FULL' })
    expect(group.members()).toEqual([])
    expect((await group.join(orders, { from: 'earliest' })).assignment).toHaveLength(1)
    await log.close()
  })

  test('a position that was to be fixed by join and could not be is no position', async () => {
    const log = await testLog()
    const orders = await log.topic('orders')
    await (await log.group('other').join(orders, { from: 'earliest' })).close()
    log.disk.failNext('write', { error: 'ENOSPC', path: POSITIONS, after: 1 })
    expect(await failureOf(() => log.group('billing').join(orders, { from: 'latest' }))).toMatchObject({ code: 'DISK_FULL' })
    expect(await log.group('billing').committed(orders)).toEqual(new Map())
    await log.close()
  })
})

describe('a disk that fails', () => {
  test('stops the groups, and no plain send; after opening anew they go on where they had committed', async () => {
    const log = await testLog()
    const { orders, group, logErrors, seen, runner } = await prepared(log)
    log.disk.failNext('write', { error: 'EIO', path: POSITIONS })
    await orders.send({ value: 1 })
    await log.clock.settle()
    expect(runner.health().state).toBe('failed')
    await expect(runner.done).rejects.toMatchObject({ name: 'StorageError', code: 'PARTITION_FAILED' })
    expect(logErrors[0]).toMatchObject({ error: { code: 'PARTITION_FAILED' }, topic: '__consumer_offsets' })
    expect(await failureOf(() => group.join(orders, { from: 'earliest' }))).toMatchObject({ name: 'StorageError' })
    expect(await failureOf(() => group.reset(orders, 'latest'))).toMatchObject({ name: 'StorageError' })
    await orders.send({ value: 2 })
    expect(seen).toEqual([0, 1])
    const next = await log.crash()
    const again: number[] = []
    await next.group('billing').run('orders', record => { again.push(record.value as number) }, { from: 'latest' })
    await next.idle()
    expect(again).toEqual([1, 2])
    await next.close()
  })

  test("with 'power' a commit whose sync fails is not in effect", async () => {
    const log = await testLog({ durability: 'power' })
    const { orders, group, runner } = await prepared(log)
    log.disk.failNext('sync', { error: 'EIO', path: POSITIONS })
    await orders.send({ value: 1 })
    await log.clock.settle()
    expect(await group.committed(orders)).toEqual(new Map([[0, 1]]))
    await expect(runner.done).rejects.toMatchObject({ name: 'StorageError' })
    await log.close().catch(() => undefined)
  })
})
