// How long a Fetch waits: for bytes, for the end of a transaction, for time, and for nobody.
import { expect, onTestFinished, test, vi } from 'vitest'
import { listen } from '../../src/kafka.ts'
import { metadata } from '../../src/kafka/apis/03-metadata.ts'
import { testLog } from '../../src/testing.ts'
import { NumberedProducer } from '../support/numbered-producer.ts'
import { batchOf } from './support/batches.ts'
import { fetchFrom, fetchOne, partitionOf, spanOf, summaryOf, summaryOfOne, type FetchAnswer, topicOfBytes } from './support/fetching.ts'
import { connectTo, openDoor, type OpenDoor } from './support/open-door.ts'
import type { WireClient } from './support/wire-client.ts'

/** Longer than any test may take: what is answered was woken. */
const LONG = { maxWaitMs: 600_000 }

async function openWith(partitions = 1): Promise<OpenDoor> {
  const opened = await openDoor()
  await topicOfBytes(opened.log, 'orders', { partitions })
  return opened
}

interface Pending { readonly answer: Promise<FetchAnswer>; isAnswered(): Promise<boolean> }

/** A request that is under way once this resolves, and whether it was answered by now. */
async function pending({ door, client }: { readonly door: Parameters<typeof connectTo>[0], readonly client: WireClient }, asked: Parameters<typeof fetchFrom>[1], over: Parameters<typeof fetchFrom>[2]): Promise<Pending> {
  let hasAnswer = false
  const answer = fetchFrom(client, asked, { ...LONG, ...over })
  answer.then(() => { hasAnswer = true }, () => { /* told to whoever awaits it */ })
  const other = await connectTo(door)
  const isAnswered = async (): Promise<boolean> => {
    for (let i = 0; i < 3; i++) await other.ask(metadata, 12, { topics: [] }) // whatever was to be sent before is there
    return hasAnswer
  }
  await isAnswered()
  return { answer, isAnswered }
}

test('a fetch at the end is answered when a record comes', async () => {
  const opened = await openWith(2)
  const { answer, isAnswered } = await pending(opened, [{ offset: 0 }, { partition: 1, offset: 0 }], {})
  expect(await isAnswered()).toBe(false)
  partitionOf(opened.log, 'orders', 1).append(batchOf('v'))
  expect(summaryOf(await answer)).toEqual(['orders-0: NONE', 'orders-1: NONE 0..0'])
  expect(partitionOf(opened.log).awaited).toBe(false)
})

test('a fetch waits for so many bytes, of all partitions together', async () => {
  const opened = await openWith(2)
  const [first, second] = [partitionOf(opened.log), partitionOf(opened.log, 'orders', 1)]
  const batch = batchOf('v')
  const { answer, isAnswered } = await pending(opened, [{ offset: 0 }, { partition: 1, offset: 0 }], { minBytes: 3 * batch.length })
  first.append(batchOf('v'))
  expect(await isAnswered()).toBe(false)
  second.append(batchOf('v'))
  expect(await isAnswered()).toBe(false)
  first.append(batchOf('v'))
  expect(summaryOf(await answer)).toEqual(['orders-0: NONE 0..1', 'orders-1: NONE 0..0'])
})

test('more than the request takes is not waited for', async () => {
  const { log, client } = await openWith()
  partitionOf(log).append(batchOf('v'))
  expect(summaryOfOne(await fetchOne(client, { offset: 0 }, { ...LONG, minBytes: 1000, maxBytes: 10 }))).toBe('NONE 0..0')
})

test('behind the segment that is written to nothing is waited for: an answer has records of one segment', async () => {
  const { log, client } = await openDoor()
  await topicOfBytes(log, 'orders', { segmentBytes: 1024 })
  for (let i = 0; i < 10; i++) partitionOf(log).append(batchOf('v'.repeat(200)))
  expect(spanOf((await fetchOne(client, { offset: 0 }, { ...LONG, minBytes: 100_000 })).records)).toEqual([0, 2])
})

test('where there was no room for a batch nothing is waited for', async () => {
  const { log, client } = await openWith(2)
  partitionOf(log).append(batchOf('v'))
  partitionOf(log, 'orders', 1).append(batchOf('v'.repeat(1000)))
  const asked = [{ offset: 0, maxBytes: 500 }, { partition: 1, offset: 0, maxBytes: 500 }]
  expect(summaryOf(await fetchFrom(client, asked, { ...LONG, minBytes: 400 }))).toEqual(['orders-0: NONE 0..0', 'orders-1: NONE'])
})

test('when time is up, what there is comes', async () => {
  const { log, client } = await openWith()
  partitionOf(log).append(batchOf('v'))
  expect(summaryOfOne(await fetchOne(client, { offset: 0 }, { maxWaitMs: 1, minBytes: 100_000 }))).toBe('NONE 0..0')
  expect(summaryOfOne(await fetchOne(client, { offset: 1 }, { maxWaitMs: 1 }))).toBe('NONE')
})

test('with read_committed the end of a transaction is waited for', async () => {
  const opened = await openWith()
  const [partition, producer] = [partitionOf(opened.log), new NumberedProducer(7)]
  producer.send(partition, [{ value: 'a' }])
  const { answer, isAnswered } = await pending(opened, [{ offset: 0 }], { isolationLevel: 1 })
  for (let i = 0; i < 3; i++) producer.send(partition, [{ value: 'b' }])
  expect(await isAnswered()).toBe(false)
  producer.end(partition, 'commit')
  expect(spanOf((await answer).responses[0]!.partitions[0]!.records)).toEqual([0, 4])
})

test('with read_committed an open transaction is waited out though the bytes behind it are many, and nothing is read again meanwhile', async () => {
  const opened = await openWith()
  const [partition, producer] = [partitionOf(opened.log), new NumberedProducer(7)]
  const readHot = vi.spyOn(partition, 'readHot')
  const { answer, isAnswered } = await pending(opened, [{ offset: 0 }], { isolationLevel: 1, minBytes: 500 })
  partition.append(batchOf('v'))
  producer.send(partition, [{ value: 'v'.repeat(1000) }])
  expect(await isAnswered()).toBe(false)
  expect(readHot).toHaveBeenCalledTimes(1)
  producer.end(partition, 'abort')
  const { records, abortedTransactions } = (await answer).responses[0]!.partitions[0]!
  expect([spanOf(records), abortedTransactions]).toEqual([[0, 2], [{ producerId: 7, firstOffset: 1 }]])
})

test('an error of one partition is answered at once, with what the others have', async () => {
  const { client } = await openWith()
  expect(summaryOf(await fetchFrom(client, [{ offset: 0 }, { partition: 5, offset: 0 }], LONG))).toEqual(['orders-0: NONE', 'orders-5: UNKNOWN_TOPIC_OR_PARTITION'])
})

test('a fetch of nothing is answered at once', async () => {
  const { client } = await openWith()
  expect((await fetchFrom(client, [], LONG)).responses).toEqual([])
})

test('a topic that is deleted is told to who waits for it', async () => {
  const opened = await openWith()
  const { answer } = await pending(opened, [{ offset: 0 }], {})
  await opened.log.deleteTopic('orders')
  expect(summaryOf(await answer)).toEqual(['orders-0: UNKNOWN_TOPIC_OR_PARTITION'])
})

test('a broker that comes back takes its partitions with it: who waits for them elsewhere is told, who waits for others waits on', async () => {
  const { log, door: { brokers } } = await openDoor({ brokers: 2 })
  await topicOfBytes(log, 'orders', { partitions: 2 })
  const [first, second] = [brokers[0]!, brokers[1]!]
  await first.stop()
  const moved = await pending({ door: second, client: await connectTo(second) }, [{ offset: 0 }], {})
  const stays = await pending({ door: second, client: await connectTo(second) }, [{ partition: 1, offset: 0 }], {})
  expect(await moved.isAnswered()).toBe(false)
  await first.start()
  expect(summaryOf(await moved.answer)).toEqual(['orders-0: NOT_LEADER_OR_FOLLOWER'])
  expect(await stays.isAnswered()).toBe(false)
  partitionOf(log, 'orders', 1).append(batchOf('v'))
  expect(summaryOf(await stays.answer)).toEqual(['orders-1: NONE 0..0'])
})

test('a disk that fails is told to who waits', async () => {
  const log = await testLog()
  onTestFinished(() => log.close())
  const topic = await topicOfBytes(log)
  const door = await listen(log)
  const opened = { log, door, client: await connectTo(door) }
  await topic.send({ value: Buffer.from('v') })
  const { answer } = await pending(opened, [{ offset: 1 }], { minBytes: 100_000 })
  log.disk.failNext('sync', { error: 'EIO' })
  partitionOf(log).append(batchOf('v'))
  await expect(partitionOf(log).sync()).rejects.toThrow('EIO')
  expect(summaryOf(await answer)).toEqual(['orders-0: KAFKA_STORAGE_ERROR'])
})

test('nobody waits any more once the connection is closed, or the door', async () => {
  const opened = await openWith()
  const partition = partitionOf(opened.log)
  const first = await pending(opened, [{ offset: 0 }], {})
  expect(partition.awaited).toBe(true)
  await opened.client.close()
  await expect(first.answer).rejects.toThrow('closed')
  const other = await connectTo(opened.door)
  while (partition.awaited) await other.ask(metadata, 12, { topics: [] })
  const second = await pending({ door: opened.door, client: other }, [{ offset: 0 }], {})
  expect(partition.awaited).toBe(true)
  await opened.door.close()
  await expect(second.answer).rejects.toThrow('closed')
  expect(partition.awaited).toBe(false)
})
