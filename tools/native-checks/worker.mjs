// One thread of workers.mjs: appends, prepares, reads and collects at random, leaves windows open and reads under way, and
// counts on being ended anywhere.
import { closeSync, ftruncateSync, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { Random } from '../torture/random.mjs'

const STEP_BYTES = 64 * 1024
const { file, path, rounds, seed } = /** @type {{ file: string, path: string, rounds: number, seed: number }} */ (workerData)
const native = /** @type {import('../../src/native/native-part.ts').NativePart} */ (createRequire(import.meta.url)(file))
const random = new Random(seed)
const fd = openSync(path, 'w+')
const batch = Buffer.alloc(5000, 1)
/** @type {number[]} */
const preparations = []
/** @type {number[]} */
const windows = []

const steps = [
  () => windows.push(native.grow(fd, STEP_BYTES * random.below(8), STEP_BYTES)),
  () => preparations.push(native.prepare(fd, STEP_BYTES * random.below(8), STEP_BYTES * (1 + random.below(16)))),
  () => {
    const preparation = preparations.pop()
    const window = preparation === undefined ? 0 : native.collect(preparation, random.below(2) === 0)
    if (window > 0) windows.push(window)
  },
  () => { void native.readBatches(fd, Buffer.alloc(1 + random.below(300_000)), random.below(100_000)) },
  () => ftruncateSync(fd, random.below(STEP_BYTES * 8)),
  appendEverywhere,
  appendEverywhere,
]

parentPort?.postMessage('at work')
for (let round = 0; round < rounds; round++) {
  for (let i = 0; i < 50; i++) steps[random.below(steps.length)]?.()
  while (windows.length > 50) native.close(/** @type {number} */ (windows.shift()))
  if (random.below(3) === 0) await new Promise(setImmediate)
}
closeSync(openSync(path, 'r')) // an ordinary last call; what is open stays so

/** Wherever the window lies: a range outside is refused, a page that was cut away is an errno. */
function appendEverywhere() {
  const window = windows.at(-1)
  if (window === undefined) return
  const bytes = 61 + random.below(4900)
  for (let at = 0; at < 8; at++) {
    try {
      native.append(window, STEP_BYTES * at + random.below(STEP_BYTES - bytes), batch, bytes, 1, 1)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
  }
}
