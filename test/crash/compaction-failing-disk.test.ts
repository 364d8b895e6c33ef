// Each call of a compaction fails in turn: the log is as before, or compacted; the failure is told; and once the disk is
// well again the next compaction does it all, in this process or after any end of it.
import { describe, expect, test } from 'vitest'
import { LimitError } from '../../src/base/errors.ts'
import type { Call, Fault, Operation } from '../../src/platform/faults.ts'
import { naming } from './support-simulated/accidents.ts'
import { callsOfCompaction, newCompactedLog, type CompactedLog } from './support-simulated/compacted-log.ts'
import { SEED, isChosen } from './support-simulated/sampling.ts'

/** Not the log's own topics: when those fail, more than a compaction does. */
const PATH = /\/users-0|checkpoint/
const shapes = ['merged segments', 'segments that were compacted before'] as const

const faults: readonly (readonly [Operation, Fault])[] = [
  ['open', { error: 'EMFILE' }], ['open', { error: 'ENOSPC' }], ['open', { error: 'EIO' }],
  ['write', { error: 'ENOSPC', writtenBytes: 40 }], ['write', { error: 'EIO', writtenBytes: 200 }],
  ['sync', { error: 'EIO' }], ['sync', { error: 'EMFILE' }], ['syncDirectory', { error: 'EIO' }], ['syncDirectory', { error: 'EMFILE' }],
  ['rename', { error: 'EIO' }], ['rename', { error: 'ENOSPC' }], ['remove', { error: 'EIO' }], ['readLater', { error: 'EIO' }], ['read', { error: 'EIO' }],
  ['list', { error: 'EMFILE' }], ['stat', { error: 'EIO' }], ['bytes', { error: 'EIO' }],
]

const matching = (calls: readonly Call[], operation: Operation): number => calls.filter(call => call.operation === operation && PATH.test(call.path)).length

async function failed(shape: typeof shapes[number], operation: Operation, fault: Fault, after: number): Promise<{ log: CompactedLog; isTold: boolean }> {
  const log = await newCompactedLog(shape)
  log.machine.fs.failNext(operation, { ...fault, path: PATH, after })
  const failures = await log.housekeep()
  await log.machine.clock.settle()
  return { log, isTold: failures.length > 0 && log.machine.errors.length > 0 }
}

async function goesOn(log: CompactedLog): Promise<void> {
  await log.machine.recover()
  await log.expectKept('process', { wholeDirectory: false }) // names that are left wait for the next compaction
  await log.topic.alter({ segmentBytes: 1500 }) // other groups than those that were begun
  await log.send(3, { keys: 3, durability: 'process' })
  expect(await log.housekeep()).toEqual([])
  await log.expectCompacted()
  await log.expectKept('process')
  for (const accident of ['kill', SEED] as const) {
    await naming(`and after ${accident}`, async () => {
      const next = log.after(accident)
      await next.openAndExpectKept(accident === 'kill' ? 'process' : 'power')
      await next.expectCompacted()
      next.machine.abandon()
    })
  }
}

describe.each(shapes)(`%s (seed ${SEED})`, { timeout: 3_600_000 }, shape => {
  test.each(faults)('%s, %o: the log is as before or compacted, it is told, and the next time succeeds', async (operation, fault) => {
    const total = matching(await callsOfCompaction(shape), operation)
    for (let after = 0; after < total; after++) {
      if (!isChosen(after, 5)) continue
      await naming(`'${shape}', ${operation} ${after} of ${total}`, async () => {
        const { log, isTold } = await failed(shape, operation, fault, after)
        if (!isTold) await log.expectCompacted()
        if (fault.error !== 'EIO') for (const error of log.machine.errors) expect(error).toBeInstanceOf(LimitError)
        for (const accident of ['kill', SEED] as const) {
          await naming(`then ${accident}`, async () => {
            const next = log.after(accident)
            await next.openAndExpectKept(accident === 'kill' ? 'process' : 'power')
            await goesOn(next)
            next.machine.abandon()
          })
        }
      })
      await naming(`'${shape}', ${operation} ${after} of ${total}, in the same process`, async () => {
        const { log } = await failed(shape, operation, fault, after)
        await goesOn(log)
        log.machine.abandon()
      })
    }
  })

  test('a disk that fills up in the middle is told, the log is as before, and success comes with room', async () => {
    const calls = await callsOfCompaction(shape)
    const writes = matching(calls, 'write')
    for (let room = 0; room < 40 * writes; room += 37) {
      await naming(`${room} bytes of room`, async () => {
        const log = await newCompactedLog(shape)
        const { fs } = log.machine
        fs.capacityBytes = fs.usedBytes + room
        const failures = await log.housekeep()
        for (const error of failures) expect(error).toBeInstanceOf(LimitError)
        if (failures.length === 0) await log.expectCompacted()
        else expect(log.machine.errors.length, 'an event').toBeGreaterThan(0)
        await log.expectKept('process')
        fs.capacityBytes = Infinity
        log.machine.errors.length = 0
        await log.machine.clock.advance(2000)
        await goesOn(log)
        log.machine.abandon()
      })
    }
  })
})
