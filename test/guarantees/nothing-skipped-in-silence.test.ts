// Nothing is skipped in silence: a read hands out every stored record in its range, or ends with an error that says
// which offsets it could not give.
import { CorruptionError, OutOfRangeError, type LogEvents, type Topic } from 'millrace'
import { testLog, type TestLog } from 'millrace/testing'
import { expect, test } from 'vitest'

const COUNT = 60

/** Sixty records, one to a batch, in several segments. */
async function sixty(): Promise<{ log: TestLog; topic: Topic<number> }> {
  const log = await testLog()
  const topic = await log.topic<number>('orders', { segmentBytes: '1KiB' })
  for (let value = 0; value < COUNT; value++) await topic.send({ value })
  return { log, topic }
}

/** All that a read gives until it ends, and how it ends. */
async function readAll(topic: Topic<number>, from: number): Promise<{ offsets: number[]; error: unknown }> {
  const offsets: number[] = []
  try {
    for await (const record of topic.read({ from: { offset: from } })) offsets.push(record.offset)
    return { offsets, error: undefined }
  } catch (error) {
    return { offsets, error }
  }
}

const upTo = (end: number, from = 0): number[] => Array.from({ length: end - from }, (_, i) => from + i)

test('a damaged batch ends the read with its file, position and offset; what lies before and behind is read', async () => {
  const { log, topic } = await sixty()
  const segments = topic.partitions[0]!.segments()
  const damaged = segments[1]!
  log.disk.corrupt(`/log/orders-0/${String(damaged.baseOffset).padStart(20, '0')}.log`, 62, 0x10)
  const { offsets, error } = await readAll(topic, 0)
  expect(offsets).toEqual(upTo(damaged.baseOffset))
  expect(error).toBeInstanceOf(CorruptionError)
  expect(error).toMatchObject({ code: 'BATCH_CORRUPT', details: { file: expect.stringContaining('orders-0/') as string, position: 0, offset: damaged.baseOffset } })
  expect(await readAll(topic, damaged.baseOffset + 1)).toEqual({ offsets: upTo(COUNT, damaged.baseOffset + 1), error: undefined })
  expect(topic.partitions[0]!.endOffset).toBe(COUNT)
  await log.close()
})

test('wherever a single bit flips, a read gives right records, and all of them or an error', async () => {
  const { log, topic } = await sixty()
  const [segment] = topic.partitions[0]!.segments()
  for (let position = 0; position < segment!.bytes; position += 7) {
    log.disk.corrupt('/log/orders-0/00000000000000000000.log', position, 1)
    const values: (number | null)[] = []
    const error: unknown = await (async () => { for await (const record of topic.read()) values.push(record.value) })().catch((reason: unknown) => reason)
    expect(values).toEqual(upTo(values.length))
    if (values.length < COUNT) expect(error, `position ${position}`).toBeInstanceOf(CorruptionError)
    log.disk.corrupt('/log/orders-0/00000000000000000000.log', position, 1)
  }
  expect((await readAll(topic, 0)).offsets).toEqual(upTo(COUNT))
  await log.close()
})

test('an offset that is no longer stored is an OutOfRangeError, for who begins there and for who was there', async () => {
  const { log, topic } = await sixty()
  const reading = topic.read({ maxBufferedBytes: 1 })
  await reading.next()
  await topic.partitions[0]!.truncateBefore(50)
  expect(await readAll(topic, 49)).toMatchObject({ offsets: [], error: { code: 'OFFSET_OUT_OF_RANGE' } })
  await expect(reading.next()).rejects.toBeInstanceOf(OutOfRangeError)
  expect(await readAll(topic, 50)).toEqual({ offsets: upTo(COUNT, 50), error: undefined })
  await log.close()
})

test('what opening cuts off is told by the event recovered', async () => {
  const { log, topic } = await sixty()
  const active = topic.partitions[0]!.segments().at(-1)!
  log.disk.corrupt(`/log/orders-0/${String(active.baseOffset).padStart(20, '0')}.log`, active.bytes - 1, 1)
  const next = await log.crash()
  const recovered: LogEvents['recovered'][] = []
  next.on('recovered', event => recovered.push(event))
  await next.clock.settle()
  const { endOffset } = (await next.topic('orders')).partitions[0]!
  expect(recovered).toEqual([{ topic: 'orders', partition: 0, cutBytes: expect.any(Number) as number, endOffset }])
  expect(endOffset).toBe(COUNT - 1)
  await next.close()
})

test('a failed sync is reported to its senders, to the log and to every later send', async () => {
  const log = await testLog({ durability: 'power' })
  const errors: LogEvents['error'][] = []
  log.on('error', event => errors.push(event))
  const topic = await log.topic<number>('orders')
  await topic.send({ value: 0 })
  log.disk.failNext('sync', { error: 'EIO', path: /orders-0/ })
  for (const value of [1, 2]) await expect(topic.send({ value })).rejects.toMatchObject({ name: 'StorageError', code: 'PARTITION_FAILED' })
  expect(errors).toMatchObject([{ topic: 'orders', partition: 0, error: { code: 'PARTITION_FAILED' } }])
  const { offsets, error } = await readAll(topic, 0)
  expect(offsets).toEqual([0])
  expect(error).toMatchObject({ code: 'PARTITION_FAILED' })
  await topic.partitions[0]!.recover()
  expect((await readAll(topic, 0)).error).toBeUndefined()
  await topic.send({ value: 3 })
  await log.close()
})
