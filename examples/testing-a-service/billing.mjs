// The service: it charges every order and puts an invoice on record. The bank may be closed; an order is tried for a day.
// Log and bank come from outside: open('./data') and the bank in production, testLog() and a function in a test.

/** @typedef {{ item: string, total: number }} Order */
/** @typedef {(customer: string, total: number) => Promise<string>} Bank */

/** @param {import('millrace').EventLog} log @param {Bank} bank */
export async function startBilling(log, bank) {
  /** @type {import('millrace').Topic<Order>} */
  const orders = await log.topic('orders', { partitions: 4 })
  const invoices = await log.topic('invoices', { partitions: 4 })
  return await log.group('billing').run(orders, async ({ key, value }) => {
    if (key === null || value === null) return
    const receipt = await bank(key, value.total)
    await invoices.send({ key, value: { ...value, receipt } })
  }, { from: 'earliest', retry: { attempts: 6, backoff: '1h', maxBackoff: '12h', jitter: false }, deadLetter: 'orders.dead' })
}
