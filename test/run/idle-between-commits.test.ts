// idle() commits what waits for commitInterval, whenever the last handler has ended.
import { expect, test } from 'vitest'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { testLog } from '../../src/testing.ts'

test.each(['at-least-once', 'exactly-once'] as const)('%s: idle() does not wait for commitInterval, however late the handler ends', async delivery => {
  const log = await testLog()
  const orders = await log.topic<number>('orders')
  const options = { from: 'earliest', commitInterval: '10s' } as const
  const handler = async () => { for (let turns = 0; turns < 5; turns++) await nextTurn() }
  await (delivery === 'exactly-once' ? log.group('billing').run(orders, handler, { ...options, delivery }) : log.group('billing').run(orders, handler, { ...options, delivery }))
  await orders.send({ value: 1 })
  await log.idle()
  expect(await log.group('billing').committed(orders)).toEqual(new Map([[0, 1]]))
  await log.close()
})
