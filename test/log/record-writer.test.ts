// One producer: what it holds while it waits, and when a flush ends.
import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { open, type Serde, type StandardSchema } from '../../src/index.ts'
import { numbers, valuesOf } from '../contract/support/records.ts'

/** Encodes into one buffer, again and again, as a serde may: what it returned is copied before it is asked for more. */
function reusing(): Serde<number> {
  const bytes = new Uint8Array(1)
  return {
    name: 'reusing',
    encode(value) {
      bytes[0] = value
      return bytes
    },
    decode: stored => stored[0]!,
  }
}

const unhurried: StandardSchema<unknown, number> = {
  '~standard': { version: 1, vendor: 'test', validate: value => Promise.resolve({ value }) },
}

test.each([
  ['full buffers', { maxBufferedBytes: 1 }, {}],
  ['a schema', {}, { schema: unhurried }],
])('records that wait for %s keep their bytes though the serde uses them again', async (_what, options, topicOptions) => {
  const log = await open('memory:')
  const topic = await log.topic<number, number>('orders', { key: reusing(), value: reusing(), ...topicOptions })
  const producer = topic.producer(options)
  await Promise.all([...numbers(4).map(value => producer.send({ value })), producer.send(numbers(4, 4).map(value => ({ value }))), ...numbers(4, 8).map(value => producer.send({ value }))])
  expect(await valuesOf(topic)).toEqual(numbers(12))
  await log.close()
})

test('bytes that the caller changes after the call are stored as they were', async () => {
  const log = await open('memory:')
  const topic = await log.topic<Uint8Array>('orders', { value: 'bytes' })
  const producer = topic.producer({ maxBufferedBytes: 1 })
  const value = Buffer.from('before')
  const sends = numbers(3).map(() => producer.send({ value, headers: { copy: value } }))
  value.write('after!')
  await Promise.all(sends)
  for await (const record of topic.read()) expect([String(record.value), record.headers.text('copy')]).toEqual(['before', 'before'])
  await log.close()
})

test('a flush ends once what was sent before it is stored, though the producer goes on without a pause', async () => {
  const log = await open('memory:')
  const topic = await log.topic<Uint8Array>('orders', { value: 'bytes', compression: 'gzip' })
  const producer = topic.producer({ batchBytes: 1 })
  const value = randomBytes(20_000) // each a batch that is compressed off the main thread
  const counts = { sent: 0, stored: 0, flushes: 0 }
  const keepBusy = (): void => {
    for (; counts.sent < counts.stored + 8; counts.sent++) void producer.send({ value }).then(() => { counts.stored++ })
  }
  keepBusy()
  void producer.flush().then(() => { counts.flushes++ })
  const sentBefore = counts.sent
  while (counts.flushes === 0 && counts.stored < 10 * sentBefore) {
    keepBusy()
    await nextTurn()
  }
  expect(counts.flushes).toBe(1)
  expect(counts.stored).toBeGreaterThanOrEqual(sentBefore)
  await log.close()
})
