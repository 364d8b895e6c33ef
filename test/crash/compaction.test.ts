// A compaction that ends at every one of its calls to the file system, by a kill and by a power cut, and the recovery
// from that ended at its calls again: no record is lost that nothing newer on the device supersedes.
import { describe, expect, test } from 'vitest'
import { naming, untilCrash } from './support-simulated/accidents.ts'
import { callsOfCompaction, newCompactedLog, newLogOfDeletions, shapes, type CompactedLog, type Shape } from './support-simulated/compacted-log.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { SEED, isChosen } from './support-simulated/sampling.ts'

const POWER_CUTS = 3
/** Histories of two power cuts; DRAWS=… for more. */
const DRAWS = Number(process.env['DRAWS'] ?? 15)

/** Runs the compaction to the call. */
async function endedAt(shape: Shape, call: number, order: number | undefined): Promise<CompactedLog> {
  const log = await newCompactedLog(shape, order)
  log.machine.fs.crashAfter(call)
  await untilCrash(log.machine, async () => { await log.housekeep() })
  return log
}

/** Compacts what is left, takes more, compacts that, and ends once more. */
async function liveOn(log: CompactedLog): Promise<void> {
  expect(await log.housekeep()).toEqual([])
  await log.expectCompacted()
  await log.expectKept('process')
  await log.send(6, { keys: 4, batch: 2 })
  await log.expectKept('process')
  const next = log.after('kill')
  await next.openAndExpectKept('process')
  expect(await next.housekeep()).toEqual([])
  await next.expectCompacted()
  const last = next.after(SEED)
  await last.openAndExpectKept('power')
  await last.expectCompacted()
  last.machine.abandon()
}

async function survives(log: CompactedLog): Promise<void> {
  await naming('then a kill', async () => {
    const next = log.after('kill')
    await next.openAndExpectKept('process')
    await liveOn(next)
  })
  for (let cut = 0; cut < POWER_CUTS; cut++) {
    await naming(`then a power cut with seed ${SEED + cut}`, async () => {
      const next = log.after(SEED + cut)
      await next.openAndExpectKept('power')
      await liveOn(next)
    })
  }
}

/** The opening after the accident, ended at its calls. */
async function survivesTwice(log: CompactedLog, accident: 'kill' | number): Promise<number> {
  const whole = log.after(accident)
  await whole.machine.open()
  const total = whole.machine.fs.calls
  whole.machine.abandon()
  let accidents = 0
  for (let call = 1; call <= total; call++) {
    if (!isChosen(call, 29)) continue
    const opening = log.after(accident)
    opening.machine.fs.crashAfter(call)
    await untilCrash(opening.machine, () => opening.machine.open())
    for (const second of ['kill', SEED + call, SEED + call + 1] as const) {
      await naming(`recovery from ${accident} ended at call ${call} of ${total} by ${second}`, async () => {
        const next = opening.after(second)
        await next.openAndExpectKept(accident === 'kill' && second === 'kill' ? 'process' : 'power')
        await liveOn(next)
      })
      accidents++
    }
  }
  return accidents
}

describe(`seed ${SEED}`, { timeout: 3_600_000 }, () => {
  describe.each(shapes)('%s', shape => {
    test.each([undefined, SEED])('a compaction that ends at any of its calls loses nothing (order of syncs: %s)', async order => {
      const { length: total } = await callsOfCompaction(shape, order)
      for (let call = 1; call <= total; call++) {
        if (!isChosen(call, 29)) continue
        await naming(`'${shape}' ended at call ${call} of ${total}, order ${order}`, async () => survives(await endedAt(shape, call, order)))
      }
    })

    test('neither does a recovery from it that ends at any of its own', async () => {
      const { length: total } = await callsOfCompaction(shape)
      let accidents = 0
      for (let call = 1; call <= total; call++) {
        if (!isChosen(call, 43)) continue
        await naming(`'${shape}' ended at call ${call} of ${total}`, async () => {
          const log = await endedAt(shape, call, undefined)
          for (const accident of ['kill', SEED] as const) accidents += await survivesTwice(log, accident)
        })
      }
      expect(accidents).toBeGreaterThan(0)
    })
  })

  test('a key that was deleted does not come back, whichever compactions the power fails in, before and after its tombstone may go', async () => {
    const random = new SeededRandom(SEED)
    for (let draw = 0; draw < DRAWS; draw++) {
      const cuts: PowerCut[] = []
      for (let count = 0; count < 2; count++) {
        const call = await callNearDecision(await afterCuts(draw, cuts), random)
        cuts.push({ call, seed: random.below(1000) })
        await naming(`draw ${draw}: ${JSON.stringify(cuts)}`, async () => {
          const log = await afterCuts(draw, cuts)
          await log.expectValues()
          log.machine.abandon()
        })
      }
    }
  })
})

interface PowerCut { readonly call: number; readonly seed: number }

async function afterCuts(order: number, cuts: readonly PowerCut[]): Promise<CompactedLog> {
  let log = await newLogOfDeletions(order)
  for (const { call, seed } of cuts) {
    log.machine.fs.crashAfter(call)
    await untilCrash(log.machine, async () => { await log.housekeep() })
    log = log.after(seed)
    await log.machine.open()
    await log.machine.clock.advance(10_000)
  }
  return log
}

/** A call about where a compaction's swaps are decided; runs the compaction to its end. */
async function callNearDecision(log: CompactedLog, random: SeededRandom): Promise<number> {
  const calls = log.machine.fs.trace()
  expect(await log.housekeep()).toEqual([])
  const total = calls.length
  const decision = calls.findLastIndex(({ operation, path }) => operation === 'rename' && path.endsWith('.cleaned'))
  log.machine.abandon()
  return decision === -1 ? 1 + random.below(total) : Math.min(total, decision + random.below(4))
}
