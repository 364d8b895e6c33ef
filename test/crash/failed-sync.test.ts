// A sync that fails is believed once: the simulated disk loses what it was to store, shows it all the same, and says
// that the next sync went well. So nothing is acknowledged by asking again, what may be lost is not served, and
// recover() or the next opening puts what can still be read into files of its own.
import { beforeEach, describe, expect, test } from 'vitest'
import { LimitError, StorageError } from '../../src/base/errors.ts'
import type { Call } from '../../src/platform/faults.ts'
import type { Partition, Topic } from '../../src/surface/topic.ts'
import { expectKept } from './support-simulated/ledger.ts'
import { newLog, type LedgeredLog } from './support-simulated/ledgered-log.ts'
import { SEED } from './support-simulated/sampling.ts'

const ORDERS = /orders-0(\/|$)/
const SYNCED = 5
const SENT = 10
const CUTS = 8

let log: LedgeredLog
let topic: Topic
let partition: Partition
let calls: readonly Call[]

beforeEach(async () => {
  log = newLog()
  calls = log.fs.trace()
  await log.open()
  await log.create('orders', { segmentBytes: 2048 })
  await log.send('orders', { count: SYNCED })
  await log.send('orders', { count: SENT - SYNCED - 1, durability: 'process' })
  topic = log.topic('orders')
  partition = topic.partitions[0]!
})

/** The next record's sync finds a device that does not answer. */
async function failSync(): Promise<void> {
  log.fs.failNext('sync', { error: 'EIO', path: ORDERS })
  await expect(log.send('orders')).rejects.toMatchObject({ name: 'StorageError', code: 'PARTITION_FAILED' })
}

const syncsOfOrders = (): number => calls.filter(({ operation, path }) => operation.startsWith('sync') && ORDERS.test(path)).length

describe(`after a failed sync (seed ${SEED})`, () => {
  test('every later change is refused, and the partition is never synced again', async () => {
    await failSync()
    const before = syncsOfOrders()
    await expect(log.send('orders')).rejects.toBeInstanceOf(StorageError)
    await expect(log.send('orders', { durability: 'process' })).rejects.toBeInstanceOf(StorageError)
    expect(() => topic.producer().sendSync({ value: 'x' })).toThrow(StorageError)
    await expect(partition.truncateBefore(2)).rejects.toBeInstanceOf(StorageError)
    await log.clock.advance(300_000)
    expect(syncsOfOrders()).toBe(before)
  })

  test('sends that waited behind it are refused with it', async () => {
    log.fs.failNext('sync', { error: 'EIO', path: ORDERS })
    const producer = topic.producer({ durability: 'power' })
    const sends = Array.from({ length: 4 }, async (_, i) => {
      for (let turn = 0; turn < i * 3; turn++) await Promise.resolve()
      return await producer.send({ value: `waiting ${i}` })
    })
    const before = syncsOfOrders()
    expect((await Promise.allSettled(sends)).map(({ status }) => status)).toEqual(Array(4).fill('rejected'))
    expect(syncsOfOrders()).toBe(before + 1)
  })

  test('readers get what was synced and then the error; the end offset stays', async () => {
    const reader = topic.read({ from: 'earliest' })
    await failSync()
    const seen: number[] = []
    await expect((async () => { for await (const { offset } of reader) seen.push(offset) })()).rejects.toBeInstanceOf(StorageError)
    expect(seen).toEqual([0, 1, 2, 3, 4])
    expect((await partition.get(SYNCED - 1))?.offset).toBe(SYNCED - 1)
    await expect(partition.get(SYNCED)).rejects.toBeInstanceOf(StorageError)
    await expect(partition.fetch({ from: SYNCED })).rejects.toBeInstanceOf(StorageError)
    expect(partition.endOffset).toBe(SENT)
  })

  test('other partitions go on', async () => {
    await log.create('payments')
    await failSync()
    await log.send('payments', { count: 2 })
    await log.create('refunds')
    await log.send('refunds')
  })

  test('it is told as an event, once, with the partition and what is certain', async () => {
    await failSync()
    await log.send('orders').catch(() => { /* refused */ })
    await log.clock.settle()
    expect(log.errors).toHaveLength(1)
    expect(log.errors[0]).toMatchObject({ code: 'PARTITION_FAILED', details: { partition: 'orders-0', syncedOffset: SYNCED, endOffset: SENT } })
  })

  test('recover() serves what can be read, takes records again, and a power cut then takes nothing of it', async () => {
    await failSync()
    await log.recover()
    await expectKept(log.log, log.ledger, 'process')
    expect(partition.endOffset).toBe(SENT)
    for (let cut = 0; cut < CUTS; cut++) await expectKeptAfterPowerCut(log, SEED + cut, SENT)
    await log.send('orders', { count: 2 })
    for (let cut = 0; cut < CUTS; cut++) await expectKeptAfterPowerCut(log, SEED + cut, SENT + 2)
  })

  test('opening again on the same boot does what recover() does, after a clean end and after a kill', async () => {
    await failSync()
    const killed = log.afterKill()
    await log.close()
    for (const next of [log.onDisk(log.fs.survivorOfKill()), killed]) {
      await next.open()
      await expectKept(next.log, next.ledger, 'process')
      for (let cut = 0; cut < CUTS; cut++) await expectKeptAfterPowerCut(next, SEED + cut, SENT)
    }
  })

  test('one that fails while a killed log is opened is not believed by the next opening either', async () => {
    // Killed between a write that was torn and its undoing: so the opening has something to cut, and syncs the cut.
    log.fs.failNext('write', { error: 'ENOSPC', path: ORDERS, writtenBytes: 100 })
    log.fs.failNext('truncate', { error: 'EMFILE', path: ORDERS, times: Infinity })
    await expect(log.send('orders', { durability: 'process' })).rejects.toBeInstanceOf(LimitError)
    log.ledger.partition('orders', 0).sent.length = SENT - 1
    const killed = log.afterKill()
    killed.fs.failNext('sync', { error: 'EIO', path: ORDERS })
    await expect(killed.open()).rejects.toBeInstanceOf(StorageError)
    await killed.open()
    await expectKept(killed.log, killed.ledger, 'process')
    await killed.send('orders')
    for (let cut = 0; cut < CUTS; cut++) await expectKeptAfterPowerCut(killed, SEED + cut, SENT)
  })

  test('a power cut before anybody recovered takes nothing that was acknowledged', async () => {
    await failSync()
    for (let cut = 0; cut < CUTS; cut++) {
      const next = log.afterPowerCut(SEED + cut)
      await next.openAndExpectKept('power')
    }
  })
})

describe(`an I/O error (seed ${SEED})`, () => {
  test('in a write is a StorageError, then and until recover(); what was acknowledged before is kept', async () => {
    for (const writtenBytes of [0, 100, 400]) {
      log.fs.failNext('write', { error: 'EIO', path: ORDERS, writtenBytes })
      await expect(log.send('orders', { durability: 'process' })).rejects.toMatchObject({ name: 'StorageError', code: 'PARTITION_FAILED' })
      await expect(log.send('orders')).rejects.toBeInstanceOf(StorageError)
      log.ledger.partition('orders', 0).sent.length = log.ledger.partition('orders', 0).acknowledged.process
      const killed = log.onDisk(log.fs.survivorOfKill())
      await killed.open()
      await expectKept(killed.log, killed.ledger, 'process')
      killed.abandon()
      await log.recover()
      await expectKept(log.log, log.ledger, 'process')
      await log.send('orders', { count: 2 })
    }
  })

  test('in a read fails that read alone, of new records and of old ones', async () => {
    await expectOneFailedRead('read', SENT - 2)
    await log.close()
    await log.open()
    topic = log.topic('orders')
    await expectOneFailedRead('readLater', 0)
    await log.send('orders')
  })
})

async function expectOneFailedRead(operation: 'read' | 'readLater', from: number): Promise<void> {
  log.fs.failNext(operation, { error: 'EIO', path: ORDERS })
  await expect(countFrom(from)).rejects.toMatchObject({ name: 'StorageError', code: 'IO_FAILED', details: { errno: 'EIO' } })
  expect(await countFrom(from)).toBe(SENT - 1 - from)
}

async function countFrom(offset: number): Promise<number> {
  let count = 0
  for await (const record of topic.read({ from: { offset } })) count += record.offset >= offset ? 1 : 0
  return count
}

async function expectKeptAfterPowerCut(cut: LedgeredLog, seed: number, end: number): Promise<void> {
  const next = cut.onDisk(cut.fs.survivorOfPowerCut(seed))
  next.ledger.partition('orders', 0).acknowledged.power = end
  await next.openAndExpectKept('power')
  next.abandon()
}
