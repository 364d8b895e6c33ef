// How long open() takes after kill -9, on the same boot and on another.
//
// A child writes one partition of 4 GiB, or --large (1 KiB values, default segments) and is killed once the log's own timer
// has synced it and saved the recovery points; its clock runs 30 times as fast, so that this is soon. Then, for each
// round, a new child opens the log, tells how long open() took, writes up to 8 MiB more and is killed: so no round finds
// the log as clean as the one before left it. Times are those of open() alone, modules loaded.
//
//   same boot                        the boot id in .lock is this one: the page cache has every byte
//   another boot, saved              the id is changed; the recovery points are those of the last round of syncs
//   another boot, nothing saved      and the recovery points are removed: every byte is checked
//
// "from the disk": the segments were dropped from the page cache before.
import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open } from 'millrace'
import { fasterClock } from './support/faster-clock.mjs'
import { flags, largeBytes, sized } from './support/flags.mjs'
import { dropFromPageCache } from './support/page-cache.mjs'
import { load, median, print } from './support/report.mjs'
import { inScratch, storageNotes } from './support/scratch.mjs'

const TOPIC = 'events'
const VALUE_BYTES = 1024
const RECORDS_A_SEND = 1000
const MAX_TAIL_BYTES = sized(8 * 1024 * 1024)
const RECOVERY_POINTS = 'recovery-point-offset-checkpoint'

/** @typedef {{ acknowledged: number, openedMs: number }} Told by a child, before it is killed */

// ---------------------------------------------------------------- the children

/** Opens, writes, tells, and waits to be killed. @param {string} directory @param {number} bytes @param {boolean} saved whether to wait until the recovery points are saved */
async function child(directory, bytes, saved) {
  const startedAt = performance.now()
  const log = await open(directory, { storage: flags.storage, clock: fasterClock(saved ? 30 : 1) })
  const openedMs = performance.now() - startedAt
  const events = await log.topic(TOPIC, { value: 'bytes' })
  const value = Buffer.alloc(VALUE_BYTES, 'event')
  const batch = Array.from({ length: RECORDS_A_SEND }, () => ({ value }))
  for (let left = bytes / VALUE_BYTES; left > 0; left -= RECORDS_A_SEND) await events.send(left < RECORDS_A_SEND ? batch.slice(0, Math.ceil(left)) : batch)
  const acknowledged = events.partitions[0]?.endOffset ?? 0
  if (saved) await recoveryPoint(directory, acknowledged)
  process.send?.({ acknowledged, openedMs })
  process.stdin.resume()
}

/** @param {string} directory @param {number} offset */
async function recoveryPoint(directory, offset) {
  const isSaved = () => existsSync(join(directory, RECOVERY_POINTS)) && readFileSync(join(directory, RECOVERY_POINTS), 'utf8').includes(`${TOPIC} 0 ${offset}\n`)
  await new Promise(resolve => {
    const watcher = watch(directory, look)
    look()
    function look() {
      if (!isSaved()) return
      watcher.close()
      resolve(undefined)
    }
  })
}

// ---------------------------------------------------------------- the parent

/** @type {(string | number)[][]} */
const rows = []

/** @param {string} directory @param {number} bytes @param {boolean} [saved] @returns {Promise<Told>} */
async function writeAndKill(directory, bytes, saved = false) {
  const process = fork(fileURLToPath(import.meta.url), ['--child', directory, String(bytes), String(saved)])
  /** @type {Told | undefined} */
  let told
  process.on('message', message => {
    told = /** @type {Told} */ (message)
    process.kill('SIGKILL')
  })
  await new Promise(resolve => { process.on('exit', resolve) })
  if (told === undefined) throw new Error('a child ended by itself')
  return told
}

/** @param {string} name @param {string} directory @param {() => void} prepare before each opening */
async function measure(name, directory, prepare) {
  /** @type {number[]} */
  const times = []
  let { acknowledged } = await writeAndKill(directory, Math.random() * MAX_TAIL_BYTES)
  for (let run = 0; run < flags.rounds; run++) {
    prepare()
    const told = await writeAndKill(directory, Math.random() * MAX_TAIL_BYTES)
    if (told.acknowledged <= acknowledged) throw new Error(`acknowledged records are missing: ${told.acknowledged} after ${acknowledged}`)
    acknowledged = told.acknowledged
    times.push(told.openedMs)
  }
  rows.push([name, median(times), Math.min(...times), Math.max(...times)])
}

/** As if the machine had been started anew since. @param {string} directory */
function changeBoot(directory) {
  const path = join(directory, '.lock')
  const [holder, data = ''] = readFileSync(path, 'utf8').split('\n')
  writeFileSync(path, `${holder}\n${JSON.stringify({ ...JSON.parse(data), dataBoot: randomUUID() })}\n`)
}

async function bench() {
  const bytes = largeBytes(4 * 2 ** 30)
  await inScratch(async directory => {
    const points = join(directory, RECOVERY_POINTS)
    await writeAndKill(directory, bytes, true)
    const saved = readFileSync(points, 'utf8')
    const otherBoot = () => {
      changeBoot(directory)
      writeFileSync(points, saved)
    }
    const nothingSaved = () => {
      changeBoot(directory)
      rmSync(points)
    }
    await measure('same boot', directory, () => {})
    await measure('another boot, saved', directory, otherBoot)
    await measure('another boot, nothing saved', directory, nothingSaved)
    const partition = join(directory, `${TOPIC}-0`)
    const drop = () => dropFromPageCache(readdirSync(partition).map(file => join(partition, file)))
    const cold = (/** @type {() => void} */ prepare) => () => {
      prepare()
      drop()
    }
    if (drop()) {
      await measure('another boot, saved, from the disk', directory, cold(otherBoot))
      await measure('another boot, nothing saved, from the disk', directory, cold(nothingSaved))
    }
  })
  print(`reopen: ${Math.round(bytes / 2 ** 20)} MiB, ms that open() takes`, ['', 'median', 'min', 'max'], rows, { ...await storageNotes(), rounds: flags.rounds, load: load() })
}

const [role, directory = '', bytes, saved] = process.argv.slice(2)
await (role === '--child' ? child(directory, Number(bytes), saved === 'true') : bench())
