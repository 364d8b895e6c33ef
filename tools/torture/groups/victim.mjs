// The process that is killed: opens the log, and sends while members of some groups come, work and go, until then.
// Whatever the library reports to it ends it with an exit code, and with what was wrong on stderr.
import { open } from 'millrace'
import { JournalWriter } from '../kill-9/journal.mjs'
import { Random } from '../random.mjs'
import { PositionTeller, comeAndGo, endsOf, grow, positionsOf, seatsOf, send, topicsOf, watch } from './activity.mjs'
import { kindOf } from './kinds.mjs'

/**
 * @typedef {'early-return' | 'late-commit' | 'reset'} Broken  planted faults: handlers return before they have handled;
 *   what was handled is committed a second later; every life begins with the first record
 * @typedef {{ directory: string, journal: string, life: number, seed: number, durability: 'process' | 'power',
 *   groups: readonly string[], broken: Broken | undefined }} VictimOptions
 */

/** @param {VictimOptions} options */
async function work(options) {
  /** @type {JournalWriter<import('./journal.mjs').Entry>} */
  const journal = new JournalWriter(options.journal)
  journal.write(['alive'])
  const log = await open(options.directory, { durability: options.durability })
  watch(log, fail)
  journal.write(['opened', endsOf(log), await positionsOf(log)])
  const topics = await topicsOf(log)
  const random = new Random(options.seed)
  const own = () => ({ log, journal, random: new Random(random.below(2 ** 32)), returnsEarly: options.broken === 'early-return', fail })
  const kinds = options.groups.map(kindOf).map(kind => options.broken === 'late-commit' ? { ...kind, options: { ...kind.options, commitInterval: '1s' } } : kind)
  if (options.broken === 'reset') for (const { group, topics: names } of kinds) await log.group(group).reset([...names], 'earliest')
  const seats = kinds.flatMap(kind => seatsOf(own(), kind))
  await Promise.all([new PositionTeller(own()).run(options.durability), send(own(), topics, options.life), grow(own(), topics), ...seats.map(seat => comeAndGo(own(), seat))])
}

/** @param {unknown} what @returns {never} */
function fail(what) {
  console.error(what instanceof Error ? what.stack : what)
  process.exit(1)
}

work(JSON.parse(process.argv[2] ?? '')).catch(fail)
