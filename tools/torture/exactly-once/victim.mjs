// The process that is killed: opens the log, sends to the pipeline's beginning and runs its stages, until then.
// Whatever the library reports to it ends it with an exit code, and with what was wrong on stderr.
import { open } from 'millrace'
import { JournalWriter } from '../kill-9/journal.mjs'
import { Random } from '../random.mjs'
import { comeAndGo, follow, send, tellPositions, topicsOf, watch } from './activity.mjs'
import { STAGES } from './pipeline.mjs'
import { Seat } from './seat.mjs'

/**
 * @typedef {{ directory: string, journal: string, life: number, seed: number, durability: 'process' | 'power', storage: 'auto' | 'file',
 *   isStubborn: boolean, broken: import('./seat.mjs').BrokenSeat | undefined }} VictimOptions
 */

/** @param {VictimOptions} options */
async function work({ directory, journal: path, life, seed, durability, storage, isStubborn, broken }) {
  /** @type {JournalWriter<import('./journal.mjs').Entry>} */
  const journal = new JournalWriter(path)
  journal.write(['alive'])
  const log = await open(directory, { durability, storage })
  watch(log, fail)
  if (log.stats().transactions.length > 0) fail('a transaction is still open after opening')
  journal.write(['opened'])
  const topics = await topicsOf(log)
  const random = new Random(seed)
  const own = () => ({ log, topics, journal, random: new Random(random.below(2 ** 32)), isStubborn, broken, fail })
  const seats = STAGES.flatMap(stage => Array.from({ length: stage.members }, () => new Seat(own(), stage)))
  await Promise.all([tellPositions(own()), send(own(), life), follow(own(), 'output'), follow(own(), 'audited'), ...seats.map(seat => comeAndGo(own(), seat))])
}

/** @param {unknown} what @returns {never} */
function fail(what) {
  console.error(what instanceof Error ? what.stack : what)
  process.exit(1)
}

work(JSON.parse(process.argv[2] ?? '')).catch(fail)
