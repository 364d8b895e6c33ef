// The time from listen() to a first message that kafkajs has consumed, in a new process, on dist/. door-speed.mjs runs it:
//   node first-message.mjs DIRECTORY NODE_MODULES     prints {"listenMs", "firstMessageMs"}
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { open } from 'millrace'
import { listen } from 'millrace/kafka'

const [directory = '', modules = ''] = process.argv.slice(2)
const { Kafka, logLevel } = createRequire(join(modules, 'any.js'))('kafkajs')
const log = await open(directory)

const start = performance.now()
const door = await listen(log)
const listenMs = performance.now() - start

const kafka = new Kafka({ clientId: 'first', brokers: [door.bootstrap], logLevel: logLevel.ERROR })
const producer = kafka.producer()
const consumer = kafka.consumer({ groupId: 'first' })
await producer.connect()
await producer.send({ topic: 'first', messages: [{ value: 'hello' }] })
await consumer.connect()
await consumer.subscribe({ topic: 'first', fromBeginning: true })
await new Promise((resolve, reject) => {
  consumer.run({ eachMessage: async () => resolve(undefined) }).catch(reject)
})
console.log(JSON.stringify({ listenMs, firstMessageMs: performance.now() - start }))
await Promise.all([producer.disconnect(), consumer.disconnect()])
await log.close()
