// The process whose disk is recorded: one life of a log on it, with the workers of the kill -9 campaign. What it was
// told goes into a journal beside the disk, each time with the length that the block log had by then: what was
// acknowledged at that length must be on every disk that is cut behind it.
//
// It ends by closing the log, or at once; both times no send is under way, so the next life knows what it finds.
import { fstatSync, openSync } from 'node:fs'
import { open } from 'millrace'
import { JournalWriter } from '../torture/kill-9/journal.mjs'
import { Worker } from '../torture/kill-9/worker.mjs'
import { Random } from '../torture/random.mjs'

/**
 * @typedef {{ directory: string, journal: string, blockLog: string, life: number, seed: number, durability: 'process' | 'power',
 *   storage: 'auto' | 'mapped' | 'file', closes: boolean, incarnations: Record<string, string> }} WriterOptions
 */

const WORKERS = 3
const STEPS = 40

/** @param {WriterOptions} options */
async function live(options) {
  const blockLog = openSync(options.blockLog, 'r')
  const journal = new JournalWriter(options.journal, /** @returns {import('../torture/kill-9/journal.mjs').Entry} */ () => ['at', fstatSync(blockLog).size])
  const { storage, durability } = options
  const log = await open(options.directory, { storage, durability })
  log.on('error', ({ error, topic, partition }) => { fail(`${topic}-${partition}: ${error.message}`) })
  const random = new Random(options.seed)
  const workers = Array.from({ length: WORKERS }, (_, index) => new Worker(log, journal, new Random(random.below(2 ** 32)), index, { ...options, earlyAck: false, powerCut: true }))
  await Promise.all(workers.map(worker => worker.run(STEPS)))
  console.log(log.stats().storage)
  if (options.closes) await log.close()
  process.exit()
}

/** @param {string} what @returns {never} */
function fail(what) {
  console.error(what)
  process.exit(1)
}

process.on('disconnect', () => { process.exit(1) })
live(JSON.parse(process.argv[2] ?? '')).catch(error => fail(`${error.code ?? ''} ${error.stack}`))
