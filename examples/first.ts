// examples/first.ts
import { open } from 'millrace'

interface Order { item: string; total: number }

await using log = await open('./data')
const orders = await log.topic<Order>('orders', { partitions: 4 })
await orders.send({ key: 'ada', value: { item: 'mill', total: 12 } }) // survives kill -9 once it resolves
for await (const record of orders.read({ from: 'earliest' })) console.log(record.key, record.value?.total)
