// Measuring side by side: contenders run in turn, round after round, so that whatever disturbs the machine meets them
// alike. Medians of the rounds are told, how far the rounds lie apart, and each contender's ratio to the C loop and to the
// hand-written rival, taken round by round: ratios hold on another machine, rates do not. The CPU time of all the
// process's threads is told as well: it hardly changes when other processes want the same cores.
//
// The C loop does the same work every time, so it is the gauge: a round in which it is more than 15 % slower than in
// its best round says something of the neighbours, and does not count. Another is run instead, up to --max-rounds.
import { flags } from './flags.mjs'
import { load, median, print } from './report.mjs'

const DISTURBED = 0.85
/** What the gauge is gauged by. */
const RATE = 'records/s'

/** Figures of one round: a rate in 'records/s' or the like, or times, and what is not shown where it is not known. @typedef {Record<string, number>} Figures */
/** @typedef {() => Promise<Figures>} Contender */
/** @typedef {ReadonlyMap<string, Figures>} Round */

/**
 * @typedef {object} Comparison
 * @property {string} title
 * @property {readonly string[]} figures  the names of what is shown; rows are compared by the first
 * @property {Readonly<Record<string, Contender>>} contenders  in the order of the rows
 * @property {string | undefined} [gauge]  the contender that is the C loop
 * @property {string} [rival]  the contender that is written by hand
 * @property {Readonly<Record<string, unknown>>} [notes]
 */

/**
 * A rate. Young garbage of what ran before is collected first; a full collection would also throw away what the compiler
 * has learnt, and cost each contender a fifth of its rate.
 * @param {string} unit
 * @param {number} count  what the work does so many of
 * @param {() => unknown} work
 * @returns {Promise<Figures>}
 */
export async function timed(unit, count, work) {
  globalThis.gc?.({ type: 'minor' })
  const start = performance.now()
  const startCpu = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(startCpu)
  return { [`${unit}/s`]: count / (performance.now() - start) * 1000, 'CPU ns': (user + system) * 1000 / count }
}

/**
 * The rate of work whose speed differs by a thousand: as often as fits in the time.
 * @param {string} unit
 * @param {number} ms
 * @param {number} count  what one call does so many of
 * @param {() => unknown} work
 * @returns {Promise<Figures>}
 */
export async function timedFor(unit, ms, count, work) {
  let calls = 0
  const { 'CPU ns': cpuNs = NaN, [`${unit}/s`]: rate = NaN } = await timed(unit, count, async () => {
    for (const end = performance.now() + ms; calls === 0 || performance.now() < end; calls++) await work()
  })
  return { [`${unit}/s`]: rate * calls, 'CPU ns': cpuNs / calls }
}

/** Prints a table of the contenders. The round that warms the compiler up is not counted. @param {Comparison} comparison */
export async function compare({ title, figures, contenders, gauge, rival, notes }) {
  const all = await runRounds(contenders, gauge, flags)
  const rounds = undisturbed(all, gauge)
  const [first = ''] = figures
  const rows = Object.keys(contenders).map(name => {
    const values = (/** @type {string} */ figure, of = name) => rounds.map(round => round.get(of)?.[figure] ?? NaN)
    const ratio = (/** @type {string | undefined} */ to) => to === undefined ? [] : [median(values(first).map((value, i) => value / (values(first, to)[i] ?? NaN)))]
    return [name, ...figures.map(figure => median(values(figure))), Math.min(...values(first)), Math.max(...values(first)), ...ratio(gauge), ...ratio(rival)]
  })
  const head = ['', ...figures, 'min', 'max', ...gauge === undefined ? [] : ['to C'], ...rival === undefined ? [] : ['to rival']]
  print(title, head, rows, { ...notes, run: all.length, counted: rounds.length, wanted: flags.rounds, load: load() })
}

/**
 * All rounds that were run, disturbed ones included.
 * @param {Readonly<Record<string, Contender>>} contenders
 * @param {string | undefined} gauge
 * @param {Pick<import('./flags.mjs').Flags, 'rounds' | 'maxRounds' | 'quick'>} limits
 */
export async function runRounds(contenders, gauge, { rounds, maxRounds, quick }) {
  /** @type {Round[]} */
  const all = []
  if (!quick) await runRound(contenders)
  while (undisturbed(all, gauge).length < rounds && all.length < maxRounds) all.push(await runRound(contenders))
  return all
}

/** @param {Readonly<Record<string, Contender>>} contenders @returns {Promise<Round>} */
async function runRound(contenders) {
  const round = new Map()
  for (const [name, contender] of Object.entries(contenders)) round.set(name, await contender())
  return round
}

/** @param {readonly Round[]} rounds @param {string | undefined} gauge */
export function undisturbed(rounds, gauge) {
  if (gauge === undefined) return rounds
  const rate = (/** @type {Round} */ round) => round.get(gauge)?.[RATE] ?? NaN
  const best = Math.max(...rounds.map(rate))
  return rounds.filter(round => rate(round) >= DISTURBED * best)
}
