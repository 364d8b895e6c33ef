// Opens and ends worker threads that use the native part, most of them terminated in the middle of appends, preparations
// or reads, and looks for what they leave behind: `npm run check:native -- workers [--count 1000] [--seed n]`.
//
// No descriptor and no mapping of their files may be left when all have ended, and the process must not grow: what it
// holds after the first fifth is compared with what it holds at the end. Allocators settle late, so that memory is judged
// from SETTLED workers on; a loss that is small is seen by valgrind.mjs.
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { Random } from '../torture/random.mjs'
import { nativeFile } from './native-file.mjs'

const AT_ONCE = 4
const LONGEST_LIFE_MS = 30
const SETTLED = 1000
const GROWN_MAPPINGS = 100
const GROWN_BYTES = 48 * 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage = /** @type {() => void} */ (runInNewContext('gc'))
const program = new URL('worker.mjs', import.meta.url)

/** @param {string[]} args @returns {Promise<boolean>} */
export async function checkWorkers(args) {
  const { values } = parseArgs({ args, options: { count: { type: 'string', default: '1000' }, seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) } } })
  const count = Number(values.count)
  const random = new Random(Number(values.seed))
  const directory = mkdtempSync(join(tmpdir(), 'millrace-workers-'))
  const native = /** @type {import('../../src/native/native-part.ts').NativePart} */ (createRequire(import.meta.url)(nativeFile()))
  native.installGuard()
  console.log(`${count} workers, seed ${values.seed}`)
  try {
    const ends = { terminated: 0, itself: 0 }
    await openAndEnd(Math.ceil(count / 5), directory, random, ends)
    const early = holdings(directory)
    await openAndEnd(count - Math.ceil(count / 5), directory, random, ends)
    const late = holdings(directory)
    console.log(`${ends.terminated} terminated, ${ends.itself} ended by themselves`)
    console.log(`after a fifth: ${inWords(early)}\nat the end:    ${inWords(late)}`)
    const faults = faultsOf(early, late, count >= SETTLED)
    for (const fault of faults) console.log(`FAILED: ${fault}`)
    return faults.length === 0
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** @param {number} count @param {string} directory @param {Random} random @param {{ terminated: number, itself: number }} ends */
async function openAndEnd(count, directory, random, ends) {
  let begun = 0
  const next = async () => {
    while (begun < count) {
      const number = begun++
      const terminated = random.below(4) > 0
      const life = random.below(LONGEST_LIFE_MS)
      await openOne({ file: nativeFile(), path: join(directory, `${number % (2 * AT_ONCE)}.log`), rounds: terminated ? Infinity : 20, seed: random.below(2 ** 31) }, terminated ? life : undefined)
      ends[terminated ? 'terminated' : 'itself']++
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
}

/** @param {object} workerData @param {number | undefined} terminateAfterMs  since it has begun to work */
function openOne(workerData, terminateAfterMs) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(program, { workerData })
    worker.once('error', reject)
    worker.once('exit', resolve)
    if (terminateAfterMs !== undefined) worker.once('message', () => { setTimeout(() => { void worker.terminate() }, terminateAfterMs) })
  })
}

/** What the process holds. @param {string} directory */
function holdings(directory) {
  collectGarbage()
  const maps = readFileSync('/proc/self/maps', 'utf8').trimEnd().split('\n')
  const descriptors = readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return [] // the one that the list itself was read by
    }
  })
  const ofWorkers = (/** @type {string[]} */ names) => names.filter(name => name.includes(directory)).length
  return { bytes: process.memoryUsage.rss(), mappings: maps.length, lostMappings: ofWorkers(maps), descriptors: descriptors.length, lostDescriptors: ofWorkers(descriptors) }
}

/** @typedef {ReturnType<typeof holdings>} Holdings */

/** @param {Holdings} held */
function inWords({ bytes, mappings, descriptors }) {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB, ${mappings} mappings, ${descriptors} descriptors`
}

/** @param {Holdings} early @param {Holdings} late @param {boolean} settled @returns {string[]} */
function faultsOf(early, late, settled) {
  const faults = []
  if (late.lostMappings > 0) faults.push(`${late.lostMappings} mappings of the workers' files are left`)
  if (late.lostDescriptors > 0) faults.push(`${late.lostDescriptors} descriptors of the workers' files are left`)
  if (late.descriptors > early.descriptors) faults.push(`descriptors grew from ${early.descriptors} to ${late.descriptors}`)
  if (settled && late.mappings > early.mappings + GROWN_MAPPINGS) faults.push(`mappings grew from ${early.mappings} to ${late.mappings}`)
  if (settled && late.bytes > early.bytes + GROWN_BYTES) faults.push(`memory grew by ${Math.round((late.bytes - early.bytes) / 1024 / 1024)} MiB`)
  return faults
}
