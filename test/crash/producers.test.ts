// A partition that idempotent and transactional producers write to ends at any call to the file system, by a kill or a
// power cut, and the recovery from that at any of its own. What is known of producers afterwards, and what a reader of
// committed records is shown, is what a replay of the batches that are left says.
import { describe, expect, test } from 'vitest'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { naming } from './support-simulated/accidents.ts'
import { ProducerHistory } from './support-simulated/producer-history.ts'
import { SEED, isChosen } from './support-simulated/sampling.ts'

const HISTORIES = Number(process.env['HISTORIES'] ?? 4)
const STEPS = 60
const POWER_CUTS = 2

const seeds = Array.from({ length: HISTORIES }, (_, i) => SEED * 100 + i)

async function untilCrash(history: ProducerHistory, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!history.fs.crashed) throw error
  }
}

/** A history up to a call to the file system, or its end. With odd seeds work off the main thread ends in a drawn order. */
async function historyUntil(seed: number, call: number): Promise<ProducerHistory> {
  const history = new ProducerHistory(new SimulatedFileSystem(seed % 2 === 0 ? {} : { seed }))
  await history.create()
  history.fs.crashAfter(call)
  await untilCrash(history, () => history.run(seed, STEPS))
  return history
}

async function callsOf(seed: number): Promise<number> {
  const history = new ProducerHistory(new SimulatedFileSystem(seed % 2 === 0 ? {} : { seed }))
  await history.create()
  const before = history.fs.calls
  await history.run(seed, STEPS)
  await history.expectAsListed()
  return history.fs.calls - before
}

/** Opened, written to, and hit again: by a kill, and by a power cut. */
async function survives(history: ProducerHistory, accident: 'kill' | number, level: 'process' | 'power', seed: number): Promise<void> {
  const first = history.after(accident)
  await first.openAndExpectKept(level)
  await first.run(seed + 7, 15)
  await first.expectAsListed()
  const second = first.after('kill')
  await second.openAndExpectKept('process')
  const third = first.after(seed)
  await third.openAndExpectKept('power')
  await third.run(seed + 8, 10)
  await third.partition.close()
  third.isClean = true
  third.durable = third.recoveryPoint = third.end
  const last = third.after(seed + 1)
  await last.openAndExpectKept('power')
}

describe(`seed ${SEED}`, { timeout: 600_000 }, () => {
  test.each(seeds)('whichever call is the last, no producer and no transaction is another than the log says (history %i)', async seed => {
    const total = await callsOf(seed)
    for (let call = 1; call <= total; call++) {
      if (!isChosen(call, 31)) continue
      const history = await historyUntil(seed, call)
      await naming(`history ${seed} killed at call ${call} of ${total}`, () => survives(history, 'kill', 'process', seed))
      for (let cut = 0; cut < POWER_CUTS; cut++) await naming(`history ${seed} ended at call ${call} of ${total} by power cut ${seed + cut}`, () => survives(history, seed + cut, 'power', seed + cut))
    }
  })

  test.each(seeds)('neither is after a recovery that ended at one of its own calls (history %i)', async seed => {
    const total = await callsOf(seed)
    let accidents = 0
    for (let call = 1; call <= total; call++) {
      if (!isChosen(call, Math.min(401, total))) continue
      const history = await historyUntil(seed, call)
      for (const accident of ['kill', seed] as const) {
        const whole = history.after(accident)
        await whole.open()
        for (let at = 1; at <= whole.fs.calls; at++) {
          if (!isChosen(at, 11)) continue
          const opening = history.after(accident)
          opening.fs.crashAfter(at)
          await untilCrash(opening, () => opening.open())
          for (const next of ['kill', seed + at] as const) {
            const level = accident === 'kill' && next === 'kill' ? 'process' : 'power'
            await naming(`history ${seed}, call ${call} of ${total}, ${accident}, opening ended at call ${at} by ${next}`, () => survives(opening, next, level, seed))
            accidents++
          }
        }
      }
    }
    expect(accidents).toBeGreaterThan(0)
  })
})
