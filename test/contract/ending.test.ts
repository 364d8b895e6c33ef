// How things end: close, deletion and abandonment, also in the middle of sends and reads, on every kind of log.
import { describe, expect, test } from 'vitest'
import type { EventLog, Topic } from '../../src/index.ts'
import { failureOf } from './support/failures.ts'
import { KEPT_LOGS, LOGS } from './support/logs.ts'
import { numbers, valuesOf } from './support/records.ts'

const CLOSED = { name: 'ClosedError', code: 'LOG_CLOSED' }

/** Every call that a user can make on a log and its parts. */
function everyCall(log: EventLog, topic: Topic): [string, () => unknown][] {
  const partition = topic.partitions[0]!
  return [
    ['topic', () => log.topic('orders')], ['topic, a new one', () => log.topic('new')], ['topics', () => log.topics()], ['deleteTopic', () => log.deleteTopic('orders')],
    ['producer', () => log.producer()], ['stats', () => log.stats()],
    ['send', () => topic.send({ value: 1 })], ['send, an array', () => topic.send([{ value: 1 }])], ['topic.producer', () => topic.producer()],
    ['read', () => topic.read().next()], ['batches', () => topic.batches().next()], ['view', () => topic.view()], ['alter', () => topic.alter({ retention: '1d' })],
    ['get', () => partition.get(0)], ['fetch', () => partition.fetch({ from: 0 })], ['offsetAt', () => partition.offsetAt(0)], ['truncateBefore', () => partition.truncateBefore(0)],
    ['segments', () => partition.segments()], ['recover', () => partition.recover()],
  ]
}

describe.each(LOGS)('%s', (_kind, openLog) => {
  test('after close every call is a ClosedError, and close again is fine', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    const producers = [topic.producer(), log.producer()] as const
    await topic.send({ value: 0 })
    await log.close()
    await log.close({ timeout: 0 })
    for (const [call, work] of everyCall(log, topic)) expect(await failureOf(work), call).toMatchObject(CLOSED)
    expect((await failureOf(() => log.topic('orders'))).message).toMatch(/^the log in (memory|\/.*) was closed$/)
    for (const work of [() => producers[0].send({ value: 1 }), () => producers[0].send([{ value: 1 }]), () => producers[0].sendSync({ value: 1 }), () => producers[1].send({ topic: 'orders', value: 1 }), () => producers[1].sendSync({ topic, value: 1 })]) {
      expect(await failureOf(work)).toMatchObject(CLOSED)
    }
    for (const producer of producers) {
      await producer.flush()
      await producer.close()
    }
  })

  test('from the call of close on nothing new is begun', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    const closing = log.close()
    for (const work of [() => log.topic('new'), () => log.topics(), () => log.producer(), () => log.stats(), () => log.deleteTopic('orders'), () => topic.producer(), () => topic.alter({ retention: '1d' }), () => topic.send({ value: 1 })]) {
      expect(await failureOf(work)).toMatchObject(CLOSED)
    }
    await closing
  })

  test('a topic that is being made when the log closes is there whole, or refused', async () => {
    const { log, files } = await openLog()
    const making = ['a', 'b', 'c'].map(name => log.topic(name, { partitions: 3 }).then(() => name, (error: unknown) => { expect(error).toMatchObject(CLOSED); return undefined }))
    await log.close()
    const made = (await Promise.all(making)).filter(name => name !== undefined)
    const directories = files().filter(name => /^[abc]-\d\/?$/.test(name))
    if (files().length > 0) expect(directories).toHaveLength(made.length * 3)
  })

  test('close stores what was sent before, lingering records too', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders', { compression: 'gzip' })
    const sends = [...numbers(10).map(value => topic.send({ value })), topic.producer({ linger: '1m' }).send({ value: 10 }), topic.producer({ durability: 'power' }).send({ value: 'large'.repeat(50_000) })]
    const array = topic.send(numbers(5000).map(value => ({ value })))
    await log.close()
    expect((await Promise.all(sends)).length + (await array).length).toBe(5012)
  })

  test('a send is acknowledged or refused, never forgotten, when the log closes in the middle', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    let acknowledged = 0
    let refused = 0
    const sender = async (): Promise<void> => {
      while (refused === 0) {
        await Promise.all(numbers(20).map(value => topic.send({ value }).then(() => { acknowledged++ }, (error: unknown) => { expect(error).toMatchObject(CLOSED); refused++ })))
        if (acknowledged === 200) closing = log.close()
      }
    }
    let closing: Promise<void> | undefined
    await Promise.all([sender(), sender()])
    await closing
    expect(topic.partitions[0]!.endOffset).toBe(acknowledged)
  })

  test('producers that are closed refuse, having stored what they took', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    const [one, any] = [topic.producer({ linger: '1m' }), log.producer({ linger: '1m' })]
    const sends = [one.send({ value: 1 }), any.send({ topic, value: 2 })]
    await Promise.all([one.close(), any.close(), one.close()])
    expect(await Promise.all(sends)).toHaveLength(2)
    for (const work of [() => one.send({ value: 3 }), () => one.sendSync({ value: 3 }), () => one.send([]), () => any.send({ topic, value: 3 }), () => any.sendSync({ topic, value: 3 })]) {
      expect(await failureOf(work)).toMatchObject({ name: 'ClosedError', code: 'PRODUCER_CLOSED' })
    }
    await topic.send({ value: 4 })
    expect((await valuesOf(topic)).length).toBe(3)
  })

  test('readers that wait end with a ClosedError when the log closes', async () => {
    const { log, clock } = await openLog()
    const topic = await log.topic('orders')
    const waiting = [topic.read({ follow: true }), topic.batches({ follow: true, from: 'latest' })].map(iterator => iterator.next())
    const failures = waiting.map(next => failureOf(() => next))
    await clock.settle()
    await log.close()
    for (const failure of failures) expect(await failure).toMatchObject(CLOSED)
  })

  test('await using closes log, producers and views', async () => {
    let log: EventLog
    {
      await using opened = (await openLog()).log
      const topic = await opened.topic<number>('orders')
      {
        await using producer = topic.producer()
        await using any = opened.producer()
        await using view = await topic.view()
        await producer.send({ key: 'a', value: 1 })
        await any.send({ topic, key: 'b', value: 2 })
        await view.caughtUp()
        expect(view.size).toBe(2)
      }
      log = opened
      expect(log.topics()).toHaveLength(1)
    }
    expect(await failureOf(() => log.topics())).toMatchObject(CLOSED)
  })

  test('after a deletion every call on the topic is a NotFoundError, and other topics go on', async () => {
    const { log } = await openLog()
    const [topic, other] = await Promise.all([log.topic('orders'), log.topic('other')])
    const producer = topic.producer()
    await log.deleteTopic('orders')
    const ofTheLog = ['topic', 'topic, a new one', 'topics', 'deleteTopic', 'producer', 'stats']
    for (const [call, work] of everyCall(log, topic).filter(([name]) => !ofTheLog.includes(name))) expect(await failureOf(work), call).toMatchObject({ name: 'NotFoundError', code: 'TOPIC_DELETED' })
    for (const work of [() => producer.send({ value: 1 }), () => producer.sendSync({ value: 1 })]) expect(await failureOf(work)).toMatchObject({ name: 'NotFoundError', code: 'TOPIC_DELETED' })
    expect(await failureOf(() => log.producer().send({ topic, value: 1 }))).toMatchObject({ name: 'UsageError', code: 'TOPIC_UNKNOWN' })
    expect(await failureOf(() => log.deleteTopic('orders'))).toMatchObject({ name: 'NotFoundError', code: 'TOPIC_NOT_FOUND' })
    await other.send({ value: 1 })
  })

  test.each(['process', 'power'] as const)("a topic that is deleted in the middle of sends and reads ends them with a ClosedError, durability '%s'", async durability => {
    const { log, clock } = await openLog({ durability })
    const errors: unknown[] = []
    log.on('error', event => errors.push(event))
    const topic = await log.topic('orders', { partitions: 2, segmentBytes: '1KiB' })
    await topic.send(numbers(100).map(value => ({ value })))
    const reading = topic.read({ follow: true })
    await reading.next()
    const lingering = topic.producer({ linger: '1m' }).send({ value: 'lingering' })
    const sends = Promise.allSettled([lingering, ...numbers(50).map(value => topic.send({ value })), topic.send(numbers(50).map(value => ({ value })))])
    const read = failureOf(async () => { for await (const record of reading) void record })
    await log.deleteTopic('orders')
    await clock.advance('2m')
    for (const result of await sends) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ name: 'ClosedError', code: 'TOPIC_DELETED' })
    }
    expect(await read).toMatchObject({ name: 'ClosedError', code: 'TOPIC_DELETED' })
    expect(errors).toEqual([])
    await (await log.topic('orders')).send({ value: 'anew' })
  })

  test.each([[undefined, 10_000], [{ timeout: '5s' }, 5000]])('close(%o) gives up after %i ms, says so, and refuses what still waited', async (options, timeoutMs) => {
    const { log, clock } = await openLog()
    const never = { '~standard': { version: 1, vendor: 'test', validate: () => new Promise<never>(() => undefined) } } as const
    const topic = await log.topic<number>('orders', { schema: never })
    const stuck = topic.send({ value: 1 })
    const refused = failureOf(() => stuck)
    const closing = failureOf(() => log.close(options))
    await clock.advance(timeoutMs)
    expect(await closing).toMatchObject({ name: 'TimeoutError', code: 'CLOSE_TIMED_OUT', message: expect.stringContaining(`${timeoutMs} ms`) as string })
    expect(await failureOf(() => log.stats())).toMatchObject(CLOSED)
    expect(await refused).toMatchObject(CLOSED)
  })
})

describe.each(KEPT_LOGS)('%s, opened again', (_kind, openLog) => {
  test('what close stored is there', async () => {
    const opened = await openLog()
    const topic = await opened.log.topic('orders')
    const sends = numbers(10).map(value => topic.producer({ linger: '1m' }).send({ value }))
    await opened.log.close()
    await Promise.all(sends)
    const again = await opened.reopen!()
    expect((await valuesOf(await again.log.topic('orders'))).sort()).toEqual(numbers(10))
  })
})
