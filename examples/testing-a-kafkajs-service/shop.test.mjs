// Each test has a Kafka of its own: in this process, in memory, there in milliseconds and gone with the test.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { open } from 'millrace'
import { listen } from 'millrace/kafka'
import { startShop } from './shop.mjs'

/** @type {import('millrace').EventLog} */
let log
/** @type {import('millrace/kafka').Door} */
let door

beforeEach(async () => {
  log = await open('memory:')
  await log.topic('orders', { partitions: 3, key: 'string', value: 'json' })
  door = await listen(log)
})
afterEach(() => log.close())

/** A shop, and what it bills: `next` resolves with the next bill. */
async function start() {
  /** @type {ReadableStreamDefaultController<[string, number]>} */
  let bills
  const billed = new ReadableStream({ start: controller => { bills = controller } }).getReader()
  const shop = await startShop({ brokers: [door.bootstrap], bill: async (customer, total) => { bills.enqueue([customer, total]) } })
  return { shop, next: async () => (await billed.read()).value }
}

test('an order is billed', async () => {
  const { shop, next } = await start()
  await shop.order('ada', 12)
  assert.deepEqual(await next(), ['ada', 12])
  await shop.stop()
})

test('what was ordered is on record, and this test can look at it', async () => {
  const { shop } = await start()
  await shop.order('ada', 12)
  const orders = await log.topic('orders')
  for await (const { key, value } of orders.read()) assert.deepEqual([key, value], ['ada', { total: 12 }])
  await shop.stop()
})

test('an order is billed though Kafka fails first', async () => {
  const { shop, next } = await start()
  door.fail({ api: 'Produce', error: 'NOT_LEADER_OR_FOLLOWER', times: 2 })
  await shop.order('bob', 3)
  assert.deepEqual(await next(), ['bob', 3])
  await shop.stop()
})

test('an order is billed after all connections were cut', async () => {
  const { shop, next } = await start()
  door.disconnect()
  await shop.order('cy', 7)
  assert.deepEqual(await next(), ['cy', 7])
  await shop.stop()
})
