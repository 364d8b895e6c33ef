// The long run: SEEDS=200 SEED=1 npx vitest run --project built test/crash/power-cut-campaign.test.ts
import { expect, test } from 'vitest'
import { accidentCampaign } from './support-simulated/campaign.ts'
import { SEED } from './support-simulated/sampling.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 0)

test.skipIf(SEEDS === 0)(`accidents at every call, ${SEEDS} seeds from ${SEED} on`, { timeout: 0 }, async () => {
  for (let seed = SEED; seed < SEED + SEEDS; seed++) expect(await accidentCampaign(seed, line => { console.log(line) })).toBeGreaterThan(0)
})
