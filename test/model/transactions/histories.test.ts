// SEED=… HISTORY=… STEPS=… repeat a failure that was printed; HISTORIES=5000 makes a campaign of it.
import { test } from 'vitest'
import { runTransactionHistories } from './histories.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const COUNT = Number(process.env['HISTORIES'] ?? 60)

test(`a reader sees exactly what is committed, as a whole, whatever is sent, fenced, aborted, timed out, compacted and crashed meanwhile (SEED=${SEED})`, async () => {
  await runTransactionHistories({ seed: SEED, count: COUNT, path: process.env['HISTORY'], replayPath: process.env['STEPS'] })
}, 60_000 + COUNT * 1000)
