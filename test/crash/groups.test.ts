// A short run of the campaign that `npm run torture -- groups` runs at length; tools/torture/groups.mjs tells what it
// does. The seed is printed when it fails, and repeats the workload.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROUNDS = 3
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const torture = fileURLToPath(new URL('../../tools/torture.mjs', import.meta.url))

test('groups go on after kill -9 at random moments: nothing is left out, and only what was not committed comes again', () => {
  const args = ['groups', '--rounds', String(ROUNDS), '--seed', String(SEED)]
  const { stdout, stderr, status } = spawnSync(process.execPath, [torture, ...args], { encoding: 'utf8' })
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' })
  expect(stdout.match(new RegExp(`  ${ROUNDS} kills, `, 'g'))?.length, stdout).toBeGreaterThanOrEqual(2)
  expect(stdout).toContain('5 passed, 0 failed, 0 skipped') // two durabilities, and three planted faults that are found
}, 120_000)
