// What log.transaction() promises, on a log in memory.
import { expect, test } from 'vitest'
import { testLog } from '../../src/testing.ts'

function newSignal(): { set: () => void; wasSet: Promise<void> } {
  let set = (): void => {}
  const wasSet = new Promise<void>(resolve => { set = resolve })
  return { set, wasSet }
}

async function valuesOf(topic: { read(options?: object): AsyncIterable<{ value: unknown }> }, options?: object): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const { value } of topic.read(options)) values.push(value)
  return values
}

test('all of a transaction is read once it is committed, and nothing before', async () => {
  const log = await testLog()
  const [orders, mails] = await Promise.all([log.topic<string>('orders', { partitions: 3 }), log.topic<string>('mails')])
  const result = await log.transaction(async tx => {
    await tx.send(orders, [{ key: 'a', value: 'one' }, { key: 'b', value: 'two' }])
    await tx.send(mails, { value: 'mail' })
    expect(await valuesOf(orders)).toEqual([])
    expect((await valuesOf(orders, { isolation: 'read_uncommitted' })).sort()).toEqual(['one', 'two'])
    expect(log.stats().transactions).toMatchObject([{ id: null, partitions: 3 }])
    return 42
  })
  expect(result).toBe(42)
  expect((await valuesOf(orders)).sort()).toEqual(['one', 'two'])
  expect(await valuesOf(mails)).toEqual(['mail'])
  expect(log.stats().transactions).toEqual([])
  await log.close()
})

test('a throw aborts it: nothing is read of it, and what comes after is', async () => {
  const log = await testLog()
  const orders = await log.topic<string>('orders')
  const boom = new Error('boom')
  await expect(log.transaction(async tx => {
    await tx.send(orders, { value: 'never' })
    throw boom
  })).rejects.toBe(boom)
  await orders.send({ value: 'plain' })
  await log.transaction(async tx => { await tx.send(orders, { value: 'committed' }) })
  expect(await valuesOf(orders)).toEqual(['plain', 'committed'])
  await log.close()
})

test('a crash aborts what was not ended, and finishes what was decided', async () => {
  const log = await testLog()
  const orders = await log.topic<string>('orders')
  await log.transaction(async tx => { await tx.send(orders, { value: 'committed' }) })
  const open = newSignal()
  const lost = log.transaction(async tx => {
    await tx.send(orders, { value: 'open' })
    open.set()
    await new Promise(() => {})
  })
  lost.catch(() => {})
  await open.wasSet
  const next = await log.crash()
  const again = await next.topic<string>('orders')
  expect(await valuesOf(again)).toEqual(['committed'])
  expect(again.partitions[0]!.offsets()).toMatchObject({ stable: again.partitions[0]!.endOffset })
  await next.transaction(async tx => { await tx.send(again, { value: 'later' }) })
  expect(await valuesOf(again)).toEqual(['committed', 'later'])
  await next.close()
})

test("a group's position moves with the transaction, or stays with it", async () => {
  const log = await testLog()
  const [orders, totals] = await Promise.all([log.topic<number>('orders'), log.topic<number>('totals')])
  await orders.send([1, 2, 3].map(value => ({ value })))
  const consumer = await log.group('sums').join(orders, { from: 'earliest', commit: 'manual' })
  for await (const record of consumer) {
    if (record.value === 2) await expect(log.transaction(async tx => { tx.advance(consumer, record); await tx.send(totals, { value: -1 }); throw new Error('no') })).rejects.toThrow('no')
    expect((await log.group('sums').committed(orders)).get(0) ?? 0).toBe(record.offset)
    await log.transaction(async tx => { tx.advance(consumer, record); await tx.send(totals, { value: record.value! * 10 }) })
    if (record.value === 3) break
  }
  expect(await valuesOf(totals)).toEqual([10, 20, 30])
  expect((await log.group('sums').committed(orders)).get(0)).toBe(3)
  const next = await log.crash()
  expect((await next.group('sums').committed('orders')).get(0)).toBe(3)
  await next.close()
})

test('a send that nobody awaits fails the commit if it fails, also where there is no such topic', async () => {
  const log = await testLog()
  const orders = await log.topic<string>('orders')
  await expect(log.transaction(async tx => {
    await tx.send(orders, { value: 'never' })
    void tx.send({ name: 'nowhere' } as unknown as typeof orders, { value: 'lost' })
  })).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' })
  expect(await valuesOf(orders)).toEqual([])
  await log.close()
})
