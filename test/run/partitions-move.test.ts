// Partitions that are asked back while the runner has something of them in hand, or are taken away.
import { expect, test } from 'vitest'
import { lane, numbered, startBatchRun, startRun, heldHandler } from './support/runs.ts'

test('a partition with nothing in hand is handed on at once', async () => {
  const orders = lane()
  const { member, settle } = startRun({ lanes: [orders] }, () => undefined)
  await settle()
  member.revoke(orders)
  expect(orders.state).toBe('gone')
})

test('one that was never looked at is handed on at once', () => {
  const orders = lane().append({ value: 'a' })
  const { member } = startRun({ lanes: [orders] }, () => undefined)
  member.revoke(orders)
  expect([orders.state, orders.handled]).toEqual(['gone', 0])
})

test('a partition is handed on when the record in hand is handled, and no later one is handed out', async () => {
  const orders = lane().append(...numbered(3))
  const { calls, handler } = heldHandler()
  const { runner, member, settle } = startRun({ lanes: [orders] }, handler)
  await settle()
  member.revoke(orders)
  await settle()
  expect([orders.state, runner.health().assigned]).toEqual(['revoking', 1])
  calls[0]!.end()
  await settle()
  expect([orders.state, orders.handled, calls.length]).toEqual(['gone', 1, 1])
})

test('by key, all that is in hand is handled first', async () => {
  const orders = lane().append({ key: 'a' }, { key: 'b' }, { key: 'a' }, { key: 'c' })
  const { calls, handler } = heldHandler()
  const { member, settle } = startRun({ lanes: [orders], options: { order: 'key', concurrency: 16 } }, handler)
  await settle()
  expect(calls).toHaveLength(3)
  member.revoke(orders)
  calls[2]!.end()
  calls[0]!.end()
  await settle()
  expect([orders.state, orders.handled]).toEqual(['revoking', 1])
  calls[1]!.end()
  await settle()
  expect([orders.state, orders.settled, calls.length]).toEqual(['gone', [1, 2], 3])
})

test('what waits for its next attempt is given up at once: the next owner has it again', async () => {
  const orders = lane().append(...numbered(2))
  const { member, clock, settle } = startRun({ lanes: [orders], options: { retry: { backoff: '1h', maxBackoff: '1h' } } }, () => { throw new Error('boom') })
  await settle()
  member.revoke(orders)
  expect([orders.state, orders.handled, orders.waitsUntil, clock.pending]).toEqual(['gone', 0, undefined, 0])
})

test('what fails in hand and has attempts left is given up, too', async () => {
  const orders = lane().append(...numbered(2))
  const { calls, handler } = heldHandler()
  const { runner, member, clock, errors, settle } = startRun({ lanes: [orders], options: { retry: {} } }, handler)
  await settle()
  member.revoke(orders)
  calls[0]!.fail(new Error('boom'))
  await settle()
  expect([orders.state, orders.handled, errors.length, runner.health().state, clock.pending]).toEqual(['gone', 0, 1, 'running', 0])
})

test('a batch that waits for more is given up, one at its handler is handled first', async () => {
  const lanes = [lane(0).append(...numbered(2)), lane(1).append(...numbered(1))]
  let end: (() => void) | undefined
  const { member, settle } = startBatchRun({ lanes, options: { batch: { max: 2, wait: '1h' } } }, () => new Promise<void>(resolve => { end = resolve }))
  await settle()
  for (const each of lanes) member.revoke(each)
  expect(lanes.map(({ state }) => state)).toEqual(['revoking', 'gone'])
  end!()
  await settle()
  expect(lanes.map(({ state, handled }) => [state, handled])).toEqual([['gone', 2], ['gone', 0]])
})

test('the other partitions go on meanwhile', async () => {
  const lanes = [lane(0).append(...numbered(2)), lane(1).append(...numbered(100))]
  const seen: number[] = []
  const { member, settle } = startRun({ lanes, options: { concurrency: 2 } }, record => {
    seen.push(record.partition)
    return record.partition === 0 ? new Promise(() => { /* never */ }) : undefined
  })
  await settle()
  member.revoke(lanes[0]!)
  lanes[1]!.append(...numbered(50))
  member.news()
  await settle()
  expect(lanes[1]!.handled).toBe(150)
})

test.each([['without', {}], ['with', { handlerTimeout: '1h' }]])('of a partition that was taken away the signal aborts, and whatever the handler returns is ignored, %s a time-out', async (_how, options) => {
  const orders = lane().append(...numbered(2))
  const other = lane(1).append(...numbered(1))
  const { calls, handler } = heldHandler()
  const { runner, member, errors, settle } = startRun({ lanes: [orders, other], options: { concurrency: 2, ...options } }, handler)
  await settle()
  const { signal } = calls[0]!.context
  const reason = new Error('taken away')
  member.fence(orders, reason)
  expect([signal.aborted, signal.reason, calls[1]!.context.signal.aborted]).toEqual([true, reason, false])
  expect(runner.health()).toMatchObject({ assigned: 1, inFlight: 2 })
  calls[0]!.fail(new Error('boom'))
  await settle()
  expect([orders.handled, errors, runner.health().state, runner.health().inFlight]).toEqual([0, [], 'running', 1])
})

test('what waits for its next attempt of a partition that was taken away is forgotten', async () => {
  const orders = lane().append(...numbered(2))
  const { member, clock, settle } = startRun({ lanes: [orders], options: { retry: { backoff: '1h' } } }, () => { throw new Error('boom') })
  await settle()
  expect(clock.pending).toBe(1)
  member.fence(orders)
  expect(clock.pending).toBe(0)
})

test('a handler of a partition that was taken away keeps its slot until it ends', async () => {
  const orders = lane().append(...numbered(1))
  const { calls, handler } = heldHandler()
  const { member, settle } = startRun({ lanes: [orders] }, handler)
  await settle()
  member.fence(orders)
  member.add(lane(1).append({ value: 'b' }))
  await settle()
  expect(calls).toHaveLength(1)
  calls[0]!.end()
  await settle()
  expect([calls.length, orders.handled]).toEqual([2, 0])
})

test('the same partition, when it comes back, goes on where the group says', async () => {
  const first = lane().append(...numbered(2))
  const seen: unknown[] = []
  const { member, settle } = startRun({ lanes: [first] }, record => { seen.push(record.value) })
  await settle()
  member.revoke(first)
  member.lanes.delete(first.label)
  member.add(lane().append({ value: 'after' }))
  await settle()
  expect(seen).toEqual(['0', '1', 'after'])
})
