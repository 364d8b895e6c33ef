// Which record a handler gets, when, and how many at a time.
import { describe, expect, test, vi } from 'vitest'
import { heldHandler, lane, numbered, startBatchRun, startRun } from './support/runs.ts'

describe('one record at a time', () => {
  test('records of a partition are handled in order, the next when the one before is done', async () => {
    const orders = lane().append(...numbered(2)).append(...numbered(2, 2))
    const { calls, values, handler } = heldHandler()
    const { settle } = startRun({ lanes: [orders], options: { concurrency: 4 } }, handler)
    await settle()
    expect(values()).toEqual(['0'])
    for (const expected of [['0', '1'], ['0', '1', '2'], ['0', '1', '2', '3']]) {
      calls.at(-1)!.end()
      await settle()
      expect(values()).toEqual(expected)
    }
    expect(orders.settled).toEqual([1, 2, 3])
    calls.at(-1)!.end()
    await settle()
    expect(orders.handled).toBe(4)
  })

  test('a handler that returns no promise gets all that is there without a turn of the event loop in between', async () => {
    const orders = lane().append(...numbered(100))
    const seen: (string | null)[] = []
    startRun({ lanes: [orders] }, record => { seen.push(record.value) })
    await Promise.resolve()
    await Promise.resolve()
    expect(seen).toEqual(numbered(100).map(({ value }) => value))
    expect(orders.handled).toBe(100)
  })

  test('what is returned is waited for if it can be, a promise or not', async () => {
    const orders = lane().append(...numbered(2))
    const seen: unknown[] = []
    let end: (() => void) | undefined
    const thenable = { then: (resolve: () => void) => { end = resolve } }
    const { settle } = startRun({ lanes: [orders] }, record => {
      seen.push(record.value)
      return record.value === '0' ? thenable : 'anything else'
    })
    await settle()
    expect(seen).toEqual(['0'])
    end!()
    await settle()
    expect([seen, orders.handled]).toEqual([['0', '1'], 2])
  })

  test('the handler has no `this`, and its context tells the first attempt', async () => {
    const seen: unknown[] = []
    const { settle } = startRun({ lanes: [lane().append({ value: 'a' })] }, function (this: unknown, _record, context) { seen.push(this, context.attempt, context.signal.aborted) })
    await settle()
    expect(seen).toEqual([undefined, 1, false])
  })

  test('offsets that hold no records are settled once what stands before them is handled', async () => {
    const orders = lane().append(...numbered(2)).skip(3)
    const { calls, handler } = heldHandler()
    const { settle } = startRun({ lanes: [orders] }, handler)
    await settle()
    calls[0]!.end()
    await settle()
    expect(orders.handled).toBe(1)
    calls[1]!.end()
    await settle()
    expect(orders.handled).toBe(5)
  })

  test('records that come later are handled when there is news of them', async () => {
    const orders = lane()
    const seen: unknown[] = []
    const { member, settle } = startRun({ lanes: [orders] }, record => { seen.push(record.value) })
    await settle()
    orders.append({ value: 'later' })
    member.news()
    await settle()
    expect(seen).toEqual(['later'])
  })

  test('a lane that comes later is handled', async () => {
    const seen: unknown[] = []
    const { member, settle } = startRun({ lanes: [] }, record => { seen.push([record.partition, record.value]) })
    await settle()
    member.add(lane(3).append({ value: 'a' }))
    await settle()
    expect(seen).toEqual([[3, 'a']])
  })
})

describe('concurrency', () => {
  test('no more handlers are under way than it says, each of another partition', async () => {
    const lanes = [0, 1, 2, 3, 4].map(partition => lane(partition).append(...numbered(3)))
    const { calls, handler } = heldHandler()
    const { runner, settle } = startRun({ lanes, options: { concurrency: 3 } }, handler)
    await settle()
    expect(calls.map(({ record }) => record.partition)).toEqual([0, 1, 2])
    expect(runner.health().inFlight).toBe(3)
    calls[1]!.end()
    await settle()
    expect(calls.map(({ record }) => record.partition)).toEqual([0, 1, 2, 3])
  })

  test('lanes take turns, whatever their backlogs', async () => {
    const lanes = [lane(0).append(...numbered(50)), lane(1).append(...numbered(2)), lane(2).append(...numbered(2))]
    const seen: number[] = []
    const { settle } = startRun({ lanes }, record => { seen.push(record.partition) })
    await settle()
    expect(seen.slice(0, 7)).toEqual([0, 1, 2, 0, 1, 2, 0])
  })

  test('a lane whose handler hangs holds nothing of others back', async () => {
    const lanes = [lane(0).append(...numbered(2)), lane(1).append(...numbered(200))]
    const seen: number[] = []
    const { settle } = startRun({ lanes, options: { concurrency: 2 } }, record => {
      seen.push(record.partition)
      return record.partition === 0 ? new Promise(() => { /* never */ }) : undefined
    })
    await settle()
    expect(seen.filter(partition => partition === 1)).toHaveLength(200)
    expect(seen.filter(partition => partition === 0)).toHaveLength(1)
  })

  test.each([['no promise', () => undefined], ['a promise', () => Promise.resolve()]])('handlers that are done at once leave the event loop its turns, all workers together, returning %s', async (_what, result) => {
    const lanes = Array.from({ length: 16 }, (_, partition) => lane(partition).append(...numbered(1000)))
    const seen = { calls: 0 }
    startRun({ lanes, options: { concurrency: 16 } }, () => {
      seen.calls++
      return result()
    })
    vi.spyOn(performance, 'now').mockImplementation(() => seen.calls / 100) // a call takes 10 µs, 500 are a slice
    const byTurn: number[] = []
    for (let before = 0; seen.calls < 16_000; before = seen.calls) {
      await new Promise(resolve => { setImmediate(resolve) })
      byTurn.push(seen.calls - before)
    }
    expect(Math.max(...byTurn)).toBeLessThan(600)
  })
})

describe('batches', () => {
  test('a handler gets records of one partition, in order, as many as there are up to max', async () => {
    const lanes = [lane(0).append(...numbered(2)).append(...numbered(5, 2)), lane(1).append(...numbered(1))]
    const seen: unknown[] = []
    const { settle } = startBatchRun({ lanes, options: { batch: { max: 3 } } }, records => { seen.push([records[0]!.partition, ...records.map(record => record.value)]) })
    await settle()
    expect(seen).toEqual([[0, '0', '1', '2'], [1, '0'], [0, '3', '4', '5'], [0, '6']])
    expect(lanes.map(({ handled }) => handled)).toEqual([7, 1])
  })

  test('a batch that is not full waits for more, and no longer than it may', async () => {
    const orders = lane().append(...numbered(2))
    const seen: number[] = []
    const { member, clock, settle } = startBatchRun({ lanes: [orders], options: { batch: { max: 5, wait: '1s' } } }, records => { seen.push(records.length) })
    await settle()
    expect(orders.waitsUntil).toBe(clock.now() + 1000)
    await clock.advance(600)
    orders.append(...numbered(1, 2))
    member.news()
    await clock.advance(399)
    expect(seen).toEqual([])
    await clock.advance(1)
    expect(seen).toEqual([3])
    expect([orders.handled, orders.waitsUntil]).toEqual([3, undefined])
  })

  test('a batch that becomes full waits no longer, and the next waits its own time', async () => {
    const orders = lane().append(...numbered(2))
    const seen: number[] = []
    const { member, clock } = startBatchRun({ lanes: [orders], options: { batch: { max: 3, wait: '1s' } } }, records => { seen.push(records.length) })
    await clock.advance(600)
    orders.append(...numbered(3, 2))
    member.news()
    await clock.advance(0)
    expect(seen).toEqual([3])
    await clock.advance(999)
    expect(seen).toEqual([3])
    await clock.advance(1)
    expect(seen).toEqual([3, 2])
  })

  test('a batch holds no more bytes than may be buffered, and one of the log\'s batches', async () => {
    const orders = lane()
    for (let i = 0; i < 6; i++) orders.append({ value: 'x'.repeat(1000) }, { value: 'y'.repeat(1000) })
    const seen: number[] = []
    const { settle } = startBatchRun({ lanes: [orders], options: { batch: {}, maxBufferedBytes: 3000 } }, records => { seen.push(records.length) })
    await settle()
    expect(seen).toEqual([4, 4, 4])
  })

  test('batches of the log that hold no records, as compaction leaves them, hold nothing up', async () => {
    const orders = lane().appendEmptied().append({ value: 'a' }).appendEmptied()
    const seen: unknown[] = []
    const { settle } = startBatchRun({ lanes: [orders], options: { batch: {}, maxBufferedBytes: 10 } }, records => { seen.push(...records.map(({ value }) => value)) })
    await settle()
    expect([seen, orders.handled]).toEqual([['a'], 3])
  })
})
