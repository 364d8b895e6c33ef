// examples/replay-key.mjs
// Replaying one key. All records of a key are in one partition, in the order in which they were sent; a receipt says
// which partition that is. What nobody looks at is not decoded: of other keys' records only the key is.
import { open } from 'millrace'

const log = await open('memory:')
/** @type {import('millrace').Topic<{ state: string }, string>} */
const orders = await log.topic('orders', { partitions: 4 })
for (const state of ['placed', 'paid', 'milled', 'shipped']) {
  await orders.send(['ada', 'bob', 'cleo'].map(key => ({ key, value: { state } })))
}
const { partition } = await orders.send({ key: 'ada', value: { state: 'delivered' } })

const states = []
for await (const record of orders.read({ partitions: [partition] })) {
  if (record.key === 'ada') states.push(record.value?.state)
}
console.log(states.join(' > '))
await log.close()
