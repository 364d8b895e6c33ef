// Delivery 'exactly-once' on a log in memory: what a handler sends is in the log if and when its record is handled.
import { expect, test } from 'vitest'
import { Pipeline, newGate, numbers } from './support/pipeline.ts'

const boom = new Error('boom')

test('what a handler sends is in the log once for each record, though it throws in its first two attempts', async () => {
  const pipeline = await Pipeline.open({ partitions: 3 })
  await pipeline.send(1200)
  await pipeline.run(async (record, context) => {
    await pipeline.copy(record, context)
    if (context.attempt < 3) throw boom
  }, { retry: { attempts: 3, backoff: 0 } })
  await pipeline.log.idle()
  expect(await pipeline.copied()).toEqual([0, 1, 2].flatMap(partition => numbers(400).map(i => 3 * i + partition)))
  expect(await pipeline.committed()).toEqual([[0, 400], [1, 400], [2, 400]])
})

test('of an attempt that fails nothing is written, not even for who reads uncommitted records', async () => {
  const pipeline = await Pipeline.open()
  await pipeline.send(1)
  const runner = await pipeline.run((_record, { tx }) => {
    void tx.send(pipeline.target, { value: 1 })
    throw boom
  })
  await expect(runner.done).rejects.toMatchObject({ code: 'HANDLER_FAILED', cause: boom })
  expect([await pipeline.copied('read_uncommitted'), await pipeline.committed()]).toEqual([[], [[0, 0]]]) // where it has begun
})

test('no transaction is open while a handler runs, and readers see its effects when its position is committed', async () => {
  const pipeline = await Pipeline.open()
  await pipeline.send(1)
  const gate = newGate()
  await pipeline.run(async (record, context) => {
    await pipeline.copy(record, context)
    await gate.opened
  })
  await pipeline.log.clock.settle()
  expect([pipeline.log.stats().transactions, await pipeline.copied('read_uncommitted')]).toEqual([[], []])
  gate.open()
  await pipeline.log.idle()
  expect([await pipeline.copied(), await pipeline.committed()]).toEqual([[0], [[0, 1]]])
})

test('a transaction holds 500 records at most', async () => {
  const pipeline = await Pipeline.open()
  await pipeline.send(1200)
  const handled: unknown[] = []
  await pipeline.run((record, context) => {
    handled.push(record)
    void pipeline.copy(record, context)
  }, { commitInterval: '1h' })
  while (handled.length < 1200) await new Promise(resolve => { setImmediate(resolve) })
  await pipeline.log.clock.settle() // two are committed, and the third waits for its time
  await pipeline.log.clock.advance('1h')
  const markers = pipeline.target.partitions[0]!.endOffset - 1200
  expect([await pipeline.copied(), markers]).toEqual([numbers(1200), 3])
})

test('what is handled within commitInterval shares a transaction; idle() does not wait for it', async () => {
  const pipeline = await Pipeline.open()
  await pipeline.run(pipeline.copy, { commitInterval: '10s' })
  await pipeline.send(3)
  await pipeline.log.clock.advance('9s')
  await pipeline.source.send({ value: 3 })
  await pipeline.log.clock.settle()
  expect([await pipeline.copied(), await pipeline.committed()]).toEqual([[], []])
  await pipeline.log.clock.advance('1s')
  expect([await pipeline.copied(), await pipeline.committed()]).toEqual([numbers(4), [[0, 4]]])
  await pipeline.source.send({ value: 4 })
  await pipeline.log.idle()
  expect([await pipeline.copied(), pipeline.target.partitions[0]!.endOffset]).toEqual([numbers(5), 5 + 2])
})

test('handlers go on while a transaction is committed, and wait when there is enough for the next as well', async () => {
  const pipeline = await Pipeline.open()
  const { disk } = pipeline.log
  await pipeline.log.transaction(async tx => { await tx.send(await pipeline.log.topic('other'), { value: 0 }) }) // the next one needs no room to begin
  await pipeline.send(2000)
  let handled = 0
  await pipeline.run((record, context) => {
    if (++handled === 1) disk.capacityBytes = disk.usedBytes
    void pipeline.copy(record, context)
  })
  await pipeline.log.clock.settle()
  expect(pipeline.errors).toMatchObject([{ code: 'DISK_FULL' }])
  expect(handled).toBeGreaterThan(500)
  expect(handled).toBeLessThanOrEqual(1000)
  disk.capacityBytes = Infinity
  await pipeline.log.clock.advance('1s')
  await pipeline.log.idle()
  expect([handled, await pipeline.copied()]).toEqual([2000, numbers(2000)]) // no handler was called again
})

test('a dead letter joins the transaction: before that a crash takes it, and the record is handled again', async () => {
  const first = await Pipeline.open()
  await first.send(2)
  const options = { deadLetter: 'dead', commitInterval: '1h' } as const
  const handler = (pipeline: Pipeline) => (record: Parameters<Pipeline['copy']>[0], context: Parameters<Pipeline['copy']>[1]) => {
    void pipeline.copy(record, context)
    if (record.value === 0) throw boom
  }
  await first.run(handler(first), options)
  await first.log.clock.settle()
  const letters = async ({ log }: Pipeline) => {
    const offsets: (string | null | undefined)[] = []
    for await (const { headers } of (await log.topic('dead')).read({ isolation: 'read_uncommitted' })) offsets.push(headers.text('millrace-origin-offset'))
    return offsets
  }
  expect(await letters(first)).toEqual([])
  const second = await first.crash()
  await second.run(handler(second), options)
  await second.log.idle()
  expect([await letters(second), await second.copied(), await second.committed()]).toEqual([['0'], [1], [[0, 2]]])
})

test('what can\'t be decoded is a dead letter in the transaction, without a call', async () => {
  const pipeline = await Pipeline.open()
  const raw = await pipeline.log.topic<number>('raw', { value: { name: 'number', encode: Buffer.from, decode: () => { throw boom } } as never })
  await raw.send({ value: [1] as never })
  let calls = 0
  await pipeline.log.group('raw').run(raw, () => { calls++ }, { from: 'earliest', delivery: 'exactly-once', deadLetter: 'dead' })
  await pipeline.log.idle()
  const dead = await pipeline.log.topic('dead')
  expect([calls, dead.partitions[0]!.endOffset]).toEqual([0, 1 + 1])
})

test('by key, what was handled out of order waits for what is before it, also over a crash', async () => {
  const first = await Pipeline.open()
  await first.source.send(numbers(10).map(value => ({ key: String(value), value })))
  await first.run(async (record, context) => {
    await first.copy(record, context)
    if (record.value === 3) await new Promise(() => { /* for ever */ })
  }, { order: 'key', concurrency: 10 })
  await first.log.clock.settle()
  expect([await first.copied('read_uncommitted'), await first.committed()]).toEqual([[0, 1, 2], [[0, 3]]])
  const second = await first.crash()
  const handled: number[] = []
  await second.run(async (record, context) => {
    handled.push(record.value!)
    await second.copy(record, context)
  }, { order: 'key', concurrency: 10 })
  await second.log.idle()
  expect([handled, await second.copied()]).toEqual([[3, 4, 5, 6, 7, 8, 9], numbers(10)])
})

test('stop() commits what is handled, and nothing of what is still at a handler', async () => {
  const pipeline = await Pipeline.open({ partitions: 2 })
  await pipeline.send(2)
  const runner = await pipeline.run(async (record, context) => {
    await pipeline.copy(record, context)
    if (record.value === 1) await new Promise((_, reject) => { context.signal.addEventListener('abort', () => { reject(boom) }) })
  }, { commitInterval: '1h', concurrency: 2, deadLetter: 'dead' })
  await pipeline.log.clock.settle()
  expect(runner.health()).toMatchObject({ state: 'running', inFlight: 1, lag: 1 })
  await expect(runner.stop({ timeout: 0 })).rejects.toMatchObject({ code: 'CLOSE_TIMED_OUT' })
  expect([await pipeline.copied(), await pipeline.committed()]).toEqual([[0], [[0, 1], [1, 0]]])
  expect((await pipeline.log.topic('dead')).partitions[0]!.endOffset).toBe(0)
})

test('closing the log commits what is handled', async () => {
  const pipeline = await Pipeline.open({ durability: 'power' })
  await pipeline.send(5)
  const runner = await pipeline.run(pipeline.copy, { commitInterval: '1h' })
  await pipeline.log.clock.settle()
  await pipeline.log.close()
  await runner.done
  const next = await pipeline.crash()
  expect([await next.copied(), await next.committed()]).toEqual([numbers(5), [[0, 5]]])
})

test('a pipeline behind another reads its effects once, and is not held back by markers', async () => {
  const pipeline = await Pipeline.open()
  const sums = await pipeline.log.topic<number>('sums')
  await pipeline.send(700)
  await pipeline.run(pipeline.copy)
  await pipeline.log.group('sum').run(pipeline.target, async ({ value }, { tx }) => { await tx.send(sums, { value }) }, { from: 'earliest', delivery: 'exactly-once' })
  await pipeline.log.idle()
  const seen: number[] = []
  for await (const { value } of sums.read()) seen.push(value!)
  expect(seen).toEqual(numbers(700))
  expect(await pipeline.log.group('sum').lag()).toMatchObject([{ lag: 0 }])
})

test('a log that is only read runs nothing', async () => {
  const pipeline = await Pipeline.open()
  await pipeline.log.close()
  await expect(pipeline.run(pipeline.copy)).rejects.toMatchObject({ code: 'LOG_CLOSED' })
})
