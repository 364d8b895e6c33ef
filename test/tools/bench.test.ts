// That every benchmark still runs, on a hundredth of its work: what comes out as figures is not looked at. And that the
// yardstick measures what it says: its bytes are the log's, and rounds in which it is slow do not count.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { runRounds, undisturbed } from '../../bench/support/rounds.mjs'
import { makeRecords, segmentPaths } from '../../bench/support/records.mjs'
import { open } from '../../src/index.ts'
import buildDist from '../support/build-dist.ts'

const bench = join(import.meta.dirname, '../../bench')
const names = readdirSync(bench).filter(name => name.endsWith('.mjs') && name !== 'run.mjs').map(name => name.slice(0, -'.mjs'.length))
const hasCompiler = spawnSync('cc', ['--version']).status === 0

const made: string[] = []
function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-test-'))
  made.push(directory)
  return directory
}

beforeAll(buildDist, 180_000)
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true })
})

function startBench(directory: string, ...words: string[]): { command: string; words: string[]; env: NodeJS.ProcessEnv } {
  return { command: process.execPath, words: [join(bench, 'run.mjs'), ...words], env: { ...process.env, TMPDIR: directory } }
}

function runBench(directory: string, ...given: string[]): { status: number | null; stdout: string; stderr: string } {
  const { command, words, env } = startBench(directory, ...given)
  return spawnSync(command, words, { encoding: 'utf8', env })
}

test.each(names)('the benchmark %s runs, tells its figures and leaves nothing behind', name => {
  const directory = makeDirectory()
  const { status, stdout, stderr } = runBench(directory, name, '--quick', '--json')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const [machine, ...tables] = stdout.trim().split('\n').map(line => JSON.parse(line) as Record<string, object>)
  expect(machine).toHaveProperty('load')
  expect(tables.length).toBeGreaterThan(0)
  for (const { rows } of tables) expect(Object.keys(rows ?? {}).length).toBeGreaterThan(0)
  expect(readdirSync(directory)).toEqual([])
}, 120_000)

test('one item of a benchmark can be run alone', () => {
  const { stdout } = runBench(makeDirectory(), 'send-sync', '--quick', '--json')
  expect(stdout.trim().split('\n').slice(1).map(line => (JSON.parse(line) as { title: string }).title)).toEqual([expect.stringMatching(/^send-sync: /)])
})

test('a benchmark that does not exist is told with those that do', () => {
  const { status, stderr } = runBench(makeDirectory(), 'sned')
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/^bench: there is no 'sned', there are .*send.*send-array/) as string })
})

test('an interrupted run ends the benchmark, however long it would take, and leaves nothing behind', async () => {
  const directory = makeDirectory()
  const { command, words, env } = startBench(directory, 'send', '--quick', '--rounds', '1000000000')
  const child = spawn(command, words, { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const exit = once(child, 'exit')
  await once(child.stdout, 'data')
  const scratch = watch(join(directory, readdirSync(directory)[0] ?? ''))
  await once(scratch, 'change') // something is written in it
  scratch.close()
  child.kill('SIGINT')
  expect(await exit).toEqual([1, null])
  expect(readdirSync(directory)).toEqual([])
})

test('a round in which the C loop is more than 15 % below its best does not count, and another is run', async () => {
  const rates = [80, 100, 84, 85, 99]
  let round = 0
  const contenders = { loop: async () => ({ 'records/s': rates[round++] ?? NaN }) }
  const all = await runRounds(contenders, 'loop', { rounds: 3, maxRounds: 10, quick: true })
  expect(all.map(figures => figures.get('loop')?.['records/s'])).toEqual(rates)
  expect(undisturbed(all, 'loop').map(figures => figures.get('loop')?.['records/s'])).toEqual([100, 85, 99])
})

test('no more rounds are run than the limit says', async () => {
  let rate = 1
  const all = await runRounds({ loop: async () => ({ 'records/s': rate *= 2 }) }, 'loop', { rounds: 3, maxRounds: 5, quick: true })
  expect(all).toHaveLength(5)
})

test.runIf(hasCompiler)('the C loop writes the bytes that the log stores, and reads those that it stored', async () => {
  const directory = makeDirectory()
  const [program, pairs, written] = [join(directory, 'raw-loop'), join(directory, 'records'), join(directory, 'raw.log')]
  const records = makeRecords(1000).map(record => ({ ...record, timestamp: 1_700_000_000_000 }))
  writeFileSync(pairs, Buffer.concat(records.flatMap(({ key, value }) => [key, value])))
  const log = await open(join(directory, 'log'))
  const topic = await log.topic<Uint8Array, Uint8Array>('numbers', { key: 'bytes', value: 'bytes' })
  await Promise.all(records.map(record => topic.send(record))) // of one tick: one batch
  const [segment = ''] = segmentPaths(log, topic)
  await log.close()

  expect(spawnSync('cc', ['-O2', '-msse4.2', '-o', program, join(bench, 'support/raw-loop.c')]).status).toBe(0)
  const count = (...words: string[]): number => Number(spawnSync(program, words, { encoding: 'utf8' }).stdout.split(' ')[0])
  expect(count('append', pairs, written, '1000', '1000', '1')).toBe(1000)
  const stored = readFileSync(segment)
  expect(readFileSync(written).subarray(0, stored.length).equals(stored)).toBe(true)
  expect(count('scan', '2', segment)).toBe(2000)
  expect(count('get', '50', segment)).toBe(50)
})
