// Opening and topics: what api.md's table of defaults and its page "Opening and topics" promise, on every kind of log.
import { describe, expect, test } from 'vitest'
import type { LogEvents } from '../../src/index.ts'
import { expectRefused } from './support/failures.ts'
import { KEPT_LOGS, LOGS } from './support/logs.ts'
import { valuesOf } from './support/records.ts'

const DEFAULTS = {
  partitions: 1, key: 'string', value: 'msgpack', partitioner: 'murmur2', compression: 'none', cleanup: 'delete',
  retentionMs: Infinity, retentionBytes: Infinity, retainUntilConsumedBy: [], segmentBytes: 64 * 1024 * 1024, segmentAgeMs: 7 * 86_400_000, minDirtyRatio: 0.5,
  tombstoneRetentionMs: 86_400_000, compactionLagMinMs: 0, compactionLagMaxMs: Infinity, maxRecordBytes: 16 * 1024 * 1024, timestamps: 'create',
}

describe.each(LOGS)('%s', (_kind, openLog) => {
  test('a topic without options has the documented defaults', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    expect(topic.settings).toEqual(DEFAULTS)
    expect(Object.isFrozen(topic.settings)).toBe(true)
    expect(topic.name).toBe('orders')
    expect(topic.partitions.map(({ topic: name, index }) => [name, index])).toEqual([['orders', 0]])
  })

  test('options become resolved settings: milliseconds and bytes', async () => {
    const { log } = await openLog()
    const { settings } = await log.topic<unknown, Uint8Array>('orders', {
      partitions: 3, key: 'bytes', value: 'json', partitioner: 'xxhash', compression: 'gzip', cleanup: 'compact+delete', retention: '7d', retentionBytes: '1GiB', retainUntilConsumedBy: ['billing'],
      segmentBytes: '1MiB', segmentAge: '1h', minDirtyRatio: 0.1, tombstoneRetention: '1d', compactionLag: { min: '1s', max: '2s' }, maxRecordBytes: '1KiB', timestamps: 'append',
    })
    expect(settings).toEqual({
      partitions: 3, key: 'bytes', value: 'json', partitioner: 'xxhash', compression: 'gzip', cleanup: 'compact+delete', retentionMs: 604_800_000, retentionBytes: 2 ** 30, retainUntilConsumedBy: ['billing'],
      segmentBytes: 2 ** 20, segmentAgeMs: 3_600_000, minDirtyRatio: 0.1, tombstoneRetentionMs: 86_400_000, compactionLagMinMs: 1000, compactionLagMaxMs: 2000, maxRecordBytes: 1024, timestamps: 'append',
    })
  })

  test('opening a topic twice, even at once, gives the one topic', async () => {
    const { log } = await openLog()
    const [first, second] = await Promise.all([log.topic('orders', { partitions: 2 }), log.topic('orders')])
    expect(second).toBe(first)
    expect(await log.topic('orders')).toBe(first)
    expect(log.topics()).toEqual([first])
    expect(first.partitions).toHaveLength(2)
  })

  test('many topics opened at once are all there', async () => {
    const { log } = await openLog()
    const names = ['a', 'b.c', 'd_e', 'f-1', 'f', 'Z', 'x'.repeat(249)]
    await Promise.all(names.map(name => log.topic(name)))
    expect(log.topics().map(topic => topic.name).sort()).toEqual([...names].sort())
  })

  test('topicDefaults fill in what a new topic was not given', async () => {
    const { log } = await openLog({ topicDefaults: { partitions: 3, value: 'string', retention: '1d' } })
    expect((await log.topic('orders', { retention: '2d' })).settings).toEqual({ ...DEFAULTS, partitions: 3, value: 'string', retentionMs: 172_800_000 })
  })

  test('neither topicDefaults nor options that are not given touch a stored topic', async () => {
    const { log } = await openLog({ topicDefaults: { partitions: 3, retention: '1d' } })
    const topic = await log.topic('orders', { partitions: 2, retention: '2d', compression: 'gzip' })
    const { settings } = topic
    await log.topic('orders')
    await log.topic('orders', { compression: 'gzip' })
    expect(topic.settings).toEqual(settings)
  })

  test('policies given on opening a stored topic are applied like alter, and reported', async () => {
    const { log, clock } = await openLog()
    const warnings: LogEvents['warning'][] = []
    log.on('warning', warning => warnings.push(warning))
    const topic = await log.topic('orders')
    await log.topic('orders', { retention: '1d', compression: 'gzip', cleanup: 'compact' })
    await clock.settle()
    expect(topic.settings).toEqual({ ...DEFAULTS, retentionMs: 86_400_000, compression: 'gzip', cleanup: 'compact' })
    expect(warnings).toEqual([{ code: 'TOPIC_ALTERED', message: "topic 'orders': changed compression, cleanup, retentionMs, as given on opening it", hint: expect.any(String) as string }])
    await log.topic('orders', { retention: '1d' })
    await clock.settle()
    expect(warnings).toHaveLength(1)
  })

  test('more partitions given on opening a stored topic are added', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    await log.topic('orders', { partitions: 3 })
    expect(topic.partitions.map(partition => partition.index)).toEqual([0, 1, 2])
    expect((await topic.send({ value: 1, partition: 2 })).partition).toBe(2)
  })

  test.each([
    [{ key: 'bytes' }, "key is 'string', given 'bytes'"],
    [{ value: 'json' }, "value is 'msgpack', given 'json'"],
    [{ value: { name: 'own', encode: () => new Uint8Array(), decode: () => 1 } }, "value is 'msgpack', given 'own'"],
    [{ partitioner: 'xxhash' }, "partitioner is 'murmur2', given 'xxhash'"],
    [{ partitions: 1, retention: '1d' }, 'partitions is 2, given 1'],
  ] as const)('opening a stored topic with %o is refused, and nothing of it is applied', async (options, message) => {
    const opened = await openLog()
    await opened.log.topic('orders', { partitions: 2 })
    await expectRefused(opened, () => opened.log.topic('orders', options as object), { name: 'ConflictError', code: 'TOPIC_CONTRADICTS', message })
  })

  test('alter changes policies and adds partitions, for those who hold the topic too', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    await topic.alter({ partitions: 2, retention: '1h', segmentBytes: '1KiB' })
    expect(topic.settings).toEqual({ ...DEFAULTS, partitions: 2, retentionMs: 3_600_000, segmentBytes: 1024 })
    expect(topic.partitions).toHaveLength(2)
    expect(log.stats().topics[0]!.partitions).toHaveLength(2)
  })

  test('a bound that was set is taken away by name', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders', { retention: '1d', retentionBytes: '1GiB', segmentBytes: '1MiB' })
    await topic.alter({ retention: 'forever', retentionBytes: 'unlimited' })
    expect(topic.settings).toMatchObject({ retentionMs: Infinity, retentionBytes: Infinity })
  })

  test('alterations asked for at once are all applied', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    await Promise.all([topic.alter({ retention: '1h' }), topic.alter({ partitions: 4 }), log.topic('orders', { compression: 'gzip' }), topic.alter({ maxRecordBytes: '1KiB' })])
    expect(topic.settings).toEqual({ ...DEFAULTS, partitions: 4, retentionMs: 3_600_000, compression: 'gzip', maxRecordBytes: 1024 })
  })

  test('a deleted topic is gone, and opened again it is a new one', async () => {
    const { log } = await openLog()
    const old = await log.topic('orders', { partitions: 2 })
    await old.send({ value: 'old' })
    await log.deleteTopic('orders')
    expect(log.topics()).toEqual([])
    const topic = await log.topic('orders')
    expect(topic).not.toBe(old)
    expect(topic.partitions).toHaveLength(1)
    expect((await topic.send({ value: 'new' })).offset).toBe(0)
    expect(await valuesOf(topic)).toEqual(['new'])
  })

  test("the options that were given stay the caller's, unchanged", async () => {
    const options = Object.freeze({ partitions: 2, retainUntilConsumedBy: Object.freeze(['a']), compactionLag: Object.freeze({ min: '1s' }) })
    const { log } = await openLog(Object.freeze({ topicDefaults: Object.freeze({ retention: '1d' }) }))
    await log.topic('orders', options)
    expect(options).toEqual({ partitions: 2, retainUntilConsumedBy: ['a'], compactionLag: { min: '1s' } })
  })

  test("stats tells location, storage and every partition's offsets, and no topic of the log's own", async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders', { partitions: 2 })
    await topic.send([{ value: 1, partition: 1 }, { value: 2, partition: 1 }])
    const { bytes } = topic.partitions[1]!
    expect(bytes).toBeGreaterThan(61)
    const { location, storage, storageReason, ...rest } = log.stats()
    expect(location).toBe(log.location)
    expect(['mapped', 'file', 'memory']).toContain(storage)
    expect(storageReason).not.toBe('')
    expect(rest).toEqual({
      bytes,
      topics: [{ name: 'orders', partitions: [{ index: 0, startOffset: 0, stableOffset: 0, endOffset: 0, bytes: 0, segments: 1 }, { index: 1, startOffset: 0, stableOffset: 2, endOffset: 2, bytes, segments: 1 }] }],
      groups: [], transactions: [],
    })
  })
})

describe.each(KEPT_LOGS)('%s, opened again', (_kind, openLog) => {
  test('topics, settings and records are as they were', async () => {
    const opened = await openLog()
    const topic = await opened.log.topic('orders', { partitions: 2, retention: '7d', value: 'string' })
    await topic.send([{ key: 'ada', value: 'a' }, { key: 'bob', value: 'b' }, { value: 'c', partition: 1 }])
    await topic.alter({ partitions: 3, retainUntilConsumedBy: ['billing'] })
    const { settings } = topic
    const values = await valuesOf(topic)
    const { log } = await opened.reopen!()
    const [again] = log.topics()
    expect(again!.settings).toEqual(settings)
    expect(await valuesOf(again!)).toEqual(values)
  })

  test('a deleted topic stays deleted', async () => {
    const opened = await openLog()
    await opened.log.topic('orders')
    await opened.log.topic('kept')
    await opened.log.deleteTopic('orders')
    const { log, files } = await opened.reopen!()
    expect(log.topics().map(topic => topic.name)).toEqual(['kept'])
    expect(files().filter(name => name.includes('orders'))).toEqual([])
  })

  test("a serde of the user's own is asked for by its name", async () => {
    const own = { name: 'shout', encode: (text: string) => Buffer.from(text.toUpperCase()), decode: (bytes: Uint8Array) => Buffer.from(bytes).toString() }
    const opened = await openLog()
    await (await opened.log.topic('orders', { value: own })).send({ value: 'quiet' })
    const again = await opened.reopen!()
    const topic = await again.log.topic('orders')
    await expectRefused(again, () => topic.send({ value: 'x' }), { name: 'UsageError', code: 'SERDE_MISSING', message: "'shout'", hint: 'log.topic' })
    expect(await valuesOf(await again.log.topic<string>('orders', { value: own }))).toEqual(['QUIET'])
  })

  test("a partitioner of the user's own is asked for when a key is placed", async () => {
    const opened = await openLog()
    await opened.log.topic('orders', { partitions: 2, partitioner: () => 1 })
    const again = await opened.reopen!()
    const topic = await again.log.topic('orders')
    await expectRefused(again, () => topic.send({ key: 'a', value: 'x' }), { name: 'UsageError', code: 'PARTITIONER_MISSING' })
    await again.log.topic('orders', { partitioner: () => 1 })
    expect((await topic.send({ key: 'a', value: 'x' })).partition).toBe(1)
  })
})
