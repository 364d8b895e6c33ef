// What is written in most benchmarks: 8-byte keys and 100-byte values, as bytes, so that no serde is measured.
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const EMPTY = Buffer.alloc(0)
/** What a record takes in a large batch, and how many fill one of the usual 256 KiB. */
export const STORED_BYTES = 118
export const RECORDS_A_BATCH = Math.floor(256 * 1024 / STORED_BYTES)

/** @typedef {import('millrace').Topic<Uint8Array, Uint8Array>} BytesTopic */
/** @typedef {import('millrace').TopicOptions<Uint8Array, Uint8Array>} BytesOptions */

/**
 * A topic for the records below as they are.
 * @param {import('millrace').EventLog} log
 * @param {string} name
 * @param {Omit<BytesOptions, 'key' | 'value'>} [options]
 * @returns {Promise<BytesTopic>}
 */
export function bytesTopic(log, name, options) {
  /** @type {BytesOptions} */
  const all = { ...options, key: 'bytes', value: 'bytes' }
  return log.topic(name, all)
}

/**
 * @param {number} count
 * @returns {{ key: Buffer, value: Buffer }[]} of a thousand keys and ten thousand values, the same in each run; they
 *   come again as the same objects, so that the collector is not measured on what the benchmark holds
 */
export function makeRecords(count) {
  const keys = Array.from({ length: 1000 }, (_, i) => Buffer.from(`key-${String(i).padStart(4, '0')}`))
  const distinct = Array.from({ length: Math.min(count, 10_000) }, (_, i) => ({ key: keys[i * 7 % keys.length] ?? EMPTY, value: makeValue(i) }))
  return Array.from({ length: count }, (_, i) => distinct[i % distinct.length] ?? { key: EMPTY, value: EMPTY })
}

/** An event in JSON, 100 bytes: words that come again and digits that do not. @param {number} i */
function makeValue(i) {
  const digest = createHash('sha256').update(String(i)).digest('hex').slice(0, 24)
  return Buffer.from(`{"id":${i},"item":"mill","total":${(i * 7919 % 99_991) / 100},"trace":"${digest}"}`.padEnd(100, ' '))
}

/** Made once: it takes longer than sending them. @type {ReturnType<typeof makeRecords> | undefined} */
let filling

/**
 * Fills a topic without holding all records at once.
 * @param {BytesTopic | import('millrace').TopicProducer<Uint8Array, Uint8Array>} sender
 * @param {number} count
 */
export async function fill(sender, count) {
  const records = filling ??= makeRecords(10_000)
  for (let sent = 0; sent < count; sent += records.length) await sender.send(sent + records.length <= count ? records : records.slice(0, count - sent))
}

/**
 * @param {import('millrace').EventLog} log
 * @param {BytesTopic} topic
 * @returns {string[]} where its segments are; it has one partition
 */
export function segmentPaths(log, topic) {
  const partition = join(log.location, `${topic.name}-0`)
  return readdirSync(partition).filter(name => name.endsWith('.log')).sort().map(name => join(partition, name))
}
