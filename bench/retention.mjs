// Retention over 10,000 segments that have all grown too old at once: how late a 1 ms timer is while they go, in the
// process that wrote them and after a reopening, where each segment's time index has to be read first.
import { open } from 'millrace'
import { flags, sized } from './support/flags.mjs'
import { latenessBeside } from './support/lateness.mjs'
import { load, median, print } from './support/report.mjs'
import { inScratch, storageNotes } from './support/scratch.mjs'

const SEGMENTS = sized(10_000)
const DAY_MS = 86_400_000

/** @typedef {{ deleted: number, seconds: number, all: import('./support/lateness.mjs').Lateness, own: import('./support/lateness.mjs').Lateness }} Round */

for (const reopened of [false, true]) {
  /** @type {Round[]} */
  const rounds = []
  for (let round = 0; round < Math.min(flags.rounds, 3); round++) rounds.push(await measure(reopened))
  const of = (/** @type {(round: Round) => number} */ pick) => median(rounds.map(pick))
  print(`retention: ${of(r => r.deleted)} segments deleted${reopened ? ' after a reopening' : ''}: how late a 1 ms timer is, ms`, ['', 'seconds', 'p50', 'p99', 'p99.9', 'longest'], [
    ['all', of(r => r.seconds), of(r => r.all.p50), of(r => r.all.p99), of(r => r.all.p999), of(r => r.all.max)],
    ['own', of(r => r.seconds), of(r => r.own.p50), of(r => r.own.p99), of(r => r.own.p999), of(r => r.own.max)],
  ], { ...await storageNotes(), rounds: rounds.length, load: load() })
}

/** @param {boolean} reopened @returns {Promise<Round>} */
async function measure(reopened) {
  return await inScratch(async directory => {
    let now = Date.now()
    const options = { storage: flags.storage, housekeeping: /** @type {const} */ (false), clock: { now: () => now, setTimeout: () => ({ cancel() {} }) } }
    let log = await open(directory, options)
    const topic = await log.topic('events', { value: 'bytes', segmentBytes: '1KiB', retention: '7d' })
    const value = Buffer.alloc(900)
    for (let i = 0; i < SEGMENTS; i++) await topic.send({ value })
    if (reopened) {
      await log.close()
      log = await open(directory, options)
    }
    now += 8 * DAY_MS
    let deleted = 0
    const lateness = await latenessBeside(async () => { deleted = (await log.housekeep()).segmentsDeleted })
    await log.close()
    return { deleted, ...lateness }
  })
}
