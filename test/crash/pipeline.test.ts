// The process or the power ends at any call to the file system while a pipeline of exactly-once stages is at work, and the
// opening after it at any of its own. What is left holds each effect of what was handled once and in order, nothing of
// what was not; and the pipeline goes on from there to its end.
import { describe, expect, test } from 'vitest'
import { naming, untilCrash } from './support-simulated/accidents.ts'
import { PipelinedLog } from './support-simulated/pipelined-log.ts'
import { SEED, isChosen } from './support-simulated/sampling.ts'

const POWER_CUTS = Number(process.env['POWER_CUTS'] ?? 2)

type Accident = 'kill' | number

/** The life up to a call, counted from where the log is open. `order` seeds the order in which syncs end. */
async function runUntil(call: number, order: number | undefined): Promise<{ log: PipelinedLog; calls: number }> {
  const log = await PipelinedLog.create(order === undefined ? {} : { seed: order })
  const before = log.machine.fs.calls
  log.machine.fs.crashAfter(call)
  await untilCrash(log.machine, () => log.live())
  return { log, calls: log.machine.fs.calls - before }
}

async function eachCall(step: number, order: number | undefined, work: (log: PipelinedLog) => Promise<void>): Promise<number> {
  const { calls } = await runUntil(Infinity, order)
  let accidents = 0
  for (let call = 1; call <= calls + 1; call++) {
    if (!isChosen(call, step)) continue
    const { log } = await runUntil(call, order)
    await naming(`ended at call ${call} of ${calls}, order ${order}`, () => work(log))
    accidents++
  }
  return accidents
}

/** What is left is opened and hit again at once; or goes on to its end, and is hit then. */
async function survives(log: PipelinedLog, accident: Accident, seed: number): Promise<void> {
  await naming(`after ${accident}`, async () => {
    const opened = log.after(accident)
    await opened.openAndExpectKept()
    await finishes(opened.after(seed + 1), seed + 2)
    await finishes(log.after(accident), seed + 3)
  })
}

async function finishes(log: PipelinedLog, seed: number): Promise<void> {
  await log.openAndExpectKept()
  await log.finish()
  const last = log.after(seed)
  await last.openAndExpectKept()
  await last.expectKept({ isDrained: true })
  last.machine.abandon()
}

describe(`seed ${SEED}`, { timeout: 6 * 3_600_000 }, () => {
  const accidents: Accident[] = ['kill', ...Array.from({ length: POWER_CUTS }, (_, i) => SEED + i)]

  test.each([undefined, SEED])('each effect happens exactly once, in order, at whatever call the process or the power ends (syncs end in the order %s)', async order => {
    expect(await eachCall(101, order, async log => {
      for (const accident of accidents) await survives(log, accident, SEED)
    })).toBeGreaterThan(0)
  })

  test('and when the opening after that ends at any of its own calls', async () => {
    expect(await eachCall(307, undefined, async log => {
      for (const accident of ['kill', SEED] as const) {
        const whole = log.after(accident)
        await whole.machine.open()
        for (let at = 1; at <= whole.machine.fs.calls; at++) {
          if (!isChosen(at, 61)) continue
          const opening = log.after(accident)
          opening.machine.fs.crashAfter(at)
          await untilCrash(opening.machine, () => opening.machine.open())
          for (const next of ['kill', SEED + at] as const) await naming(`after ${accident}, opening ended at call ${at} by ${next}`, () => finishes(opening.after(next), SEED + at))
        }
      }
    })).toBeGreaterThan(0)
  })
})
