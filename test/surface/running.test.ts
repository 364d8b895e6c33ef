// run() as users call it: what the runner does is tested in test/run/, here is what holds between it, the group and the log.
import { describe, expect, test } from 'vitest'
import { open, type LogEvents } from '../../src/index.ts'
import { testLog } from '../../src/testing.ts'
import { failureOf } from '../contract/support/failures.ts'

const TRIES = Number(process.env['TRIES'] ?? 200)

describe('run', () => {
  test('handles what is there and what comes, and commits it', async () => {
    const log = await testLog()
    const orders = await log.topic<number>('orders', { partitions: 3 })
    await orders.send([{ value: 1, partition: 0 }, { value: 2, partition: 1 }])
    const seen: number[] = []
    const runner = await log.group('billing').run(orders, record => { seen.push(record.value!) }, { from: 'earliest' })
    await orders.send({ value: 3, partition: 2 })
    await log.idle()
    expect(seen.sort()).toEqual([1, 2, 3])
    expect(runner.health()).toEqual({ state: 'running', assigned: 3, inFlight: 0, lag: 0 })
    expect(await log.group('billing').committed(orders)).toEqual(new Map([[0, 1], [1, 1], [2, 1]]))
    await log.close()
    expect(runner.health().state).toBe('stopped')
    await runner.done
  })

  test(`a record that is sent right after run resolved is handled, and none before: ${TRIES} tries, TRIES=10000 for more`, async () => {
    for (let seed = 0; seed < TRIES; seed++) {
      const log = await testLog({ seed })
      const orders = await log.topic<number>('orders', { partitions: 4 })
      await orders.send({ value: -1 })
      const seen: number[] = []
      await log.group('billing').run(orders, record => { seen.push(record.value!) }, { from: 'latest' })
      await orders.send({ value: seed, key: String(seed) })
      await log.idle()
      expect(seen).toEqual([seed])
      await log.close()
    }
  }, 300_000)

  test('a day of back-off takes a step of the clock', async () => {
    const log = await testLog()
    const orders = await log.topic<number>('orders')
    const attempts: [attempt: number, hours: number][] = []
    const startedAt = log.clock.now()
    await log.group('billing').run(orders, (_record, { attempt }) => {
      attempts.push([attempt, (log.clock.now() - startedAt) / 3_600_000])
      if (attempt < 5) throw new Error('the bank is closed')
    }, { from: 'latest', retry: { attempts: 5, backoff: '6h', maxBackoff: '6h', jitter: false } })
    await orders.send({ value: 1 })
    await log.idle() // what waits for the clock is idle
    expect(attempts).toEqual([[1, 0]])
    await log.idle({ advance: true })
    expect(attempts).toEqual([[1, 0], [2, 6], [3, 12], [4, 18], [5, 24]])
    expect(await log.group('billing').lag()).toMatchObject([{ lag: 0 }])
    await log.close()
  })

  test('idle rejects with what stopped a runner, until it was stopped or another one has begun', async () => {
    const log = await testLog()
    const errors: LogEvents['error'][] = []
    log.on('error', event => errors.push(event))
    const orders = await log.topic<number>('orders')
    await orders.send({ value: 1 })
    const runner = await log.group('billing').run(orders, () => { throw new Error('boom') }, { from: 'earliest' })
    expect(await failureOf(() => log.idle())).toMatchObject({ code: 'HANDLER_FAILED', message: expect.stringMatching(/billing.*orders.*boom/) as string })
    await log.clock.settle()
    expect(errors).toMatchObject([{ error: { code: 'HANDLER_FAILED' } }])
    expect(await failureOf(() => runner.stop())).toMatchObject({ code: 'HANDLER_FAILED' })
    await log.idle()
    const second = await log.group('billing').run(orders, () => { throw new Error('boom') }, { from: 'earliest' })
    await expect(second.done).rejects.toThrow('boom')
    await log.group('billing').run(orders, () => undefined, { from: 'earliest' })
    await log.idle()
    expect(await log.group('billing').committed(orders)).toEqual(new Map([[0, 1]]))
    expect(errors).toHaveLength(1)
    await log.close()
  })

  test('a record that is sent to a new partition at once is handled, also after a crash', async () => {
    let log = await testLog()
    const orders = await log.topic<string>('orders')
    const seen: string[] = []
    const run = async () => { await log.group('billing').run('orders', record => { seen.push(record.value as string) }, { from: 'latest' }) }
    await run()
    await orders.alter({ partitions: 2 })
    orders.producer().sendSync({ value: 'a', partition: 1 })
    log = await log.crash()
    await run()
    await log.idle()
    expect(seen).toEqual(['a'])
    await log.close()
  })

  test('a pipeline is idle when its last handler is', async () => {
    const log = await testLog()
    const [a, b] = [await log.topic<number>('a'), await log.topic<number>('b')]
    const seen: number[] = []
    await log.group('first').run(a, record => { void b.send({ value: record.value! + 1 }) }, { from: 'earliest' })
    await log.group('second').run(b, async record => { await Promise.resolve(); seen.push(record.value!) }, { from: 'earliest' })
    await a.send([{ value: 1 }, { value: 2 }])
    await log.idle()
    expect(seen).toEqual([2, 3])
    await log.close()
  })

  test('idle waits for a back-off by a clock that goes on by itself', async () => {
    const log = await open('memory:')
    const orders = await log.topic<number>('orders')
    await orders.send([{ value: 1 }, { value: 2 }])
    const seen: number[] = []
    await log.group('billing').run(orders, (record, { attempt }) => {
      if (attempt === 1) throw new Error('boom')
      seen.push(record.value!)
    }, { from: 'earliest', retry: { backoff: 5 } })
    await log.idle()
    expect(seen).toEqual([1, 2])
    await log.close()
  })

  test('idle can step a clock that can be stepped, and no other', async () => {
    const log = await open('memory:')
    expect(await failureOf(() => log.idle({ advance: true }))).toMatchObject({ name: 'UsageError', code: 'CLOCK_NOT_STEPPED' })
    await log.idle()
    await log.close()
    expect(await failureOf(() => log.idle())).toMatchObject({ name: 'ClosedError' })
  })
})

test('a log that is opened read-only shows groups, and has no members', async () => {
  const { mkdtempSync, rmSync } = await import('node:fs')
  const directory = mkdtempSync('/tmp/millrace-groups-')
  const log = await open(directory)
  const orders = await log.topic<number>('orders')
  await orders.send([{ value: 1 }, { value: 2 }])
  const follower = await open(directory, { readOnly: true })
  expect([follower.groups(), await follower.group('billing').lag()]).toEqual([[], []])
  const consumer = await log.group('billing').join(orders, { from: 'earliest' })
  for await (const record of consumer) if (record.offset === 1) break
  await consumer.close()
  expect(await follower.group('billing').committed('orders')).toEqual(new Map([[0, 1]]))
  expect(await follower.group('billing').lag()).toMatchObject([{ committed: 1, endOffset: 2, lag: 1 }])
  expect(follower.groups().map(({ id }) => id)).toEqual(['billing'])
  for (const call of [() => follower.group('billing').join('orders', { from: 'earliest' }), () => follower.group('billing').run('orders', () => undefined, { from: 'earliest' }), () => follower.group('billing').reset('orders', 'earliest'), () => follower.group('billing').delete()]) {
    expect(await failureOf(call)).toMatchObject({ name: 'ConflictError', code: 'READ_ONLY' })
  }
  await follower.close()
  await log.close()
  rmSync(directory, { recursive: true })
})
