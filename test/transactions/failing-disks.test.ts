// Transactions on a disk that fails or is full: each is committed as a whole or not at all, and its caller is told which,
// or that the next opening knows.
import { expect, test } from 'vitest'
import { testLog } from '../../src/testing.ts'
import { failure, hold, valuesOf } from './support/held-transaction.ts'

test('a decision whose sync fails is TRANSACTION_UNCERTAIN: the next opening knows; a partition that recovers does not decide it', async () => {
  for (let seed = 0; seed < 40; seed++) {
    const log = await testLog({ seed, durability: 'power' })
    const orders = await log.topic<string>('orders', { partitions: 2 })
    await log.transaction(async tx => { await tx.send(orders, { value: 'before', partition: 0 }) })
    log.disk.failNext('sync', { error: 'EIO', path: /__transaction_state-0\/\d+\.log$/ })
    const done = log.transaction(async tx => { await tx.send(orders, [0, 1].map(partition => ({ value: 'maybe', partition }))) })
    expect(await failure(done)).toMatchObject({ code: 'TRANSACTION_UNCERTAIN' })
    await failure(log.transaction(async tx => { await tx.send(orders, { value: 'refused', partition: 0 }) }))
    log.disk.failNext('sync', { error: 'EIO', path: /orders-0\/\d+\.log$/ })
    await failure(orders.send({ value: 'plain', partition: 0 }))
    await orders.partitions[0]!.recover()
    expect(await valuesOf(orders), `seed ${seed}, after recover()`).toEqual(['before'])
    const next = await log.powerCut({ seed })
    const found = (await valuesOf(await next.topic<string>('orders'))).filter(value => value === 'maybe')
    expect([0, 2], `seed ${seed}`).toContain(found.length)
  }
})

test.each(['process', 'power'] as const)("a partition that recovers aborts the '%s' transactions that have written to it, for it may have lost their records", async durability => {
  const log = await testLog()
  const orders = await log.topic<string>('orders', { partitions: 2, value: 'string' })
  const plain = orders.producer({ durability: 'power' })
  await plain.send([{ value: 'a', partition: 0 }, { value: 'b', partition: 1 }])
  const position = orders.partitions[0]!.bytes
  const { tx, done, end } = await hold(log, { durability })
  await tx.send(orders, [0, 1].map(partition => ({ value: 'half', partition })))
  log.disk.failNext('sync', { error: 'EIO', path: /orders-0\/\d+\.log$/ })
  await failure(plain.send({ value: 'c', partition: 0 }))
  log.disk.corrupt('/log/orders-0/00000000000000000000.log', position + 65, 0xff) // of its batch: it is cut
  done.catch(() => {})
  await orders.partitions[0]!.recover()
  end()
  expect(await failure(done)).toMatchObject({ code: 'TRANSACTION_INTERRUPTED', retriable: true })
  expect(await valuesOf(orders)).toEqual(['a', 'b'])
  await log.close()
})

test("a 'process' transaction that has written to a partition whose disk has failed is not committed", async () => {
  const log = await testLog()
  const orders = await log.topic<string>('orders', { partitions: 2, value: 'string' })
  const { tx, done, end } = await hold(log)
  await tx.send(orders, [0, 1].map(partition => ({ value: 'half', partition })))
  log.disk.failNext('sync', { error: 'EIO', path: /orders-0\/\d+\.log$/ })
  await failure(orders.producer({ durability: 'power' }).send({ value: 'c', partition: 0 }))
  end()
  expect(await failure(done)).toMatchObject({ code: 'PARTITION_FAILED' })
  await orders.partitions[0]!.recover()
  expect((await valuesOf(orders)).filter(value => value === 'half')).toEqual([])
  await log.close()
})

test('an id whose last end could not be written is TRANSACTION_UNFINISHED until it can', async () => {
  const log = await testLog()
  const orders = await log.topic<string>('orders')
  const { tx, done, end } = await hold(log, { id: 'a' })
  await tx.send(orders, { value: 'x' })
  log.disk.failNext('write', { error: 'ENOSPC', path: /orders-0\/.*\.log$/, times: 3 })
  end()
  await done
  expect(await valuesOf(orders)).toEqual([])
  const again = log.transaction(async next => { await next.send(orders, { value: 'y' }) }, { id: 'a' })
  expect(await failure(again)).toMatchObject({ code: 'TRANSACTION_UNFINISHED', retriable: true })
  await log.clock.advance('3s')
  expect(await valuesOf(orders)).toEqual(['x'])
  await log.transaction(async next => { await next.send(orders, { value: 'y' }) }, { id: 'a' })
  expect(await valuesOf(orders)).toEqual(['x', 'y'])
  await log.close()
})

test('where what was decided cannot be read, transactions are refused with TRANSACTIONS_UNREADABLE, and plain sends go on', async () => {
  const log = await testLog()
  const orders = await log.topic<string>('orders')
  for (let i = 0; i < 3; i++) await log.transaction(async tx => { await tx.send(orders, { value: `v${i}` }) })
  await log.close()
  log.disk.corrupt('/log/__transaction_state-0/00000000000000000000.log', 70, 0xff)
  const next = await log.crash()
  expect(await failure(next.transaction(async () => { /* nothing */ }))).toMatchObject({ code: 'TRANSACTIONS_UNREADABLE' })
  const again = await next.topic<string>('orders')
  await again.send({ value: 'plain' })
  expect(await valuesOf(again)).toEqual(['v0', 'v1', 'v2', 'plain'])
  await next.close()
})
