// examples/service.mjs
// A service: orders come in by HTTP, a group handles them, and a signal ends it without losing or cutting off anything.
//   PORT=8080 node service.mjs
//   curl -d '{ "customer": "ada", "total": 12 }' localhost:8080/orders
//   curl localhost:8080/health
import { once } from 'node:events'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { open } from 'millrace'

const log = await open('./data')
log.on('error', ({ error }) => console.error(error)) // what fails in the background

/** @type {import('millrace').Topic<{ total: number }>} */
const orders = await log.topic('orders', { partitions: 4 })

const billing = log.group('billing')
billing.on('error', ({ error }) => console.error(error)) // each failed attempt
billing.on('stalled', ({ topic, partition, offset }) => console.error(`${topic}-${partition} stands at offset ${offset}`))

const runner = await billing.run(orders, async order => {
  console.log('billed', order.key, order.value?.total) // may come again after a crash: bill by topic, partition and offset
}, { from: 'earliest', order: 'key', concurrency: 16, retry: {}, deadLetter: 'orders.dead', handlerTimeout: '30s' })

const server = createServer((request, response) => {
  answer(request, response).catch(error => response.writeHead(500).end(`${error.message}\n`))
})
server.listen(Number(process.env['PORT'] ?? 8080))
await once(server, 'listening')
console.log('listening on', server.address())

try {
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT'), runner.done]) // done rejects with what stopped the runner
} finally {
  server.close() // no new requests
  await once(server, 'close') // those under way have their answer
  await log.close({ timeout: '20s' }) // handlers end, what they handled is committed; the next start goes on behind it
  console.log('closed')
}

/** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
async function answer(request, response) {
  if (request.method === 'POST' && request.url === '/orders') {
    const { customer, total } = /** @type {{ customer: string, total: number }} */ (await json(request))
    const { partition, offset } = await orders.send({ key: customer, value: { total } })
    response.writeHead(201).end(`orders-${partition}, offset ${offset}\n`) // it is on record: it will be billed
  } else if (request.url === '/health') {
    const { state, lag, inFlight } = runner.health()
    response.writeHead(state === 'running' ? 200 : 503).end(`${state}, ${lag} to do, ${inFlight} in hand\n`)
  } else {
    response.writeHead(404).end()
  }
}
