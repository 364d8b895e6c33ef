// Opening 1,000 existing partitions, closed in order, in a process that may open 256 files: time and private memory.
// The process is new each time: opening is what a program does first. The bar: 1 s and 150 MiB.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { open } from 'millrace'
import { flags, sized } from './support/flags.mjs'
import { peaksBeside, privateMiB } from './support/memory.mjs'
import { load, median, print } from './support/report.mjs'
import { inScratch, storageNotes } from './support/scratch.mjs'

const PARTITIONS = sized(1000 / 4) * 4
const MAX_FILES = 256

const [, , directory] = process.argv
if (directory !== undefined) await measure(directory)
else await inScratch(async scratch => {
  const log = await open(scratch, { storage: flags.storage })
  for (const name of ['orders', 'payments', 'shipments', 'returns']) {
    const topic = await log.topic(name, { partitions: PARTITIONS / 4 })
    for (let round = 0; round < 10; round++) await topic.send(Array.from({ length: PARTITIONS / 4 }, (_, partition) => ({ value: { round, partition }, partition })))
  }
  await log.close()
  const runs = Array.from({ length: flags.rounds }, () => {
    const child = spawnSync('bash', ['-c', `ulimit -n ${MAX_FILES}; exec "$0" "$@"`, process.execPath, fileURLToPath(import.meta.url), scratch], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
    if (child.status !== 0) throw new Error(`opening ended with status ${child.status}`)
    return child.stdout.trim().split(' ').map(Number)
  })
  const column = (/** @type {number} */ i) => runs.map(run => run[i] ?? NaN)
  const row = (/** @type {string} */ name, /** @type {number} */ i) => [name, median(column(i)), Math.max(...column(i))]
  print(`open-partitions: ${PARTITIONS} partitions with ulimit -n ${MAX_FILES}`, ['', 'median', 'worst'], [row('seconds', 0), row('private MiB before', 1), row('private MiB', 2), row('descriptors', 3)], { ...await storageNotes(), load: load() })
})

/** @param {string} directory */
async function measure(directory) {
  const before = privateMiB()
  const { result: log, seconds, mib, descriptors } = await peaksBeside(() => open(directory, { storage: flags.storage }))
  const stored = log.stats().topics.reduce((sum, topic) => sum + topic.partitions.reduce((records, { endOffset }) => records + endOffset, 0), 0)
  if (stored !== 10 * PARTITIONS) throw new Error(`found ${stored} records`)
  console.log(`${seconds} ${before} ${mib} ${descriptors}`)
  await log.close()
}
