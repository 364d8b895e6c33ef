// Accidents without end: every scenario, ended at every call, for seed after seed; syncs and reads end in an order that
// the seed draws. For hours, not for npm test.
import { callsOf, eachCall, kill, powerCut, powerCutInRecovery } from './accidents.ts'
import { scenarios, type ScenarioName } from './scenarios.ts'

/** Recoveries are cut at each of their own calls, so only one call in so many of a scenario is taken for them. */
const RECOVERY_STEP = 19
/** With odd seeds appends make room ahead, as mapped files do. */
const ROOM_BYTES = 4096

/** Returns how many accidents there were. A failure says what repeats it. */
export async function accidentCampaign(seed: number, tell: (line: string) => void = () => {}): Promise<number> {
  let accidents = 0
  for (const name of Object.keys(scenarios) as ScenarioName[]) {
    const plan = { seeds: [seed], order: seed, roomBytes: seed % 2 === 0 ? 0 : ROOM_BYTES }
    accidents += await eachCall(name, plan, powerCut)
    accidents += await eachCall(name, plan, kill)
    accidents += await eachCall(name, { ...plan, chosen: call => (call + seed) % RECOVERY_STEP === 0 }, powerCutInRecovery)
    tell(`seed ${seed}, '${name}': ${(await callsOf(name, plan)).length} calls, ${accidents} accidents so far`)
  }
  return accidents
}
