// Kills a process with SIGKILL in the middle of running groups, and compares what its handlers did with what was promised:
// nothing that was sent is left out, and what comes again is what was handled and not committed.
//
// A round is one kill. In a life some of the groups of groups/kinds.mjs run, others don't; members come and go all the
// time. The next victim goes on in the same directory, at once or after the parent has run all groups to the end.
// Checked of each group on each partition, by the entries of all journals (groups/progress.mjs tells how):
//
//   - a position that was told (a commit that was acknowledged, or what committed() said) never goes back by a kill
//   - at least once: no position ever passes a record that was not handled; nothing below the position that is found
//     after a kill is handed out again. So what comes again is at most what was handled above the position last told,
//     and with durability 'process' that is what was handled within the last turns of the event loop
//   - at most once: no record is handed out twice; a kill skips no more records than members had in hand
//   - first handlings are in order, by partition or by key; one record of a lane is in hand at a time
//   - run to the end: every record is handled, and the position is the partition's end
//
// The seed repeats the workload and the plan; the moment of the kill is the machine's.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'millrace'
import { PositionTeller, endsOf, positionsOf, seatsOf, topicsOf, watch } from './groups/activity.mjs'
import { ExpectedGroups } from './groups/expected-groups.mjs'
import { KINDS, LETTERS } from './groups/kinds.mjs'
import { JournalReader } from './kill-9/journal.mjs'
import { kill } from './kill.mjs'
import { Random } from './random.mjs'

/**
 * @typedef {import('./groups/journal.mjs').Entry} Entry
 * @typedef {import('./groups/victim.mjs').Broken} Broken
 * @typedef {'process' | 'power'} Durability
 * @typedef {import('./kill.mjs').Moment & { until: 'alive' | 'opened' | 'begin' | 'told' | 'came' | 'went' }} Moment  until: which entries of the journal count
 */

const VICTIM = new URL('groups/victim.mjs', import.meta.url)
const DURABILITIES = /** @type {const} */ (['process', 'power'])
const MAX_LIVES_OF_A_DIRECTORY = 12
/** They end at the first finding, which most kills cause. */
const CANARY_ROUNDS = 30
/** The groups come to the end within it, or the campaign is stuck. */
const DRAIN_MS = 60_000

/** @type {Record<Broken, { name: string, mustFind: string, groups: readonly string[] }>} */
const CANARIES = {
  'early-return': { name: 'positions that pass what was not handled yet are found', mustFind: 'which nobody has handled', groups: ['in-order', 'by-key'] },
  'late-commit': { name: 'commits that come late are found', mustFind: 'was handled and not committed soon', groups: ['in-order', 'by-key', 'consumers'] },
  reset: { name: 'more repeats than what was uncommitted are found', mustFind: 'is handed out below position', groups: ['in-order', 'consumers'] },
}

/** @type {import('../torture.mjs').Campaign} */
export const campaign = {
  name: 'groups',
  about: 'kills a process in the middle of running groups; nothing is left out, only what was uncommitted comes again',
  rounds: { unit: 'rounds', slice: 4, full: 100 },
  options: { durability: DURABILITIES, broken: /** @type {Broken[]} */ (Object.keys(CANARIES)) },
  runs({ durability, broken }) {
    const durabilities = DURABILITIES.filter(one => durability === undefined || durability === one)
    const sound = durabilities.map(one => ({
      name: `groups go on after kill -9 with durability '${one}': at least once, or at most once`,
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
  const total = { kills: 0, sent: 0, handled: 0, repeats: 0, uncommitted: 0, skipped: 0, deadLetters: 0, joins: 0, staticReturns: 0 }
  while (total.kills < rounds) {
    const lives = Math.min(1 + random.below(MAX_LIVES_OF_A_DIRECTORY), rounds - total.kills)
    const directory = new Directory(durability, broken)
    for (let life = 0; life < lives && !directory.isRefuted; life++) {
      await directory.liveAndDie(life, random)
      total.kills++
      if (broken === undefined && (life === lives - 1 || random.chance(0.2))) await directory.drain(random)
      progress(total.kills)
    }
    for (const [figure, count] of Object.entries(directory.figures)) total[/** @type {keyof typeof total} */ (figure)] += count
    if (directory.isRefuted) return { figures: describe(total), violations: directory.violations, evidence: broken === undefined ? directory.path : directory.remove() }
    directory.remove()
  }
  return { figures: describe(total), violations: [] }
}

/** @param {Record<'kills' | 'sent' | 'handled' | 'repeats' | 'uncommitted' | 'skipped' | 'deadLetters' | 'joins' | 'staticReturns', number>} total */
function describe({ kills, sent, handled, repeats, uncommitted, skipped, deadLetters, joins, staticReturns }) {
  return `${kills} kills, ${sent} records sent, ${handled} handled; ${repeats} came again, of ${uncommitted} that were handled and not committed at kills; ${skipped} skipped at most once, ${deadLetters} dead letters; ${joins} joins, ${staticReturns} of static members that came back`
}

/** @param {Random} random @returns {Moment} */
function momentOf(random) {
  const until = random.weighted({ alive: 2, opened: 1, begin: 8, told: 4, came: 3, went: 2 })
  const counts = { alive: 1, opened: 1, begin: 1 + random.below(4000), told: 1 + random.below(300), came: 1 + random.below(12), went: 1 + random.below(4) }
  return { until, count: counts[until], thenMs: until === 'alive' ? random.fraction() * 60 : random.fraction() ** 2 * 4 }
}

/** A log's directory through several lives, and what its groups have done. */
class Directory {
  path = mkdtempSync(join(tmpdir(), 'millrace-groups-'))
  #data = join(this.path, 'data')
  #expected = new ExpectedGroups()
  #durability
  #broken
  /** @type {string[]} */
  #violations = []

  /** @param {Durability} durability @param {Broken | undefined} broken */
  constructor(durability, broken) {
    this.#durability = durability
    this.#broken = broken
    mkdirSync(this.#data)
  }

  get figures() { return { ...this.#expected.figures, ...this.#expected.repeated } }
  get violations() { return [...this.#violations, ...this.#expected.violations] }
  /** With a planted fault: that one is found. */
  get isRefuted() {
    const sought = this.#broken === undefined ? '' : CANARIES[this.#broken].mustFind
    return this.violations.some(violation => violation.includes(sought))
  }

  /** @param {number} life @param {Random} random */
  async liveAndDie(life, random) {
    const moment = momentOf(random)
    const journal = join(this.path, `journal-${life}`)
    writeFileSync(journal, '')
    /** @type {import('./groups/victim.mjs').VictimOptions} */
    const options = { directory: this.#data, journal, life, seed: random.below(2 ** 32), durability: this.#durability, groups: this.#groupsOf(random), broken: this.#broken }
    /** @type {JournalReader<Entry>} */
    const reader = new JournalReader(journal)
    const failure = await kill({ script: VICTIM, options: JSON.stringify(options), journal, errors: join(this.path, `stderr-${life}`) }, moment, () => this.#take(reader).filter(([kind]) => kind === moment.until).length)
    this.#take(reader)
    reader.close()
    if (failure !== undefined) this.#violations.push(`life ${life}: ${failure}`)
  }

  /** Runs all groups to the end. @param {Random} random */
  async drain(random) {
    const journal = { write: (/** @type {Entry[]} */ ...entries) => { for (const entry of entries) this.#expected.take(entry) } }
    const fail = (/** @type {unknown} */ what) => { this.#violations.push(`to the end: ${what instanceof Error ? what.stack : what}`) }
    try {
      const log = await open(this.#data)
      watch(log, fail)
      journal.write(['opened', endsOf(log), await positionsOf(log)])
      await topicsOf(log)
      const work = { log, journal, random, returnsEarly: false, fail }
      const seats = KINDS.flatMap(kind => seatsOf(work, kind))
      await Promise.all(seats.map(seat => seat.come()))
      await log.idle({ signal: AbortSignal.timeout(DRAIN_MS) })
      await Promise.all(seats.map(seat => seat.go()))
      await new PositionTeller(work).tell()
      this.#expected.drained(endsOf(log), KINDS.map(({ group }) => group), await lettersOf(log))
      await log.close()
    } catch (error) {
      fail(error)
    }
  }

  remove() {
    rmSync(this.path, { recursive: true })
    return undefined
  }

  /** @param {Random} random @returns {readonly string[]} */
  #groupsOf(random) {
    if (this.#broken !== undefined) return CANARIES[this.#broken].groups
    const left = KINDS.map(({ group }) => group)
    return Array.from({ length: 2 + random.below(3) }, () => left.splice(random.below(left.length), 1)).flat()
  }

  /** The entries that are new. @param {JournalReader<Entry>} reader */
  #take(reader) {
    const entries = reader.next()
    for (const entry of entries) this.#expected.take(entry)
    return entries
  }
}

/** By group: the places that its dead letters come from. @param {import('millrace').EventLog} log */
async function lettersOf(log) {
  /** @type {Map<string, Set<string>>} */
  const letters = new Map()
  const topic = log.topics().find(({ name }) => name === LETTERS)
  if (topic === undefined) return letters
  for await (const { headers } of topic.read({ from: 'earliest' })) {
    const text = (/** @type {string} */ what) => headers.text(`millrace-${what}`) ?? ''
    const places = letters.get(text('group')) ?? new Set()
    letters.set(text('group'), places.add(`${text('origin-topic')}-${text('origin-partition')}:${text('origin-offset')}`))
  }
  return letters
}
