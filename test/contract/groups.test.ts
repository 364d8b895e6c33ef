// Consumer groups: what counts as handled, where a group begins and goes on, and what can be asked of it from outside.
import { describe, expect, test } from 'vitest'
import type { ConsumerGroup, LogRecord } from '../../src/index.ts'
import { failureOf } from './support/failures.ts'
import { collect, joined, take } from './support/groups.ts'
import { LOGS } from './support/logs.ts'
import { numbers } from './support/records.ts'

const POSITION_GONE = { message: expect.stringMatching(/^group '/) as string, hint: expect.stringMatching(/onMissing.*group\.reset/) as string }

describe.each(LOGS)('%s', (_kind, openLog) => {
  describe('what is handled', () => {
    test('a record counts as handled when the loop asks for the next one', async () => {
      const { log } = await openLog()
      const { group, consumer } = await joined(log, { records: 10 })
      const records = consumer[Symbol.asyncIterator]()
      for (const n of numbers(4)) expect((await records.next()).value).toMatchObject({ offset: n })
      await consumer.close()
      expect(await group.committed('orders')).toEqual(new Map([[0, 3]]))
    })

    test('a loop that is left gives the last record back: it comes first in the next loop, and after a new join', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 10 })
      expect((await take(consumer, 4)).map(({ offset }) => offset)).toEqual([0, 1, 2, 3])
      expect((await take(consumer, 2)).map(({ offset }) => offset)).toEqual([3, 4])
      await expect((async () => {
        for await (const record of consumer) if (record.offset === 6) throw new Error('the handler failed')
      })()).rejects.toThrow('the handler failed')
      await consumer.close()
      expect(await take(await group.join(topic, { from: 'latest' }), 1)).toMatchObject([{ offset: 6 }])
    })

    test('commit() includes what is in hand, commit(record) goes up to that record', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 10, commit: 'manual' })
      const records = await take(consumer, 5)
      expect(await group.committed(topic)).toEqual(new Map())
      await consumer.commit(records[2])
      expect(await group.committed(topic)).toEqual(new Map([[0, 3]]))
      for await (const record of consumer) {
        await consumer.commit()
        expect(await group.committed(topic)).toEqual(new Map([[0, record.offset + 1]]))
        break
      }
      expect(await failureOf(() => consumer.commit({ topic: 'orders', partition: 0, offset: 99 } as LogRecord))).toMatchObject({ name: 'UsageError', code: 'OFFSET_INVALID' })
    })

    test('batches are handled as a whole', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log)
      await topic.send(numbers(5).map(n => ({ value: n })))
      await topic.send(numbers(5).map(n => ({ value: n })))
      let handed = 0
      for await (const batch of consumer.batches()) {
        expect([...batch].length).toBe(5)
        if (++handed === 2) break
      }
      await consumer.close()
      expect(await group.committed(topic)).toEqual(new Map([[0, 5]]))
    })

    test("with commit 'before' a record is committed before the loop has it, and never comes again", async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 5, commit: 'before' })
      for await (const record of consumer) {
        expect(await group.committed(topic)).toEqual(new Map([[0, record.offset + 1]]))
        if (record.offset === 2) break
      }
      expect(await take(consumer, 1)).toMatchObject([{ offset: 3 }])
      await consumer.close()
      expect(await take(await group.join(topic, { from: 'earliest' }), 1)).toMatchObject([{ offset: 4 }])
    })

    test('commits wait for commitInterval, and what is handled is committed on closing', async () => {
      const { log, clock } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 5, commitInterval: '5s' })
      const records = consumer[Symbol.asyncIterator]()
      for (let n = 0; n < 3; n++) await records.next()
      await clock.settle()
      expect(await group.committed(topic)).toEqual(new Map())
      await clock.advance('5s')
      expect(await group.committed(topic)).toEqual(new Map([[0, 2]]))
      await records.next()
      await consumer.close()
      expect(await group.committed(topic)).toEqual(new Map([[0, 3]]))
    })

    test('groups are independent', async () => {
      const { log } = await openLog()
      const { topic, consumer } = await joined(log, { records: 3 })
      const other = await log.group('other').join(topic, { from: 'earliest' })
      expect([await take(consumer, 3), await take(other, 3)].map(records => records.map(({ offset }) => offset))).toEqual([[0, 1, 2], [0, 1, 2]])
      expect(log.groups().map(({ id }) => id)).toEqual(['billing', 'other'])
    })
  })

  describe('where a group begins', () => {
    test("'latest' fixes the position when join resolves, also for whoever goes on later", async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 5, from: 'latest' })
      await topic.send({ value: 5 })
      await consumer.close()
      expect(await take(await group.join(topic, { from: 'latest' }), 1)).toMatchObject([{ offset: 5 }])
    })

    test('a time, an offset and a map of offsets are positions', async () => {
      const { log, clock } = await openLog()
      const topic = await log.topic('orders', { partitions: 2 })
      for (const n of numbers(4)) {
        await topic.send([{ value: n, partition: 0 }, { value: n, partition: 1 }])
        await clock.advance('1s')
      }
      const start = (await topic.partitions[0]!.get(2))!.timestamp
      const offsets = async (id: string, from: Parameters<ConsumerGroup['join']>[1]['from']) =>
        (await take(await log.group(id).join(topic, { from }), 2)).map(({ partition, offset }) => [partition, offset])
      expect(await offsets('time', new Date(start))).toEqual([[0, 2], [0, 3]])
      expect(await offsets('offset', { offset: 3 })).toEqual([[0, 3], [1, 3]])
      expect(await offsets('map', new Map([[0, 3], [1, 2]]))).toEqual([[0, 3], [1, 2]])
      expect(await failureOf(() => log.group('beyond').join(topic, { from: { offset: 99 } }))).toMatchObject({ name: 'OutOfRangeError' })
      expect(log.group('beyond').members()).toEqual([])
    })

    test('from has to be said', async () => {
      const { log } = await openLog()
      await log.topic('orders')
      expect(await failureOf(() => log.group('billing').join('orders', {} as never))).toMatchObject({ name: 'UsageError', code: 'FROM_MISSING' })
      expect(await failureOf(() => log.group('billing').join('orders', { form: 'earliest' } as never))).toMatchObject({ code: 'UNKNOWN_OPTION', hint: "did you mean 'from'?" })
    })

    test('a committed offset that is no longer stored is an error, unless onMissing says where to go on', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 10 })
      await take(consumer, 3)
      await consumer.close()
      await topic.partitions[0]!.truncateBefore(6)
      expect(await failureOf(() => group.join(topic, { from: 'earliest' }))).toMatchObject({ name: 'OutOfRangeError', ...POSITION_GONE, details: { group: group.id, offset: 2, startOffset: 6 } })
      expect(await group.committed(topic)).toEqual(new Map([[0, 2]]))
      const again = await group.join(topic, { from: 'earliest', onMissing: 'earliest' })
      expect(await take(again, 1)).toMatchObject([{ offset: 6 }])
    })

    test('records that are truncated under a consumer are missed with an error, or by its leave', async () => {
      const { log } = await openLog()
      const topic = await log.topic('orders')
      const strict = await log.group('strict').join(topic, { from: 'earliest' })
      const lenient = await log.group('lenient').join(topic, { from: 'earliest', onMissing: 'earliest' })
      await topic.send(numbers(5).map(n => ({ value: n })))
      await topic.partitions[0]!.truncateBefore(3)
      expect(await failureOf(() => take(strict, 1))).toMatchObject({ name: 'OutOfRangeError', ...POSITION_GONE, details: { group: 'strict', offset: 0, startOffset: 3 } })
      expect(await take(lenient, 1)).toMatchObject([{ offset: 3 }])
    })

    test('partitions and topics that come later are read from their beginning', async () => {
      const { log, clock } = await openLog()
      const topic = await log.topic<number>('orders-eu')
      await topic.send({ value: 0 })
      const consumer = await log.group('billing').join(/^orders/, { from: 'latest' })
      const warnings: string[] = []
      log.on('warning', ({ code, message }) => warnings.push(`${code} ${message}`))
      const named = await log.group('named').join(['orders-eu', 'orders-us'], { from: 'latest' })
      await clock.settle()
      expect(warnings).toEqual(["TOPIC_AWAITED group 'named': there is no topic 'orders-us' yet"])
      const seen = [collect(consumer), collect(named)]
      await topic.alter({ partitions: 2 })
      await topic.send({ value: 1, partition: 1 })
      const later = await log.topic<number>('orders-us')
      await later.send({ value: 2 })
      await log.topic('returns')
      await log.idle()
      expect(seen.map(records => records.map(({ topic, partition, value }) => [topic, partition, value]))).toEqual(Array.from({ length: 2 }, () => [['orders-eu', 1, 1], ['orders-us', 0, 2]]))
      expect(consumer.assignment.map(({ topic, partition }) => `${topic}-${partition}`).sort()).toEqual(['orders-eu-0', 'orders-eu-1', 'orders-us-0'])
    })

    test('a topic that is deleted and made anew is read from its beginning', async () => {
      const { log } = await openLog()
      const { group, consumer } = await joined(log, { records: 5 })
      const seen = collect(consumer)
      await log.idle()
      await log.deleteTopic('orders')
      expect(await group.committed('orders')).toEqual(new Map())
      await log.idle()
      expect(consumer.assignment).toEqual([])
      const again = await log.topic<string>('orders', { value: 'string' })
      await again.send([{ value: 'anew' }])
      await log.idle()
      expect(seen.map(({ value }) => value)).toEqual([0, 1, 2, 3, 4, 'anew'])
    })
  })

  describe('a group from outside', () => {
    test('lag is told by partition', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 6, partitions: 2 })
      expect(await group.lag()).toEqual([{ topic: 'orders', partition: 0, committed: null, endOffset: 3, lag: 3 }, { topic: 'orders', partition: 1, committed: null, endOffset: 3, lag: 3 }])
      const seen = collect(consumer)
      await log.idle()
      expect(await group.lag()).toEqual([{ topic: 'orders', partition: 0, committed: 3, endOffset: 3, lag: 0 }, { topic: 'orders', partition: 1, committed: 3, endOffset: 3, lag: 0 }])
      expect(seen).toHaveLength(6)
      await consumer.close()
      await topic.send({ value: 1, partition: 1 })
      expect(log.stats().groups).toEqual([{ id: 'billing', members: 0, lag: 1 }])
    })

    test('reset moves a group without members, to any position', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 6, partitions: 2 })
      expect(await failureOf(() => group.reset(topic, 'earliest'))).toMatchObject({ name: 'ConflictError', code: 'GROUP_ACTIVE' })
      await consumer.close()
      await group.reset(topic, 'latest')
      expect(await group.committed(topic)).toEqual(new Map([[0, 3], [1, 3]]))
      await group.reset('orders', new Map([[1, 2]]))
      expect(await group.committed(topic)).toEqual(new Map([[0, 3], [1, 2]]))
      expect(await failureOf(() => group.reset(topic, { offset: 7 }))).toMatchObject({ name: 'OutOfRangeError' })
      expect(await failureOf(() => group.reset('none', 'earliest'))).toMatchObject({ name: 'NotFoundError', code: 'TOPIC_NOT_FOUND' })
      expect(await take(await group.join(topic, { from: 'earliest' }), 1)).toMatchObject([{ partition: 1, offset: 2 }])
    })

    test('a deleted group begins anew', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 3 })
      await take(consumer, 3)
      expect(await failureOf(() => group.delete())).toMatchObject({ code: 'GROUP_ACTIVE' })
      await consumer.close()
      await group.delete()
      expect(log.groups()).toEqual([])
      expect(await group.committed(topic)).toEqual(new Map())
      expect(await failureOf(() => group.delete())).toMatchObject({ name: 'NotFoundError', code: 'GROUP_NOT_FOUND' })
      expect(await take(await group.join(topic, { from: 'earliest' }), 1)).toMatchObject([{ offset: 0 }])
    })

    test('a group that is deleted while somebody joins it has one owner a partition all the same', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 6, partitions: 2 })
      await consumer.close()
      const [deleted, again] = await Promise.allSettled([group.delete(), group.join(topic, { from: 'earliest' })])
      expect(again.status).toBe('fulfilled')
      expect(deleted.status === 'fulfilled' || (deleted.reason as { code: string }).code === 'GROUP_ACTIVE').toBe(true)
      expect(group.members()).toMatchObject([{ partitions: [{}, {}] }])
      const other = await group.join(topic, { from: 'earliest' })
      const seen = [collect((again as PromiseFulfilledResult<typeof other>).value), collect(other)]
      await log.idle()
      expect(seen.flat()).toHaveLength(6)
    })

    test('a join whose signal aborts meanwhile rejects with its reason, and leaves nobody behind', async () => {
      const { log } = await openLog()
      const topic = await log.topic('orders')
      const abort = new AbortController()
      const joining = log.group('billing').join(topic, { from: 'earliest', signal: abort.signal })
      abort.abort(new Error('not any more'))
      await expect(joining).rejects.toThrow('not any more')
      expect(log.group('billing').members()).toEqual([])
    })

    test('a map that names nothing that is there moves nothing', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 3 })
      expect(await failureOf(() => consumer.seek({ topic: 'orders', partition: 0 }, new Map([[1, 0]])))).toMatchObject({ name: 'UsageError', code: 'POSITION_INVALID' })
      await consumer.close()
      expect(await failureOf(() => group.reset(topic, new Map([[7, 0]])))).toMatchObject({ name: 'UsageError', code: 'POSITION_INVALID' })
      expect(await failureOf(() => group.committed(null as never))).toMatchObject({ name: 'UsageError', code: 'TOPIC_NAME_INVALID' })
    })

    test('idle rejects when the log is closed before all was handled', async () => {
      const { log } = await openLog()
      await joined(log, { records: 2 })
      const idle = failureOf(() => log.idle())
      await log.close()
      expect(await idle).toMatchObject({ name: 'ClosedError', code: 'LOG_CLOSED' })
    })

    test("a consumer without progress for 30 s while records wait raises 'stalled', once", async () => {
      const { log, clock } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 3 })
      const stalls: unknown[] = []
      group.on('stalled', event => stalls.push(event))
      await clock.advance('10m')
      expect(stalls).toMatchObject([{ topic: 'orders', partition: 0, offset: 0 }])
      const seen = collect(consumer)
      await log.idle()
      expect(seen).toHaveLength(3)
      await clock.advance('10m')
      expect(stalls).toHaveLength(1)
      await topic.send({ value: 3 })
      await clock.advance('10m')
      expect(stalls).toHaveLength(1)
    })

    test('idle waits for records in hand, and ends with its signal', async () => {
      const { log } = await openLog()
      const { consumer } = await joined(log, { records: 2 })
      const abort = new AbortController()
      const idle = log.idle({ signal: abort.signal })
      abort.abort(new Error('no patience'))
      await expect(idle).rejects.toThrow('no patience')
      collect(consumer)
      await log.idle()
    })
  })

  test('what is no topic, no id or no record is refused by name', async () => {
    const { log } = await openLog()
    const { group, consumer } = await joined(log, { records: 1 })
    for (const topics of [undefined, [], [7], {}]) expect(await failureOf(() => group.join(topics as never, { from: 'earliest' }))).toMatchObject({ name: 'UsageError', code: 'TOPICS_INVALID' })
    const elsewhere = await (await openLog()).log.topic('orders')
    expect(await failureOf(() => group.join([elsewhere], { from: 'earliest' }))).toMatchObject({ name: 'UsageError', code: 'TOPIC_OF_ANOTHER_LOG' })
    const gone = await log.topic('gone')
    await log.deleteTopic('gone')
    expect(await failureOf(() => group.run(gone, () => undefined, { from: 'earliest' }))).toMatchObject({ name: 'NotFoundError', code: 'TOPIC_DELETED' })
    expect(await failureOf(() => group.join('no/topic', { from: 'earliest' }))).toMatchObject({ code: 'TOPIC_NAME_INVALID' })
    for (const id of ['', 7, 'x'.repeat(250), '\ud800']) expect(await failureOf(() => Promise.resolve().then(() => log.group(id as string)))).toMatchObject({ name: 'UsageError', code: 'OPTION_INVALID' })
    expect(await failureOf(() => group.join('orders', { from: 'earliest', memberId: 'member-7' }))).toMatchObject({ code: 'OPTION_INVALID' })
    expect(await failureOf(() => consumer.commit({} as LogRecord))).toMatchObject({ name: 'UsageError', code: 'PARTITION_INVALID' })
    expect(await failureOf(() => consumer.commit({ topic: 'other', partition: 0, offset: 0 } as LogRecord))).toMatchObject({ name: 'ConflictError', code: 'COMMIT_FENCED' })
    expect(await failureOf(() => Promise.resolve().then(() => group.on('rebalanced' as 'rebalance', () => undefined)))).toMatchObject({ name: 'UsageError', code: 'EVENT_UNKNOWN' })
    await consumer.close()
    expect(await failureOf(() => consumer.commit())).toMatchObject({ name: 'ClosedError', code: 'CONSUMER_CLOSED' })
    await consumer.close()
  })

  test('with the log its consumers end, and have committed', async () => {
    const opened = await openLog()
    const { consumer } = await joined(opened.log, { records: 5 })
    const records = consumer[Symbol.asyncIterator]()
    for (let n = 0; n < 5; n++) await records.next()
    const pending = records.next()
    await opened.log.close()
    expect(await pending).toEqual({ value: undefined, done: true })
    expect(await failureOf(() => Promise.resolve().then(() => opened.log.group('billing')))).toMatchObject({ name: 'ClosedError' })
  })
})

