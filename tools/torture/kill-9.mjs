// Kills a process that writes a log with SIGKILL at random moments, and compares the log with what the process had been
// told: every acknowledged record is there in order, nothing twice.
//
// A round is one kill. The next victim works on the same directory, after the parent opened, compared and closed it,
// or at once (then the victim's own opening may be the one that is killed). Every few rounds begin a new directory.
// The moment is random: while the victim opens the log, after so many acknowledgements, in a change of topics or
// in large writes, and then some microseconds later. The seed repeats the workload and the plan; the moment itself is the machine's.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'millrace'
import { ExpectedLog } from './kill-9/expected-log.mjs'
import { JournalReader } from './kill-9/journal.mjs'
import { kill } from './kill.mjs'
import { Random } from './random.mjs'

/**
 * @typedef {'process' | 'power'} Durability
 * @typedef {import('./kill.mjs').Moment & { until: 'alive' | 'ack' | 'make' | 'drop' | 'grow' | 'trim' | 'large' }} Moment  until: which entries of the journal count
 */

const VICTIM = new URL('kill-9/victim.mjs', import.meta.url)
const DURABILITIES = /** @type {const} */ (['process', 'power'])
const MAX_LIVES_OF_A_DIRECTORY = 25
/** It ends at the first loss, which most kills cause. */
const CANARY_ROUNDS = 50
const SMALL_FILES = ['.lock', '.reserve', '.kafka_cleanshutdown', 'cleaner-offset-checkpoint', 'compacted-offset-checkpoint', 'log.json', 'meta.properties', 'recovery-point-offset-checkpoint', 'log-start-offset-checkpoint', '__topics-0']

/** @type {import('../torture.mjs').Campaign} */
export const campaign = {
  name: 'kill-9',
  about: 'kills a writing process at random moments; what it had been told is in the log',
  rounds: { unit: 'rounds', slice: 30, full: 200 },
  options: { durability: DURABILITIES, broken: ['early-ack'] },
  runs({ durability, broken }) {
    const durabilities = DURABILITIES.filter(one => durability === undefined || durability === one)
    const sound = durabilities.map(one => ({
      name: `acknowledged records survive kill -9 with durability '${one}'`,
      run: (/** @type {import('../torture.mjs').RunOptions} */ options) => killAgainAndAgain(options, one, false),
    }))
    const canary = {
      name: 'records acknowledged before they are written are found missing',
      mustFind: 'is acknowledged up to',
      run: (/** @type {import('../torture.mjs').RunOptions} */ options) => killAgainAndAgain({ ...options, rounds: Math.max(options.rounds, CANARY_ROUNDS) }, durabilities[0] ?? 'process', true),
    }
    return broken === undefined ? [...sound, canary] : [canary]
  },
}

/** @param {import('../torture.mjs').RunOptions} options @param {Durability} durability @param {boolean} earlyAck */
async function killAgainAndAgain({ rounds, seed, progress }, durability, earlyAck) {
  const random = new Random(seed)
  const total = { kills: 0, opening: 0, acknowledged: 0, changes: 0, compared: 0, segments: 0, cuts: 0 }
  while (total.kills < rounds) {
    const lives = Math.min(1 + random.below(MAX_LIVES_OF_A_DIRECTORY), rounds - total.kills)
    const directory = new Directory(durability, earlyAck)
    for (let life = 0; life < lives; life++) {
      const moment = momentOf(random)
      await directory.liveAndDie(life, random.below(2 ** 32), moment)
      if (life === lives - 1 || random.chance(0.6)) await directory.compare()
      total.kills++
      if (moment.until === 'alive') total.opening++
      if (directory.violations.length > 0) break
      progress(total.kills)
    }
    for (const figure of /** @type {const} */ (['acknowledged', 'changes', 'compared', 'segments', 'cuts'])) total[figure] += directory[figure]
    if (directory.violations.length > 0) return { figures: describe(total), violations: directory.violations, evidence: earlyAck ? directory.remove() : directory.path }
    directory.remove()
  }
  return { figures: describe(total), violations: [] }
}

/** @param {Record<'kills' | 'opening' | 'acknowledged' | 'changes' | 'compared' | 'segments' | 'cuts', number>} total */
function describe({ kills, opening, acknowledged, changes, compared, segments, cuts }) {
  return `${kills} kills (${opening} while opening), ${acknowledged} records acknowledged, ${changes} changes of topics begun; ${compared} records in ${segments} segments compared, ${cuts} torn tails cut`
}

/** @param {Random} random @returns {Moment} */
function momentOf(random) {
  const until = random.weighted({ alive: 3, ack: 7, make: 2, drop: 2, grow: 2, trim: 2, large: 3 })
  const count = until === 'ack' ? 1 + random.below(2000) : until === 'alive' || until === 'large' ? 1 : 1 + random.below(3)
  return { until, count, thenMs: until === 'alive' || until === 'large' ? random.fraction() * 40 : random.fraction() ** 2 * 4 }
}

/** A log's directory through several lives, and what must be in it. */
class Directory {
  path = mkdtempSync(join(tmpdir(), 'millrace-kill-9-'))
  #data = join(this.path, 'data')
  #expected = new ExpectedLog()
  #durability
  #earlyAck
  /** @type {string[]} */
  #violations = []
  segments = 0

  /** @param {Durability} durability @param {boolean} earlyAck */
  constructor(durability, earlyAck) {
    this.#durability = durability
    this.#earlyAck = earlyAck
    mkdirSync(this.#data)
  }

  get violations() { return [...this.#violations, ...this.#expected.violations] }
  get acknowledged() { return this.#expected.acknowledged }
  get changes() { return this.#expected.changes }
  get compared() { return this.#expected.compared }
  get cuts() { return this.#expected.cuts }

  /** @param {number} life @param {number} seed @param {Moment} moment */
  async liveAndDie(life, seed, moment) {
    const journal = join(this.path, `journal-${life}`)
    const errors = join(this.path, `stderr-${life}`)
    writeFileSync(journal, '')
    const options = { directory: this.#data, journal, life, seed, durability: this.#durability, earlyAck: this.#earlyAck, incarnations: this.#expected.incarnations() }
    const reader = new JournalReader(journal)
    const failure = await kill({ script: VICTIM, options: JSON.stringify(options), journal, errors }, moment, () => this.#take(reader).filter(entry => isOne(entry, moment.until)).length)
    this.#take(reader)
    reader.close()
    if (failure !== undefined) this.#violations.push(`life ${life}: ${failure}`)
  }

  /** Opens the log, compares it with what must be there, and closes it. */
  async compare() {
    try {
      const log = await open(this.#data)
      log.on('error', ({ error }) => { this.#violations.push(error.message) })
      log.on('warning', ({ message }) => { this.#violations.push(message) })
      log.on('recovered', () => { this.#expected.take(['cut']) })
      await this.#expected.compare(log.topics())
      const topics = new Set(log.topics().map(({ name }) => name))
      this.segments += log.stats().topics.flatMap(({ partitions }) => partitions).reduce((sum, { segments }) => sum + segments, 0)
      await log.close()
      const left = readdirSync(this.#data).filter(name => !SMALL_FILES.includes(name) && !topics.has(name.replace(/-\d+$/, '')))
      if (left.length > 0) this.#violations.push(`left behind: ${left.join(', ')}`)
    } catch (error) {
      this.#violations.push(`comparing: ${error instanceof Error ? error.stack : String(error)}`)
    }
  }

  remove() {
    rmSync(this.path, { recursive: true })
    return undefined
  }

  /** The entries that are new. @param {JournalReader} reader */
  #take(reader) {
    const entries = reader.next()
    for (const entry of entries) this.#expected.take(entry)
    return entries
  }
}

/** @param {import('./kill-9/journal.mjs').Entry} entry @param {Moment['until']} until */
function isOne(entry, until) {
  return entry[0] === 'begin' ? entry[1].kind === until : entry[0] === until
}
