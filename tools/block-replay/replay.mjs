// Records what a log writes to an ext4 disk, and then opens it on the disks that power cuts would have left.
// Runs within own mounts (../torture/own-mounts.mjs); ../torture/block-replay.mjs calls it, README.md tells more.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ExpectedLog } from '../torture/kill-9/expected-log.mjs'
import { SCRATCH } from '../torture/own-mounts.mjs'
import { Random } from '../torture/random.mjs'
import { BlockLog, Images } from './block-log.mjs'

/**
 * @typedef {{ images: number, seed: number, storage: 'auto' | 'mapped' | 'file', durability: 'process' | 'power' }} ReplayOptions
 * @typedef {import('../torture/kill-9/journal.mjs').Entry} Entry
 * @typedef {import('./block-log.mjs').Cut} Cut
 */

const DISK_BYTES = 64 * 1024 * 1024
const LIVES = 3
const MAX_TOLD = 5
const BASE = join(SCRATCH, 'base')
const IMAGE = join(SCRATCH, 'image')
const BLOCK_LOG = join(SCRATCH, 'block-log')
const JOURNAL = join(SCRATCH, 'journal')
const MOUNTED = join(SCRATCH, 'mounted')

/** @param {ReplayOptions} options @param {(images: number) => void} progress @returns {Promise<import('../torture.mjs').RunResult>} */
export async function run(options, progress) {
  const random = new Random(options.seed)
  mkdirSync(MOUNTED)
  writeFileSync(JOURNAL, '')
  const recorded = await record(options, random)
  if ('skipped' in recorded) return recorded
  beOnAnotherBoot()
  const { open } = await import('millrace')
  const log = new BlockLog(BLOCK_LOG)
  const images = new Images(log, BASE)
  const total = { lost: 0, acknowledged: 0, compared: 0, cuts: 0 }
  const violations = /** @type {string[]} */ ([])
  let evidence
  for (const [index, cut] of drawCuts(random, options.images, log.entries.length).entries()) {
    images.make(IMAGE, cut)
    const expected = expectedAt(log.bytesAt(cut.entries))
    const found = await look(open, options.storage, expected)
    total.acknowledged += expected.acknowledged
    total.compared += expected.compared
    total.cuts += expected.cuts
    if (found.length > 0) {
      total.lost++
      const more = found.length > 1 ? `, and ${found.length - 1} more` : ''
      violations.push(`cut behind entry ${cut.entries}, ${Math.round(100 * cut.keeps)} % of what follows the flush kept, seed ${cut.seed}: ${found[0]}${more}`)
      if (options.durability === 'power') evidence ??= keepEvidence(images, cut)
    }
    progress(index + 1)
  }
  const told = violations.length <= MAX_TOLD ? violations : [...violations.slice(0, MAX_TOLD), `… ${violations.length - MAX_TOLD} more images`]
  return { figures: `${total.lost} of ${options.images} images have lost something; ${log.entries.length} block entries by storage '${recorded.storage}', ${total.acknowledged} acknowledged records looked for, ${total.compared} compared, ${total.cuts} torn tails cut`, violations: told, evidence }
}

// ---------------------------------------------------------------- the recording

/** @param {ReplayOptions} options @param {Random} random @returns {Promise<{ storage: string } | { skipped: string }>} */
async function record(options, random) {
  const backing = join(SCRATCH, 'backing')
  const recorder = join(SCRATCH, 'recorder')
  const program = join(SCRATCH, 'logging-disk')
  const source = fileURLToPath(new URL('logging-disk.c', import.meta.url))
  const flags = execFileSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { encoding: 'utf8' }).trim().split(/\s+/)
  execFileSync('cc', ['-std=c11', '-O2', '-Wall', '-Wextra', source, '-o', program, ...flags])
  writeFileSync(BASE, '')
  truncateSync(BASE, DISK_BYTES)
  execFileSync('mkfs.ext4', ['-q', '-F', BASE])
  cpSync(BASE, backing)
  mkdirSync(recorder)
  const disk = spawn(program, [backing, BLOCK_LOG, recorder], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(disk.stdout, 'data')
  execFileSync('mount', ['-o', 'loop', join(recorder, 'disk'), MOUNTED])
  try {
    return await live(options, random)
  } finally {
    execFileSync('umount', [MOUNTED])
    disk.kill()
    await once(disk, 'exit')
  }
}

/** Several processes one after the other, on one log. @param {ReplayOptions} options @param {Random} random */
async function live({ storage, durability }, random) {
  let used = ''
  for (let life = 0; life < LIVES; life++) {
    const incarnations = expectedAt(Infinity).incarnations()
    const writer = { directory: join(MOUNTED, 'data'), journal: JOURNAL, blockLog: BLOCK_LOG, life, seed: random.below(2 ** 32), durability, storage, closes: random.chance(0.5), incarnations }
    const child = spawn(process.execPath, [fileURLToPath(new URL('writer.mjs', import.meta.url)), JSON.stringify(writer)], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    const [stdout, stderr] = /** @type {[string[], string[]]} */ ([[], []])
    child.stdout?.on('data', chunk => stdout.push(String(chunk)))
    child.stderr?.on('data', chunk => stderr.push(String(chunk)))
    const [code, signal] = await once(child, 'close')
    if (stderr.join('').startsWith('STORAGE_UNAVAILABLE')) return { skipped: stderr.join('').split('\n')[0] ?? '' }
    if (code !== 0) throw new Error(`life ${life}: the writer ended with ${signal ?? code}: ${stderr.join('')}`)
    used = stdout.join('').trim()
  }
  return { storage: used }
}

/** What had been told when the block log had this length. @param {number} bytes */
function expectedAt(bytes) {
  const expected = new ExpectedLog()
  for (const line of readFileSync(JOURNAL, 'utf8').split('\n')) {
    if (line === '') continue
    const entry = /** @type {Entry} */ (JSON.parse(line))
    if (entry[0] === 'at' && entry[1] > bytes) break
    expected.take(entry)
  }
  return expected
}

// ---------------------------------------------------------------- the images

/** @param {Random} random @param {number} images @param {number} entries @returns {Cut[]} in the order of the disk */
function drawCuts(random, images, entries) {
  const draw = () => ({ entries: 1 + random.below(entries), keeps: random.pick([0, 0.1, 0.5, 0.9, 1]), seed: random.below(2 ** 32) })
  return Array.from({ length: images }, draw).sort((a, b) => a.entries - b.entries)
}

/**
 * Mounts the image, which replays the journal of ext4, and opens the log as after a boot.
 * @param {typeof import('millrace').open} open @param {ReplayOptions['storage']} storage @param {ExpectedLog} expected
 */
async function look(open, storage, expected) {
  const told = /** @type {string[]} */ ([])
  execFileSync('mount', ['-o', 'loop', IMAGE, MOUNTED])
  try {
    const log = await open(join(MOUNTED, 'data'), { storage })
    log.on('error', ({ error }) => { told.push(error.message) })
    log.on('recovered', () => { expected.take(['cut']) })
    await expected.compare(log.topics()).finally(() => log.close())
  } catch (error) {
    told.push(error instanceof Error ? String(error.stack) : String(error))
  } finally {
    execFileSync('umount', ['--lazy', MOUNTED]) // where opening has failed, what it had opened may be open still
  }
  return [...told, ...expected.violations]
}

/** The machine goes down with its disk: the images are opened under another boot id than they were written. */
function beOnAnotherBoot() {
  const bootId = join(SCRATCH, 'boot-id')
  writeFileSync(bootId, '00000000-0000-4000-8000-000000000000\n')
  execFileSync('mount', ['--bind', bootId, '/proc/sys/kernel/random/boot_id'])
}

/** Outside of what is gone with the run: the image, anew since opening it has changed it, and what it was made of. @param {Images} images @param {Cut} cut */
function keepEvidence(images, cut) {
  images.make(IMAGE, cut)
  const kept = mkdtempSync(join(tmpdir(), 'millrace-block-replay-'))
  execFileSync('cp', ['--sparse=always', IMAGE, BLOCK_LOG, JOURNAL, kept])
  return kept
}
