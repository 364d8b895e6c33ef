// Sending: order, batches, placement and what is stored, as api.md's page "Sending" promises it on every kind of log.
import { describe, expect, test } from 'vitest'
import type { NewRecord, Sent, StandardSchema, Topic } from '../../src/index.ts'
import { murmur2, toPositive } from '../../src/format/murmur2.ts'
import { failureOf } from './support/failures.ts'
import { LOGS } from './support/logs.ts'
import { numbers, recordsOf, valuesOf } from './support/records.ts'

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

/** Even numbers are checked at once, odd ones some turns of the microtask queue later. */
const lateSchema: StandardSchema<unknown, number> = {
  '~standard': { version: 1, vendor: 'test', validate: value => Number(value) % 2 === 0 ? { value } : later(5).then(() => ({ value })) },
}

async function later(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve()
}

async function batchCounts<V>(topic: Topic<V, string>): Promise<number[]> {
  const counts: number[] = []
  for await (const batch of topic.batches()) counts.push(batch.count)
  return counts
}

describe.each(LOGS)('%s', (_kind, openLog) => {
  test('a record is acknowledged with its place and time, and is read as it was sent', async () => {
    const { log, clock } = await openLog()
    const topic = await log.topic('orders', { partitions: 4 })
    const sent = await topic.send({ key: 'ada', value: { item: 'mill', total: 12 }, headers: { trace: 'x1' } })
    expect(sent).toEqual({ topic: 'orders', partition: toPositive(murmur2(Buffer.from('ada'))) % 4, offset: 0, timestamp: clock.now() })
    const [record] = await recordsOf(topic)
    expect(record).toMatchObject({ ...sent, key: 'ada', value: { item: 'mill', total: 12 } })
    expect([...record!.headers].map(([name, value]) => [name, Buffer.from(value!).toString()])).toEqual([['trace', 'x1']])
  })

  test('sends of one tick share a batch, those of the next have another', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    await Promise.all(numbers(10).map(value => topic.send({ value })))
    await Promise.all(numbers(5).map(value => later(3).then(() => topic.send({ value }))))
    await topic.send({ value: 'alone' })
    expect(await batchCounts(topic)).toEqual([10, 5, 1])
  })

  test('a batch takes 256 KiB unless told otherwise, and a larger record is a batch of its own', async () => {
    const { log } = await openLog()
    const topic = await log.topic<Uint8Array>('orders', { value: 'bytes' })
    await Promise.all([...numbers(60).map(() => topic.send({ value: Buffer.alloc(10_000) })), topic.send({ value: Buffer.alloc(300_000) }), topic.send({ value: Buffer.alloc(10) })])
    expect(await batchCounts(topic)).toEqual([26, 26, 8, 1, 1])
  })

  test('a record takes 16 MiB at most, unless told otherwise', async () => {
    const { log } = await openLog()
    const topic = await log.topic<Uint8Array>('orders', { value: 'bytes' })
    await topic.send({ value: Buffer.alloc(16 * 2 ** 20 - 100) })
    expect(await failureOf(() => topic.send({ value: Buffer.alloc(16 * 2 ** 20) }))).toMatchObject({ name: 'LimitError', code: 'RECORD_TOO_LARGE' })
  })

  test.each(CODECS)("records of one producer keep the order of the calls, compression '%s'", async compression => {
    const { log, clock } = await openLog()
    const topic = await log.topic('orders', { compression })
    const producer = topic.producer({ linger: 5, batchBytes: 20_000 })
    const sends: Promise<Sent>[] = []
    for (const value of numbers(40)) {
      sends.push(producer.send({ value, headers: { padding: 'p'.repeat(value % 4 === 0 ? 18_000 : 10) } }))
      if (value % 10 === 9) await later(3)
    }
    await clock.advance(5)
    expect((await Promise.all(sends)).map(sent => sent.offset)).toEqual(numbers(40))
    expect(await valuesOf(topic)).toEqual(numbers(40))
  })

  test('records of one producer keep the order of the calls, whatever their schema waits for', async () => {
    const { log } = await openLog()
    const topic = await log.topic<number>('orders', { schema: lateSchema })
    const sent = await Promise.all([...numbers(10).map(value => topic.send({ value })), topic.send(numbers(10, 10).map(value => ({ value }))), topic.send({ value: 20 })])
    expect(sent.flat().map(({ offset }) => offset)).toEqual(numbers(21))
    expect(await valuesOf(topic)).toEqual(numbers(21))
  })

  test('single records and arrays keep the order of the calls in a buffer that is always full', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    const producer = topic.producer({ maxBufferedBytes: 1, compression: 'gzip' })
    await Promise.all([producer.send({ value: 0 }), producer.send([{ value: 1 }, { value: 2 }]), producer.send({ value: 3 }), producer.send([]), producer.send({ value: 4 })])
    expect(await valuesOf(topic)).toEqual(numbers(5))
  })

  test('a linger holds records back until it is over, until a flush, or until the batch is full', async () => {
    const { log, clock } = await openLog()
    const topic = await log.topic('orders')
    const producer = topic.producer({ linger: '100ms', batchBytes: 1000 })
    const first = producer.send({ value: 'a' })
    await clock.advance(99)
    expect(topic.partitions[0]!.endOffset).toBe(0)
    await clock.advance(1)
    expect((await first).offset).toBe(0)

    const second = producer.send({ value: 'b' })
    await producer.flush()
    expect((await second).offset).toBe(1)

    const full = [producer.send({ value: 'c'.repeat(800) }), producer.send({ value: 'd'.repeat(800) })] as const
    expect((await full[0]).offset).toBe(2)
    expect(topic.partitions[0]!.endOffset).toBe(3)
    await producer.close()
    expect((await full[1]).offset).toBe(3)
  })

  test("the time that was not given is the clock's, and that of the producer's call", async () => {
    const { log, clock } = await openLog()
    const topic = await log.topic('orders')
    const producer = topic.producer({ linger: '1s' })
    const called = clock.now()
    const sending = producer.send({ value: 1 })
    await clock.advance('1s')
    expect((await sending).timestamp).toBe(called)
    const date = new Date(called - 5000)
    expect((await topic.send({ value: 2, timestamp: date })).timestamp).toBe(date.getTime())
    expect((await topic.send({ value: 3, timestamp: called + 1000 + 3_600_000 })).timestamp).toBe(called + 3_601_000)
    expect((await recordsOf(topic)).map(record => record.timestamp)).toEqual([called, called - 5000, called + 3_601_000])
  })

  test("timestamps 'append': a record has the time at which its batch was written", async () => {
    const { log, clock } = await openLog()
    const topic = await log.topic('orders', { timestamps: 'append' })
    const sending = topic.producer({ linger: '1s' }).send({ value: 1, timestamp: 5 })
    await clock.advance('1s')
    expect(await sending).toMatchObject({ timestamp: clock.now() })
    expect(topic.producer().sendSync({ value: 2, timestamp: 6 }).timestamp).toBe(clock.now())
    expect((await recordsOf(topic)).map(record => record.timestamp)).toEqual([clock.now(), clock.now()])
  })

  test('sendSync: the record is in the log when it returns, after all that its producer had pending there', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    const producer = topic.producer({ linger: '1m' })
    const pending = [producer.send({ value: 0 }), producer.send({ value: 1 })]
    expect(producer.sendSync({ value: 2 })).toMatchObject({ partition: 0, offset: 2 })
    expect(topic.partitions[0]!.endOffset).toBe(3)
    expect((await Promise.all(pending)).map(sent => sent.offset)).toEqual([0, 1])
    expect(await valuesOf(topic)).toEqual([0, 1, 2])
  })

  test('sendSync writes what is still being compressed first', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders', { compression: 'gzip' })
    const producer = topic.producer()
    const large = producer.send({ value: 'v'.repeat(200_000) })
    await later(4)
    expect(topic.partitions[0]!.endOffset).toBe(0)
    expect(producer.sendSync({ value: 'after' }).offset).toBe(1)
    expect((await large).offset).toBe(0)
    expect((await valuesOf(topic)).map(value => String(value).length)).toEqual([200_000, 5])
  })

  test('sendSync never waits: a LimitError while its buffers are full or earlier sends wait, and nothing is stored', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    const producer = topic.producer({ maxBufferedBytes: 1, linger: '1m' })
    const sends = [producer.send({ value: 0 }), producer.send([{ value: 1 }])]
    const error = await failureOf(() => producer.sendSync({ value: 9 }))
    expect(error).toMatchObject({ name: 'LimitError', code: 'PRODUCER_BUSY', retriable: true })
    await producer.flush()
    await Promise.all(sends)
    expect(producer.sendSync({ value: 2 }).offset).toBe(2)
    expect(await valuesOf(topic)).toEqual([0, 1, 2])
  })

  test('sendSync refuses a schema that is asynchronous', async () => {
    const { log } = await openLog()
    const topic = await log.topic<number>('orders', { schema: lateSchema })
    expect(topic.producer().sendSync({ value: 2 }).offset).toBe(0)
    expect(await failureOf(() => topic.producer().sendSync({ value: 3 }))).toMatchObject({ name: 'UsageError', code: 'SCHEMA_ASYNCHRONOUS' })
    expect(await valuesOf(topic)).toEqual([2])
  })

  test('an array resolves with a place for each record, when the last is stored', async () => {
    const { log, clock } = await openLog()
    const topic = await log.topic('orders', { partitions: 2 })
    const sent = await topic.send([{ value: 'a', partition: 1 }, { value: 'b', partition: 0 }, { value: 'c', partition: 1 }])
    expect(sent).toEqual([[1, 0], [0, 0], [1, 1]].map(([partition, offset]) => ({ topic: 'orders', partition, offset, timestamp: clock.now() })))
    expect(await topic.send([])).toEqual([])
  })

  test('of an array with one malformed record nothing is written', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    const records = [...numbers(5).map(value => ({ value })), { valeu: 5 } as unknown as { value: number }, { value: 6 }]
    expect(await failureOf(() => topic.send(records))).toMatchObject({ code: 'RECORD_INVALID', details: { index: 5, sent: 0 } })
    expect(topic.partitions[0]!.endOffset).toBe(0)
  })

  test('an array that fails on the way says at which record, and how many are stored', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders', { maxRecordBytes: 1000 })
    const error = await failureOf(() => topic.send([{ value: 'a' }, { value: 'b' }, { value: 'c'.repeat(2000) }, { value: 'd' }]))
    expect(error).toMatchObject({ name: 'LimitError', code: 'RECORD_TOO_LARGE', details: { index: 2, sent: 2, topic: 'orders' } })
    expect(await valuesOf(topic)).toEqual(['a', 'b'])
  })

  test('records without a key go to one partition a batch, the next batch to another', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders', { partitions: 3 })
    const partitions: number[] = []
    for (let tick = 0; tick < 6; tick++) {
      const sent = await Promise.all(numbers(4).map(value => topic.send({ value })))
      expect(new Set(sent.map(({ partition }) => partition)).size).toBe(1)
      partitions.push(sent[0]!.partition)
    }
    expect(partitions.slice(0, 3).sort()).toEqual([0, 1, 2])
    expect(partitions.slice(3)).toEqual(partitions.slice(0, 3))
  })

  test('a key that is present is hashed, an empty one too; a partition that is named overrides', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders', { partitions: 16 })
    const place = (key: string): number => toPositive(murmur2(Buffer.from(key))) % 16
    for (const key of ['', 'a', 'ada', 'naïve']) expect((await topic.send({ key, value: 1 })).partition).toBe(place(key))
    expect((await topic.send({ key: 'ada', value: 1, partition: (place('ada') + 1) % 16 })).partition).toBe((place('ada') + 1) % 16)
  })

  test("'xxhash' and a function of one's own place keys as they say", async () => {
    const { log } = await openLog()
    const xxhash = await log.topic('xx', { partitions: 1000, partitioner: 'xxhash' })
    expect((await xxhash.send({ key: '', value: 1 })).partition).toBe(0x02cc5d05 % 1000) // xxh32 of nothing, seed 0
    const own = await log.topic('own', { partitions: 10, partitioner: key => key.length })
    expect((await own.send({ key: 'four', value: 1 })).partition).toBe(4)
    expect(await failureOf(() => own.send({ key: 'longer than ten', value: 1 }))).toMatchObject({ name: 'UsageError', code: 'PARTITION_INVALID' })
  })

  test('null is a tombstone, and no key is not an empty key', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    await topic.send([{ key: '', value: null }, { key: null, value: '' }, { value: 0 }, { key: undefined, value: false }] as NewRecord<unknown, string>[])
    expect((await recordsOf(topic)).map(({ key, value }) => [key, value])).toEqual([['', null], [null, ''], [null, 0], [null, false]])
  })

  test("what is stored is the schema's output, and a rejected value is not stored", async () => {
    const trimmed: StandardSchema<unknown, string> = {
      '~standard': { version: 1, vendor: 'test', validate: value => typeof value === 'string' ? { value: value.trim() } : { issues: [{ message: 'no text', path: ['a', 0] }] } },
    }
    const { log } = await openLog()
    const topic = await log.topic<string>('orders', { schema: trimmed })
    await topic.send([{ value: ' a ' }, { value: null }])
    expect(await failureOf(() => topic.send({ value: 7 as unknown as string }))).toMatchObject({ code: 'SCHEMA_REJECTED', details: { issues: [{ message: 'no text', path: 'a[0]' }] } })
    expect(await valuesOf(topic)).toEqual(['a', null])
  })

  test('with a VersionedSchema each record carries its version, and older ones come up to the newest', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders', { schema: { version: 1, upcast: {} } })
    await topic.send({ value: { name: 'Ada L' }, headers: { trace: 'x' } })
    await topic.alter({ schema: { version: 2, upcast: { 1: (old: { name: string }) => ({ first: old.name.split(' ')[0] }) } } })
    await topic.send({ value: { first: 'Bob' } })
    const records = await recordsOf(topic)
    expect(records.map(record => record.headers.text('millrace-schema'))).toEqual(['1', '2'])
    expect(records.map(record => record.value)).toEqual([{ first: 'Ada' }, { first: 'Bob' }])
  })

  test('a producer for any topic takes topics by name or as themselves, and keeps the order of its calls', async () => {
    const { log } = await openLog()
    const [a, b] = await Promise.all([log.topic('a'), log.topic<string>('b')])
    const producer = log.producer()
    const sent = await Promise.all([producer.send({ topic: 'a', value: 1 }), producer.send({ topic: b, value: 'x' }), producer.send([{ topic: a, value: 2 }, { topic: 'b', value: 'y' }])])
    expect(sent.flat().map(({ topic, offset }) => [topic, offset])).toEqual([['a', 0], ['b', 0], ['a', 1], ['b', 1]])
    expect(producer.sendSync({ topic: 'b', value: 'z' })).toMatchObject({ topic: 'b', offset: 2 })
    expect(await valuesOf(a)).toEqual([1, 2])
    expect(await valuesOf(b)).toEqual(['x', 'y', 'z'])
  })

  test('a signal closes its producer: what was sent before is stored', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    const controller = new AbortController()
    const producer = topic.producer({ linger: '1m', signal: controller.signal })
    const sent = producer.send({ value: 1 })
    controller.abort()
    expect(await failureOf(() => producer.send({ value: 2 }))).toMatchObject({ name: 'ClosedError', code: 'PRODUCER_CLOSED' })
    expect((await sent).offset).toBe(0)
    expect(() => topic.producer({ signal: controller.signal })).toThrow(expect.objectContaining({ name: 'AbortError' }))
  })

  test("durability 'power' acknowledges what 'process' does, and later", async () => {
    const { log } = await openLog({ durability: 'power' })
    const topic = await log.topic('orders', { partitions: 2 })
    const sent = await Promise.all([...numbers(20).map(value => topic.send({ value })), topic.producer({ durability: 'process' }).send({ value: 20 })])
    expect(sent).toHaveLength(21)
    expect((await valuesOf(topic)).sort((a, b) => Number(a) - Number(b))).toEqual(numbers(21))
  })
})
