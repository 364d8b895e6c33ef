import { expect, test } from 'vitest'
import { testLog } from '../../src/testing.ts'

test('a record that is written while no descriptor is free for its sync is not said to have changed nothing', async () => {
  const log = await testLog({ durability: 'power' })
  const topic = await log.topic<string>('orders')
  log.disk.failNext('sync', { error: 'EMFILE', path: /orders-0/ })
  await expect(topic.send({ value: 'written' })).rejects.toMatchObject({ name: 'StorageError', code: 'NOT_SYNCED' })
  await topic.send({ value: 'next' }) // the partition is sound, and this sync covers both
  const restarted = await log.powerCut()
  const values: unknown[] = []
  for await (const { value } of (await restarted.topic<string>('orders')).read()) values.push(value)
  expect(values).toEqual(['written', 'next'])
})
