// examples/power.mjs
// Durability 'power': a send resolves once the device has the record, so that it survives a power cut. It can be a
// producer's choice, or the whole log's: open('./data', { durability: 'power' }).
import { open } from 'millrace'

const log = await open('./data')
const payments = await log.topic('payments')
const producer = payments.producer({ durability: 'power' })

// All that wait at the same time share one sync: a hundred payments cost about as much as one.
const receipts = await Promise.all(Array.from({ length: 100 }, (_, i) => producer.send({ key: `account-${i % 10}`, value: { cents: i } })))
console.log(receipts.length, 'payments are on the device')

await payments.send({ value: { note: 'the topic itself sends with the durability of the log' } })
await log.close()
