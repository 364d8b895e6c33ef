// A compaction of 10 million records with a million keys, while a producer sends to another topic as fast as it can: input
// a second, what it takes of the producer's rate and of memory, and how late a 1 ms timer is meanwhile. Beside it the
// producer alone, for as long. Each round has a log of its own.
import { flags, sized } from './support/flags.mjs'
import { latenessBeside } from './support/lateness.mjs'
import { peaksBeside, privateMiB } from './support/memory.mjs'
import { bytesTopic, makeRecords } from './support/records.mjs'
import { load, median, print } from './support/report.mjs'
import { inLog, storageNotes } from './support/scratch.mjs'

const COUNT = sized(10_000_000)
const KEYS = sized(1_000_000)
const ALONE_MS = sized(5000)
const RECORDS_A_SEND = 1000
const MIB = 2 ** 20

/** @typedef {{ inputRate: number, ratio: number, mib: number, before: number, alone: import('./support/lateness.mjs').Lateness, beside: import('./support/lateness.mjs').Lateness, own: import('./support/lateness.mjs').Lateness }} Round */

/** @type {Round[]} */
const rounds = []
for (let round = 0; round < Math.min(flags.rounds, 3); round++) rounds.push(await inLog(measure, { housekeeping: false }))
const of = (/** @type {(round: Round) => number} */ pick) => median(rounds.map(pick))
const rowOf = (/** @type {string} */ name, /** @type {(round: Round) => import('./support/lateness.mjs').Lateness} */ pick) => [name, of(r => pick(r).p50), of(r => pick(r).p99), of(r => pick(r).p999), of(r => pick(r).max)]
print(`compaction: ${COUNT} records of 8 + 100 bytes, ${KEYS} keys`, ['', 'median', 'least', 'most'], [
  ['input MiB/s, beside a producer', of(r => r.inputRate), Math.min(...rounds.map(r => r.inputRate)), Math.max(...rounds.map(r => r.inputRate))],
  ["the producer's rate, of what it is alone", of(r => r.ratio), Math.min(...rounds.map(r => r.ratio)), Math.max(...rounds.map(r => r.ratio))],
  ['private memory, MiB', of(r => r.mib), Math.min(...rounds.map(r => r.mib)), Math.max(...rounds.map(r => r.mib))],
  ['… before it', of(r => r.before), Math.min(...rounds.map(r => r.before)), Math.max(...rounds.map(r => r.before))],
], { ...await storageNotes(), rounds: rounds.length, load: load() })
print('compaction: how late a 1 ms timer is, ms', ['', 'p50', 'p99', 'p99.9', 'longest'], [
  rowOf('the producer alone', r => r.alone), rowOf('beside a compaction', r => r.beside), rowOf('… own', r => r.own),
])

/** @param {import('millrace').EventLog} log @returns {Promise<Round>} */
async function measure(log) {
  const topic = await bytesTopic(log, 'table', { cleanup: 'compact' })
  await fillKeyed(topic)
  const { bytes } = topic.partitions[0] ?? { bytes: NaN }
  const other = await bytesTopic(log, 'other')
  const records = makeRecords(RECORDS_A_SEND)
  const sending = async (/** @type {() => boolean} */ isOver) => {
    const begun = performance.now()
    let sent = 0
    for (; !isOver(); sent += RECORDS_A_SEND) await other.send(records)
    return sent / (performance.now() - begun)
  }
  let rateAlone = 0
  const end = performance.now() + ALONE_MS
  const { all: alone } = await latenessBeside(async () => { rateAlone = await sending(() => performance.now() >= end) })
  const before = privateMiB()
  let rateBeside = 0
  const { result, seconds, mib } = await peaksBeside(() => latenessBeside(async () => {
    let isOver = false
    const compacting = log.housekeep().finally(() => { isOver = true })
    rateBeside = await sending(() => isOver)
    const { failures } = await compacting
    if (failures.length > 0) throw failures[0]
  }))
  return { inputRate: bytes / MIB / seconds, ratio: rateBeside / rateAlone, mib, before, alone, beside: result.all, own: result.own }
}

/** Keys in no order, each ten times. @param {import('./support/records.mjs').BytesTopic} topic */
async function fillKeyed(topic) {
  const values = makeRecords(10_000).map(({ value }) => value)
  let random = 1
  for (let sent = 0; sent < COUNT; sent += values.length) {
    await topic.send(values.slice(0, COUNT - sent).map(value => {
      random = Math.imul(random, 1_664_525) + 1_013_904_223 >>> 0
      const key = Buffer.allocUnsafe(8)
      key.writeBigUInt64BE(BigInt(random % KEYS))
      return { key, value }
    }))
  }
}
