// Positions that transactions of other processes move. They may be open for minutes: nobody waits for them, and what is in effect
// is what a replay of the log would find, whoever commits first.
import { expect, test } from 'vitest'
import type { Commit } from '../../src/groups/positions.ts'
import { partsOf } from '../../src/surface/event-log.ts'
import { testLog, type TestLog } from '../../src/testing.ts'
import { RemoteClient } from './support/remote-client.ts'

const GROUP = 'g'

function at(offset: number): Commit {
  return { topic: 'orders', partition: 0, offset }
}

async function start(): Promise<{ log: TestLog; a: RemoteClient; b: RemoteClient }> {
  const log = await testLog({ durability: 'power' })
  const orders = await log.topic<string>('orders', { value: 'string' })
  await orders.send(Array.from({ length: 20 }, (_, i) => ({ value: String(i) })))
  return { log, a: await RemoteClient.begin(log, { transactionalId: 'a' }), b: await RemoteClient.begin(log, { transactionalId: 'b', version: 1 }) }
}

function positionIn(log: TestLog): number | undefined {
  return partsOf(log).groups.positions.of(GROUP)?.positions.get('orders-0')?.offset
}

/** In memory, and after a kill. */
async function expectPosition(log: TestLog, position: number | undefined): Promise<void> {
  expect(positionIn(log)).toBe(position)
  expect(positionIn(await log.crash()), 'after a crash').toBe(position)
}

test('a position moves when the transaction is committed, and is pending until then', async () => {
  const { log, a } = await start()
  const { positions } = partsOf(log).groups
  expect(await a.move(GROUP, at(3))).toBe('NONE')
  expect([positionIn(log), positions.isPending(GROUP, 'orders', 0), positions.isPending(GROUP, 'orders', 1), positions.isPending('h', 'orders', 0)]).toEqual([undefined, true, false, false])
  expect(await a.commit()).toBe('NONE')
  expect(positions.isPending(GROUP, 'orders', 0)).toBe(false)
  await expectPosition(log, 3)
})

test('one that is aborted leaves it where it was', async () => {
  const { log, a } = await start()
  const { positions } = partsOf(log).groups
  await positions.commit(GROUP, [at(1)])
  await a.move(GROUP, at(3))
  expect(await a.abort()).toBe('NONE')
  expect(positions.isPending(GROUP, 'orders', 0)).toBe(false)
  await expectPosition(log, 1)
})

test('nobody waits for one that is open: others commit, leave, and close meanwhile', async () => {
  const { log, a } = await start()
  await a.move(GROUP, at(3))
  await partsOf(log).groups.positions.commit('other', [at(9)])
  const consumer = await log.group(GROUP).join('orders', { from: 'earliest' })
  await consumer.close()
  expect((await log.group('other').committed('orders')).get(0)).toBe(9)
  await log.close()
})

test('what is committed while it is open is newer, and stays; so does what is forgotten', async () => {
  const { log, a } = await start()
  const { positions } = partsOf(log).groups
  await a.move(GROUP, at(3))
  await positions.commit(GROUP, [at(2)])
  expect(await a.commit()).toBe('NONE')
  expect(positionIn(log)).toBe(2)
  await a.move(GROUP, at(4))
  await positions.commit(GROUP, [{ topic: 'orders', partition: 0, offset: undefined }])
  expect(await a.commit()).toBe('NONE')
  await expectPosition(log, undefined)
})

test.each([['the first', 'a'], ['the last', 'b']])('of two that are open at once the one that was written last counts, though %s commits first', async (_, first) => {
  const { log, a, b } = await start()
  await a.move(GROUP, at(3))
  await b.move(GROUP, at(4))
  for (const client of first === 'a' ? [a, b] : [b, a]) expect(await client.commit()).toBe('NONE')
  await expectPosition(log, 4)
})

test('if the one that was written last is aborted, the other counts', async () => {
  const { log, a, b } = await start()
  await a.move(GROUP, at(3))
  await b.move(GROUP, at(4))
  expect(await b.abort()).toBe('NONE')
  expect(await a.commit()).toBe('NONE')
  await expectPosition(log, 3)
})

test('beside transactions of this process too, what was written last counts', async () => {
  const { log, a } = await start()
  const consumer = await log.group(GROUP).join('orders', { from: 'earliest', commit: 'manual' })
  const { value: record } = await consumer[Symbol.asyncIterator]().next() as { value: Parameters<typeof consumer.commit>[0] }
  await a.move(GROUP, at(7))
  await log.transaction(async tx => { await Promise.resolve(tx.advance(consumer, record as never)) })
  expect(await a.commit()).toBe('NONE')
  await expectPosition(log, 1)
})

test('of a topic that is deleted, and a group that is, nothing comes back', async () => {
  const { log, a, b } = await start()
  await a.move(GROUP, at(3))
  await log.deleteTopic('orders')
  expect(await a.commit()).toBe('NONE')
  expect(positionIn(log)).toBe(undefined)
  await log.topic('orders', { value: 'string' })
  await partsOf(log).groups.positions.commit(GROUP, [at(0)])
  await b.move(GROUP, at(0))
  await log.group(GROUP).delete()
  expect(await b.commit()).toBe('NONE')
  await expectPosition(log, undefined)
})

test('an open one keeps its group from expiring', async () => {
  const { log, a } = await start()
  await partsOf(log).groups.positions.commit(GROUP, [at(1)])
  await a.move(GROUP, at(3))
  expect(partsOf(log).groups.positions.isChanging(GROUP)).toBe(true)
  await log.close()
})
