// What a commit waits for: counted where every call to the disk can be seen.
import { expect, test } from 'vitest'
import { SimulatedGroups } from '../groups/support/simulated-groups.ts'

test("with 'power' a commit waits for two rounds of syncs: what was written, side by side, then the decision", async () => {
  const { log, disk } = await SimulatedGroups.open({ durability: 'power', housekeeping: false })
  const [orders, input] = await Promise.all([log.topic<string>('orders', { partitions: 3 }), log.topic<string>('input')])
  await input.send({ value: 'in' })
  const consumer = await log.group('g').join(input, { from: 'earliest', commit: 'manual' })
  const records = consumer[Symbol.asyncIterator]()
  const once = async (): Promise<string[]> => {
    await input.send({ value: 'in' })
    const { value: record } = await records.next() as { value: never }
    const calls = disk.trace()
    const before = calls.length
    await log.transaction(async tx => {
      await tx.send(orders, [0, 1, 2].map(partition => ({ value: 'x', partition })))
      tx.advance(consumer, record)
    })
    return calls.slice(before).filter(({ operation }) => operation === 'sync').map(({ path }) => path.split('/')[2]!)
  }
  await once() // files are made, and a block of producer ids taken
  const syncs = await once()
  expect(syncs.slice(0, -1).sort()).toEqual(['__consumer_offsets-0', 'orders-0', 'orders-1', 'orders-2'])
  expect(syncs.at(-1)).toBe('__transaction_state-0')
})

test("with 'process' a commit waits for no sync", async () => {
  const { log, disk } = await SimulatedGroups.open({ housekeeping: false })
  const orders = await log.topic<string>('orders', { partitions: 3 })
  const once = async () => { await log.transaction(async tx => { await tx.send(orders, [0, 1, 2].map(partition => ({ value: 'x', partition }))) }) }
  await once()
  const calls = disk.trace()
  const before = calls.length
  await once()
  expect(calls.slice(before).filter(({ operation }) => operation === 'sync')).toEqual([])
})

test("with 'power' what was handled is on the device before its effects are decided", async () => {
  const { log, disk } = await SimulatedGroups.open({ durability: 'power', housekeeping: false })
  const [orders, input] = await Promise.all([log.topic<string>('orders'), log.topic<string>('input')])
  const producer = input.producer({ durability: 'process' })
  await producer.send({ value: 'in' })
  const consumer = await log.group('g').join(input, { from: 'earliest', commit: 'manual' })
  const { value: record } = await consumer[Symbol.asyncIterator]().next() as { value: never }
  const calls = disk.trace()
  const before = calls.length
  await log.transaction(async tx => {
    await tx.send(orders, { value: 'x' })
    tx.advance(consumer, record)
  })
  const syncs = calls.slice(before).filter(({ operation }) => operation === 'sync').map(({ path }) => path.split('/')[2])
  expect(syncs.lastIndexOf('__transaction_state-0')).toBeGreaterThan(syncs.indexOf('input-0'))
  expect(syncs).toContain('input-0')
})
