// What becomes of a record whose handler fails: attempts and their times, time-outs, and the end of the runner.
import { describe, expect, onTestFinished, test } from 'vitest'
import { testLog } from '../../src/testing.ts'
import { failureOf } from '../contract/support/failures.ts'
import { heldHandler, lane, numbered, startBatchRun, startRun } from './support/runs.ts'

const boom = new Error('boom')

describe('retry', () => {
  test('attempts come after back-offs that double up to the longest, by the log\'s clock', async () => {
    const orders = lane().append({ value: 'a' }, { value: 'b' })
    const times: number[] = []
    const seen: unknown[] = []
    const run = startRun({ lanes: [orders], options: { retry: { attempts: 6, backoff: '1s', maxBackoff: '5s', jitter: false } } }, (record, { attempt }) => {
      seen.push([record.value, attempt])
      times.push(run.clock.now())
      if (attempt < 6) throw boom
    })
    const start = run.clock.now()
    await run.clock.advance(60_000)
    expect(times.map(time => time - start)).toEqual([0, 1000, 3000, 7000, 12_000, 17_000, 17_000, 18_000, 20_000, 24_000, 29_000, 34_000])
    expect(seen.slice(0, 7)).toEqual([['a', 1], ['a', 2], ['a', 3], ['a', 4], ['a', 5], ['a', 6], ['b', 1]])
    expect(run.errors).toEqual(Array.from({ length: 10 }, () => boom))
    expect(orders.handled).toBe(2)
  })

  test('with jitter a back-off is drawn from half of it to all of it', async () => {
    const draws = [0, 0.5, 0.999]
    const times: number[] = []
    const run = startRun({ lanes: [lane().append({ value: 'a' })], options: { retry: { attempts: 4, backoff: '1s', maxBackoff: '1s' } }, random: () => draws.shift()! }, () => {
      times.push(run.clock.now())
      throw boom
    })
    const start = run.clock.now()
    await run.clock.advance(10_000)
    expect(times.map(time => time - start)).toEqual([0, 500, 1250, 2249])
  })

  test('a record that waits for its next attempt takes no slot, and holds nothing of other partitions back', async () => {
    const lanes = [lane(0).append(...numbered(2)), lane(1).append(...numbered(3))]
    const seen: unknown[] = []
    const { runner, clock, settle } = startRun({ lanes, options: { retry: { backoff: '1m', maxBackoff: '1m', jitter: false } } }, ({ partition, value }, { attempt }) => {
      seen.push([partition, value])
      if (partition === 0 && attempt === 1) throw boom
    })
    await settle()
    expect(seen).toEqual([[0, '0'], [1, '0'], [1, '1'], [1, '2']])
    expect(lanes.map(({ waitsUntil }) => waitsUntil)).toEqual([clock.now() + 60_000, undefined])
    expect(runner.health()).toMatchObject({ state: 'running', assigned: 2, inFlight: 0, lag: 2, lastError: boom })
    await clock.advance(60_000)
    expect(seen.slice(4)).toEqual([[0, '0'], [0, '1']])
    expect(lanes[0]!.handled).toBe(1)
  })

  test('backoff 0 tries again at once', async () => {
    const attempts: number[] = []
    const { settle } = startRun({ lanes: [lane().append({ value: 'a' })], options: { retry: { backoff: 0, maxBackoff: 0 } } }, (_record, { attempt }) => {
      attempts.push(attempt)
      throw boom
    })
    await settle()
    expect(attempts).toEqual([1, 2, 3, 4, 5])
  })

  test('whatever a handler does to its array, the next attempt and the dead letter are whole', async () => {
    const seen: number[] = []
    const { letters, settle } = startBatchRun({ lanes: [lane().append(...numbered(3))], options: { batch: {}, retry: { attempts: 2, backoff: 0, maxBackoff: 0 }, deadLetter: 'dead' } }, records => {
      seen.push(records.length)
      while (records.length > 0) records.shift()
      throw boom
    })
    await settle()
    expect([seen, letters[0]!.records.map(({ offset }) => offset)]).toEqual([[3, 3], [0, 1, 2]])
  })

  test('a batch is retried whole', async () => {
    const orders = lane().append(...numbered(3))
    const seen: unknown[] = []
    const { clock, settle } = startBatchRun({ lanes: [orders], options: { batch: { max: 2 }, retry: {} } }, (records, { attempt }) => {
      seen.push([attempt, ...records.map(({ value }) => value)])
      if (attempt === 1) throw boom
    })
    await settle()
    expect([seen, orders.handled]).toEqual([[[1, '0', '1']], 0])
    await clock.advance(1000)
    expect(seen).toEqual([[1, '0', '1'], [2, '0', '1'], [1, '2'], [2, '2']])
    expect(orders.settled).toEqual([2, 3])
  })
})

describe('without an attempt left', () => {
  test('the runner ends: the others that are under way finish, what was handled is settled, the failed record is not', async () => {
    const lanes = [lane(0).append(...numbered(3)), lane(1).append(...numbered(3))]
    const { calls, handler } = heldHandler()
    const { runner, member, settle, unobserved, errors } = startRun({ lanes, options: { concurrency: 2 } }, handler)
    const done = runner.done.catch((error: unknown) => error)
    await settle()
    calls[0]!.end()
    await settle()
    calls[2]!.fail(boom)
    await settle()
    expect(runner.health()).toMatchObject({ state: 'stopping', inFlight: 1 })
    calls[1]!.end()
    expect(await done).toMatchObject({
      name: 'MillraceError', code: 'HANDLER_FAILED', message: "group 'billing': the handler failed for orders-0, offset 1, after 1 attempt: boom",
      details: { group: 'billing', topic: 'orders', partition: 0, offset: 1, attempts: 1 }, cause: boom,
    })
    expect(calls).toHaveLength(3)
    expect(lanes.map(({ handled }) => handled)).toEqual([1, 1])
    expect(member.closed).toBe(1)
    expect(runner.health()).toMatchObject({ state: 'failed', inFlight: 0, lastError: { code: 'HANDLER_FAILED' } })
    await settle()
    expect([errors, unobserved]).toEqual([[boom], []])
    await runner.stop()
  })

  test('of a batch, the message names its offsets', async () => {
    const { runner } = startBatchRun({ lanes: [lane().append(...numbered(3))], options: { batch: {}, retry: { attempts: 2, backoff: 0, maxBackoff: 0 } } }, () => { throw boom })
    await expect(runner.done).rejects.toMatchObject({ message: "group 'billing': the handler failed for orders-0, offsets 0 to 2, after 2 attempts: boom" })
  })

  test('whatever is thrown, or rejected with, is the cause', async () => {
    for (const thrown of ['text', undefined, null, Object.create(null)]) {
      const { runner, settle } = startRun({ lanes: [lane().append({ value: 'a' })] }, () => Promise.reject(thrown as Error))
      const done = runner.done.catch((error: unknown) => error)
      await settle()
      expect(await done).toMatchObject({ code: 'HANDLER_FAILED' })
    }
  })

  test('an error nobody asked for is told once, and thrown by stop()', async () => {
    const { runner, unobserved, wasSettled, settle } = startRun({ lanes: [lane().append({ value: 'a' })] }, () => { throw boom })
    await settle()
    expect(wasSettled()).toBe(false)
    expect(unobserved).toMatchObject([{ code: 'HANDLER_FAILED' }])
    await expect(runner.stop()).rejects.toBe(unobserved[0])
    await expect(runner[Symbol.asyncDispose]()).rejects.toBe(unobserved[0])
    expect([unobserved.length, wasSettled()]).toEqual([1, true])
    await expect(runner.done).rejects.toBe(unobserved[0])
    await runner.stop()
  })

  test('whoever has just got the runner can still ask for its error, where it fails at once', async () => {
    const { runner, unobserved, settle } = startRun({ lanes: [lane().append({ value: 'a' })] }, () => { throw boom })
    while (runner.health().state !== 'failed') await Promise.resolve()
    await expect(runner.done).rejects.toMatchObject({ code: 'HANDLER_FAILED' })
    await settle()
    expect(unobserved).toEqual([])
  })

  test('a handler that never ends does not keep a failed runner for ever', async () => {
    const lanes = [lane(0).append({ value: 'a' }), lane(1).append({ value: 'b' })]
    let signal: AbortSignal | undefined
    const { runner, clock, settle } = startRun({ lanes, options: { concurrency: 2 } }, (record, context) => {
      if (record.partition === 1) throw boom
      ;({ signal } = context)
      return new Promise(() => { /* never */ })
    })
    const done = runner.done.catch((error: unknown) => error)
    await settle()
    await clock.advance(9999)
    expect(runner.health().state).toBe('stopping')
    await clock.advance(1)
    expect(await done).toMatchObject({ code: 'HANDLER_FAILED' })
    expect(signal!.aborted).toBe(true)
  })
})

describe('handlerTimeout', () => {
  test('aborts the attempt, counts as a failure, and the next begins when the first has settled; its late result is ignored', async () => {
    const orders = lane().append({ value: 'a' }, { value: 'b' })
    const { calls, handler } = heldHandler()
    const { runner, clock, errors, settle } = startRun({ lanes: [orders], options: { handlerTimeout: '1s', retry: { attempts: 2, backoff: '1s', maxBackoff: '1s', jitter: false } } }, handler)
    await settle()
    const { signal } = calls[0]!.context
    await clock.advance(999)
    expect(signal.aborted).toBe(false)
    await clock.advance(1)
    expect(signal.aborted).toBe(true)
    const timedOut = { name: 'TimeoutError', code: 'HANDLER_TIMED_OUT', message: "group 'billing': the handler was not done with orders-0, offset 0 after 1000 ms, in attempt 1" }
    expect(signal.reason).toMatchObject(timedOut)
    expect(errors).toMatchObject([timedOut])
    expect(runner.health().lastError).toMatchObject(timedOut)
    await clock.advance(60_000)
    expect([calls.length, runner.health().inFlight]).toEqual([1, 1])
    calls[0]!.end()
    await clock.advance(999)
    expect([calls.length, orders.handled]).toEqual([1, 0])
    await clock.advance(1)
    expect(calls.map(({ context }) => context.attempt)).toEqual([1, 2])
    expect(calls[1]!.context.signal.aborted).toBe(false)
    calls[1]!.end()
    await settle()
    expect([orders.handled, errors.length]).toEqual([1, 1])
  })

  test('a signal that is asked for after the time was up is aborted', async () => {
    const { calls, handler } = heldHandler()
    const { clock, settle } = startRun({ lanes: [lane().append({ value: 'a' })], options: { handlerTimeout: '1s' } }, handler)
    await settle()
    await clock.advance(1000)
    expect(calls[0]!.context.signal.reason).toMatchObject({ code: 'HANDLER_TIMED_OUT' })
  })

  test('the last attempt that runs out of time ends the runner when it has settled', async () => {
    const { calls, handler } = heldHandler()
    const { runner, clock, settle } = startRun({ lanes: [lane().append({ value: 'a' })], options: { handlerTimeout: '1s' } }, handler)
    const done = runner.done.catch((error: unknown) => error)
    await settle()
    await clock.advance(1000)
    expect(runner.health().state).toBe('running')
    calls[0]!.fail(new Error('aborted'))
    expect(await done).toMatchObject({ code: 'HANDLER_FAILED', cause: { code: 'HANDLER_TIMED_OUT' } })
  })

  test('many attempts of one partition at a time each have a signal, and no warning comes of it', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error) => { warnings.push(warning) }
    process.on('warning', onWarning)
    onTestFinished(() => { process.off('warning', onWarning) })
    const orders = lane().append(...Array.from({ length: 40 }, (_, i) => ({ key: String(i) })))
    const { calls, handler } = heldHandler()
    const { member, settle } = startRun({ lanes: [orders], options: { order: 'key', concurrency: 40, handlerTimeout: '1h' } }, handler)
    await settle()
    const signals = calls.map(({ context }) => context.signal)
    calls[0]!.end()
    await settle()
    member.fence(orders)
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, ...Array.from({ length: 39 }, () => true)])
    await settle()
    expect(warnings).toEqual([])
  })

  test('handlers that are done in time leave no timer behind', async () => {
    const { calls, handler } = heldHandler()
    const { clock, settle } = startRun({ lanes: [lane().append({ value: 'a' })], options: { handlerTimeout: '1s' } }, handler)
    await settle()
    expect(clock.pending).toBe(1)
    calls[0]!.end()
    await settle()
    expect(clock.pending).toBe(0)
  })
})

describe('at-most-once', () => {
  test('a record is committed before it is handed out', async () => {
    const orders = lane().append(...numbered(2))
    const { calls, handler } = heldHandler()
    const { member, settle } = startRun({ lanes: [orders], options: { delivery: 'at-most-once' } }, handler)
    let commit: (() => void) | undefined
    member.committing = new Promise(resolve => { commit = resolve })
    await settle()
    expect(calls).toEqual([])
    commit!()
    await settle()
    expect([calls.length, member.commits]).toEqual([1, [['orders-0', 1]]])
    calls[0]!.end()
    await settle()
    expect(member.commits).toEqual([['orders-0', 1], ['orders-0', 2]])
  })

  test('a record is not handed out where it could not be committed: the runner ends', async () => {
    const { calls, handler } = heldHandler()
    const { runner, member, settle } = startRun({ lanes: [lane().append({ value: 'a' })], options: { delivery: 'at-most-once' } }, handler)
    member.committing = Promise.reject(boom)
    const done = runner.done.catch((error: unknown) => error)
    await settle()
    expect(await done).toMatchObject({ code: 'RUNNER_FAILED', message: "group 'billing': the runner failed: boom", cause: boom })
    expect(calls).toEqual([])
  })

  test('by key, what is committed was handed out, in order', async () => {
    const orders = lane().append({ key: 'a' }, { key: 'b' }, { key: 'a' }, { key: 'c' })
    const { calls, handler } = heldHandler()
    const { member, settle } = startRun({ lanes: [orders], options: { delivery: 'at-most-once', order: 'key', concurrency: 16 } }, handler)
    await settle()
    expect([calls.length, member.commits.at(-1)]).toEqual([2, ['orders-0', 2]])
    calls[0]!.end()
    await settle()
    expect([calls.length, member.commits.at(-1)]).toEqual([4, ['orders-0', 4]])
  })

  test('a failure says that the record does not come again', async () => {
    const { runner, settle } = startRun({ lanes: [lane().append({ value: 'a' })], options: { delivery: 'at-most-once' } }, () => { throw boom })
    const done = runner.done.catch((error: unknown) => error)
    await settle()
    expect(await done).toMatchObject({ code: 'HANDLER_FAILED', hint: expect.stringContaining('is not handed out again') as string })
  })
})

test('what reading met ends the runner', async () => {
  const orders = lane().append({ value: 'a' })
  const { runner, member, settle } = startRun({ lanes: [orders] }, () => undefined)
  const done = runner.done.catch((error: unknown) => error)
  await settle()
  orders.failure = boom
  member.news()
  await settle()
  expect(await done).toMatchObject({ code: 'RUNNER_FAILED', cause: boom })
  expect(orders.handled).toBe(1)
})

test('a damaged batch ends the runner, and what stands before it is handled and committed', async () => {
  const log = await testLog()
  const orders = await log.topic<number>('orders')
  for (const value of [0, 1, 2]) await orders.send({ value })
  const [segment] = log.disk.list('/log/orders-0').filter(name => name.endsWith('.log'))
  log.disk.corrupt(`/log/orders-0/${segment!}`, orders.partitions[0]!.bytes - 3, 0xff)
  const seen: unknown[] = []
  const runner = await log.group('billing').run(orders, ({ value }) => { seen.push(value) }, { from: 'earliest' })
  expect(await failureOf(() => runner.done)).toMatchObject({ name: 'CorruptionError' })
  expect([seen, await log.group('billing').committed(orders)]).toEqual([[0, 1], new Map([[0, 2]])])
  await log.close()
})
