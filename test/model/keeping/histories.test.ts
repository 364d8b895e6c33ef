// SEED=… HISTORY=… STEPS=… repeat a failure that was printed; HISTORIES=5000 makes a campaign of it.
import { test } from 'vitest'
import { runKeepingHistories } from './histories.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const COUNT = Number(process.env['HISTORIES'] ?? 40)

test(`the newest of each key stays and what is superseded goes, whatever is sent, altered, truncated, read and crashed meanwhile (SEED=${SEED})`, async () => {
  await runKeepingHistories({ seed: SEED, count: COUNT, path: process.env['HISTORY'], replayPath: process.env['STEPS'] })
}, 60_000 + COUNT * 1000)
