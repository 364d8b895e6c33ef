// What is written is on the device within 30 s, whatever else happens meanwhile, and where nothing is written nothing
// is synced. A power cut after the round is the proof: with several seeds, so that no lucky draw hides a hole.
import { describe, expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import { Rounds } from '../../src/log/rounds.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'
import { testLog, type TestLog } from '../../src/testing.ts'

const SEEDS = [1, 2, 3, 4, 5, 6]

/** What a power cut leaves of 'orders', whatever it takes of what was not synced. */
async function expectDurable(log: TestLog, values: readonly string[], seed: number): Promise<void> {
  const survivor = await log.powerCut({ seed })
  const found: unknown[] = []
  for await (const { value } of (await survivor.topic('orders')).read()) found.push(value)
  expect(found, `seed ${seed}`).toEqual(values)
}

describe('rounds', () => {
  test('one round serves all that needed it before it began, an interval after the first', async () => {
    const clock = new SteppedClock({ startMs: 0 })
    const begun: number[] = []
    const rounds = new Rounds(clock, 30, async () => { begun.push(clock.now()) })
    await clock.advance(100)
    for (let i = 0; i < 3; i++) rounds.needed()
    await clock.advance(20)
    rounds.needed()
    await clock.advance(1000)
    expect(begun).toEqual([130])
    expect(clock.pending).toBe(0)
  })

  test('what is needed while a round runs is left to the next, an interval after its end', async () => {
    const clock = new SteppedClock({ startMs: 0 })
    const begun: number[] = []
    const rounds = new Rounds(clock, 30, async () => {
      begun.push(clock.now())
      await new Promise<void>(resolve => { clock.setTimeout(resolve, 50) })
      if (begun.length === 1) rounds.needed()
    })
    rounds.needed()
    await clock.advance(1000)
    expect(begun).toEqual([30, 110])
  })

  test('what is urgent comes within a second, before what was to come later, and no sooner after a round', async () => {
    const clock = new SteppedClock({ startMs: 0 })
    const begun: number[] = []
    const rounds = new Rounds(clock, 30_000, async () => {
      begun.push(clock.now())
      if (begun.length < 3) for (let i = 0; i < 5; i++) rounds.urgent()
    })
    rounds.needed()
    await clock.advance(100)
    rounds.urgent()
    rounds.needed()
    await clock.advance(100_000)
    expect(begun).toEqual([1100, 2100, 3100])
  })

  test('what is urgent waits for no longer than an interval', async () => {
    const clock = new SteppedClock({ startMs: 0 })
    const begun: number[] = []
    const rounds = new Rounds(clock, 30, async () => { begun.push(clock.now()) })
    rounds.urgent()
    await clock.advance(1000)
    expect(begun).toEqual([30])
  })

  test('no round begins once they are stopped, nor after one that ran meanwhile', async () => {
    const clock = new SteppedClock()
    let begun = 0
    const rounds = new Rounds(clock, 30, async () => {
      begun++
      rounds.needed()
      rounds.stop()
    })
    rounds.needed()
    await clock.advance(1000)
    rounds.needed()
    await clock.advance(1000)
    expect(begun).toBe(1)
    expect(clock.pending).toBe(0)
  })
})

test('a log that nobody writes to has no timer, also after a day in which it was written to', async () => {
  const clock = new SteppedClock()
  const log = await open('memory:', { clock })
  const topic = await log.topic('orders')
  for (let hour = 0; hour < 24; hour++) {
    await topic.send({ value: hour })
    expect(clock.pending).toBe(2) // to sync, and to keep house
    await clock.advance(3_600_000)
    expect(clock.pending).toBe(0)
  }
  await log.close()
})

describe('within 30 s is on the device', () => {
  test.each(SEEDS)('what is sent after a day in which nothing was (seed %i)', async seed => {
    const log = await testLog({ seed })
    const topic = await log.topic('orders')
    for (const value of ['first', 'second']) {
      await log.clock.advance('1d')
      await topic.send({ value })
    }
    await log.clock.advance('30s')
    await expectDurable(log, ['first', 'second'], seed)
  })

  test.each(SEEDS)('what is sent while a round runs (seed %i)', async seed => {
    const log = await testLog({ seed })
    const topic = await log.topic('orders')
    await topic.send({ value: 'before' })
    const sends: Promise<unknown>[] = []
    log.clock.setTimeout(() => { for (let i = 0; i < seed; i++) setImmediate(() => { if (i === seed - 1) sends.push(topic.send({ value: 'meanwhile' })) }) }, 30_000)
    await log.clock.advance('30s')
    await Promise.all(sends)
    await log.clock.advance('30s')
    await expectDurable(log, ['before', 'meanwhile'], seed)
  })

  test.each(SEEDS)('after the next round, what found no free descriptor for its sync (seed %i)', async seed => {
    const log = await testLog({ seed })
    const topic = await log.topic('orders')
    const errors: string[] = []
    log.on('error', ({ error }) => { errors.push(error.code) })
    await topic.send({ value: 'patient' })
    log.disk.failNext('sync', { error: 'EMFILE', path: /orders-0/ })
    await log.clock.advance('30s')
    expect(errors).toEqual(['TOO_MANY_OPEN_FILES'])
    await log.clock.advance('30s')
    await expectDurable(log, ['patient'], seed)
  })

  test.each(SEEDS)('what is sent to a partition that failed and was recovered between rounds (seed %i)', async seed => {
    const log = await testLog({ seed })
    const topic = await log.topic('orders')
    await topic.send({ value: 'lost or not' })
    log.disk.failNext('sync', { error: 'EIO', path: /orders-0/ })
    await log.clock.advance('10m') // rounds pass it by
    await topic.partitions[0]!.recover()
    const kept: string[] = []
    for await (const { value } of topic.read()) kept.push(String(value))
    await topic.send({ value: 'after' })
    await log.clock.advance('30s')
    await expectDurable(log, [...kept, 'after'], seed)
  })
})

test('within 30 s the recovery point is behind what was synced by its senders', async () => {
  const log = await testLog({ durability: 'power' })
  const topic = await log.topic('orders')
  await log.clock.advance('1d')
  await topic.send({ value: 'synced at once' })
  await log.clock.advance('30s')
  log.disk.corrupt('/log/orders-0/00000000000000000000.log', 70, 0xff) // below the recovery point it is damage, above it would be cut
  const survivor = await log.powerCut()
  expect((await survivor.topic('orders')).partitions[0]!.endOffset).toBe(1)
})

test('a checkpoint that found the disk full is written in the next round', async () => {
  const log = await testLog()
  const topic = await log.topic('orders')
  const errors: string[] = []
  log.on('error', ({ error }) => { errors.push(error.code) })
  await topic.send({ value: 'stored' })
  log.disk.failNext('write', { error: 'ENOSPC', path: /recovery-point/ })
  await log.clock.advance('30s')
  expect(errors).toEqual(['DISK_FULL'])
  await log.clock.advance('30s')
  log.disk.corrupt('/log/orders-0/00000000000000000000.log', 70, 0xff)
  const survivor = await log.powerCut()
  expect((await survivor.topic('orders')).partitions[0]!.endOffset).toBe(1)
})
