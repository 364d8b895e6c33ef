// Reading: positions, following, ending, and the calls that look one place up, on every kind of log.
import { describe, expect, test } from 'vitest'
import type { Position, Topic } from '../../src/index.ts'
import { failureOf, thrownBy } from './support/failures.ts'
import { LOGS, type OpenedLog, type OpenLog } from './support/logs.ts'
import { numbers, recordsOf, valuesOf } from './support/records.ts'

const START = 1_000_000

/** Records 0 to 99 in two partitions, 50 each; record n has the time START + 1000 n. Batches of five, small segments. */
async function openHundred(openLog: OpenLog): Promise<OpenedLog & { topic: Topic<number> }> {
  const opened = await openLog()
  const topic = await opened.log.topic<number>('orders', { partitions: 2, segmentBytes: '1KiB' })
  const producer = topic.producer({ linger: '1m' }) // a long array is sent in slices, and each slice ends a batch
  for (let first = 0; first < 100; first += 10) {
    for (const value of numbers(10, first)) void producer.send({ value, partition: value % 2, timestamp: START + value * 1000, headers: { padding: 'p'.repeat(40) } })
    await producer.flush()
  }
  return { ...opened, topic }
}

const sorted = (values: readonly (number | null)[]): number[] => values.map(Number).sort((a, b) => a - b)

describe.each(LOGS)('%s', (_kind, openLog) => {
  test.each<[string, { from?: Position; to?: Position }, number[]]>([
    ['without options: all that is stored', {}, numbers(100)],
    ["from 'earliest'", { from: 'earliest' }, numbers(100)],
    ["from 'latest'", { from: 'latest' }, []],
    ['from an offset of each partition', { from: { offset: 48 } }, [96, 97, 98, 99]],
    ['from the end offset', { from: { offset: 50 } }, []],
    ['to an offset, which is left out', { to: { offset: 2 } }, [0, 1, 2, 3]],
    ['from a time', { from: { timestamp: START + 95_000 } }, [95, 96, 97, 98, 99]],
    ['from a time between two records', { from: new Date(START + 94_001) }, [95, 96, 97, 98, 99]],
    ['from a time later than all', { from: { timestamp: START + 99_001 } }, []],
    ['from a time earlier than all, to a time', { from: { timestamp: 0 }, to: new Date(START + 3000) }, [0, 1, 2]],
    ['from and to offsets inside of batches', { from: { offset: 3 }, to: { offset: 6 } }, [6, 7, 8, 9, 10, 11]],
    ["from a map of offsets, 'earliest' where it has none", { from: new Map([[1, 49]]), to: { offset: 1 } }, [0]],
    ["to a map of offsets, 'latest' where it has none", { from: { offset: 48 }, to: new Map([[1, 49]]) }, [96, 97, 98]],
    ['to a place before the beginning: nothing', { from: { offset: 10 }, to: { offset: 5 } }, []],
  ])('reads %s', async (_what, options, expected) => {
    const { topic } = await openHundred(openLog)
    expect(sorted(await valuesOf(topic, options))).toEqual(expected)
    const batched: number[][] = []
    for await (const batch of topic.batches(options)) batched.push(Array.from(batch, record => record.value!))
    expect(sorted(batched.flat())).toEqual(expected)
    expect(batched).not.toContainEqual([])
  })

  test('within a partition records come by offset, and only the partitions that were asked for', async () => {
    const { topic } = await openHundred(openLog)
    const both = await recordsOf(topic)
    for (const partition of [0, 1]) expect(both.filter(record => record.partition === partition).map(record => record.offset)).toEqual(numbers(50))
    const one = await recordsOf(topic, { partitions: [1, 1] })
    expect(one.map(({ partition, offset, value }) => [partition, offset, value])).toEqual(numbers(50).map(i => [1, i, 2 * i + 1]))
    expect(await recordsOf(topic, { partitions: [] })).toEqual([])
  })

  test('a buffer of any size reads all, a batch at a time at least', async () => {
    const { topic } = await openHundred(openLog)
    for (const maxBufferedBytes of [1, 500, '1MiB']) expect(sorted(await valuesOf(topic, { maxBufferedBytes }))).toEqual(numbers(100))
  })

  test("a read without 'follow' ends with what was stored when it began", async () => {
    const { topic } = await openHundred(openLog)
    const seen: number[] = []
    for await (const record of topic.read()) {
      if (seen.push(record.value!) <= 20) await topic.send({ value: 1000 })
    }
    expect(sorted(seen)).toEqual(numbers(100))
  })

  test('a record is visible once it is written, whatever durability its sender waits for', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    const producer = topic.producer({ durability: 'power' })
    let acknowledged = false
    const sending = producer.send({ value: 1 }).then(() => { acknowledged = true })
    const following = topic.read({ follow: true })
    expect((await following.next()).value).toMatchObject({ value: 1 })
    const sync = producer.sendSync({ value: 2 })
    expect(topic.partitions[0]!.endOffset).toBe(sync.offset + 1)
    expect((await topic.partitions[0]!.get(sync.offset))?.value).toBe(2)
    await following.return!()
    await sending
    expect(acknowledged).toBe(true)
  })

  test('following waits for more, is woken by the append, and sees partitions that are added', async () => {
    const { log, clock } = await openLog()
    const topic = await log.topic('orders')
    const following = topic.read({ from: 'latest', follow: true })
    const first = following.next()
    await clock.settle() // it waits
    await topic.send({ value: 'a' })
    expect((await first).value).toMatchObject({ value: 'a', offset: 0 })
    const second = following.next()
    await clock.settle()
    await topic.alter({ partitions: 2 })
    await clock.settle()
    await topic.send({ value: 'b', partition: 1 })
    expect((await second).value).toMatchObject({ value: 'b', partition: 1 })
    await following.return!()
  })

  test("following to an end reads what comes until there, and ends", async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    const reading = valuesOf(topic, { follow: true, to: { offset: 3 } })
    for (const value of numbers(5)) await topic.send({ value })
    expect(await reading).toEqual([0, 1, 2])
  })

  test('break, return and throw end an iterator, and others go on', async () => {
    const { topic } = await openHundred(openLog)
    const following = topic.read({ follow: true })
    for await (const record of following) if (record.value === 0) break
    expect(await following.next()).toEqual({ value: undefined, done: true })
    const thrown = await thrownBy(async () => { for await (const record of topic.read({ follow: true })) throw new Error(`mine ${record.value}`) })
    expect(thrown).toMatchObject({ message: 'mine 0' })

    const [a, b] = [topic.read(), topic.read()]
    await a.next()
    await a.return!()
    const rest: unknown[] = []
    for await (const record of b) rest.push(record.value)
    expect(rest).toHaveLength(100)
  })

  test('return ends a next() that waits, for records and for batches', async () => {
    const { log, clock } = await openLog()
    const topic = await log.topic('orders')
    for (const following of [topic.read({ follow: true }), topic.batches({ follow: true })]) {
      const waiting = [following.next(), following.next()]
      await clock.settle()
      await following.return!()
      expect(await Promise.all(waiting)).toEqual([{ value: undefined, done: true }, { value: undefined, done: true }])
    }
  })

  test('calls of next() that do not wait for each other get each record once, in order', async () => {
    const { topic } = await openHundred(openLog)
    const reading = topic.read({ partitions: [0] })
    const results = await Promise.all(numbers(55).map(() => reading.next()))
    expect(results.map(result => result.done === true ? 'end' : result.value.value)).toEqual([...numbers(50).map(i => 2 * i), ...Array<string>(5).fill('end')])
  })

  test('a signal ends a read with its reason: while it waits, while it reads, before it begins', async () => {
    const { topic, clock } = await openHundred(openLog)
    const controller = new AbortController()
    const waiting = thrownBy(() => valuesOf(topic, { from: 'latest', follow: true, signal: controller.signal }))
    const reading = topic.batches({ signal: controller.signal })
    await reading.next()
    await clock.settle()
    controller.abort(new Error('enough'))
    for (const ended of [waiting, thrownBy(() => reading.next()), thrownBy(() => topic.read({ signal: controller.signal }).next()), thrownBy(() => topic.partitions[0]!.fetch({ from: 0, signal: controller.signal }))]) {
      expect(await ended).toMatchObject({ message: 'enough' })
    }
    expect(await reading.next()).toEqual({ value: undefined, done: true })
  })

  test.each([['read'], ['batches']] as const)('%s beyond what is stored is an OutOfRangeError, never a jump', async method => {
    const { topic } = await openHundred(openLog)
    await topic.partitions[0]!.truncateBefore(10)
    for (const from of [{ offset: 51 }, { offset: 9 }]) {
      expect(await failureOf(() => topic[method]({ from, partitions: [0] }).next())).toMatchObject({ name: 'OutOfRangeError', code: 'OFFSET_OUT_OF_RANGE', details: { topic: 'orders', offset: from.offset, startOffset: 10, endOffset: 50 } })
    }
  })

  test('a reader whose records are truncated away gets an OutOfRangeError', async () => {
    const { topic } = await openHundred(openLog)
    const reading = topic.read({ partitions: [0], maxBufferedBytes: 1 })
    expect((await reading.next()).value).toMatchObject({ offset: 0 })
    await topic.partitions[0]!.truncateBefore(40)
    const error = await failureOf(async () => { for await (const record of reading) expect(record.offset).toBeLessThan(10) })
    expect(error).toMatchObject({ name: 'OutOfRangeError', code: 'OFFSET_OUT_OF_RANGE' })
  })

  test('get finds a record by its offset, and undefined where there is none', async () => {
    const { topic } = await openHundred(openLog)
    const [partition] = topic.partitions
    for (const offset of [0, 1, 4, 5, 31, 49]) expect(await partition!.get(offset)).toMatchObject({ offset, value: offset * 2, timestamp: START + offset * 2000 })
    expect(await partition!.get(50)).toBeUndefined()
    await partition!.truncateBefore(7)
    expect(await partition!.get(6)).toBeUndefined()
    expect((await partition!.get(7))?.value).toBe(14)
  })

  test('fetch gives whole batches from an offset on, at least one, none at the end', async () => {
    const { topic } = await openHundred(openLog)
    const [partition] = topic.partitions
    const [batch, ...none] = await partition!.fetch({ from: 2, maxBytes: 1 })
    expect(none).toEqual([])
    expect(batch).toMatchObject({ topic: 'orders', partition: 0, baseOffset: 0, lastOffset: 4, count: 5 })
    expect([...batch!].map(record => record.offset)).toEqual([2, 3, 4])
    expect(batch!.bytes).toBeInstanceOf(Uint8Array)
    expect(batch!.bytes[16]).toBe(2) // Kafka's magic byte
    expect((await partition!.fetch({ from: 0 })).length).toBeGreaterThan(1)
    expect(await partition!.fetch({ from: 50, isolation: 'read_uncommitted' })).toEqual([])
    for (const from of [51, 9]) {
      await partition!.truncateBefore(10)
      expect(await failureOf(() => partition!.fetch({ from }))).toMatchObject({ name: 'OutOfRangeError', code: 'OFFSET_OUT_OF_RANGE' })
    }
  })

  test('fetch gives a mebibyte at most, unless told otherwise', async () => {
    const { log } = await openLog()
    const topic = await log.topic<Uint8Array>('orders', { value: 'bytes' })
    for (let i = 0; i < 30; i++) await topic.send({ value: Buffer.alloc(100_000) })
    const total = (batches: readonly { bytes: Uint8Array }[]): number => batches.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const fetched = total(await topic.partitions[0]!.fetch({ from: 0 }))
    expect(fetched).toBeLessThanOrEqual(2 ** 20)
    expect(fetched).toBeGreaterThan(2 ** 20 - 101_000)
    expect(total(await topic.partitions[0]!.fetch({ from: 0, maxBytes: '2MiB' }))).toBeGreaterThan(2 ** 21 - 101_000)
  })

  test('offsetAt is the first offset as late as a time, the end offset when there is none', async () => {
    const { topic } = await openHundred(openLog)
    const [partition] = topic.partitions
    const cases: [number | Date, number][] = [[0, 0], [START, 0], [START + 1, 1], [START + 40_000, 20], [new Date(START + 97_999), 49], [START + 98_001, 50]]
    for (const [time, offset] of cases) expect(await partition!.offsetAt(time)).toBe(offset)
  })

  test('truncateBefore takes records away, whole segments from the disk, and never what comes after', async () => {
    const { topic, files } = await openHundred(openLog)
    const [partition] = topic.partitions
    const live = () => files().filter(name => name.endsWith('.log')).length // deleted ones have another name until they go
    const before = live()
    const segments = partition!.segments()
    await partition!.truncateBefore(segments[2]!.baseOffset + 1)
    expect(partition!.startOffset).toBe(segments[2]!.baseOffset + 1)
    expect(partition!.segments()).toEqual(segments.slice(2))
    expect(live()).toBeLessThanOrEqual(before)
    expect(await valuesOf(topic, { partitions: [0] })).toEqual(numbers(50).slice(partition!.startOffset).map(i => 2 * i))
    await partition!.truncateBefore(partition!.startOffset - 1)
    await partition!.truncateBefore(50)
    expect(partition!.offsets()).toEqual({ start: 50, stable: 50, end: 50 })
    expect((await topic.send({ value: 100, partition: 0 })).offset).toBe(50)
    expect(await failureOf(() => partition!.truncateBefore(52))).toMatchObject({ name: 'OutOfRangeError' })
  })

  test('segments tells what each one holds', async () => {
    const { log, topic } = await openHundred(openLog)
    const [empty] = (await log.topic('empty')).partitions[0]!.segments()
    expect([empty!.baseOffset, empty!.endOffset, Number.isSafeInteger(empty!.createdAt)]).toEqual([0, 0, true])
    const segments = topic.partitions[1]!.segments()
    expect(segments.length).toBeGreaterThan(2)
    expect(segments[0]).toMatchObject({ baseOffset: 0, active: false, compacted: false })
    expect(segments.at(-1)).toMatchObject({ endOffset: 50, active: true, largestTimestamp: START + 99_000 })
    for (const [i, segment] of segments.entries()) {
      expect(segment.createdAt).toBe(START + (segment.baseOffset + 4) * 2000 + 1000)
      if (i > 0) expect(segment.baseOffset).toBe(segments[i - 1]!.endOffset)
    }
    expect(segments.reduce((sum, segment) => sum + segment.bytes, 0)).toBe(topic.partitions[1]!.bytes)
  })

  test('recover on a sound partition changes nothing', async () => {
    const { topic } = await openHundred(openLog)
    await topic.partitions[0]!.recover()
    expect(sorted(await valuesOf(topic))).toEqual(numbers(100))
  })
})
