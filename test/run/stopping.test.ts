// The end of a runner, in every state it can be met in.
import { describe, expect, test } from 'vitest'
import { ClosedError, ConflictError, StorageError } from '../../src/base/errors.ts'
import { heldHandler, lane, numbered, startBatchRun, startRun, type Run } from './support/runs.ts'

async function expectStopped({ runner, member }: Run): Promise<void> {
  expect(runner.health()).toMatchObject({ state: 'stopped', assigned: 0, inFlight: 0, lag: 0 })
  expect(member.closed).toBe(1)
  await runner.done
}

describe('stop()', () => {
  test('with nothing to do, it leaves the group at once; a second time it does nothing', async () => {
    const run = startRun({ lanes: [lane()] }, () => undefined)
    expect(run.runner.health()).toEqual({ state: 'running', assigned: 1, inFlight: 0, lag: 0 })
    await run.settle()
    await Promise.all([run.runner.stop(), run.runner.stop()])
    await run.runner.stop()
    await expectStopped(run)
    expect(run.clock.pending).toBe(0)
  })

  test('before anything was handed out, nothing is', async () => {
    const { values, handler } = heldHandler()
    const run = startRun({ lanes: [lane().append(...numbered(3))] }, handler)
    await run.runner.stop()
    await run.settle()
    expect(values()).toEqual([])
    await expectStopped(run)
  })

  test('hands out nothing more and waits for what is under way, which is settled', async () => {
    const lanes = [lane(0).append(...numbered(3)), lane(1).append(...numbered(3))]
    const { calls, handler } = heldHandler()
    const run = startRun({ lanes, options: { concurrency: 2 } }, handler)
    await run.settle()
    const stopping = run.runner.stop()
    expect(run.runner.health()).toMatchObject({ state: 'stopping', inFlight: 2 })
    calls[0]!.end()
    await run.settle()
    expect([run.member.closed, calls.length]).toEqual([0, 2])
    calls[1]!.end()
    await stopping
    expect(lanes.map(({ handled }) => handled)).toEqual([1, 1])
    await expectStopped(run)
  })

  test.each([[undefined, 10_000], ['3s', 3000]] as const)('with the time-out %s, leaves after %d ms without the handlers that are still running', async (timeout, ms) => {
    const orders = lane().append(...numbered(2))
    const { calls, handler } = heldHandler()
    const { runner, member, clock, settle } = startRun({ lanes: [orders] }, handler)
    await settle()
    const { signal } = calls[0]!.context
    const stopping = runner.stop(timeout === undefined ? undefined : { timeout }).catch((error: unknown) => error)
    await clock.advance(ms - 1)
    expect([signal.aborted, member.closed]).toEqual([false, 0])
    await clock.advance(1)
    const error = await stopping
    expect(error).toMatchObject({ name: 'TimeoutError', code: 'CLOSE_TIMED_OUT', message: "group 'billing': stop: 1 handler was still running when the time was up; what they hold is not committed" })
    expect([signal.aborted, signal.reason, member.closed]).toEqual([true, error, 1])
    await runner.done
    calls[0]!.end()
    await settle()
    expect([orders.handled, runner.health().state]).toEqual([0, 'stopped'])
    expect(calls).toHaveLength(1)
    await expect(runner.stop()).rejects.toBe(error)
  })

  test('with no time at all it leaves at once; a handler that asks for its signal later finds it aborted', async () => {
    const { calls, handler } = heldHandler()
    const { runner, settle } = startRun({ lanes: [lane().append({ value: 'a' })] }, handler)
    await settle()
    await expect(runner.stop({ timeout: 0 })).rejects.toMatchObject({ code: 'CLOSE_TIMED_OUT' })
    expect(calls[0]!.context.signal.aborted).toBe(true)
  })

  test('a shorter time of a later call holds', async () => {
    const { handler } = heldHandler()
    const { runner, clock, settle } = startRun({ lanes: [lane().append({ value: 'a' })] }, handler)
    await settle()
    const patient = runner.stop({ timeout: 'forever' }).catch((error: unknown) => error)
    await clock.advance(100_000)
    const hurried = runner.stop({ timeout: '1s' }).catch((error: unknown) => error)
    await clock.advance(1000)
    expect([await patient, await hurried]).toMatchObject([{ code: 'CLOSE_TIMED_OUT' }, { code: 'CLOSE_TIMED_OUT' }])
  })

  test('what waits for its next attempt is given up at once, and not settled', async () => {
    const orders = lane().append(...numbered(2))
    const run = startRun({ lanes: [orders], options: { retry: { backoff: '1h', maxBackoff: '1h' } } }, () => { throw new Error('boom') })
    await run.settle()
    expect(run.clock.pending).toBe(1)
    await run.runner.stop()
    expect([orders.handled, run.clock.pending]).toEqual([0, 0])
    await expectStopped(run)
  })

  test('what fails meanwhile and has attempts left is not tried again; without one left it is a dead letter', async () => {
    const lanes = [lane(0).append(...numbered(2)), lane(1).append(...numbered(2))]
    const { calls, handler } = heldHandler()
    const run = startRun({ lanes, options: { concurrency: 2, retry: { attempts: 2, backoff: 0, maxBackoff: 0 }, deadLetter: 'dead' } }, handler)
    await run.settle()
    calls[1]!.fail(new Error('first'))
    await run.settle()
    expect(calls[2]!.context.attempt).toBe(2)
    const stopping = run.runner.stop()
    calls[0]!.fail(new Error('first'))
    calls[2]!.fail(new Error('second'))
    await stopping
    expect(calls).toHaveLength(3)
    expect(run.letters).toMatchObject([{ records: [{ partition: 1, offset: 0 }], failure: { attempts: 2 } }])
    expect(lanes.map(({ handled }) => handled)).toEqual([0, 1])
    await expectStopped(run)
  })

  test('a handler that fails for good meanwhile makes a failed runner of it', async () => {
    const { calls, handler } = heldHandler()
    const { runner, settle } = startRun({ lanes: [lane().append({ value: 'a' })] }, handler)
    await settle()
    const stopping = runner.stop().catch((error: unknown) => error)
    calls[0]!.fail(new Error('boom'))
    expect(await stopping).toMatchObject({ code: 'HANDLER_FAILED' })
    expect(runner.health().state).toBe('failed')
  })

  test('a batch that is waiting for more is given up', async () => {
    const orders = lane().append(...numbered(2))
    const seen: unknown[] = []
    const run = startBatchRun({ lanes: [orders], options: { batch: { wait: '1h' } } }, records => { seen.push(records) })
    await run.settle()
    await run.runner.stop()
    expect([seen, orders.handled, run.clock.pending]).toEqual([[], 0, 0])
    await expectStopped(run)
  })

  test('called in a handler without waiting, it ends when the handler has ended', async () => {
    const orders = lane().append(...numbered(2))
    const run: Run = startRun({ lanes: [orders] }, async () => {
      void run.runner.stop()
      await Promise.resolve()
    })
    await run.settle()
    expect(orders.handled).toBe(1)
    await expectStopped(run)
  })

  test('a handler that awaits it waits for itself until the time is up, and goes on then', async () => {
    const orders = lane().append({ value: 'a' })
    let found: unknown
    const run: Run = startRun({ lanes: [orders] }, async () => { found = await run.runner.stop({ timeout: '1s' }).catch((error: unknown) => error) })
    await run.clock.advance(1000)
    expect(found).toMatchObject({ code: 'CLOSE_TIMED_OUT', hint: expect.stringContaining('a handler that awaits stop() waits for itself') as string })
    expect(orders.handled).toBe(0)
    await run.runner.done
  })

  test('while a dead letter is written, it waits for that', async () => {
    const orders = lane().append({ value: 'a' })
    let written: (() => void) | undefined
    const run = startRun({ lanes: [orders], options: { deadLetter: 'dead' }, writeLetter: () => new Promise(resolve => { written = resolve }) }, () => { throw new Error('boom') })
    await run.settle()
    const stopping = run.runner.stop()
    await run.settle()
    expect(run.member.closed).toBe(0)
    written!()
    await stopping
    expect(orders.handled).toBe(1)
    await expectStopped(run)
  })

  test('refuses what is no option of it, and goes on', async () => {
    const { runner } = startRun({ lanes: [] }, () => undefined)
    await expect(runner.stop({ timeOut: 5 } as object)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION', hint: "did you mean 'timeout'?" })
    expect(runner.health().state).toBe('running')
  })

  test('where leaving fails, the runner has failed', async () => {
    const { runner, member, unobserved, settle } = startRun({ lanes: [] }, () => undefined)
    member.closeFailure = new StorageError('SYNC_FAILED', 'the disk is gone', { hint: 'get another' })
    await expect(runner.stop()).rejects.toBe(member.closeFailure)
    expect(runner.health()).toMatchObject({ state: 'failed', lastError: member.closeFailure })
    await settle()
    expect(unobserved).toEqual([member.closeFailure])
  })
})

test('a runner keeps the process alive until it has ended', async () => {
  const held = () => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length
  const before = held()
  const runs = [startRun({ lanes: [lane()] }, () => undefined), startRun({ lanes: [lane().append({ value: 'a' })] }, () => { throw new Error('boom') })]
  expect(held()).toBe(before + 1)
  await runs[1]!.runner.done.catch(() => undefined)
  expect(held()).toBe(before + 1)
  await runs[0]!.runner.stop()
  expect(held()).toBe(before)
})

describe('the runner stops', () => {
  test("when the caller's signal aborts, after what is under way", async () => {
    const controller = new AbortController()
    const orders = lane().append(...numbered(2))
    const { calls, handler } = heldHandler()
    const run = startRun({ lanes: [orders], options: { signal: controller.signal } }, handler)
    await run.settle()
    controller.abort()
    await run.settle()
    expect(run.runner.health().state).toBe('stopping')
    calls[0]!.end()
    await run.runner.done
    expect([orders.handled, calls.length]).toEqual([1, 1])
    await expectStopped(run)
  })

  test('at once when the signal has aborted while the group was joined', async () => {
    const { values, handler } = heldHandler()
    const run = startRun({ lanes: [lane().append({ value: 'a' })], options: { signal: AbortSignal.abort() } }, handler)
    await run.runner.done
    expect(values()).toEqual([])
    await expectStopped(run)
  })

  test('when the log or the member is closed, and that is no failure', async () => {
    const { runner, member, unobserved, settle } = startRun({ lanes: [lane()] }, () => undefined)
    await settle()
    member.end(new ClosedError('LOG_CLOSED', 'the log was closed', { hint: 'open it again' }))
    await runner.done
    await settle()
    expect([runner.health().state, unobserved]).toEqual(['stopped', []])
  })

  test('with the error when the member has failed or was fenced', async () => {
    const { runner, member, unobserved, settle } = startRun({ lanes: [lane()] }, () => undefined)
    await settle()
    const fenced = new ConflictError('MEMBER_FENCED', 'another member has joined', { hint: 'take another id' })
    member.end(fenced)
    await settle()
    expect([runner.health().state, unobserved]).toEqual(['failed', [fenced]])
    await expect(runner.done).rejects.toBe(fenced)
  })
})
