// How long open() takes after kill -9, on the same boot and on another: node bench/reopen.mjs [--size 4GiB] [--runs 5]
//
// A child writes one partition of so many bytes (1 KiB values, default segments, plain files) and is killed. Then, for each
// run, a new child opens the log, tells how long open() took, writes up to 8 MiB more and is killed: so no run
// finds the log as clean as the one before left it. Times are those of open() alone, modules loaded.
//
//   same boot                        the boot id in .lock is this one: the page cache has every byte
//   another boot, saved              the id is changed; the recovery points are those of the last round of syncs
//   another boot, nothing saved      and the recovery points are removed: every byte is checked
//
// "from the disk": the segments were dropped from the page cache before (by dd, where it is GNU's).
import { fork, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { open } from 'millrace'

const TOPIC = 'events'
const VALUE_BYTES = 1024
const RECORDS_A_SEND = 1000
const MAX_TAIL_BYTES = 8 * 1024 * 1024
const RECOVERY_POINTS = 'recovery-point-offset-checkpoint'

/** @typedef {{ acknowledged: number, openedMs: number }} Told by a child, before it is killed */

// ---------------------------------------------------------------- the children

/** Opens, writes, tells, and waits to be killed. @param {string} directory @param {number} bytes @param {boolean} saved whether to wait until the recovery points are saved */
async function child(directory, bytes, saved) {
  const startedAt = performance.now()
  const log = await open(directory, { storage: 'file' })
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
    const watcher = watch(directory, () => {
      if (!isSaved()) return
      watcher.close()
      resolve(undefined)
    })
  })
}

// ---------------------------------------------------------------- the parent

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

/**
 * @param {string} name @param {string} directory @param {number} runs @param {() => void} prepare before each opening
 */
async function measure(name, directory, runs, prepare) {
  const times = []
  let { acknowledged } = await writeAndKill(directory, Math.random() * MAX_TAIL_BYTES)
  for (let run = 0; run < runs; run++) {
    prepare()
    const told = await writeAndKill(directory, Math.random() * MAX_TAIL_BYTES)
    if (told.acknowledged <= acknowledged) throw new Error(`acknowledged records are missing: ${told.acknowledged} after ${acknowledged}`)
    acknowledged = told.acknowledged
    times.push(told.openedMs)
  }
  const sorted = [...times].sort((a, b) => a - b)
  const at = (/** @type {number} */ share) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? NaN)
  console.log(`${name.padEnd(46)} median ${String(at(0.5)).padStart(6)} ms, ${at(0)} to ${at(1)} ms   (${times.map(time => Math.round(time)).join(' ')})`)
}

/** As if the machine had been started anew since. @param {string} directory */
function changeBoot(directory) {
  const path = join(directory, '.lock')
  const [holder, data = ''] = readFileSync(path, 'utf8').split('\n')
  writeFileSync(path, `${holder}\n${JSON.stringify({ ...JSON.parse(data), dataBoot: randomUUID() })}\n`)
}

/** False where that can't be done here. @param {string} directory */
function dropFromPageCache(directory) {
  const partition = join(directory, `${TOPIC}-0`)
  const files = readdirSync(partition).map(file => join(partition, file))
  return files.every(file => spawnSync('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']).status === 0)
}

/** @param {string} text */
function bytesOf(text) {
  const [, number, unit = ''] = /^(\d+)(MiB|GiB)$/.exec(text) ?? []
  if (number === undefined) throw new Error(`--size ${text}: say 256MiB or 4GiB`)
  return Number(number) * (unit === 'GiB' ? 2 ** 30 : 2 ** 20)
}

async function bench() {
  const { values: { size, runs } } = parseArgs({ options: { size: { type: 'string', default: '4GiB' }, runs: { type: 'string', default: '5' } } })
  const directory = mkdtempSync(join(tmpdir(), 'millrace-reopen-'))
  const points = join(directory, RECOVERY_POINTS)
  try {
    const startedAt = performance.now()
    const { acknowledged } = await writeAndKill(directory, bytesOf(size), true)
    console.log(`${size} written, ${acknowledged} records of ${VALUE_BYTES} bytes, and synced by the log's own timer, in ${Math.round((performance.now() - startedAt) / 1000)} s`)
    const saved = readFileSync(points, 'utf8')
    const otherBoot = () => {
      changeBoot(directory)
      writeFileSync(points, saved)
    }
    const nothingSaved = () => {
      changeBoot(directory)
      rmSync(points)
    }
    await measure('same boot', directory, Number(runs), () => {})
    await measure('another boot, saved', directory, Number(runs), otherBoot)
    await measure('another boot, nothing saved', directory, Number(runs), nothingSaved)
    if (!dropFromPageCache(directory)) return console.log('from the disk: not measured, dd can\'t drop the page cache here')
    const cold = (/** @type {() => void} */ prepare) => () => {
      prepare()
      dropFromPageCache(directory)
    }
    await measure('another boot, saved, from the disk', directory, Number(runs), cold(otherBoot))
    await measure('another boot, nothing saved, from the disk', directory, Number(runs), cold(nothingSaved))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const [role, directory = '', bytes, saved] = process.argv.slice(2)
await (role === '--child' ? child(directory, Number(bytes), saved === 'true') : bench())
