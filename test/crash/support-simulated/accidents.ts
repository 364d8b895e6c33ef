// Accidents after every single call: a scenario is run to its n-th call to the file system, where the process ends;
// what is left (after a kill, or after draws of a power cut) is opened, held to the ledger, written to, and hit again.
//
// A failing case says what repeats it: scenario, call, seed. `order` seeds the order in which syncs and reads end;
// without one they end at once.
import type { Call } from '../../../src/platform/faults.ts'
import type { Level } from './ledger.ts'
import { newLog, type LedgeredLog } from './ledgered-log.ts'
import { isChosen } from './sampling.ts'
import { scenarios, type ScenarioName } from './scenarios.ts'

export interface Plan {
  readonly seeds: readonly number[]
  readonly order?: number
  /** Appends as mapped files make them, with room ahead. */
  readonly roomBytes?: number
  /** Which of the calls end in an accident; all, where it is left out. */
  readonly chosen?: (call: number) => boolean
}

/** Runs the scenario to the call, or to its end. */
export async function runUntil(name: ScenarioName, call: number, { order, roomBytes = 0 }: Pick<Plan, 'order' | 'roomBytes'> = {}): Promise<LedgeredLog> {
  const log = newLog({ roomBytes, ...order === undefined ? {} : { seed: order } })
  log.fs.crashAfter(call)
  await untilCrash(log, async () => {
    await log.open()
    await scenarios[name](log)
  })
  return log
}

/** The scenario's calls, cut at none. */
export async function callsOf(name: ScenarioName, { order, roomBytes = 0 }: Pick<Plan, 'order' | 'roomBytes'> = {}): Promise<readonly Call[]> {
  const log = newLog({ roomBytes, ...order === undefined ? {} : { seed: order } })
  const calls = log.fs.trace()
  await log.open()
  await scenarios[name](log)
  const ended = [...calls]
  log.abandon()
  return ended
}

export async function eachCall(name: ScenarioName, plan: Plan, accident: (log: LedgeredLog, seed: number) => Promise<void>): Promise<number> {
  const total = (await callsOf(name, plan)).length
  let accidents = 0
  for (let call = 1; call <= total; call++) {
    if (plan.chosen?.(call) === false) continue
    const log = await runUntil(name, call, plan)
    for (const seed of plan.seeds) {
      await naming(`'${name}' ended at call ${call} of ${total}, seed ${seed}, order ${plan.order}`, () => accident(log, seed))
      accidents++
    }
  }
  return accidents
}

/** A power cut, life after it, another power cut, a clean end. Or: a power cut, records that nobody syncs, another one. */
export async function powerCut(log: LedgeredLog, seed: number): Promise<void> {
  const unsynced = log.afterPowerCut(seed)
  await unsynced.openAndExpectKept('power')
  for (const [name, { partitions }] of unsynced.ledger.topics) for (const partition of partitions.keys()) await unsynced.send(name, { partition, durability: 'process' })
  await end(unsynced.afterPowerCut(seed + 3), 'power')

  const second = await liveOn(log.afterPowerCut(seed), 'power')
  const third = await liveOn(second.afterPowerCut(seed + 1), 'power')
  await third.close()
  await end(third.afterPowerCut(seed + 2), 'power')
}

/** A kill, life after it, then a power cut. Or: a kill, and a power cut as soon as the log is open again. */
export async function kill(log: LedgeredLog, seed: number): Promise<void> {
  const opened = log.afterKill()
  await opened.openAndExpectKept('process')
  await end(opened.afterPowerCut(seed + 1), 'power')

  const second = await liveOn(log.afterKill(), 'process')
  const third = await liveOn(second.afterPowerCut(seed), 'power')
  await end(third.afterKill(), 'process')
}

/** A power cut, and the recovery after it ended at its calls: by a kill, and by another power cut. */
export async function powerCutInRecovery(log: LedgeredLog, seed: number): Promise<void> {
  const whole = log.afterPowerCut(seed)
  await whole.open()
  const total = whole.fs.calls
  whole.abandon()
  for (let call = 1; call <= total; call++) {
    if (!isChosen(call, 2)) continue
    const recovering = log.afterPowerCut(seed)
    recovering.fs.crashAfter(call)
    await untilCrash(recovering, () => recovering.open())
    await naming(`recovery killed at call ${call} of ${total}`, async () => {
      const second = await liveOn(recovering.afterKill(), 'power')
      await end(second.afterPowerCut(seed + call), 'power')
    })
    await naming(`recovery ended at call ${call} of ${total} by a power cut`, async () => {
      const second = await liveOn(recovering.afterPowerCut(seed + call), 'power')
      await end(second.afterPowerCut(seed + call + 1), 'power')
    })
  }
}

/** What was promised is there; a topic that is not can be made, and every partition takes records as ever. */
async function liveOn(log: LedgeredLog, level: Level): Promise<LedgeredLog> {
  await log.openAndExpectKept(level)
  if (!log.ledger.topics.has('orders')) await log.create('orders')
  for (const [name, { partitions }] of log.ledger.topics) {
    for (const partition of partitions.keys()) {
      await log.send(name, { partition, durability: 'process' })
      await log.send(name, { partition, count: 2, bytes: 250 })
    }
  }
  return log
}

async function end(log: LedgeredLog, level: Level): Promise<void> {
  await log.openAndExpectKept(level)
  log.abandon()
}

/** The work until the file system crashes below it; any other error is a failure. */
export async function untilCrash(log: LedgeredLog, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!log.fs.crashed) throw error
  }
}

/** Says what was done where it fails. */
export async function naming(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
