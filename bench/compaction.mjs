// A compaction of 10 million records with a million keys: input a second, what it takes of the rate of a producer that sends
// to other topics as fast as it can, private memory, and how late a 1 ms timer is, beside the producer and on an idle event
// loop. The producer alone is measured before and after. Its topics are deleted as they grow: so it writes to memory that
// the system has at hand, or the rate would be that at which a virtual machine gets new pages from its host.
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
const SENDS_A_TOPIC = 500
const ROUNDS = 3
const MIB = 2 ** 20

/** @typedef {import('./support/lateness.mjs').Lateness} Lateness */
/** @typedef {{ inputRate: number, ratio: number, mib: number, before: number, alone: Lateness, aloneOwn: Lateness, beside: Lateness, besideOwn: Lateness, idle: Lateness, idleOwn: Lateness }} Round */

let topics = 0

/** @type {Round[]} */
const rounds = []
for (let round = 0; round < Math.min(flags.rounds, ROUNDS); round++) rounds.push(await inLog(measure, { housekeeping: { interval: 10 } }))
const of = (/** @type {(round: Round) => number} */ pick) => median(rounds.map(pick))
const figures = (/** @type {string} */ name, /** @type {(round: Round) => number} */ pick) => [name, of(pick), Math.min(...rounds.map(pick)), Math.max(...rounds.map(pick))]
const lateness = (/** @type {string} */ name, /** @type {(round: Round) => Lateness} */ pick) => [name, of(r => pick(r).p50), of(r => pick(r).p99), of(r => pick(r).p999), of(r => pick(r).max)]
print(`compaction: ${COUNT} records of 8 + 100 bytes, ${KEYS} keys`, ['', 'median', 'least', 'most'], [
  figures('input MiB/s, beside a producer', r => r.inputRate),
  figures("the producer's rate, of what it is alone", r => r.ratio),
  figures('private memory, MiB', r => r.mib),
  figures('… before it', r => r.before),
], { ...await storageNotes(), rounds: rounds.length, load: load() })
print('compaction: how late a 1 ms timer is, ms', ['', 'p50', 'p99', 'p99.9', 'longest'], [
  lateness('the producer alone', r => r.alone), lateness('… own', r => r.aloneOwn),
  lateness('the producer, and a compaction', r => r.beside), lateness('… own', r => r.besideOwn),
  lateness('a compaction alone', r => r.idle), lateness('… own', r => r.idleOwn),
])

/** @param {import('millrace').EventLog} log @returns {Promise<Round>} */
async function measure(log) {
  const { bytes, compact } = await makeTable(log, 'beside')
  const before = await sendingAlone(log)
  const memoryBefore = privateMiB()
  let rate = 0
  let seconds = 0
  const { result, mib } = await peaksBeside(() => latenessBeside(async () => {
    void compact().then(took => { seconds = took })
    rate = await sending(log, () => seconds > 0)
  }))
  const after = await sendingAlone(log)
  const other = await makeTable(log, 'idle')
  const { all: idle, own: idleOwn } = await latenessBeside(() => other.compact())
  return { inputRate: bytes / MIB / seconds, ratio: 2 * rate / (before.rate + after.rate), mib, before: memoryBefore, alone: before.all, aloneOwn: before.own, beside: result.all, besideOwn: result.own, idle, idleOwn }
}

/** Keys in no order, each ten times; compacted from when it is said on. @param {import('millrace').EventLog} log @param {string} name */
async function makeTable(log, name) {
  const topic = await bytesTopic(log, name, { segmentBytes: sized(64 * MIB) })
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
  /** Resolves with how many seconds it took. */
  const compact = async () => {
    const report = new Promise(resolve => { const off = log.on('housekeeping', told => { if (told.segmentsCompacted > 0 || told.failures.length > 0) { off(); resolve(told) } }) })
    await topic.alter({ cleanup: 'compact' })
    const { durationMs, failures } = /** @type {import('millrace').HousekeepingReport} */ (await report)
    if (failures.length > 0) throw failures[0]
    return durationMs / 1000
  }
  return { bytes: topic.partitions[0]?.bytes ?? NaN, compact }
}

/** @param {import('millrace').EventLog} log */
async function sendingAlone(log) {
  const end = performance.now() + ALONE_MS
  let rate = 0
  const { all, own } = await latenessBeside(async () => { rate = await sending(log, () => performance.now() >= end) })
  return { rate, all, own }
}

/** @param {import('millrace').EventLog} log @param {() => boolean} isOver @returns {Promise<number>} records a millisecond */
async function sending(log, isOver) {
  const records = makeRecords(RECORDS_A_SEND)
  const begun = performance.now()
  let sent = 0
  while (!isOver()) {
    const topic = await bytesTopic(log, `other-${++topics}`)
    for (let i = 0; i < SENDS_A_TOPIC && !isOver(); i++, sent += RECORDS_A_SEND) await topic.send(records)
    await log.deleteTopic(topic.name)
  }
  return sent / (performance.now() - begun)
}
