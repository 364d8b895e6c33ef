// group.run() from outside, as api.md's page "Groups" promises it on every kind of log.
import { describe, expect, test } from 'vitest'
import type { EventLog, LogRecord, Topic } from '../../src/index.ts'
import { failureOf } from './support/failures.ts'
import { LOGS } from './support/logs.ts'
import { numbers } from './support/records.ts'

const boom = new Error('boom')

async function numberedTopic(log: EventLog, count: number, partitions = 1): Promise<Topic<number, string>> {
  const topic = await log.topic<number>('orders', { partitions })
  if (count > 0) await topic.send(numbers(count).map(value => ({ key: `key ${value % 10}`, value })))
  return topic
}

describe.each(LOGS)('%s', (_kind, openLog) => {
  test('every record is handled, and committed once idle() resolves', async () => {
    const { log } = await openLog()
    const topic = await numberedTopic(log, 1000, 4)
    const seen: number[] = []
    const runner = await log.group('billing').run(topic, record => { seen.push(record.value!) }, { from: 'earliest' })
    await log.idle()
    expect(seen.sort((a, b) => a - b)).toEqual(numbers(1000))
    const ends = new Map(topic.partitions.map(({ index, endOffset }) => [index, endOffset]))
    expect(await log.group('billing').committed(topic)).toEqual(ends)
    expect(runner.health()).toEqual({ state: 'running', assigned: 4, inFlight: 0, lag: 0 })
    await runner.stop()
    expect(runner.health()).toEqual({ state: 'stopped', assigned: 0, inFlight: 0, lag: 0 })
    expect(log.group('billing').members()).toEqual([])
  })

  test('what is sent once run() has resolved is never missed', async () => {
    const { log } = await openLog()
    const topic = await numberedTopic(log, 3)
    for (const round of numbers(20)) {
      const seen: unknown[] = []
      const runner = await log.group(`group ${round}`).run(topic, record => { seen.push(record.value) }, { from: 'latest' })
      await topic.send({ value: 1000 + round })
      await log.idle()
      expect(seen).toEqual([1000 + round])
      await runner.stop()
    }
  })

  test('a new runner goes on behind what was handled; the record that failed comes first', async () => {
    const { log } = await openLog()
    const topic = await numberedTopic(log, 10)
    const group = log.group('billing')
    const seen: unknown[] = []
    const first = await group.run(topic, record => {
      if (record.value === 6) throw boom
      seen.push(record.value)
    }, { from: 'earliest' })
    expect(await failureOf(() => first.done)).toMatchObject({ code: 'HANDLER_FAILED', message: "group 'billing': the handler failed for orders-0, offset 6, after 1 attempt: boom", cause: boom })
    expect(first.health().state).toBe('failed')
    expect(await group.committed(topic)).toEqual(new Map([[0, 6]]))
    await first.stop()
    const second = await group.run(topic, record => { seen.push(record.value) }, { from: 'latest' })
    await log.idle()
    expect(seen).toEqual(numbers(10))
    await second.stop()
  })

  test("an error nobody asked for reaches the log's listeners, and stop()", async () => {
    const { log } = await openLog()
    const topic = await numberedTopic(log, 1)
    const told: unknown[] = []
    const failures: unknown[] = []
    log.on('error', ({ error }) => { told.push(error) })
    log.group('billing').on('error', ({ error }) => { failures.push(error) })
    const runner = await log.group('billing').run(topic, () => { throw boom }, { from: 'earliest' })
    while (told.length === 0) await new Promise(resolve => { setImmediate(resolve) })
    expect(failures).toEqual([boom])
    const error = await failureOf(() => runner.stop())
    expect(error.code).toBe('HANDLER_FAILED')
    expect(told).toEqual([error])
  })

  test('idle() waits for no clock: a record in back-off is idle, and handled when its time has come', async () => {
    const { log, clock } = await openLog()
    const topic = await numberedTopic(log, 2)
    const times: number[] = []
    const idle = log.idle()
    const runner = await log.group('billing').run(topic, (_record, { attempt }) => {
      times.push(clock.now())
      if (attempt < 3) throw boom
    }, { from: 'earliest', retry: { backoff: '1h', maxBackoff: '2h', jitter: false } })
    await idle
    await log.idle()
    expect(times).toHaveLength(1)
    const [start] = times
    await clock.advance('1d')
    expect(times.map(time => (time - start!) / 3_600_000)).toEqual([0, 1, 3, 3, 4, 6])
    await log.idle()
    expect(await log.group('billing').committed(topic)).toEqual(new Map([[0, 2]]))
    await runner.stop()
  })

  test('who waits for idle() while a record fails is not kept waiting by its back-off', async () => {
    const { log } = await openLog()
    const topic = await numberedTopic(log, 1)
    const fails: ((error: Error) => void)[] = []
    const runner = await log.group('billing').run(topic, () => new Promise((_resolve, reject) => { fails.push(reject) }), { from: 'earliest', retry: { backoff: '1h' } })
    while (fails.length === 0) await new Promise(resolve => { setImmediate(resolve) })
    const idle = log.idle()
    fails[0]!(boom)
    await idle
    await runner.stop()
  })

  test('with order by key several records of a partition are handled at a time, one of each key', async () => {
    const { log } = await openLog()
    const topic = await numberedTopic(log, 40)
    const open = new Map<string, number>()
    let most = 0
    const seen = new Map<string, number[]>()
    const runner = await log.group('billing').run(topic, async ({ key, value }) => {
      expect(open.get(key!) ?? 0).toBe(0)
      open.set(key!, 1)
      most = Math.max(most, [...open.values()].filter(count => count > 0).length)
      await new Promise(resolve => { setImmediate(resolve) })
      open.set(key!, 0)
      seen.set(key!, [...seen.get(key!) ?? [], value!])
    }, { from: 'earliest', order: 'key', concurrency: 16 })
    await log.idle()
    expect(most).toBe(10)
    for (const values of seen.values()) expect(values).toEqual([...values].sort((a, b) => a - b))
    expect(await log.group('billing').committed(topic)).toEqual(new Map([[0, 40]]))
    await runner.stop()
  })

  test('batches', async () => {
    const { log } = await openLog()
    const topic = await numberedTopic(log, 1200)
    const counts: number[] = []
    const runner = await log.group('billing').run(topic, records => { counts.push(records.length) }, { from: 'earliest', batch: {} })
    await log.idle()
    expect(counts).toEqual([500, 500, 200])
    await runner.stop()
  })

  test('at-most-once: what a handler is in was committed before it was called', async () => {
    const { log } = await openLog()
    const topic = await numberedTopic(log, 5)
    const group = log.group('billing')
    const committed: unknown[] = []
    const runner = await group.run(topic, async () => { committed.push((await group.committed(topic)).get(0)) }, { from: 'earliest', delivery: 'at-most-once' })
    await log.idle()
    expect(committed).toEqual([1, 2, 3, 4, 5])
    await runner.stop()
  })

  test('two runners share the partitions, and one that stops leaves its own to the other', async () => {
    const { log } = await openLog()
    const topic = await numberedTopic(log, 0, 4)
    const group = log.group('billing')
    const seen: [number, LogRecord<number>['value']][] = []
    const runners = [await group.run(topic, record => { seen.push([1, record.value]) }, { from: 'earliest' }), await group.run(topic, record => { seen.push([2, record.value]) }, { from: 'earliest' })]
    await log.idle()
    expect(runners.map(runner => runner.health().assigned)).toEqual([2, 2])
    await topic.send(numbers(4).map(value => ({ value, partition: value })))
    await log.idle()
    expect(seen.map(([, value]) => value).sort()).toEqual(numbers(4))
    expect(new Set(seen.map(([runner]) => runner))).toEqual(new Set([1, 2]))
    await runners[0]!.stop()
    await topic.send(numbers(4).map(value => ({ value: value + 10, partition: value })))
    await log.idle()
    expect(seen.slice(4).map(([runner]) => runner)).toEqual([2, 2, 2, 2])
    await runners[1]!.stop()
  })

  test('a partition that is asked back while a record of it is handled moves when that is done', async () => {
    const { log } = await openLog()
    const topic = await numberedTopic(log, 0, 2)
    await topic.send([{ value: 0, partition: 0 }, { value: 1, partition: 1 }, { value: 2, partition: 0 }, { value: 3, partition: 1 }])
    const group = log.group('billing')
    const ends: (() => void)[] = []
    const first: unknown[] = []
    const one = await group.run(topic, ({ value }) => {
      first.push(value)
      return new Promise<void>(resolve => { ends.push(resolve) })
    }, { from: 'earliest', concurrency: 2 })
    while (ends.length < 2) await new Promise(resolve => { setImmediate(resolve) })
    const second: unknown[] = []
    const two = await group.run(topic, ({ value }) => { second.push(value) }, { from: 'earliest' })
    expect([first, second]).toEqual([[0, 1], []])
    for (const end of ends) end()
    while (second.length === 0 || ends.length < 3) await new Promise(resolve => { setImmediate(resolve) })
    expect([...first, ...second].sort()).toEqual([0, 1, 2, 3])
    ends[2]!()
    await log.idle()
    expect([...await group.committed(topic)].sort()).toEqual([[0, 2], [1, 2]])
    await one.stop()
    await two.stop()
  })

  test('what is held longer than revokeTimeout is taken away: the signal aborts, and the next owner has the record again', async () => {
    const { log, clock } = await openLog()
    const topic = await numberedTopic(log, 0, 2)
    await topic.send([{ value: 0, partition: 0 }, { value: 1, partition: 1 }])
    const group = log.group('billing')
    const signals: AbortSignal[] = []
    const ends: (() => void)[] = []
    const one = await group.run(topic, (_record, { signal }) => {
      signals.push(signal)
      return new Promise<void>(resolve => { ends.push(resolve) })
    }, { from: 'earliest', concurrency: 2, revokeTimeout: '5s' })
    while (ends.length < 2) await new Promise(resolve => { setImmediate(resolve) })
    const second: unknown[] = []
    const two = await group.run(topic, ({ value }) => { second.push(value) }, { from: 'earliest' })
    await clock.advance('4999ms')
    expect(second).toEqual([])
    await clock.advance('1ms')
    expect(second).toHaveLength(1)
    expect(signals.filter(({ aborted }) => aborted)).toHaveLength(1)
    for (const end of ends) end()
    await log.idle()
    expect([...await group.committed(topic)].sort()).toEqual([[0, 1], [1, 1]])
    await one.stop()
    await two.stop()
  })

  test('a handler that asks for its signal after its partition was taken away finds it aborted', async () => {
    const { log, clock } = await openLog()
    const topic = await numberedTopic(log, 0, 2)
    await topic.send([{ value: 0, partition: 0 }, { value: 1, partition: 1 }])
    const group = log.group('billing')
    const contexts: { readonly signal: AbortSignal }[] = []
    const one = await group.run(topic, (_record, context) => {
      contexts.push(context)
      return new Promise(() => { /* never */ })
    }, { from: 'earliest', concurrency: 2, revokeTimeout: '5s' })
    while (contexts.length < 2) await new Promise(resolve => { setImmediate(resolve) })
    const two = await group.run(topic, () => undefined, { from: 'earliest' })
    await clock.advance('5s')
    expect(contexts.filter(({ signal }) => signal.aborted)).toHaveLength(1)
    expect(contexts.find(({ signal }) => signal.aborted)!.signal.reason).toMatchObject({ code: 'COMMIT_FENCED' })
    expect(await failureOf(() => one.stop({ timeout: 0 }))).toMatchObject({ code: 'CLOSE_TIMED_OUT' })
    await two.stop()
  })

  test('a topic that is deleted is left out, the others go on', async () => {
    const { log } = await openLog()
    const topic = await numberedTopic(log, 3)
    const returns = await log.topic<number>('returns')
    await returns.send({ value: 100 })
    const seen: unknown[] = []
    const runner = await log.group('billing').run(['orders', 'returns'], ({ value }) => { seen.push(value) }, { from: 'earliest' })
    await log.idle()
    await log.deleteTopic('returns')
    await topic.send({ value: 3 })
    await log.idle()
    expect(seen.sort()).toEqual([0, 1, 100, 2, 3])
    expect(runner.health()).toMatchObject({ state: 'running', assigned: 1 })
    await runner.stop()
  })

  test('closing the log stops its runners first: what was handled is committed, and that is no failure', async () => {
    const { log } = await openLog()
    const topic = await numberedTopic(log, 10)
    let seen = 0
    const runner = await log.group('billing').run(topic, () => { seen++ }, { from: 'earliest' })
    await log.idle()
    await log.close()
    await runner.done
    expect([seen, runner.health().state]).toEqual([10, 'stopped'])
  })

  test('a topic that is read and a dead letter of it, options that contradict: refused before the group is joined', async () => {
    const { log } = await openLog()
    const topic = await numberedTopic(log, 1)
    await log.topic('text', { value: 'string' })
    const group = log.group('billing')
    const run = (options: object, topics: RegExp | typeof topic = topic) => failureOf(() => group.run(topics, () => undefined, { from: 'earliest', ...options }))
    expect(await run({ deadLetter: 'orders' })).toMatchObject({ code: 'OPTIONS_CONTRADICT', message: "group 'billing': run: the dead-letter topic 'orders' is among those that are read" })
    expect(await run({ deadLetter: 'orders.dead' }, /^orders/)).toMatchObject({ code: 'OPTIONS_CONTRADICT' })
    expect(await run({ deadLetter: 'text' })).toMatchObject({ name: 'ConflictError', code: 'DEAD_LETTER_SERDES' })
    expect(await run({ deadLetter: '__dead' })).toMatchObject({ code: 'TOPIC_NAME_INVALID' })
    expect(await run({ delivery: 'exactly-once', batch: {} })).toMatchObject({ code: 'OPTIONS_CONTRADICT' })
    expect(await failureOf(() => group.run(topic, 'no function' as never, { from: 'earliest' }))).toMatchObject({ code: 'OPTION_INVALID', message: "group 'billing': run: the handler: found 'no function', expected a function" })
    await expect(group.run(topic, () => undefined, { from: 'earliest', signal: AbortSignal.abort(boom) })).rejects.toBe(boom)
    expect(group.members()).toEqual([])
    expect(log.topics().map(({ name }) => name).sort()).toEqual(['orders', 'text'])
  })
})
