// What a Fetch reads: which batches come, how many of them, and what is told of a partition beside them or instead.
import { expect, onTestFinished, test } from 'vitest'
import { listen } from '../../src/kafka.ts'
import type { CallingConnection } from '../../src/kafka/calling-connection.ts'
import { Fetches, MAX_ANSWER_BYTES, MAX_BYTES_OF_ANSWERS } from '../../src/kafka/fetches.ts'
import { testLog } from '../../src/testing.ts'
import { partsOf } from '../../src/surface/event-log.ts'
import { NumberedProducer } from '../support/numbered-producer.ts'
import { batchOf } from './support/batches.ts'
import { fetchFrom, fetchOne, partitionOf, spanOf, storedTopic, summaryOf, summaryOfOne, topicOfBytes } from './support/fetching.ts'
import { connectTo, openDoor, type OpenDoor } from './support/open-door.ts'
import { nameOf, send } from './support/produce.ts'

/** `batches`: how many records each has. */
async function openWith(batches: readonly number[], partitions = 1, options = {}): Promise<OpenDoor> {
  const opened = await openDoor(options)
  await topicOfBytes(opened.log, 'orders', { partitions })
  for (const count of batches) append(opened, count)
  return opened
}

function append({ log }: Pick<OpenDoor, 'log'>, count: number, partition = 0, value = 'v'.repeat(100)): number {
  return partitionOf(log, 'orders', partition).append(batchOf(...Array.from({ length: count }, () => value)))
}

test('in every version the same batches come, as they are stored', async () => {
  const { log, client } = await openWith([3, 2])
  const { id } = storedTopic(log)
  for (let version = 4; version <= 18; version++) {
    const fetched = await fetchOne(client, version < 13 ? { offset: 0 } : { topicId: id, offset: 0 }, {}, version)
    expect([version, summaryOfOne(fetched)]).toEqual([version, 'NONE 0..4'])
    expect(fetched).toMatchObject({ highWatermark: 5, lastStableOffset: 5, abortedTransactions: null, preferredReadReplica: -1, logStartOffset: version < 5 ? -1 : 0 })
  }
})

test('what a client sent comes back byte for byte', async () => {
  const { client } = await openWith([])
  const batch = batchOf({ key: 'k', value: 'a', headers: [['h', 'x']] }, { value: 'b' })
  await send(client, batch)
  const { records } = await fetchOne(client, { offset: 0 })
  expect(records!.subarray(16)).toEqual(batch.subarray(16)) // the log sets the base offset and the leader epoch before it
})

test('from inside a batch the whole of it comes', async () => {
  const { client } = await openWith([5, 5])
  expect(summaryOfOne(await fetchOne(client, { offset: 3, maxBytes: 1 }))).toBe('NONE 0..4')
  expect(summaryOfOne(await fetchOne(client, { offset: 7 }))).toBe('NONE 5..9')
})

test('at the end there is nothing, and before the start or behind the end it is out of range', async () => {
  const { log, client } = await openWith([5, 5])
  await partitionOf(log).truncateBefore(4)
  expect(summaryOfOne(await fetchOne(client, { offset: 10 }))).toBe('NONE')
  for (const offset of [-1, 3, 11, Number.MAX_SAFE_INTEGER]) {
    expect(await fetchOne(client, { offset })).toMatchObject({ errorCode: 1, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 })
  }
  expect(await fetchOne(client, { offset: 4 })).toMatchObject({ errorCode: 0, logStartOffset: 4, highWatermark: 10 })
})

/** As openWith(), but nothing is in memory any more. */
async function openCold(batches: readonly (readonly number[])[]): Promise<Pick<OpenDoor, 'log' | 'client'>> {
  const first = await testLog()
  await topicOfBytes(first, 'orders', { partitions: batches.length })
  batches.forEach((counts, partition) => { for (const count of counts) append({ log: first }, count, partition) })
  const log = await first.crash()
  onTestFinished(() => log.close())
  return { log, client: await connectTo(await listen(log)) }
}

test.each(['in memory', 'on the disk'])('what is %s: a partition gives what its bytes allow, the first with records one batch at least, and the others nothing that is too large', async where => {
  const opened = where === 'on the disk' ? await openCold([[10, 10, 10], [10, 10, 10], []]) : await openWith([10, 10, 10], 3)
  if (where === 'in memory') for (let i = 0; i < 3; i++) append(opened, 10, 1)
  const { client } = opened
  const bytes = (await fetchOne(client, { offset: 20 })).records!.length
  const both = (maxBytes: number, over = {}) => fetchFrom(client, [{ offset: 0, maxBytes }, { partition: 1, offset: 0, maxBytes }], over).then(summaryOf)
  expect(await both(2 * bytes)).toEqual(['orders-0: NONE 0..19', 'orders-1: NONE 0..19'])
  expect(await both(bytes - 1)).toEqual(['orders-0: NONE 0..9', 'orders-1: NONE'])
  expect(await both(3 * bytes, { maxBytes: 4 * bytes })).toEqual(['orders-0: NONE 0..29', 'orders-1: NONE 0..9'])
  expect(await both(10 * bytes, { maxBytes: 1 })).toEqual(['orders-0: NONE 0..9', 'orders-1: NONE'])
  expect(summaryOf(await fetchFrom(client, [{ partition: 2, offset: 0 }, { partition: 1, offset: 0 }], { maxBytes: 0 }))).toEqual(['orders-2: NONE', 'orders-1: NONE 0..9'])
})

test('what is on the disk is waited for as what is in memory is', async () => {
  const { log, client } = await openCold([[10], []])
  const one = batchOf('v').length
  const bytes = partitionOf(log).bytes
  const answer = fetchFrom(client, [{ offset: 0 }, { partition: 1, offset: 0 }], { maxWaitMs: 600_000, minBytes: bytes + one })
  while (!partitionOf(log).awaited) await new Promise(resolve => { setImmediate(resolve) })
  partitionOf(log, 'orders', 1).append(batchOf('v'))
  expect(summaryOf(await answer)).toEqual(['orders-0: NONE 0..9', 'orders-1: NONE 0..0'])
})

test('the more clients fetch, the less is one answer', () => {
  const fetches = new Fetches()
  const closing = new Set<() => void>()
  const connect = (): CallingConnection => ({ closed: false, onClosed: callback => (closing.add(callback), () => closing.delete(callback)), end: () => {} })
  const connections = Array.from({ length: 16 }, connect)
  for (const connection of connections) fetches.answerBytes(connection)
  expect(fetches.answerBytes(connections[0]!)).toBe(MAX_BYTES_OF_ANSWERS / 16)
  for (const callback of [...closing].slice(8)) callback()
  expect(fetches.answerBytes(connections[0]!)).toBe(MAX_ANSWER_BYTES)
})

test('what is behind a batch that was too large comes with the next request', async () => {
  const { client } = await openWith([10, 10, 10], 1)
  const spans = []
  for (let offset = 0; offset < 30;) {
    const span = spanOf((await fetchOne(client, { offset, maxBytes: 1 })).records)!
    spans.push(span)
    offset = span[1] + 1
  }
  expect(spans).toEqual([[0, 9], [10, 19], [20, 29]])
})

test('with read_committed nothing comes behind the last stable offset, and aborted transactions are named', async () => {
  const { log, client } = await openWith([1])
  const [partition, gone, open] = [partitionOf(log), new NumberedProducer(7), new NumberedProducer(8)]
  gone.send(partition, [{ value: 'a' }])
  gone.end(partition, 'abort')
  open.send(partition, [{ value: 'b' }])
  append({ log }, 1)
  const committed = await fetchOne(client, { offset: 0 }, { isolationLevel: 1 })
  expect([summaryOfOne(committed), committed.abortedTransactions]).toEqual(['NONE 0..2', [{ producerId: 7, firstOffset: 1 }]])
  expect(committed).toMatchObject({ lastStableOffset: 3, highWatermark: 5 })
  expect(await fetchOne(client, { offset: 4 }, { isolationLevel: 1 })).toMatchObject({ errorCode: 0, abortedTransactions: [], records: Buffer.alloc(0) })
  const all = await fetchOne(client, { offset: 0 })
  expect([summaryOfOne(all), all.abortedTransactions]).toEqual(['NONE 0..4', null])
})

test('what is not there, or is led by another broker, is an error of that partition alone', async () => {
  const { log, door, client } = await openWith([1], 2, { brokers: 2 })
  const { id } = storedTopic(log)
  const answer = await fetchFrom(client, [{ topicId: id, offset: 0 }, { topicId: id, partition: 9, offset: 0 }, { topicId: 'BBBBBBBBBBBBBBBBBBBBBA', offset: 0 }, { topicId: id, partition: 1, offset: 0 }], {}, 16)
  expect(summaryOf(answer)).toEqual([`${id}-0: NONE 0..0`, `${id}-9: UNKNOWN_TOPIC_OR_PARTITION`, 'BBBBBBBBBBBBBBBBBBBBBA-0: UNKNOWN_TOPIC_ID', `${id}-1: NOT_LEADER_OR_FOLLOWER`])
  expect(answer.responses.at(-1)!.partitions[0]!.currentLeader).toEqual({ leaderId: 1, leaderEpoch: 0 })
  const [, second] = door.bootstrap.split(',').map(each => Number(each.split(':').at(-1)))
  expect(answer.nodeEndpoints).toEqual([{ nodeId: 1, host: door.host, port: second, rack: null }])
  expect(summaryOf(await fetchFrom(client, [{ topic: 'none', offset: 0 }]))).toEqual(['none-0: UNKNOWN_TOPIC_OR_PARTITION'])
})

test('a leader epoch that is not the current one is refused', async () => {
  const { client } = await openWith([1])
  expect(nameOf((await fetchOne(client, { offset: 0, epoch: 0 })).errorCode)).toBe('NONE')
  expect(nameOf((await fetchOne(client, { offset: 0, epoch: 1 })).errorCode)).toBe('UNKNOWN_LEADER_EPOCH')
})

test('a client that has read what an unclean end took learns where its log and ours part', async () => {
  const first = await testLog()
  const topic = await topicOfBytes(first)
  await topic.send(Array.from({ length: 5 }, () => ({ value: Buffer.from('kept') })))
  await partitionOf(first).sync()
  for (let i = 0; i < 5; i++) await topic.send({ value: Buffer.from('lost') })
  const log = await first.powerCut()
  onTestFinished(() => log.close())
  const client = await connectTo(await listen(log))
  append({ log }, 10)
  const { endOffset } = partitionOf(log)
  const kept = endOffset - 10
  expect(kept).toBeLessThan(10)
  const parted = await fetchOne(client, { offset: 10, epoch: 1, lastEpoch: 0 })
  expect([parted.errorCode, parted.divergingEpoch, parted.records!.length]).toEqual([0, { epoch: 0, endOffset: kept }, 0])
  expect(nameOf((await fetchOne(client, { offset: kept, epoch: 0 })).errorCode)).toBe('FENCED_LEADER_EPOCH')
  expect(summaryOfOne(await fetchOne(client, { offset: kept, epoch: 1, lastEpoch: 0 }))).toBe(`NONE ${kept}..${endOffset - 1}`)
  expect(nameOf((await fetchOne(client, { offset: kept, epoch: 1, lastEpoch: 9 })).errorCode)).toBe('OFFSET_OUT_OF_RANGE')
})

test('damage is an error of its partition alone, told to the log once, and what is behind it can be read', async () => {
  const opened = await openWith([], 2)
  const { log, client } = opened
  for (let i = 0; i < 3; i++) append(opened, 1)
  append(opened, 1, 1)
  const told: string[] = []
  log.on('error', ({ error, topic, partition }) => { told.push(`${topic}-${partition}: ${error.code}`) })
  const [segment] = partitionOf(log).segments
  segment!.file.write(Buffer.from('damage'), Math.floor(segment!.bytes / 2))
  for (let i = 0; i < 2; i++) expect(summaryOf(await fetchFrom(client, [{ offset: 1 }, { partition: 1, offset: 0 }]))).toEqual(['orders-0: CORRUPT_MESSAGE', 'orders-1: NONE 0..0'])
  expect(summaryOfOne(await fetchOne(client, { offset: 2 }))).toBe('NONE 2..2')
  expect(told).toEqual(['orders-0: BATCH_CORRUPT'])
})

test('a follower is refused', async () => {
  const { client } = await openWith([1])
  const answer = await fetchFrom(client, [{ offset: 0 }], { replicaId: 1 })
  expect([nameOf(answer.errorCode), summaryOf(answer)]).toEqual(['INVALID_REQUEST', ['orders-0: INVALID_REQUEST']])
})

test('zstd is not given to clients that do not know it', async () => {
  const { log, client } = await openDoor()
  await topicOfBytes(log, 'orders', { compression: 'zstd' })
  expect(nameOf((await fetchOne(client, { offset: 0 }, {}, 9)).errorCode)).toBe('UNSUPPORTED_COMPRESSION_TYPE')
  expect(nameOf((await fetchOne(client, { offset: 0 }, {}, 10)).errorCode)).toBe('NONE')
})

test('topics that the log keeps for itself are not given', async () => {
  const { log, client } = await openWith([1])
  await partsOf(log).log.internalPartition('__consumer_offsets', { create: true })
  expect(summaryOf(await fetchFrom(client, [{ topic: '__consumer_offsets', offset: 0 }]))).toEqual(['__consumer_offsets-0: UNKNOWN_TOPIC_OR_PARTITION'])
})
