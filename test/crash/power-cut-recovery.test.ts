// The recovery after a power cut is itself ended at each of its calls, by a kill and by another power cut: the next one
// takes the same way again, and what was acknowledged before the first accident is kept through all of them.
import { describe, expect, test } from 'vitest'
import { eachCall, powerCutInRecovery } from './support-simulated/accidents.ts'
import { SEED, isChosen } from './support-simulated/sampling.ts'
import { scenarios, type ScenarioName } from './support-simulated/scenarios.ts'

const names = Object.keys(scenarios) as ScenarioName[]

describe(`recovery ended at each of its calls (seed ${SEED})`, { timeout: 3_600_000 }, () => {
  test.each(names)('%s', async name => {
    expect(await eachCall(name, { seeds: [SEED], chosen: call => isChosen(call, 79) }, powerCutInRecovery)).toBeGreaterThan(0)
  })
})
