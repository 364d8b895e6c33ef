import { describe, expect, test } from 'vitest'
import { eachCall, powerCutInRecovery } from './support-simulated/accidents.ts'
import { scenarios, type ScenarioName } from './support-simulated/scenarios.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const names = Object.keys(scenarios) as ScenarioName[]

describe(`seed ${SEED}`, () => {
  test.each(names)('recovery: %s', { timeout: 300_000 }, async name => {
    expect(await eachCall(name, { seeds: [SEED], chosen: call => (call + SEED) % 29 === 0 }, powerCutInRecovery)).toBeGreaterThan(0)
  })
})
