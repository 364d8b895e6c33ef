// No room, a quota, a limit on files or descriptors: at whichever call it strikes, it is a LimitError that has changed
// nothing, what was acknowledged stays readable, and the same process goes on when there is room again.
import { describe, expect, test } from 'vitest'
import { LimitError, MillraceError } from '../../src/base/errors.ts'
import type { Fault, Operation } from '../../src/platform/faults.ts'
import { naming } from './support-simulated/accidents.ts'
import { expectKept } from './support-simulated/ledger.ts'
import { newLog, type LedgeredLog, type SendPlan } from './support-simulated/ledgered-log.ts'
import { SEED, isChosen } from './support-simulated/sampling.ts'


/** What a process does that meets a limit: it tries the same again. Topics, rolls, a truncation, a clean end and all. */
async function life(log: LedgeredLog): Promise<void> {
  await persist(() => log.open())
  await persist(() => log.create('orders', { partitions: 2 }))
  for (const durability of ['process', 'power', 'process', 'power'] as const) await persistentSend(log, { durability, count: 2, together: true })
  await persist(() => log.truncate('orders', 0, 3))
  await persist(() => log.alter('orders', { partitions: 3 }))
  await persistentSend(log, { partition: 2 })
  await persist(() => log.create('payments'))
  await persist(() => log.delete('payments'))
  await log.checkpoint()
  await log.close().catch(expectLimit) // closed it is, if not in order
  await persist(() => log.open())
  await persistentSend(log, { count: 3, together: true })
}

async function persist(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    expectLimit(error)
    await work()
  }
}

async function persistentSend(log: LedgeredLog, plan: SendPlan): Promise<void> {
  const ledger = log.ledger.partition('orders', plan.partition ?? 0)
  const before = ledger.sent.length
  try {
    await log.send('orders', plan)
  } catch (error) {
    expectLimit(error)
    expect(log.topic('orders').partitions[plan.partition ?? 0]!.endOffset, 'the end offset').toBe(before)
    ledger.sent.length = before
    await log.send('orders', plan)
  }
}

function expectLimit(error: unknown): void {
  if (!(error instanceof MillraceError)) throw error
  expect(error, error.message).toBeInstanceOf(LimitError)
}

async function countOf(operation: Operation): Promise<number> {
  const log = newLog()
  const calls = log.fs.trace()
  await life(log)
  log.abandon()
  return calls.filter(call => call.operation === operation).length
}

/** As it runs, and as a kill or a power cut would leave it; opened where there is room. */
async function expectWhole(log: LedgeredLog): Promise<void> {
  await expectKept(log.log, log.ledger, 'process')
  for (const [level, disk] of [['process', log.fs.survivorOfKill()], ['power', log.fs.survivorOfPowerCut(SEED)]] as const) {
    disk.capacityBytes = Infinity
    const next = log.onDisk(disk)
    await next.openAndExpectKept(level)
    next.abandon()
  }
}

describe(`one call meets a limit (seed ${SEED})`, { timeout: 600_000 }, () => {
  const limits: readonly (readonly [Operation, Fault])[] = [
    ['write', { error: 'ENOSPC' }], ['write', { error: 'ENOSPC', writtenBytes: 40 }], ['write', { error: 'EDQUOT', writtenBytes: 200 }],
    ['write', { error: 'EFBIG' }], ['write', { error: 'EMFILE' }], ['open', { error: 'EMFILE' }], ['open', { error: 'ENOSPC' }],
    ['remove', { error: 'ENOSPC' }], ['rename', { error: 'ENOSPC' }], ['makeDirectory', { error: 'ENOSPC' }],
  ]
  test.each(limits)('%s, %o: wherever it strikes, trying again is enough', async (operation, fault) => {
    const total = await countOf(operation)
    expect(total).toBeGreaterThan(0)
    for (let after = 0; after < total; after++) {
      if (total > 20 && !isChosen(after, 4)) continue
      await naming(`${operation} ${after} of ${total}`, async () => {
        const log = newLog()
        log.fs.failNext(operation, { ...fault, after })
        await life(log)
        await expectWhole(log)
      })
    }
  })
})

describe(`the disk is full (seed ${SEED})`, () => {
  test.each([0, 1, 60, 400, 2000])('%i bytes before its end: sends are refused, what is stored is read, and with room they go on', async bytesLeft => {
    const log = newLog()
    await log.open()
    await log.create('orders', { segmentBytes: 4096 })
    await log.send('orders', { count: 5 })
    log.fs.capacityBytes = log.fs.usedBytes + bytesLeft
    for (let i = 0; i < 4; i++) await fillUp(log)
    await expectWhole(log)
    log.fs.capacityBytes = Infinity
    await log.send('orders', { count: 20, bytes: 500 })
    await expectWhole(log)
  })

  test('space that a topic gives back is room for others', async () => {
    const log = newLog()
    await log.open()
    await log.create('orders', { segmentBytes: 4096 })
    await log.create('old')
    await log.send('old', { count: 30, bytes: 500, durability: 'process' })
    log.fs.capacityBytes = log.fs.usedBytes + 1000
    await fillUp(log)
    log.fs.capacityBytes += 1000 // room for the deletion itself
    await log.delete('old')
    await log.send('orders', { count: 10, bytes: 500 })
    await expectWhole(log)
  })

  test('a truncation that found no room does not happen later, with another one', async () => {
    const log = newLog()
    await log.open()
    for (const name of ['orders', 'payments']) {
      await log.create(name)
      await log.send(name, { count: 5 })
    }
    log.fs.failNext('write', { error: 'ENOSPC', path: /log-start-offset/ })
    await expect(log.truncate('orders', 0, 3)).rejects.toBeInstanceOf(LimitError)
    log.ledger.partition('orders', 0).startAtMost = 0
    await log.truncate('payments', 0, 2)
    await expectWhole(log)
  })

  test('a log that finds no room to be closed in order loses nothing', async () => {
    const log = newLog()
    await log.open()
    await log.create('orders')
    await log.send('orders', { count: 3, durability: 'process' })
    log.fs.capacityBytes = log.fs.usedBytes
    await expect(log.close()).rejects.toBeInstanceOf(LimitError)
    await expect(newLogOn(log).open()).rejects.toBeInstanceOf(LimitError)
    log.fs.capacityBytes = Infinity
    await newLogOn(log).openAndExpectKept('process')
  })
})

/** Sends until there is no room, by turns in large and in small steps. */
async function fillUp(log: LedgeredLog): Promise<void> {
  const ledger = log.ledger.partition('orders', 0)
  for (const bytes of [700, 1, 300]) {
    for (;;) {
      const before = ledger.sent.length
      const error = await log.send('orders', { bytes, durability: 'process' }).then(() => undefined, (reason: unknown) => reason)
      if (error === undefined) continue
      expectLimit(error)
      ledger.sent.length = before
      break
    }
  }
}

function newLogOn(log: LedgeredLog): LedgeredLog {
  return log.onDisk(log.fs)
}
