// Who owns what in a group as members come and go, and what a member does with what it owns.
import { describe, expect, test } from 'vitest'
import type { Consumer, EventLog, LogRecord } from '../../src/index.ts'
import { failureOf } from './support/failures.ts'
import { collect, joined, take } from './support/groups.ts'
import { KEPT_LOGS, LOGS } from './support/logs.ts'
import { numbers } from './support/records.ts'

describe.each(LOGS)('%s', (_kind, openLog) => {
  describe('members', () => {
    test('each partition has one owner, and only those that must move are moved', async () => {
      const { log } = await openLog()
      const topic = await log.topic<number>('orders', { partitions: 12 })
      const group = log.group('billing')
      const rebalances: unknown[] = []
      group.on('rebalance', event => rebalances.push(event))
      const members: Consumer[] = []
      for (let count = 1; count <= 4; count++) {
        const before = members.map(({ assignment }) => assignment)
        members.push(await group.join(topic, { from: 'earliest' }))
        const owned = members.flatMap(({ assignment }) => assignment.map(({ partition }) => partition))
        expect(owned.sort((a, b) => a - b)).toEqual(numbers(12))
        expect(members.map(({ assignment }) => assignment.length)).toEqual(Array.from({ length: count }, () => 12 / count))
        for (const [i, earlier] of before.entries()) expect(earlier).toEqual(expect.arrayContaining([...members[i]!.assignment]))
      }
      expect(rebalances).toMatchObject([{ generation: 1, members: 1, moved: 12 }, { generation: 2, members: 2, moved: 6 }, { generation: 3, members: 3, moved: 4 }, { generation: 4, members: 4, moved: 3 }])
      const kept = members[1]!.assignment
      await members[0]!.close()
      expect(members[1]!.assignment).toEqual(expect.arrayContaining([...kept]))
      expect(group.members().map(({ partitions }) => partitions.length)).toEqual([4, 4, 4])
    })

    test('join resolves while another member has a record in hand, and gets its partition when that is handled', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 8, partitions: 2 })
      let newcomer: Consumer<number> | undefined
      let seen: LogRecord[] = []
      for await (const record of consumer) {
        newcomer ??= await group.join(topic, { from: 'earliest' })
        if (newcomer !== undefined && seen.length === 0) seen = collect(newcomer)
        if (record.offset === 3) break
      }
      expect(consumer.assignment).toHaveLength(1)
      expect(newcomer?.assignment).toHaveLength(1)
      const own = await take(consumer, 1)
      expect(own).toHaveLength(1)
    })

    test('a partition that is not let go within revokeTimeout moves all the same: late commits are refused', async () => {
      const { log, clock } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 8, partitions: 1, revokeTimeout: '10s' })
      const slow = consumer[Symbol.asyncIterator]()
      const { value: record } = await slow.next() as { value: LogRecord }
      await consumer.close({ leave: false }).catch(() => undefined)
      expect(record.offset).toBe(0)
      const first = await group.join(topic, { from: 'earliest', assignor: 'range', memberId: 'b', revokeTimeout: '10s' })
      const held = (await take(first, 1, { leave: false }))[0]!
      const second = await group.join(topic, { from: 'earliest', assignor: 'range', memberId: 'a' }) // first by name: range gives it the partition
      expect(second.assignment).toEqual([])
      const seen = collect(second)
      await clock.advance('11s')
      await log.idle()
      expect(seen.map(({ offset }) => offset)).toEqual(numbers(8))
      expect(await failureOf(() => first.commit(held))).toMatchObject({ name: 'ConflictError', code: 'COMMIT_FENCED' })
      expect(await failureOf(() => first.commit())).toMatchObject({ name: 'ConflictError', code: 'COMMIT_FENCED' })
      expect(await group.committed(topic)).toEqual(new Map([[0, 8]]))
    })

    test('a member can leave inside its own loop', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 5 })
      const seen: number[] = []
      for await (const record of consumer) {
        seen.push(record.offset)
        if (record.offset === 2) await consumer.close()
      }
      expect(seen).toEqual([0, 1, 2])
      expect(await group.committed(topic)).toEqual(new Map([[0, 2]]))
      expect(group.members()).toEqual([])
    })

    test('a static member that goes and comes again within sessionTimeout has the same partitions, and nobody else gets them', async () => {
      const { log, clock } = await openLog()
      const topic = await log.topic('orders', { partitions: 4 })
      const group = log.group('billing')
      const join = (memberId: string) => group.join(topic, { from: 'earliest', memberId, sessionTimeout: '1m' })
      const a = await join('a')
      const b = await join('b')
      const kept = a.assignment
      await a.close()
      await clock.advance('30s')
      expect(b.assignment).toHaveLength(2)
      expect(group.members()).toMatchObject([{ id: 'a', partitions: [] }, { id: 'b' }])
      const again = await join('a')
      expect(again.assignment).toEqual(kept)
      await again.close()
      await clock.advance('61s')
      expect(b.assignment).toHaveLength(4)
      const third = await join('a')
      await third.close({ leave: true })
      expect(b.assignment).toHaveLength(4)
    })

    test('of two members with one memberId the newer counts', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 3 })
      await consumer.close()
      const first = await group.join(topic, { from: 'earliest', memberId: 'a' })
      const second = await group.join(topic, { from: 'earliest', memberId: 'a' })
      expect(await failureOf(() => take(first, 1))).toMatchObject({ name: 'ConflictError', code: 'MEMBER_FENCED' })
      await first.close()
      expect(second.assignment).toHaveLength(1)
    })

    test('a consumer is in one loop at a time', async () => {
      const { log } = await openLog()
      const { consumer } = await joined(log, { records: 3 })
      const records = consumer[Symbol.asyncIterator]()
      await records.next()
      expect(await failureOf(() => Promise.resolve().then(() => consumer.batches()))).toMatchObject({ name: 'UsageError', code: 'CONSUMER_BUSY' })
      await records.return?.()
      expect(await take(consumer, 1)).toMatchObject([{ offset: 0 }])
    })
  })

  describe('what a consumer may commit', () => {
    test('a record that was not handed out, or was so before the partition was with another member, is refused', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 8, commit: 'manual', revokeTimeout: '10s' })
      const stored = (await topic.partitions[0]!.get(7))!
      expect(await failureOf(() => consumer.commit(stored))).toMatchObject({ name: 'UsageError', code: 'OFFSET_INVALID' })
      const [first] = await take(consumer, 1, { leave: false })
      const other = await group.join(topic, { from: 'earliest', assignor: 'range', memberId: 'a' })
      await consumer.close()
      await take(other, 8, { leave: false })
      await other.close({ leave: true })
      const again = await group.join(topic, { from: 'earliest', commit: 'manual' })
      expect(await failureOf(() => again.commit(first))).toMatchObject({ name: 'ConflictError', code: 'COMMIT_FENCED' })
      expect(await group.committed(topic)).toEqual(new Map([[0, 7]]))
    })

    test('a record that was given back can be committed, and does not come again', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 5, commit: 'manual' })
      const [, second] = await take(consumer, 2)
      await consumer.commit(second)
      expect(await group.committed(topic)).toEqual(new Map([[0, 2]]))
      expect(await take(consumer, 1)).toMatchObject([{ offset: 2 }])
    })

    test('a partition that is asked back can not be moved by seek', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log, { records: 8 })
      const records = consumer[Symbol.asyncIterator]()
      await records.next()
      const other = await group.join(topic, { from: 'earliest', assignor: 'range', memberId: 'a' })
      const next = await group.join(topic, { from: 'earliest', assignor: 'range', memberId: 'b' })
      expect([other.assignment, next.assignment]).toEqual([[], []])
      expect(await failureOf(() => consumer.seek({ topic: 'orders', partition: 0 }, 'earliest'))).toMatchObject({ name: 'ConflictError', code: 'PARTITION_NOT_OWNED' })
      void records.next()
      expect(await take(other, 1)).toMatchObject([{ offset: 1 }])
    })

    test('a loop that has ended takes nothing out of the hand of the next', async () => {
      const { log } = await openLog()
      const { consumer } = await joined(log, { records: 5 })
      const ended = consumer[Symbol.asyncIterator]()
      await ended.next()
      await ended.return?.()
      const records = consumer[Symbol.asyncIterator]()
      await records.next()
      expect(await ended.next()).toEqual({ value: undefined, done: true })
      await records.return?.()
      expect(await take(consumer, 1)).toMatchObject([{ offset: 0 }])
    })
  })

  describe('pause and seek', () => {
    test('a paused partition holds nothing back for others, and goes on where it was', async () => {
      const { log } = await openLog()
      const { consumer } = await joined(log, { records: 8, partitions: 2 })
      consumer.pause({ topic: 'orders', partition: 0 })
      expect((await take(consumer, 4)).map(({ partition }) => partition)).toEqual([1, 1, 1, 1])
      consumer.resume()
      consumer.pause({ topic: 'orders', partition: 1 })
      expect((await take(consumer, 4)).map(({ partition, offset }) => [partition, offset])).toEqual([[0, 0], [0, 1], [0, 2], [0, 3]])
      expect(await failureOf(() => Promise.resolve().then(() => { consumer.pause({ topic: 'orders', partition: 7 }) }))).toMatchObject({ name: 'ConflictError', code: 'PARTITION_NOT_OWNED' })
    })

    test('a pause in the middle of a batch keeps the rest of it', async () => {
      const { log } = await openLog()
      const { topic, consumer } = await joined(log)
      await topic.send(numbers(5).map(n => ({ value: n })))
      const seen: number[] = []
      for await (const record of consumer) {
        seen.push(record.offset)
        if (record.offset === 1) {
          consumer.pause(record)
          await topic.send({ value: 5 })
          consumer.resume(record)
        }
        if (record.offset === 5) break
      }
      expect(seen).toEqual(numbers(6))
    })

    test('a seek goes back and forth, also in the middle of a batch', async () => {
      const { log } = await openLog()
      const { topic, group, consumer } = await joined(log)
      await topic.send(numbers(10).map(n => ({ value: n })))
      const seen: number[] = []
      for await (const record of consumer) {
        seen.push(record.offset)
        if (seen.length === 3) await consumer.seek(record, { offset: 7 })
        if (seen.length === 5) await consumer.seek(record, 'earliest')
        if (seen.length === 7) break
      }
      expect(seen).toEqual([0, 1, 2, 7, 8, 0, 1])
      await consumer.close()
      expect(await group.committed(topic)).toEqual(new Map([[0, 1]]))
      const other = await group.join(topic, { from: 'earliest' })
      expect(await failureOf(() => other.seek({ topic: 'orders', partition: 0 }, { offset: 99 }))).toMatchObject({ name: 'OutOfRangeError' })
    })
  })
})

describe.each(KEPT_LOGS)('%s', (_kind, openLog) => {
  test('a group goes on where it was after its process ended', async () => {
    const opened = await openLog()
    const { consumer } = await joined(opened.log, { records: 10, partitions: 2 })
    collect(consumer)
    await opened.log.idle()
    const { log } = await opened.reopen!()
    expect(await log.group('billing').committed('orders')).toEqual(new Map([[0, 5], [1, 5]]))
    expect(log.groups().map(({ id }) => id)).toEqual(['billing'])
    const topic = await log.topic<number>('orders')
    const again = await log.group('billing').join(topic, { from: 'earliest' })
    await topic.send({ value: 10, partition: 1 })
    expect(await take(again, 1)).toMatchObject([{ partition: 1, offset: 5 }])
  })

  test('generations go on rising, and a static member has its partitions back, after its process ended', async () => {
    const opened = await openLog()
    await opened.log.topic('orders', { partitions: 3 })
    const join = (log: EventLog, memberId: string) => log.group('billing').join('orders', { from: 'earliest', memberId, sessionTimeout: '1m' })
    const [a, b] = [await join(opened.log, 'a'), await join(opened.log, 'b')]
    const owned = [a.assignment, b.assignment]
    const { log, clock } = await opened.reopen!()
    const generations: number[] = []
    log.group('billing').on('rebalance', ({ generation }) => generations.push(generation))
    const again = await join(log, 'b')
    expect(again.assignment).toEqual(owned[1])
    expect(generations[0]).toBeGreaterThan(2)
    await clock.advance('61s')
    expect(again.assignment).toHaveLength(3)
  })
})

