// SEED=… HISTORY=… STEPS=… repeat a failure that was printed; HISTORIES=10000 makes a campaign of it.
import { test } from 'vitest'
import { runGroupHistories } from './histories.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const COUNT = Number(process.env['HISTORIES'] ?? 200)

test(`each partition has one owner, and nothing is skipped, whoever joins, leaves, commits, seeks and dies (SEED=${SEED})`, async () => {
  await runGroupHistories({ seed: SEED, count: COUNT, path: process.env['HISTORY'], replayPath: process.env['STEPS'] })
}, 60_000 + COUNT * 500)
