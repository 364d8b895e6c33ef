// What clients of Kafka's protocol send, as bare requests over loopback: five on the way, batches made beforehand. Client and
// door share one event loop, so the rate is that of both; most of either is the kernel's.
import { once } from 'node:events'
import { connect } from 'node:net'
import { listen } from 'millrace/kafka'
import { sized } from './support/flags.mjs'
import { bytesTopic, makeRecords } from './support/records.mjs'
import { compare, timed } from './support/rounds.mjs'
import { inLog, storageNotes } from './support/scratch.mjs'

const KiB = 1024
/** Kafka's clients have no more. */
const IN_FLIGHT = 5
const PRODUCE_VERSION = 7
const TOPIC = 'numbers'
/** In the answer to one batch: behind length, correlation id, topic, partition. */
const ERROR_AT = 4 + 4 + 4 + 2 + TOPIC.length + 4 + 4

const records = makeRecords(sized(1_000_000))

/** @type {Record<string, () => Promise<import('./support/rounds.mjs').Figures>>} */
const contenders = {}
for (const codec of /** @type {const} */ (['none', 'lz4'])) for (const batchBytes of [16 * KiB, 128 * KiB]) {
  contenders[`${codec}, ${batchBytes / KiB} KiB`] = () => producing(codec, batchBytes)
}
await compare({ title: `produce: ${records.length} records of 8 + 100 bytes, acks 1`, figures: ['records/s', 'CPU ns'], notes: await storageNotes(), contenders })

/** @param {'none' | 'lz4'} codec @param {number} batchBytes */
async function producing(codec, batchBytes) {
  const requests = await inLog(log => requestsOf(log, codec, batchBytes), { storage: 'file' })
  return await inLog(async log => {
    const topic = await bytesTopic(log, TOPIC)
    const door = await listen(log)
    const socket = connect(door.port, door.host)
    await once(socket, 'connect')
    const figures = await timed('records', records.length, () => exchange(socket, requests))
    socket.destroy()
    await door.close()
    if (topic.partitions[0]?.endOffset !== records.length) throw new Error(`${records.length} sent, ${topic.partitions[0]?.endOffset} stored`)
    return figures
  })
}

/** @param {import('node:net').Socket} socket @param {readonly Buffer[]} requests */
async function exchange(socket, requests) {
  await new Promise((resolve, reject) => {
    let sent = 0
    let answered = 0
    let held = Buffer.alloc(0)
    const send = () => { if (sent < requests.length) socket.write(requests[sent++] ?? '') }
    socket.on('error', reject).on('data', chunk => {
      held = Buffer.concat([held, chunk])
      for (; held.length >= 4 && held.length >= 4 + held.readInt32BE(); held = held.subarray(4 + held.readInt32BE())) {
        if (held.readInt16BE(ERROR_AT) !== 0) reject(new Error(`the answer is error ${held.readInt16BE(ERROR_AT)}`))
        if (++answered === requests.length) resolve(undefined)
        send()
      }
    })
    for (let i = 0; i < IN_FLIGHT; i++) send()
  })
}

/** A request for each batch of all records. @param {import('millrace').EventLog} log @param {'none' | 'lz4'} codec @param {number} batchBytes */
async function requestsOf(log, codec, batchBytes) {
  const topic = await bytesTopic(log, TOPIC)
  const producer = topic.producer({ compression: codec, batchBytes })
  await producer.send(records)
  await producer.close()
  const requests = []
  for await (const { bytes } of topic.batches()) requests.push(request(Buffer.from(bytes)))
  return requests
}

/** @param {Buffer} batch */
function request(batch) {
  batch.fill(0, 0, 8) // a new batch has no offset yet
  const head = Buffer.concat([
    int32(0), int16(0), int16(PRODUCE_VERSION), int32(1), text('bench'), int16(-1), int16(1), int32(1000),
    int32(1), text(TOPIC), int32(1), int32(0), int32(batch.length),
  ])
  head.writeInt32BE(head.length + batch.length - 4)
  return Buffer.concat([head, batch])
}

/** @param {number} value */
function int16(value) {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

/** @param {number} value */
function int32(value) {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** @param {string} value */
function text(value) {
  return Buffer.concat([int16(value.length), Buffer.from(value)])
}
