import { describe, expect, test } from 'vitest'
import { eachCall, kill, powerCut } from './support-simulated/accidents.ts'
import { scenarios, type ScenarioName } from './support-simulated/scenarios.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const names = Object.keys(scenarios) as ScenarioName[]

describe(`seed ${SEED}`, () => {
  test.each(names)('power: %s', async name => {
    expect(await eachCall(name, { seeds: [SEED, SEED + 1000] }, powerCut)).toBeGreaterThan(0)
  })
  test.each(names)('kill: %s', async name => {
    expect(await eachCall(name, { seeds: [SEED] }, kill)).toBeGreaterThan(0)
  })
})
