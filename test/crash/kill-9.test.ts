// A short run of the campaign that `npm run torture -- kill-9` runs at length; tools/torture/kill-9.mjs tells what it
// does. The seed is printed when it fails, and repeats the workload.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROUNDS = 10
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const torture = fileURLToPath(new URL('../../tools/torture.mjs', import.meta.url))

test("what was acknowledged, with durability 'process' or 'power', is there after kill -9 at random moments, in order, nothing twice", () => {
  const args = ['kill-9', '--rounds', String(ROUNDS), '--seed', String(SEED)]
  const { stdout, stderr, status } = spawnSync(process.execPath, [torture, ...args], { encoding: 'utf8' })
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' })
  expect(stdout.match(new RegExp(`  ${ROUNDS} kills `, 'g')), stdout).toHaveLength(2)
  expect(stdout).toContain('found, as it must be: ') // a log that acknowledges too early, in the third run
  expect(stdout).toContain('3 passed, 0 failed, 0 skipped')
}, 120_000)
