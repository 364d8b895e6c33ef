// DeleteRecords, OffsetForLeaderEpoch and DescribeLogDirs: what is asked of partitions besides reading and writing.
import { expect, onTestFinished, test } from 'vitest'
import { listen } from '../../src/kafka.ts'
import { deleteRecords } from '../../src/kafka/apis/21-delete-records.ts'
import { offsetForLeaderEpoch } from '../../src/kafka/apis/23-offset-for-leader-epoch.ts'
import { describeLogDirs } from '../../src/kafka/apis/35-describe-log-dirs.ts'
import { testLog } from '../../src/testing.ts'
import { batchOf } from './support/batches.ts'
import { partitionOf, topicOfBytes } from './support/fetching.ts'
import { connectTo, openDoor, type OpenDoor } from './support/open-door.ts'
import { nameOf } from './support/produce.ts'
import type { WireClient } from './support/wire-client.ts'

async function openWith(count: number, options = {}, listening = {}): Promise<OpenDoor> {
  const opened = await openDoor(listening)
  await topicOfBytes(opened.log, 'orders', options)
  for (let i = 0; i < count; i++) partitionOf(opened.log).append(batchOf('v'))
  return opened
}

async function remove(client: WireClient, offset: number, { version = 2, topic = 'orders', partition = 0 } = {}): Promise<[error: string | undefined, lowWatermark: number]> {
  const { topics } = await client.ask(deleteRecords, version, { timeoutMs: 1000, topics: [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }] })
  const { errorCode, lowWatermark } = topics[0]!.partitions[0]!
  return [nameOf(errorCode), lowWatermark]
}

test('records before an offset are deleted, and what is gone already stays so', async () => {
  const { log, client } = await openWith(10)
  for (let version = 0; version <= 2; version++) expect(await remove(client, 3 + version, { version })).toEqual(['NONE', 3 + version])
  expect(await remove(client, 1)).toEqual(['NONE', 5])
  expect(partitionOf(log).startOffset).toBe(5)
  expect(await remove(client, -1)).toEqual(['NONE', 10])
})

test('what can not be deleted changes nothing', async () => {
  const { log, client } = await openWith(10)
  for (const offset of [11, -2, Number.MAX_SAFE_INTEGER]) expect(await remove(client, offset)).toEqual(['OFFSET_OUT_OF_RANGE', -1])
  expect(await remove(client, 1, { topic: 'none' })).toEqual(['UNKNOWN_TOPIC_OR_PARTITION', -1])
  expect(await remove(client, 1, { partition: 1 })).toEqual(['UNKNOWN_TOPIC_OR_PARTITION', -1])
  expect(partitionOf(log).startOffset).toBe(0)
})

test('of a topic that is only compacted nothing is deleted', async () => {
  const only = await openWith(3, { cleanup: 'compact' })
  expect(await remove(only.client, 1)).toEqual(['POLICY_VIOLATION', -1])
  const both = await openWith(3, { cleanup: 'compact+delete' })
  expect(await remove(both.client, 1)).toEqual(['NONE', 1])
})

async function endOf(client: WireClient, leaderEpoch: number, { version = 4, currentLeaderEpoch = -1, topic = 'orders' } = {}): Promise<string | readonly [epoch: number, endOffset: number]> {
  const { topics } = await client.ask(offsetForLeaderEpoch, version, { topics: [{ topic, partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] }] })
  const { errorCode, leaderEpoch: found, endOffset } = topics[0]!.partitions[0]!
  return errorCode === 0 ? [found, endOffset] : nameOf(errorCode)!
}

test('the epoch of a log that was always ended cleanly ends where the log does', async () => {
  const { client } = await openWith(3)
  for (let version = 2; version <= 4; version++) expect(await endOf(client, 0, { version })).toEqual([0, 3])
  for (const unknown of [-1, 1, 7]) expect(await endOf(client, unknown)).toEqual([-1, -1])
  expect(await endOf(client, 0, { currentLeaderEpoch: 1 })).toBe('UNKNOWN_LEADER_EPOCH')
  expect(await endOf(client, 0, { topic: 'none' })).toBe('UNKNOWN_TOPIC_OR_PARTITION')
})

test('an epoch ends where the next one began that has records', async () => {
  let log = await testLog()
  onTestFinished(() => log.close())
  await topicOfBytes(log)
  const ends: number[] = []
  for (let epoch = 0; epoch < 3; epoch++) {
    for (let i = 0; i < 3; i++) partitionOf(log).append(batchOf('v'))
    if (epoch !== 1) await partitionOf(log).sync()
    log = await log.powerCut({ seed: 1 })
    ends.push(partitionOf(log).endOffset)
  }
  const client = await connectTo(await listen(log))
  const { leaderEpoch, endOffset } = partitionOf(log)
  expect([leaderEpoch, endOffset]).toEqual([3, ends[2]])
  expect(await endOf(client, 0)).toEqual([0, ends[0]])
  expect(ends[1]).toBe(ends[0]) // nothing of epoch 1 was on the device
  expect(await endOf(client, 1)).toEqual([1, ends[0]])
  expect(await endOf(client, 3, { currentLeaderEpoch: 3 })).toEqual([3, endOffset])
  expect(await endOf(client, 3, { currentLeaderEpoch: 2 })).toBe('FENCED_LEADER_EPOCH')
})

test('the directory is told with the bytes of the partitions in it', async () => {
  const { log, client } = await openWith(3, { partitions: 2 })
  await topicOfBytes(log, 'other')
  const sizes = async (topics: { topic: string; partitions: number[] }[] | null, version = 5): Promise<string[]> => {
    const { results } = await client.ask(describeLogDirs, version, { topics })
    expect(results).toMatchObject([{ errorCode: 0, logDir: 'memory:', totalBytes: -1, usableBytes: -1 }])
    return results[0]!.topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex, partitionSize, offsetLag, isFutureKey }) => `${name}-${partitionIndex} ${partitionSize} ${offsetLag} ${isFutureKey}`))
  }
  const { bytes } = partitionOf(log)
  expect(bytes).toBeGreaterThan(0)
  const all = [`orders-0 ${bytes} 0 false`, 'orders-1 0 0 false', 'other-0 0 0 false']
  for (let version = 1; version <= 5; version++) expect(await sizes(null, version)).toEqual(all)
  expect(await sizes([{ topic: 'orders', partitions: [0, 0, 5] }, { topic: 'none', partitions: [0] }])).toEqual(all.slice(0, 1))
  expect(await sizes([])).toEqual([])
})

test('each of several brokers does and tells what concerns the partitions that it leads', async () => {
  const { door, log, client } = await openWith(1, { partitions: 2 }, { brokers: 2 })
  const [, second] = door.bootstrap.split(',').map(each => Number(each.split(':').at(-1)))
  const other = await connectTo({ host: door.host, port: second! })
  for (const [asked, partitions] of [[client, [0]], [other, [1]]] as const) {
    expect((await asked.ask(describeLogDirs, 5, { topics: null })).results[0]!.topics.flatMap(each => each.partitions.map(({ partitionIndex }) => partitionIndex))).toEqual(partitions)
  }
  expect(await remove(other, 1)).toEqual(['NOT_LEADER_OR_FOLLOWER', -1])
  expect(await endOf(other, 0)).toBe('NOT_LEADER_OR_FOLLOWER')
  expect(partitionOf(log).startOffset).toBe(0)
})
