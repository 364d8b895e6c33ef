// ListOffsets: what each time, and each number that stands for a place, leads to.
import { expect, test } from 'vitest'
import { listOffsets } from '../../src/kafka/apis/02-list-offsets.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { NumberedProducer } from '../support/numbered-producer.ts'
import { batchOf } from './support/batches.ts'
import { partitionOf, topicOfBytes } from './support/fetching.ts'
import { openDoor, type OpenDoor } from './support/open-door.ts'
import { nameOf } from './support/produce.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const [LATEST, EARLIEST, GREATEST_TIME, EARLIEST_LOCAL, LATEST_TIERED, EARLIEST_NOT_TIERED] = [-1, -2, -3, -4, -5, -6]

interface Over { readonly version?: number; readonly isolationLevel?: number; readonly replicaId?: number; readonly epoch?: number; readonly topic?: string; readonly partition?: number }

/** What is told of one place: an offset with its timestamp, or the error. */
async function place({ client }: Pick<OpenDoor, 'client'>, timestamp: number, { version = 11, isolationLevel = 0, replicaId = -1, epoch = -1, topic = 'orders', partition = 0 }: Over = {}): Promise<string | readonly [offset: number, timestamp: number, leaderEpoch: number]> {
  const { topics } = await client.ask(listOffsets, version, { replicaId, isolationLevel, timeoutMs: 0, topics: [{ name: topic, partitions: [{ partitionIndex: partition, currentLeaderEpoch: epoch, timestamp }] }] })
  const { errorCode, offset, timestamp: found, leaderEpoch } = topics[0]!.partitions[0]!
  return errorCode === 0 ? [offset, found, leaderEpoch] : nameOf(errorCode)!
}

/** Times of the records, a batch for each list. */
async function openWith(batches: readonly (readonly number[])[]): Promise<OpenDoor> {
  const opened = await openDoor()
  await topicOfBytes(opened.log, 'orders', { segmentBytes: 1024 })
  for (const times of batches) partitionOf(opened.log).append(batchOf(...times.map(timestamp => ({ value: 'v', timestamp }))))
  return opened
}

test('every version leads to the end and to the start', async () => {
  const opened = await openWith([[10, 20], [30]])
  await partitionOf(opened.log).truncateBefore(1)
  for (let version = 1; version <= 11; version++) {
    const leaderEpoch = version < 4 ? -1 : 0
    expect(await place(opened, LATEST, { version })).toEqual([3, -1, leaderEpoch])
    expect(await place(opened, EARLIEST, { version })).toEqual([1, -1, leaderEpoch])
    expect(await place(opened, 25, { version })).toEqual([2, 30, leaderEpoch])
  }
})

test('what stands for a place is known from its version on', async () => {
  const opened = await openWith([[10, 30, 20]])
  expect(await place(opened, GREATEST_TIME, { version: 7 })).toEqual([1, 30, 0])
  expect(await place(opened, EARLIEST_LOCAL, { version: 8 })).toEqual([0, -1, 0])
  expect(await place(opened, LATEST_TIERED, { version: 9 })).toEqual([-1, -1, -1])
  expect(await place(opened, EARLIEST_NOT_TIERED)).toEqual([-1, -1, -1])
  for (const [timestamp, version] of [[GREATEST_TIME, 6], [EARLIEST_LOCAL, 7], [LATEST_TIERED, 8], [EARLIEST_NOT_TIERED, 10], [-7, 11]] as const) {
    expect(await place(opened, timestamp, { version })).toBe('UNSUPPORTED_VERSION')
  }
})

test('where no record is as late there is no offset, and no error', async () => {
  const opened = await openWith([[10]])
  expect(await place(opened, 11)).toEqual([-1, -1, -1])
  expect(await place(await openWith([]), GREATEST_TIME)).toEqual([-1, -1, -1])
})

test('of several with the greatest time the first is meant, and none that lies before the start', async () => {
  expect(await place(await openWith([[10, 30, 30], [30]]), GREATEST_TIME)).toEqual([1, 30, 0])
  const opened = await openWith([[90, 80, 10], [20], [15]])
  for (const [start, offset, time] of [[1, 1, 80], [2, 3, 20], [4, 4, 15]] as const) {
    await partitionOf(opened.log).truncateBefore(start)
    expect(await place(opened, GREATEST_TIME)).toEqual([offset, time, 0])
  }
})

test('with read_committed nothing behind the last stable offset is found', async () => {
  const opened = await openWith([[10]])
  const [partition, producer] = [partitionOf(opened.log), new NumberedProducer(7)]
  producer.send(partition, [{ value: 'v' }], { timestamp: 20 })
  for (const isolationLevel of [0, 1]) {
    const end = isolationLevel === 1 ? 1 : 2
    expect(await place(opened, LATEST, { isolationLevel })).toEqual([end, -1, 0])
    expect(await place(opened, 15, { isolationLevel })).toEqual(isolationLevel === 1 ? [-1, -1, -1] : [1, 20, 0])
    expect(await place(opened, GREATEST_TIME, { isolationLevel })).toEqual(isolationLevel === 1 ? [-1, -1, -1] : [1, 20, 0])
  }
  expect(await place(opened, LATEST, { isolationLevel: 1, replicaId: -2 })).toEqual([2, -1, 0])
  producer.end(partition, 'abort', 30)
  expect(await place(opened, 15, { isolationLevel: 1 })).toEqual([1, 20, 0])
  expect(await place(opened, 25)).toEqual([-1, -1, -1])
  expect(await place(opened, GREATEST_TIME)).toEqual([2, 30, 0])
})

test('what is not there, is of another epoch, or is named twice is an error of its partition', async () => {
  const opened = await openWith([[10]])
  expect(await place(opened, LATEST, { topic: 'none' })).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  expect(await place(opened, LATEST, { partition: 1 })).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  expect(await place(opened, LATEST, { epoch: 3 })).toBe('UNKNOWN_LEADER_EPOCH')
  const twice = { partitionIndex: 0, timestamp: LATEST }
  const { topics } = await opened.client.ask(listOffsets, 11, { replicaId: -1, isolationLevel: 0, timeoutMs: 0, topics: [{ name: 'orders', partitions: [twice, twice, { ...twice, partitionIndex: 1 }] }] })
  expect(topics[0]!.partitions.map(({ errorCode }) => nameOf(errorCode))).toEqual(['INVALID_REQUEST', 'INVALID_REQUEST', 'UNKNOWN_TOPIC_OR_PARTITION'])
})

test(`times lead where looking at every record leads, after the start was moved too (SEED=${SEED})`, async () => {
  const random = new SeededRandom(SEED)
  const opened = await openWith([])
  const partition = partitionOf(opened.log)
  let times: number[] = []
  for (let step = 0; step < 60; step++) {
    const batch = Array.from({ length: 1 + random.below(5) }, () => random.below(500))
    partition.append(batchOf(...batch.map(timestamp => ({ value: 'v'.repeat(random.below(60)), timestamp }))))
    times.push(...batch)
    if (random.below(10) === 0) await partition.truncateBefore(partition.startOffset + random.below(partition.endOffset - partition.startOffset + 1))
    times = times.map((time, offset) => offset < partition.startOffset ? -1 : time)
    const asked = random.below(520)
    const first = times.findIndex(time => time >= asked)
    expect([step, await place(opened, asked)]).toEqual([step, first < 0 ? [-1, -1, -1] : [first, times[first], 0]])
    const greatest = Math.max(...times)
    if (step % 5 === 0) expect([step, await place(opened, GREATEST_TIME)]).toEqual([step, greatest < 0 ? [-1, -1, -1] : [times.indexOf(greatest), greatest, 0]])
  }
})
