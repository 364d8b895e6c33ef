// Every native function, as the library calls it and as nobody should, in a thread and in a worker: what valgrind watches.
// Says how many windows are left open, which must be none.
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker, isMainThread } from 'node:worker_threads'
import { nativeFile } from './native-file.mjs'

const STEP_BYTES = 64 * 1024
const seeds = Buffer.alloc(16, 1)
const native = /** @type {import('../../src/native/native-part.ts').NativePart} */ (createRequire(import.meta.url)(nativeFile()))

/** @param {string} directory */
async function workOut(directory) {
  const fd = openSync(join(directory, 'a'), 'w+')
  native.installGuard()
  native.guardState()
  native.flock(fd, true)
  for (let bytes = 61; bytes < 9000; bytes += 977) {
    const exact = Buffer.alloc(bytes, 3) // memory of its own, so that one byte beyond is seen
    native.stamp(exact, bytes, 2 ** 40, 7)
    native.crc32c(exact, 0, bytes)
    native.crc32cByTable(exact, 1, bytes)
    native.walkRecords(exact, 3, seeds, new Int32Array(3 * native.constants.rowWords))
  }
  const record = Buffer.from([18, 0, 0, 0, 6, 107, 101, 121, 1, 0])
  for (let count = 0; count < 3; count++) native.walkRecords(record, count, seeds, new Int32Array(count * native.constants.rowWords))
  const batch = Buffer.alloc(9000, 3)
  batch[16] = 2
  let window = native.grow(fd, 0, STEP_BYTES)
  let position = 0
  for (let i = 0; i < 200; i++) {
    const bytes = 61 + i * 37
    batch.writeInt32BE(bytes - 12, 8)
    if (position % STEP_BYTES + bytes > STEP_BYTES) {
      native.close(window)
      position = Math.ceil(position / STEP_BYTES) * STEP_BYTES
      const preparation = native.prepare(fd, position, STEP_BYTES)
      if (i % 2 === 0) await new Promise(setImmediate)
      const prepared = native.collect(preparation, i % 3 > 0)
      window = prepared > 0 ? prepared : native.grow(fd, position, STEP_BYTES)
    }
    native.append(window, position, batch, bytes, i, 1)
    native.read(window, position, batch, bytes)
    position += bytes
  }
  for (const [from, bytes] of /** @type {const} */ ([[0, 200_000], [0, 61], [5, 1000], [position - 100, 5000], [10_000_000, 10]])) await native.readBatches(fd, Buffer.alloc(bytes), from)
  native.readCached(fd, Buffer.alloc(10_000), position - 5000)
  ftruncateSync(fd, 0)
  for (let i = 0; i < 20; i++) {
    native.append(window, position - 100, batch, 61, 0, 0)
    native.read(window, position - 100, batch, 61)
  }
  abuse(fd, window, batch)
  native.close(window)
  closeSync(fd)
}

/** @param {number} fd @param {number} window @param {Buffer} batch */
function abuse(fd, window, batch) {
  const values = [undefined, null, NaN, -1, 0.5, 2 ** 53, '1', {}, Symbol('1'), new Uint8Array(0), fd, window, batch]
  for (const [name, call] of Object.entries(native)) {
    if (typeof call !== 'function' || name === 'close') continue
    for (const value of values) {
      for (let count = 0; count < 6; count++) {
        try {
          call(...Array.from({ length: count }, () => value))
        } catch (error) {
          if (!(error instanceof TypeError)) throw error
        }
      }
    }
  }
}

const directory = mkdtempSync(join(tmpdir(), 'millrace-workout-'))
try {
  await workOut(directory)
  if (isMainThread) {
    await new Promise((resolve, reject) => { new Worker(fileURLToPath(import.meta.url)).once('error', reject).once('exit', resolve) })
    writeSync(1, `${native.openWindows()} windows are left open\n`)
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}
