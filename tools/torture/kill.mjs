// Runs a process that is to be killed, and kills it with SIGKILL at a moment that its journal tells: after so many
// entries, and then some microseconds later.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, watch } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {{ count: number, thenMs: number }} Moment  after so many of the entries that count
 * @typedef {{ script: URL, options: string, journal: string, errors: string }} Victim  journal, errors: the paths of its journal and its stderr
 */

/** A victim that gets nowhere for so long has failed. */
const STUCK_MS = 30_000

/**
 * @param {Victim} victim @param {Moment} moment
 * @param {() => number} news  how many entries that count are new; called whenever the journal has grown
 * @returns {Promise<string | undefined>} what went wrong: it was stuck, or it ended before it was killed
 */
export async function kill({ script, options, journal, errors }, moment, news) {
  const stderr = openSync(errors, 'w')
  const child = spawn(process.execPath, [fileURLToPath(script), options], { stdio: ['ignore', 'ignore', stderr] })
  closeSync(stderr)
  let left = moment.count
  let isStuck = false
  const watcher = watch(journal, () => {
    left -= news()
    if (left > 0) return
    watcher.close()
    spin(moment.thenMs)
    child.kill('SIGKILL')
  })
  const watchdog = setTimeout(() => {
    isStuck = true
    child.kill('SIGKILL')
  }, STUCK_MS)
  try {
    const signal = await new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (_, by) => { resolve(by) })
    })
    if (isStuck) return `nothing happened for ${STUCK_MS} ms`
    return signal === 'SIGKILL' ? undefined : `the victim ended by itself: ${readFileSync(errors, 'utf8')}`
  } finally {
    clearTimeout(watchdog)
    watcher.close()
  }
}

/** No timer is as exact. @param {number} ms */
function spin(ms) {
  for (const end = performance.now() + ms; performance.now() < end;);
}
