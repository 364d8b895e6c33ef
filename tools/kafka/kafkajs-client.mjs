// What kafkajs writes for the fixtures of test/fixtures/kafka-segments. make-segments.mjs runs it, with the folder
// that kafkajs was installed into:  node kafkajs-client.mjs BOOTSTRAP NODE_MODULES
// kafkajs brings gzip alone; the other codecs would be foreign libraries and say nothing about it.
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [bootstrap = '', modules = ''] = process.argv.slice(2)
const { Kafka, CompressionTypes, logLevel } = createRequire(join(modules, 'any.js'))('kafkajs')

const topic = 'codecs-kafkajs'
const binary = Buffer.from([0, 1, 2, 255, 10, 128])
let timestamp = 1_720_000_000_000

/** @param {object} fields */
const message = fields => ({ ...fields, timestamp: String(timestamp++) })

const kafka = new Kafka({ clientId: 'fixtures', brokers: [bootstrap], logLevel: logLevel.ERROR })

for (const idempotent of [false, true]) {
  const producer = kafka.producer({ idempotent, allowAutoTopicCreation: false })
  await producer.connect()
  for (const compression of [CompressionTypes.None, CompressionTypes.GZIP]) {
    const messages = [
      message({ key: 'text', value: 'value' }),
      message({ key: null, value: 'no key' }),
      message({ key: 'no value', value: null }),
      message({ key: '', value: '' }),
      message({ key: binary, value: binary }),
      message({ key: 'headers', value: 'some', headers: { a: ['1', '2'], empty: '', ключ: binary } }),
    ]
    await producer.send({ topic, compression, messages })
    await producer.send({ topic, compression, messages: [message({ key: 'alone', value: 'alone' })] })
  }
  await producer.disconnect()
}
