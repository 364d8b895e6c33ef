// The process that is killed: opens the log and works on it until then, and writes into its journal what it was told.
// Several workers at once, each on topics of its own names: sends of every kind, rolls (segments are small), creating,
// growing, truncating, altering and deleting topics.
//
// Whatever the library reports to it ends it with an exit code, and with what was wrong on stderr.
import { open } from 'millrace'
import { Random } from '../random.mjs'
import { JournalWriter } from './journal.mjs'
import { Worker } from './worker.mjs'

/**
 * @typedef {{ directory: string, journal: string, life: number, seed: number, durability: 'process' | 'power',
 *   earlyAck: boolean, incarnations: Record<string, string> }} VictimOptions
 */

const WORKERS = 4

/** @param {VictimOptions} options */
async function work(options) {
  const journal = new JournalWriter(options.journal)
  journal.write(['alive'])
  const log = await open(options.directory, { durability: options.durability })
  log.on('error', ({ error, topic, partition }) => { fail(`${topic}-${partition}: ${error.message}`) })
  log.on('warning', ({ code, message }) => { if (code !== 'TOPIC_ALTERED') fail(message) })
  log.on('recovered', () => { journal.write(['cut']) })
  journal.write(['found', log.stats().topics.map(({ name, partitions }) => ({ topic: name, partitions: partitions.map(({ startOffset, endOffset }) => [startOffset, endOffset]) }))])
  const random = new Random(options.seed)
  const workers = Array.from({ length: WORKERS }, (_, index) => new Worker(log, journal, new Random(random.below(2 ** 32)), index, { ...options, powerCut: false }))
  await Promise.all(workers.map(worker => worker.run()))
}

/** @param {string} what @returns {never} */
function fail(what) {
  console.error(what)
  process.exit(1)
}

work(JSON.parse(process.argv[2] ?? '')).catch(error => fail(error.stack))
