// Transactions of clients of other processes on a disk that fails or is full: all of one or nothing, and its client is told so,
// or that the next opening knows.
import { expect, test } from 'vitest'
import { testLog } from '../../src/testing.ts'
import { failure, valuesOf } from './support/held-transaction.ts'
import { RemoteClient } from './support/remote-client.ts'

const versions = [1, 2] as const

test.each(versions)('version %i: a partition that recovers may have lost what was sent: the client is told, aborts, and goes on', async version => {
  const log = await testLog()
  const orders = await log.topic<string>('orders', { partitions: 2, value: 'string' })
  const client = await RemoteClient.begin(log, { version })
  await client.send('orders', 0, 'half')
  await client.send('orders', 1, 'other half')
  log.disk.failNext('sync', { error: 'EIO', path: /orders-0\/\d+\.log$/ })
  await failure(orders.producer({ durability: 'power' }).send({ value: 'plain', partition: 0 }))
  await orders.partitions[0]!.recover()
  expect(await client.send('orders', 1, 'more')).toBe('INVALID_PRODUCER_EPOCH')
  expect(await client.commit()).toBe('PRODUCER_FENCED')
  expect(await client.abort()).toBe('NONE')
  await client.send('orders', 0, 'whole')
  expect(await client.commit()).toBe('NONE')
  expect((await valuesOf(orders)).filter(value => value !== 'plain')).toEqual(['whole'])
  await log.close()
})

test.each(versions)('version %i: a transaction whose records can\'t be synced is not committed', async version => {
  const log = await testLog({ durability: 'power' })
  const orders = await log.topic<string>('orders', { partitions: 2, value: 'string' })
  const client = await RemoteClient.begin(log, { version })
  await client.send('orders', 0, 'half')
  await client.send('orders', 1, 'other half')
  log.disk.failNext('sync', { error: 'EIO', path: /orders-0\/\d+\.log$/ })
  expect(await failure(client.commit())).toMatchObject({ code: 'PARTITION_FAILED' })
  await orders.partitions[0]!.recover()
  expect(await client.commit()).toBe('PRODUCER_FENCED')
  expect(await client.abort()).toBe('NONE')
  expect(await valuesOf(orders)).toEqual([])
  await log.close()
})

test.each(versions)('version %i: what became of a decision whose sync failed, the next opening knows: the client asks until then, and is told', async version => {
  for (let seed = 0; seed < 20; seed++) {
    const log = await testLog({ seed, durability: 'power' })
    await log.topic<string>('orders', { partitions: 2, value: 'string' })
    const client = await RemoteClient.begin(log, { version })
    for (const partition of [0, 1]) await client.send('orders', partition, 'maybe')
    log.disk.failNext('sync', { error: 'EIO', path: /__transaction_state-0\/\d+\.log$/ })
    expect(await failure(client.commit())).toMatchObject({ code: 'TRANSACTION_UNCERTAIN' })
    expect(await client.commit()).toBe('COORDINATOR_NOT_AVAILABLE')
    const next = await log.powerCut({ seed })
    client.log = next
    const isCommitted = await client.commit() === 'NONE'
    expect(await valuesOf(await next.topic<string>('orders')), `seed ${seed}`).toEqual(isCommitted ? ['maybe', 'maybe'] : [])
    await next.close()
  }
})

test.each(versions)('version %i: where there is no room for the decision it is not committed, and its client goes on when there is', async version => {
  const log = await testLog({ durability: 'power' })
  const orders = await log.topic<string>('orders', { partitions: 2, value: 'string' })
  const client = await RemoteClient.begin(log, { version })
  await client.send('orders', 0, 'half')
  log.disk.failNext('write', { error: 'ENOSPC', path: /__transaction_state-0/ })
  expect(await failure(client.commit())).toMatchObject({ code: 'DISK_FULL' })
  expect(await client.commit()).toBe('PRODUCER_FENCED')
  expect(await client.abort()).toBe('NONE')
  await client.send('orders', 0, 'whole')
  expect(await client.commit()).toBe('NONE')
  expect(await valuesOf(orders)).toEqual(['whole'])
  await log.close()
})

test.each(versions)('version %i: an abort that finds no room is asked for again', async version => {
  const log = await testLog({ durability: 'power' })
  const orders = await log.topic<string>('orders', { partitions: 2, value: 'string' })
  const client = await RemoteClient.begin(log, { version })
  await client.send('orders', 0, 'dropped')
  log.disk.failNext('write', { error: 'ENOSPC', path: /__transaction_state-0/ })
  expect(await failure(client.abort())).toMatchObject({ code: 'DISK_FULL' })
  expect(await client.abort()).toBe('NONE')
  await client.send('orders', 0, 'kept')
  expect(await client.commit()).toBe('NONE')
  expect(await valuesOf(orders)).toEqual(['kept'])
  await log.close()
})

test('where a marker finds no room, the next transaction begins when it is written', async () => {
  const log = await testLog({ durability: 'power' })
  const orders = await log.topic<string>('orders', { value: 'string' })
  log.on('error', () => { /* it is told */ })
  const client = await RemoteClient.begin(log)
  await client.send('orders', 0, 'a')
  log.disk.failNext('write', { error: 'ENOSPC', path: /orders-0\/\d+\.log$/, times: 3 })
  expect(await client.commit()).toBe('NONE')
  expect(await valuesOf(orders)).toEqual([])
  expect(await client.send('orders', 0, 'b')).toBe('CONCURRENT_TRANSACTIONS')
  await log.clock.advance('2s')
  expect(await client.send('orders', 0, 'b')).toBe('NONE')
  expect(await client.commit()).toBe('NONE')
  expect(await valuesOf(orders)).toEqual(['a', 'b'])
  await log.close()
})
