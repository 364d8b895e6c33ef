// examples/exactly-once.mjs
// Two stages: an order becomes a bill, a bill becomes a letter. What a handler sends by `tx` is in the log if and when its
// record is handled, over crashes too: nobody is billed twice, whatever a handler did before it failed.
import { open } from 'millrace'

const log = await open('memory:')

/** @type {import('millrace').Topic<{ item: string, total: number }>} */
const orders = await log.topic('orders', { partitions: 4 })
/** @type {import('millrace').Topic<{ total: number }>} */
const bills = await log.topic('bills', { partitions: 4 })
const letters = await log.topic('letters', { value: 'string' })

await log.group('billing').run(orders, async ({ key, value }, { tx, attempt }) => {
  if (value === null) return
  await tx.send(bills, { key, value: { total: value.total } }) // held back until the handler has resolved
  if (attempt < 3) throw new Error('the printer is out of paper') // what was sent is dropped
}, { from: 'earliest', delivery: 'exactly-once', retry: { attempts: 3, backoff: '1ms' } })

await log.group('mailing').run(bills, async ({ key, value }, { tx }) => {
  await tx.send(letters, { key, value: `please pay ${value?.total}` })
}, { from: 'earliest', delivery: 'exactly-once' })

await orders.send([{ key: 'ada', value: { item: 'mill', total: 12 } }, { key: 'bob', value: { item: 'sieve', total: 3 } }])
await log.idle() // every group has handled and committed what there is

/** @type {string[]} */
const sent = []
for await (const { key, value } of letters.read()) sent.push(`to ${key}: ${value}`)
console.log(sent.sort().join('\n'))

await log.close()
