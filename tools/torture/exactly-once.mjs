// Kills a process with SIGKILL in the middle of a pipeline of exactly-once stages, and compares what is in the log with
// the stages' positions: each record before a position has had its effects once, in order, and no other record any.
//
// A round is one kill. Members come and go all the time; handlers send and then throw on their first two attempts, some
// records become dead letters, transactions by hand are aborted (exactly-once/pipeline.mjs has the stages). The next
// victim goes on in the same directory, on mapped or on plain files: at once, so that its own opening may be killed, or
// after the parent has opened and compared it, or run the pipeline to its end. What is compared is told in
// exactly-once/expected-pipeline.mjs. The seed repeats the workload and the plan; the moment of the kill is the machine's.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { open } from 'millrace'
import { topicsOf, watch } from './exactly-once/activity.mjs'
import { ExpectedPipeline } from './exactly-once/expected-pipeline.mjs'
import { LETTERS, STAGES, TOPICS } from './exactly-once/pipeline.mjs'
import { Seat } from './exactly-once/seat.mjs'
import { JournalReader } from './kill-9/journal.mjs'
import { kill } from './kill.mjs'
import { Random } from './random.mjs'

/**
 * @typedef {import('./exactly-once/journal.mjs').Entry} Entry
 * @typedef {import('./exactly-once/expected-pipeline.mjs').Stored} Stored
 * @typedef {import('./exactly-once/expected-pipeline.mjs').Found} Found
 * @typedef {import('millrace').EventLog} EventLog
 * @typedef {import('millrace').LogRecord<import('./exactly-once/pipeline.mjs').Value, string>} StoredRecord
 * @typedef {'process' | 'power'} Durability
 * @typedef {import('./exactly-once/seat.mjs').BrokenSeat | 'uncommitted'} Broken  uncommitted: the comparison reads what was aborted, too
 * @typedef {import('./kill.mjs').Moment & { until: 'alive' | 'opened' | 'sent' | 'seen' | 'failed' | 'committed' | 'came' | 'went' }} Moment  until: which entries of the journal count
 */

const VICTIM = new URL('exactly-once/victim.mjs', import.meta.url)
const DURABILITIES = /** @type {const} */ (['process', 'power'])
const MAX_LIVES_OF_A_DIRECTORY = 12
/** They end at the first finding, which most kills cause. */
const CANARY_ROUNDS = 30
/** The pipeline comes to its end within it, or the campaign is stuck. */
const DRAIN_MS = 60_000

/** @type {Record<Broken, { name: string, mustFind: string }>} */
const CANARIES = {
  outside: { name: 'positions that are committed outside of the transaction are found', mustFind: 'though it is not handled' },
  direct: { name: 'effects that are sent beside the transaction are found', mustFind: 'was sent by an attempt that failed' },
  uncommitted: { name: 'what was aborted is in the files, and is found where it is read', mustFind: 'was sent by an attempt that failed' },
}

/** @type {import('../torture.mjs').Campaign} */
export const campaign = {
  name: 'exactly-once',
  about: 'kills a process in the middle of a pipeline; each record has had its effects once, or is yet to be handled',
  rounds: { unit: 'rounds', slice: 12, full: 150 },
  options: { durability: DURABILITIES, broken: /** @type {Broken[]} */ (Object.keys(CANARIES)) },
  runs({ durability, broken }) {
    const durabilities = DURABILITIES.filter(one => durability === undefined || durability === one)
    const sound = durabilities.map(one => ({
      name: `a pipeline goes on after kill -9 with durability '${one}': each effect exactly once, in order`,
      run: (/** @type {import('../torture.mjs').RunOptions} */ options) => killAgainAndAgain(options, one),
    }))
    const canaries = /** @type {Broken[]} */ (Object.keys(CANARIES)).filter(one => broken === undefined || broken === one).map(one => ({
      name: CANARIES[one].name,
      mustFind: CANARIES[one].mustFind,
      run: (/** @type {import('../torture.mjs').RunOptions} */ options) => killAgainAndAgain({ ...options, rounds: CANARY_ROUNDS, progress: () => { /* it ends when it has found it */ } }, 'process', one),
    }))
    return broken === undefined ? [...sound, ...canaries] : canaries
  },
}

/** @param {import('../torture.mjs').RunOptions} options @param {Durability} durability @param {Broken} [broken] */
async function killAgainAndAgain({ rounds, seed, progress }, durability, broken) {
  const random = new Random(seed)
  const total = { kills: 0, opening: 0, sent: 0, effects: 0, letters: 0, failed: 0, came: 0, compared: 0, drained: 0 }
  while (total.kills < rounds) {
    const lives = Math.min(1 + random.below(MAX_LIVES_OF_A_DIRECTORY), rounds - total.kills)
    const directory = new Directory(durability, broken)
    for (let life = 0; life < lives && !directory.isRefuted; life++) {
      const moment = momentOf(random)
      await directory.liveAndDie(life, random, moment)
      total.kills++
      if (moment.until === 'alive') total.opening++
      const isLast = life === lives - 1
      if (isLast || broken !== undefined || random.chance(0.5)) await directory.compare({ random, isDrained: broken === undefined && (isLast || random.chance(0.3)) })
      progress(total.kills)
    }
    for (const [figure, count] of Object.entries(directory.figures)) total[/** @type {keyof typeof total} */ (figure)] += count
    if (directory.isRefuted) return { figures: describe(total), violations: directory.violations, evidence: broken === undefined ? directory.path : directory.remove() }
    directory.remove()
  }
  return { figures: describe(total), violations: [] }
}

/** @param {Record<'kills' | 'opening' | 'sent' | 'effects' | 'letters' | 'failed' | 'came' | 'compared' | 'drained', number>} total */
function describe({ kills, opening, sent, effects, letters, failed, came, compared, drained }) {
  return `${kills} kills (${opening} while opening), ${sent} records sent, ${failed} attempts and transactions that sent and threw, ${came} joins; ${compared} times compared (${drained} at the end), ${effects} effects and ${letters} dead letters`
}

/** @param {Random} random @returns {Moment} */
function momentOf(random) {
  const until = random.weighted({ alive: 3, opened: 2, sent: 3, seen: 5, failed: 4, committed: 3, came: 3, went: 2 })
  const counts = { alive: 1, opened: 1, sent: 1 + random.below(2000), seen: 1 + random.below(1500), failed: 1 + random.below(600), committed: 1 + random.below(150), came: 1 + random.below(12), went: 1 + random.below(6) }
  return { until, count: counts[until], thenMs: until === 'alive' ? random.fraction() * 80 : random.fraction() ** 2 * 4 }
}

/** A log's directory through several lives, and what must be in it. */
class Directory {
  path = mkdtempSync(join(tmpdir(), 'millrace-exactly-once-'))
  #data = join(this.path, 'data')
  #expected = new ExpectedPipeline()
  #durability
  #broken
  #drained = 0
  /** @type {string[]} */
  #violations = []

  /** @param {Durability} durability @param {Broken | undefined} broken */
  constructor(durability, broken) {
    this.#durability = durability
    this.#broken = broken
    mkdirSync(this.#data)
  }

  get figures() { return { ...this.#expected.figures, drained: this.#drained } }
  get violations() { return [...this.#violations, ...this.#expected.violations] }
  /** With a planted fault: that one is found. */
  get isRefuted() {
    const sought = this.#broken === undefined ? '' : CANARIES[this.#broken].mustFind
    return this.violations.some(violation => violation.includes(sought))
  }

  /** @param {number} life @param {Random} random @param {Moment} moment */
  async liveAndDie(life, random, moment) {
    const journal = join(this.path, `journal-${life}`)
    writeFileSync(journal, '')
    /** @type {import('./exactly-once/victim.mjs').VictimOptions} */
    const options = {
      directory: this.#data, journal, life, seed: random.below(2 ** 32), durability: this.#durability, storage: random.pick(/** @type {const} */ (['auto', 'file'])),
      isStubborn: random.chance(0.4), broken: this.#broken === 'uncommitted' ? undefined : this.#broken,
    }
    /** @type {JournalReader<Entry>} */
    const reader = new JournalReader(journal)
    const failure = await kill({ script: VICTIM, options: JSON.stringify(options), journal, errors: join(this.path, `stderr-${life}`) }, moment, () => this.#take(reader).filter(([kind]) => kind === moment.until).length)
    this.#take(reader)
    reader.close()
    if (failure !== undefined) this.#violations.push(`life ${life}: ${failure}`)
  }

  /** Opens the log, compares it with what must be there, runs the pipeline to its end if it is to, and compares again. @param {{ random: Random, isDrained: boolean }} how */
  async compare({ random, isDrained }) {
    const fail = (/** @type {unknown} */ what) => { this.#violations.push(`comparing: ${what instanceof Error ? what.stack : what}`) }
    try {
      const log = await open(this.#data)
      watch(log, fail)
      this.#expected.take(['opened'])
      if (log.stats().transactions.length > 0) fail('a transaction is still open after opening')
      const isolation = this.#broken === 'uncommitted' ? 'read_uncommitted' : 'read_committed'
      this.#expected.compare(await foundIn(log, isolation), { isDrained: false })
      if (isDrained) {
        await drain(log, random, fail)
        this.#expected.compare(await foundIn(log, isolation), { isDrained })
        this.#drained++
      }
      await log.close()
    } catch (error) {
      fail(error)
    }
  }

  remove() {
    rmSync(this.path, { recursive: true })
    return undefined
  }

  /** The entries that are new. @param {JournalReader<Entry>} reader */
  #take(reader) {
    const entries = reader.next()
    for (const entry of entries) this.#expected.take(entry)
    return entries
  }
}

/** Runs all stages until every record is handled. @param {EventLog} log @param {Random} random @param {(what: unknown) => void} fail */
async function drain(log, random, fail) {
  const journal = { write: () => { /* what the log holds is all that counts */ } }
  const work = { log, topics: await topicsOf(log), journal, random, isStubborn: false, broken: undefined, fail }
  const seats = STAGES.flatMap(stage => Array.from({ length: stage.members }, () => new Seat(work, stage)))
  await Promise.all(seats.map(seat => seat.come()))
  const timeout = AbortSignal.timeout(DRAIN_MS)
  await log.idle({ signal: timeout })
  for (const { group, from } of STAGES) while (!await isHandled(log, group, from)) await sleep(5, undefined, { signal: timeout }) // idle() waits for no manual commits
  await Promise.all(seats.map(seat => seat.go()))
}

/** @param {EventLog} log @param {string} group @param {string} from */
async function isHandled(log, group, from) {
  const positions = await log.group(group).committed(from)
  const records = await recordsOf(log, from, 'read_committed')
  return records.every(({ partition, offset }) => offset < (positions.get(partition) ?? 0))
}

// ---------------------------------------------------------------- what is found

/** @param {EventLog} log @param {'read_committed' | 'read_uncommitted'} isolation @returns {Promise<Found>} */
async function foundIn(log, isolation) {
  const names = [...Object.keys(TOPICS), LETTERS].filter(name => log.topics().some(topic => topic.name === name))
  const records = new Map()
  for (const name of names) records.set(name, (await recordsOf(log, name, isolation)).map(name === LETTERS ? letterOf : storedOf))
  const positions = new Map()
  for (const { group, from } of STAGES) positions.set(group, inOrder(await log.group(group).committed(from)))
  return { records, positions }
}

/** @param {EventLog} log @param {string} name @param {'read_committed' | 'read_uncommitted'} isolation @returns {Promise<StoredRecord[]>} */
async function recordsOf(log, name, isolation) {
  const topic = /** @type {import('millrace').Topic<import('./exactly-once/pipeline.mjs').Value, string> | undefined} */ (log.topics().find(each => each.name === name))
  const records = []
  for await (const record of topic?.read({ from: 'earliest', isolation }) ?? []) records.push(record)
  return records
}

/** @param {ReadonlyMap<number, number>} positions @returns {number[]} */
function inOrder(positions) {
  return Array.from({ length: 1 + Math.max(-1, ...positions.keys()) }, (_, partition) => positions.get(partition) ?? 0)
}

/** @param {StoredRecord} record @returns {Stored} */
function storedOf({ topic, partition, offset, key, value }) {
  return { topic, partition, offset, key: key ?? '', name: value?.name ?? '', from: value?.from ?? '', isDoomed: value?.isDoomed ?? true }
}

/** What it is a letter of; its value is the record's, as bytes. @param {import('millrace').LogRecord<any, any>} letter @returns {Stored} */
function letterOf({ topic, partition, offset, key, value, headers }) {
  const origin = (/** @type {string} */ what) => headers.text(`millrace-origin-${what}`) ?? ''
  const { name } = JSON.parse(Buffer.from(value ?? []).toString())
  return { topic, partition, offset, key: String(key), name, from: `${origin('topic')}-${origin('partition')}:${origin('offset')}`, isDoomed: false }
}
