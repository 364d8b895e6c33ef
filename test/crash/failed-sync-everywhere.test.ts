// Every sync of short lives of a log fails in turn, of whatever file or directory; so does every sync of the opening
// after a power cut; and recover() ends at every one of its calls. However it goes on from there, what was
// acknowledged is kept, and what is shown afterwards is on the device.
import { describe, expect, test } from 'vitest'
import { LimitError, MillraceError, StorageError } from '../../src/base/errors.ts'
import type { Operation } from '../../src/platform/faults.ts'
import { callsOf, eachCall, naming, untilCrash } from './support-simulated/accidents.ts'
import { expectKept } from './support-simulated/ledger.ts'
import { newLog, type LedgeredLog } from './support-simulated/ledgered-log.ts'
import { scenarios } from './support-simulated/scenarios.ts'
import { SEED, isChosen } from './support-simulated/sampling.ts'

const names = ['segments roll', 'batches larger than a page', 'a topic is deleted and made again', 'a topic gets partitions and another retention'] as const
const syncs = ['sync', 'syncDirectory'] as const satisfies readonly Operation[]

describe(`seed ${SEED}`, { timeout: 600_000 }, () => {
  describe.each(names)('%s', name => {
    test.each(syncs)('a %s that fails in it costs nothing that was acknowledged, whoever goes on', async operation => {
      const total = (await callsOf(name)).filter(call => call.operation === operation).length
      for (let after = 0; after < total; after++) {
        if (!isChosen(after, 3)) continue
        await naming(`${operation} ${after} of ${total}`, async () => {
          for (const goOn of [inTheSameProcess, afterAKill, afterAClose, afterAPowerCut]) {
            const log = newLog()
            log.fs.failNext(operation, { error: 'EIO', after })
            const refused = await untilRefused(async () => {
              await log.open()
              await scenarios[name](log)
            })
            await log.clock.settle()
            if (log.isOpen && log.errors.length === 0 && !refused) continue // the last syncs are the background's: this time one less was needed
            await naming(goOn.name, () => goOn(log))
          }
        })
      }
      expect(total).toBeGreaterThan(3)
    })
  })

  test.each(['segments roll', 'batches larger than a page', 'recovery points are saved'] as const)('a sync that fails while the log is opened after a power cut is not believed by the next opening: %s', async name => {
    const plan = { seeds: [SEED], chosen: (call: number) => isChosen(call, 31) }
    expect(await eachCall(name, plan, failEachSyncOfOpening)).toBeGreaterThan(0)
  })

  test('a recover() that ends at any of its calls leaves everything for the next opening', async () => {
    const from = (await failed()).fs.calls
    const whole = await failed()
    await whole.recover()
    for (let call = 1; call <= whole.fs.calls - from; call++) {
      if (!isChosen(call, 2)) continue
      await naming(`ended at call ${call}`, async () => {
        const log = await failed()
        log.fs.crashAfter(call)
        await untilCrash(log, () => log.recover())
        const next = log.afterKill()
        await next.openAndExpectKept('process')
        await expectShownIsDurable(next, SEED + call)
        const other = log.afterPowerCut(SEED + call)
        await other.openAndExpectKept('power')
      })
    }
  })
})

async function failed(): Promise<LedgeredLog> {
  const log = newLog()
  await log.open()
  await log.create('orders', { segmentBytes: 2048 })
  await log.send('orders', { count: 6 })
  await log.send('orders', { count: 6, durability: 'process' })
  log.fs.failNext('sync', { error: 'EIO', path: /orders-0\// })
  await expect(log.send('orders')).rejects.toBeInstanceOf(StorageError)
  return log
}

async function inTheSameProcess(log: LedgeredLog): Promise<void> {
  if (!log.isOpen) await log.open()
  await log.clock.settle() // a segment may still be synced in the background
  if (log.ledger.isUncertain) return // whether a topic or a start offset has changed is for the next opening to say
  await log.recover()
  await expectKept(log.log, log.ledger, 'process')
  for (const [name, { partitions }] of log.ledger.topics) for (const partition of partitions.keys()) await log.send(name, { partition })
  await expectShownIsDurable(log, SEED)
}

async function afterAKill(log: LedgeredLog): Promise<void> {
  const next = log.afterKill()
  await next.open()
  await inTheSameProcess(next)
}

async function afterAClose(log: LedgeredLog): Promise<void> {
  if (log.isOpen) await untilRefused(() => log.log.close())
  const next = log.onDisk(log.fs)
  await next.open()
  await inTheSameProcess(next)
}

async function afterAPowerCut(log: LedgeredLog): Promise<void> {
  for (let cut = 0; cut < 3; cut++) {
    const next = log.afterPowerCut(SEED + cut)
    await next.openAndExpectKept('power')
    await expectShownIsDurable(next, SEED + cut)
  }
}

async function failEachSyncOfOpening(log: LedgeredLog, seed: number): Promise<void> {
  const whole = log.afterPowerCut(seed)
  const calls = whole.fs.trace()
  await whole.open()
  whole.abandon()
  for (const operation of syncs) {
    const total = calls.filter(call => call.operation === operation).length
    for (let after = 0; after < total; after++) {
      const next = log.afterPowerCut(seed)
      next.fs.failNext(operation, { error: 'EIO', after })
      await expect(next.open(), `${operation} ${after}`).rejects.toBeInstanceOf(StorageError)
      const again = after % 2 === 0 ? next : next.afterKill()
      await again.openAndExpectKept('power')
      await naming(`${operation} ${after} failed`, () => expectShownIsDurable(again, seed + after))
    }
  }
}

/** What an open log shows outlives a power cut, every record and topic of it. */
async function expectShownIsDurable(log: LedgeredLog, seed: number): Promise<void> {
  for (let cut = 0; cut < 2; cut++) {
    const next = log.afterPowerCut(seed + cut)
    for (const { partitions } of next.ledger.topics.values()) for (const partition of partitions) partition.acknowledged.power = partition.sent.length
    await next.openAndExpectKept('power')
    next.abandon()
  }
}

/** The work until the log refuses to go on, for the disk's sake; whether it did. */
async function untilRefused(work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return false
  } catch (error) {
    if (!(error instanceof MillraceError) || error instanceof LimitError) throw error
    return true
  }
}
