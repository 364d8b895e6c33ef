// The process or the power ends at any call to the file system while transactions are at work, and the opening after it
// at any of its own. Whatever log.transaction() resolved for is there, what it threw for is not, and what it left
// undecided is there as a whole or not at all; the group's position goes with it.
import { describe, expect, test } from 'vitest'
import { naming, untilCrash } from './support-simulated/accidents.ts'
import { SEED, isChosen } from './support-simulated/sampling.ts'
import { PARTITIONS, TransactedLog } from './support-simulated/transacted-log.ts'

const POWER_CUTS = Number(process.env['POWER_CUTS'] ?? 2)
const STEP = 37

const scenarios: Record<string, (log: TransactedLog) => Promise<void>> = {
  'three partitions and a position': async log => {
    await log.transact({ partitions: [0, 1, 2], advance: true })
    await log.transact({ partitions: [1], advance: true })
  },

  'one producer, over other partitions each time': async log => {
    await log.transact({ partitions: [0, 1] })
    await log.transact({ partitions: [2] })
    await log.transact({ partitions: [1], advance: true })
    await log.transact({ partitions: [0, 2] })
  },

  'a commit, and then an abort of the same producer elsewhere': async log => {
    await log.transact({ partitions: [0, 1], advance: true })
    await log.transact({ partitions: [2], throws: true })
    await log.sendPlain(2)
    await log.transact({ partitions: [0], throws: true })
  },

  'open at the same time': async log => {
    await log.transact({ partitions: [0, 1], then: async () => {
      await log.sendPlain(1)
      await log.transact({ partitions: [1, 2], advance: true })
      await log.transact({ partitions: [0], throws: true })
      await log.sendPlain(0)
    } })
    await log.transact({ partitions: [2] })
  },

  'a newer one of the same id': async log => {
    await log.transact({ partitions: [2], id: 'a' })
    await log.transact({ partitions: [0, 1], id: 'a', then: () => log.transact({ partitions: [1, 2], id: 'a', advance: true }) })
    await log.transact({ partitions: [0], id: 'a' })
  },

  "'process' after 'power', and 'power' after that": async log => {
    await log.transact({ partitions: [0, 1] })
    await log.transact({ partitions: [2], durability: 'process' })
    await log.sendPlain(2)
    await log.transact({ partitions: [1, 2] })
  },

  'segments roll within it': async log => {
    await log.transact({ partitions: [0, 1], bytes: 700, advance: true })
    await log.transact({ partitions: [0, 1], bytes: 700, throws: true })
    await log.transact({ partitions: [1], bytes: 700 })
  },
}

interface Plan { readonly order?: number }

/** The scenario up to a call, counted from where the log is open. */
async function runUntil(name: string, call: number, { order }: Plan): Promise<{ log: TransactedLog; calls: number }> {
  const log = await TransactedLog.create(order === undefined ? {} : { seed: order })
  const before = log.machine.fs.calls
  log.machine.fs.crashAfter(call)
  await untilCrash(log.machine, () => scenarios[name]!(log))
  return { log, calls: log.machine.fs.calls - before }
}

type Accident = 'kill' | number

const levelOf = (accident: Accident): 'process' | 'power' => accident === 'kill' ? 'process' : 'power'

/** What is left is opened and worked with, and hit again. */
async function survives(log: TransactedLog, accident: Accident, seed: number): Promise<void> {
  const opened = async (): Promise<TransactedLog> => {
    const next = log.after(accident)
    await next.openAndExpectKept(levelOf(accident))
    return next
  }
  await ends(await opened(), seed + 1)

  const halfSynced = await opened()
  await halfSynced.sendPlain(seed % PARTITIONS)
  await ends(halfSynced, seed + 2)

  const second = await opened()
  await second.transact({ partitions: [seed % PARTITIONS], throws: seed % 2 === 0 })
  await second.transact({ partitions: [(seed + 1) % PARTITIONS], id: 'a', throws: seed % 4 === 1 })
  await second.expectKept(levelOf(accident))
  for (const next of ['kill', seed + 3, seed + 4] as const) {
    const third = second.after(next)
    await third.openAndExpectKept(levelOf(next))
    await third.join()
    await third.transact({ partitions: [0, 1, 2], advance: true })
    await ends(third, seed + 5)
  }
}

async function ends(log: TransactedLog, seed: number): Promise<void> {
  const last = log.after(seed)
  await last.openAndExpectKept('power')
  last.machine.abandon()
}

async function eachCall(name: string, plan: Plan, step: number, work: (log: TransactedLog, call: number) => Promise<void>): Promise<number> {
  const { calls } = await runUntil(name, Infinity, plan)
  let accidents = 0
  for (let call = 1; call <= calls + 1; call++) {
    if (!isChosen(call, step)) continue
    const { log } = await runUntil(name, call, plan)
    await naming(`'${name}' ended at call ${call} of ${calls}, order ${plan.order}`, () => work(log, call))
    accidents++
  }
  return accidents
}

describe(`seed ${SEED}`, { timeout: 600_000 }, () => {
  const names = Object.keys(scenarios)
  const cuts = Array.from({ length: POWER_CUTS }, (_, i) => SEED + i)

  describe.each([undefined, SEED])('syncs end in the order %s', order => {
    const plan = order === undefined ? {} : { order }

    test.each(names)('a transaction outlives kill -9 as it was told, at any call: %s', async name => {
      expect(await eachCall(name, plan, STEP, (log, call) => survives(log, 'kill', SEED + call))).toBeGreaterThan(0)
    })

    test.each(names)('and a power cut: %s', async name => {
      expect(await eachCall(name, plan, STEP, async log => {
        for (const cut of cuts) await naming(`power cut ${cut}`, () => survives(log, cut, cut))
      })).toBeGreaterThan(0)
    })
  })

  test.each(names)('and an opening that ends at any of its own calls: %s', async name => {
    const accidents = await eachCall(name, {}, 61, async (log, call) => {
      for (const accident of ['kill', SEED] as const) {
        const whole = log.after(accident)
        await whole.machine.open()
        for (let at = 1; at <= whole.machine.fs.calls; at++) {
          if (!isChosen(at, 17)) continue
          const opening = log.after(accident)
          opening.machine.fs.crashAfter(at)
          await untilCrash(opening.machine, () => opening.machine.open())
          for (const next of ['kill', SEED + at] as const) {
            const level = accident === 'kill' ? levelOf(next) : 'power'
            await naming(`${accident}, opening ended at call ${at} by ${next}`, async () => {
              const opened = opening.after(next)
              await opened.openAndExpectKept(level)
              await opened.transact({ partitions: [call % 3] })
              await ends(opened, SEED + at + 1)
            })
          }
        }
      }
    })
    expect(accidents).toBeGreaterThan(0)
  })
})
