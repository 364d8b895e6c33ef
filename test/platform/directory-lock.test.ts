import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { lockDirectory } from '../../src/platform/directory-lock.ts'
import { loadFlock } from '../../src/platform/flock.ts'
import { formatHolder, formatLegacy } from '../../src/platform/lock-file.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { CHILD_ENV, bundleForNode } from './support/bundle.ts'
import type { Order } from './support/lock-racer.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const onLinux = describe.skipIf(process.platform !== 'linux') // start times and boot ids come from /proc
const kinds = [null, ...loadFlock() === null ? [] : [loadFlock()]]
const BOOT = existsSync('/proc') ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() : null

let root: string
let library: string
let racerScript: string
let deadPid: number
const racers: Racer[] = []

beforeAll(() => {
  root = mkdtempSync(`${tmpdir()}/millrace-lock-`)
  library = `${root}/directory-lock.cjs`
  bundleForNode(['src/platform/directory-lock.ts'], library)
  racerScript = `${root}/lock-racer.cjs`
  bundleForNode(['test/platform/support/lock-racer.ts'], racerScript)
  deadPid = spawnSync(process.execPath, ['-e', '0']).pid
})
afterEach(async () => { await Promise.all(racers.splice(0).map(racer => racer.kill())) })
afterAll(() => { rmSync(root, { recursive: true, force: true }) })

let directories = 0
function freshDirectory(): string {
  const directory = `${root}/d${directories++}`
  mkdirSync(directory)
  return directory
}

class Racer {
  readonly child: ChildProcessWithoutNullStreams
  readonly #answers: AsyncIterator<string>

  constructor(seed: number) {
    this.child = spawn(process.execPath, [racerScript, String(seed)], { env: CHILD_ENV })
    this.child.stderr.on('data', chunk => process.stderr.write(chunk))
    this.#answers = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
    racers.push(this)
  }

  tell(order: Order): void {
    this.child.stdin.write(`${JSON.stringify(order)}\n`)
  }

  async answer(): Promise<string> {
    const answer = await this.#answers.next()
    return answer.done === true ? 'ended' : answer.value
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = new Promise(resolve => this.child.once('exit', resolve))
    this.child.kill('SIGKILL')
    await ended
  }
}

async function startRacers(count: number): Promise<Racer[]> {
  const started = Array.from({ length: count }, (_, index) => new Racer(SEED + index))
  for (const racer of started) expect(await racer.answer()).toBe('ready')
  return started
}

/** A lock file, and perhaps a claim upon it, as processes leave them that were killed. */
function leaveStaleLock(directory: string, random: SeededRandom): void {
  const holder = (id: string): string => formatHolder({ id, pid: deadPid, start: '1', boot: BOOT, kind: random.chance(0.5) ? 'flock' : 'exclusive' }) + formatLegacy({ dataBoot: 'older', note: 'kept' })
  const state = random.below(5)
  if (state === 0) return
  writeFileSync(`${directory}/.lock`, state === 1 ? 'torn by a power cut' : holder('aa'))
  if (state < 3) return
  mkdirSync(`${directory}/.lock.after-aa`)
  writeFileSync(`${directory}/.lock.after-aa/holder`, holder('bb'))
  if (state === 4) mkdirSync(`${directory}/.lock.after-bb`)
}

onLinux.each(kinds.map(flock => ({ name: flock === null ? 'without flock' : 'with flock', flock })))('$name', ({ flock }) => {
  test('a second lock in this process, with or without flock, is refused', () => {
    const directory = freshDirectory()
    const lock = lockDirectory(directory, BOOT, flock)
    for (const other of kinds) expect(() => lockDirectory(directory, BOOT, other)).toThrow(/by this process/)
    expect(readdirSync(directory)).toEqual(['.lock'])
    lock.release()
    lockDirectory(directory, BOOT, flock).release()
  })

  test('a worker thread of this process is refused as this process', async () => {
    const directory = freshDirectory()
    const lock = lockDirectory(directory, BOOT, flock)
    const code = `require('node:worker_threads').parentPort.postMessage((() => {
      try { require(${JSON.stringify(library)}).lockDirectory(${JSON.stringify(directory)}, ${JSON.stringify(BOOT)}) } catch (error) { return error.message }
    })())`
    const message = await new Promise((resolve, reject) => new Worker(code, { eval: true }).once('message', resolve).once('error', reject))
    expect(message).toContain('by this process')
    lock.release()
  })

  test('kill -9 frees the lock, and its note is handed on', async () => {
    const directory = freshDirectory()
    const [racer] = await startRacers(1) as [Racer]
    racer.tell({ directory, flock: flock !== null, at: 0 })
    expect(await racer.answer()).toBe('won')
    expect(() => lockDirectory(directory, BOOT, flock)).toThrow(`by process ${racer.child.pid}`)
    await racer.kill()
    lockDirectory(directory, BOOT, flock).release()
  })

  test('a process id that now belongs to another process holds nothing', () => {
    const directory = freshDirectory()
    writeFileSync(`${directory}/.lock`, formatHolder({ id: 'aa', pid: process.ppid, start: '1', boot: BOOT, kind: 'exclusive' }))
    lockDirectory(directory, BOOT, flock).release()
  })

  test('a process of another boot holds nothing, even one with our id', () => {
    const directory = freshDirectory()
    writeFileSync(`${directory}/.lock`, formatHolder({ id: 'aa', pid: process.pid, start: null, boot: 'another', kind: 'exclusive' }))
    lockDirectory(directory, BOOT, flock).release()
  })

  test('where nothing tells one boot or start from another, a running process holds its lock', () => {
    const directory = freshDirectory()
    writeFileSync(`${directory}/.lock`, formatHolder({ id: 'aa', pid: process.ppid, start: null, boot: null, kind: 'exclusive' }))
    expect(() => lockDirectory(directory, BOOT, flock)).toThrow(`by process ${process.ppid}`)
  })
})

onLinux('races', () => {
  test('a process that is killed at any step of taking the lock leaves it free for the next', async () => {
    let answer = ''
    let steps = 0
    while (answer !== 'won') {
      const directory = freshDirectory()
      writeFileSync(`${directory}/.lock`, formatHolder({ id: 'aa', pid: deadPid, start: '1', boot: BOOT, kind: 'flock' }) + formatLegacy({ dataBoot: 'older', note: 'kept' }))
      const [racer] = await startRacers(1) as [Racer]
      racer.tell({ directory, flock: steps % 2 === 0, at: 0, dieAt: ++steps })
      answer = await racer.answer()
      expect(['won', 'ended']).toContain(answer)
      await racer.kill()
      const next = lockDirectory(directory, BOOT)
      expect(next).toMatchObject({ earlierNote: 'kept', earlierBootId: 'older' })
      expect(readdirSync(directory)).toEqual(['.lock'])
      next.release()
    }
    expect(steps).toBeGreaterThan(8)
  }, 60_000)

  test(`of 30 processes exactly one takes a lock that is free, stale or torn, and kill -9 of it frees it (seed ${SEED})`, async () => {
    const random = new SeededRandom(SEED)
    const all = await startRacers(30)
    for (let round = 0; round < 20; round++) {
      const directory = freshDirectory()
      leaveStaleLock(directory, random)
      const at = Date.now() + 5
      // Some use flock and some do not: they have to respect each other.
      all.forEach((racer, index) => { racer.tell({ directory, flock: (index + round) % 3 !== 0, at }) })
      const answers = await Promise.all(all.map(racer => racer.answer()))
      expect(answers.filter(answer => answer === 'won'), answers.join('\n')).toHaveLength(1)
      expect(answers.filter(answer => answer !== 'won' && !answer.includes('is already open for writing by')), `round ${round}`).toEqual([])
      expect(readdirSync(directory).filter(name => !name.startsWith('.lock'))).toEqual([])
      const winner = all[answers.indexOf('won')] as Racer
      expect(() => lockDirectory(directory, BOOT)).toThrow(`by process ${winner.child.pid}`)
      if (round % 5 === 4) {
        await winner.kill()
        all.splice(all.indexOf(winner), 1, ...await startRacers(1))
      } else {
        winner.tell({ directory: null })
        expect(await winner.answer()).toBe('released')
      }
      const next = lockDirectory(directory, BOOT)
      expect(readdirSync(directory)).toEqual(['.lock'])
      next.release()
    }
  }, 120_000)
})
