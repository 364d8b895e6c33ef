// examples/first.cjs
const { open } = require('millrace')

async function main() {
  const log = await open('./data')
  try {
    const orders = await log.topic('orders', { partitions: 4 })
    await orders.send({ key: 'ada', value: { item: 'mill', total: 12 } }) // survives kill -9 once it resolves
    for await (const record of orders.read({ from: 'earliest' })) console.log(record.key, record.value)
  } finally {
    await log.close()
  }
}

void main()
