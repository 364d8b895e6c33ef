// Nothing here waits: the log, its disk and its clock are simulated, a day is a step of the clock.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { matchers, testLog } from 'millrace/testing'
import { startBilling } from './billing.mjs'

expect.extend(matchers)

/** @type {import('./billing.mjs').Bank} */
const open = async () => 'receipt 1'
/** @type {import('./billing.mjs').Bank} */
const closed = async () => { throw new Error('the bank is closed') }

/** @type {import('millrace/testing').TestLog} */
let log

beforeEach(async () => { log = await testLog() })
afterEach(() => log.close())

async function order() {
  const orders = await log.topic('orders', { partitions: 4 })
  await orders.send({ key: 'ada', value: { item: 'mill', total: 12 } })
}

test('an order is charged and has its invoice', async () => {
  await startBilling(log, open)
  await order()
  await log.idle()
  await expect(await log.topic('invoices')).toHaveRecord({ key: 'ada', value: { item: 'mill', total: 12, receipt: 'receipt 1' } })
  await expect(log.group('billing')).toHaveLag(0)
})

test('an order is charged when the bank opens, hours later', async () => {
  let bank = closed
  await startBilling(log, (...order) => bank(...order))
  await order()
  await log.clock.advance('14h') // attempts at 0, 1, 3 and 7 hours
  await expect(log.group('billing')).toHaveLag(1)
  bank = open
  await log.clock.advance('1h') // and at 15
  await expect(await log.topic('invoices')).toHaveRecord({ key: 'ada' })
})

test('an order that could not be charged for a day is kept as a dead letter', async () => {
  const startedAt = log.clock.now()
  await startBilling(log, closed)
  await order()
  await log.idle({ advance: true }) // steps the clock from attempt to attempt
  expect(log.clock.now() - startedAt).toBe(27 * 3_600_000)
  await expect(await log.topic('orders.dead')).toHaveRecord({ headers: expect.objectContaining({ 'millrace-attempts': '6', 'millrace-error-message': 'the bank is closed' }) })
  await expect(await log.topic('invoices')).not.toHaveRecord({})
})

test('an order is charged after the service has crashed while the bank was at it', async () => {
  await startBilling(log, () => new Promise(() => { /* the bank takes its time */ }))
  await order()
  await log.clock.settle()
  log = await log.crash() // as kill -9 and a start
  await startBilling(log, open)
  await log.idle()
  await expect(await log.topic('invoices')).toHaveRecord({ key: 'ada' })
})
