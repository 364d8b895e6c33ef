// SEED=… repeats the histories from that seed on; HISTORIES=1000 makes a campaign of it.
import { expect, test } from 'vitest'
import { PipelineHistory } from './support/pipeline-history.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const COUNT = Number(process.env['HISTORIES'] ?? 25)

test(`every record has its effect exactly once, in order, whoever fails, is slow, comes, goes and dies (SEED=${SEED})`, async () => {
  for (let seed = SEED; seed < SEED + COUNT; seed++) await expect(PipelineHistory.run(seed)).resolves.toBeUndefined()
}, 60_000 + COUNT * 5000)
