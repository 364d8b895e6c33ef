// The service, as it runs against any Kafka: it takes orders and bills them. Where Kafka is comes from outside.
import { Kafka, logLevel } from 'kafkajs'

/** @param {{ brokers: string[], bill: (customer: string, total: number) => Promise<void> }} given */
export async function startShop({ brokers, bill }) {
  const kafka = new Kafka({ clientId: 'shop', brokers, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20 } })
  const producer = kafka.producer()
  const consumer = kafka.consumer({ groupId: 'billing' })
  await Promise.all([producer.connect(), consumer.connect()])
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await consumer.run({
    /** @param {{ message: { key: Buffer, value: Buffer } }} each */
    eachMessage: async ({ message: { key, value } }) => { await bill(String(key), JSON.parse(String(value)).total) },
  })
  return {
    /** @param {string} customer @param {number} total */
    order: (customer, total) => producer.send({ topic: 'orders', messages: [{ key: customer, value: JSON.stringify({ total }) }] }),
    stop: () => Promise.all([producer.disconnect(), consumer.disconnect()]),
  }
}
