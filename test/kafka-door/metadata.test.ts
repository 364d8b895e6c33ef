// Metadata, DescribeCluster and DescribeTopicPartitions: what clients are told of topics and brokers.
import { expect, test } from 'vitest'
import { metadata } from '../../src/kafka/apis/03-metadata.ts'
import { describeCluster } from '../../src/kafka/apis/60-describe-cluster.ts'
import { describeTopicPartitions } from '../../src/kafka/apis/75-describe-topic-partitions.ts'
import { KAFKA_ERRORS } from '../../src/kafka/kafka-errors.ts'
import type { RequestOf } from '../../src/kafka/protocol/api.ts'
import { ZERO_UUID } from '../../src/kafka/protocol/plain-fields.ts'
import { openDoor, topicsOf } from './support/open-door.ts'

const UNKNOWN_ID = 'dGVzdHRlc3R0ZXN0dGVzdA'
const TOPIC_BITS = 3576
const CLUSTER_BITS = 8096
const NOT_ASKED = -2_147_483_648

test('all topics: null, and in version 0 none named', async () => {
  const { log, client } = await openDoor()
  await log.topic('a', { partitions: 2 })
  await log.topic('b')
  const namesOf = async (version: number, topics: [] | null): Promise<unknown[]> => (await client.ask(metadata, version, { topics })).topics.map(({ name }) => name)
  expect(await namesOf(0, [])).toEqual(['a', 'b'])
  for (const version of [1, 4, 9, 13]) {
    expect(await namesOf(version, null)).toEqual(['a', 'b'])
    expect(await namesOf(version, [])).toEqual([])
  }
})

test('a topic is described with its id, partitions and their leader', async () => {
  const { log, door, client } = await openDoor()
  await log.topic('orders', { partitions: 2 })
  const { topics, brokers, clusterId, controllerId } = await client.ask(metadata, 12, { topics: [{ name: 'orders' }] })
  expect(brokers).toEqual([{ nodeId: 0, host: '127.0.0.1', port: door.port, rack: null }])
  expect([clusterId, controllerId]).toEqual([expect.stringMatching(/^[\w-]+$/), 0])
  const partition = { errorCode: 0, leaderId: 0, leaderEpoch: 0, replicaNodes: [0], isrNodes: [0], offlineReplicas: [] }
  expect(topics).toEqual([{
    errorCode: 0, name: 'orders', topicId: expect.stringMatching(/^[\w-]{22}$/), isInternal: false, topicAuthorizedOperations: NOT_ASKED,
    partitions: [{ ...partition, partitionIndex: 0 }, { ...partition, partitionIndex: 1 }],
  }])
  const byId = await client.ask(metadata, 12, { topics: [{ name: null, topicId: topics[0]!.topicId }] })
  expect(byId.topics).toEqual(topics)
})

test('a topic that is not there is made where the client and the door allow it', async () => {
  const { log, client } = await openDoor({ defaultPartitions: 3 })
  const { topics: [unknown] } = await client.ask(metadata, 12, { topics: [{ name: 'new' }], allowAutoTopicCreation: false })
  expect(unknown).toMatchObject({ errorCode: KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION, name: 'new', topicId: ZERO_UUID, partitions: [] })
  expect(topicsOf(log)).toEqual([])
  const { topics: [made] } = await client.ask(metadata, 12, { topics: [{ name: 'new' }] })
  expect([made?.errorCode, made?.partitions.length]).toEqual([0, 3])
  const strict = await openDoor({ autoCreateTopics: false })
  expect((await strict.client.ask(metadata, 0, { topics: [{ name: 'new' }] })).topics[0]?.errorCode).toBe(KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION)
})

test('a name that no topic can have is INVALID_TOPIC_EXCEPTION, an id that none has UNKNOWN_TOPIC_ID', async () => {
  const { log, client } = await openDoor()
  const names = ['', 'a b', '..', '__own', 'x'.repeat(250)]
  for (const allowAutoTopicCreation of [true, false]) {
    const { topics } = await client.ask(metadata, 9, { topics: names.map(name => ({ name })), allowAutoTopicCreation })
    expect(topics.map(({ name, errorCode }) => [name, errorCode])).toEqual(names.map(name => [name, KAFKA_ERRORS.INVALID_TOPIC_EXCEPTION]))
  }
  for (const [version, name] of [[12, null], [11, '']] as const) {
    const { topics } = await client.ask(metadata, version, { topics: [{ name: null, topicId: UNKNOWN_ID }] })
    expect(topics).toMatchObject([{ errorCode: KAFKA_ERRORS.UNKNOWN_TOPIC_ID, name, topicId: UNKNOWN_ID, partitions: [] }])
  }
  expect(topicsOf(log)).toEqual([])
})

test('a topic that is named twice is described once', async () => {
  const { client } = await openDoor()
  const { topics } = await client.ask(metadata, 5, { topics: [{ name: 'a' }, { name: 'b' }, { name: 'a' }] })
  expect(topics.map(({ name }) => name)).toEqual(['a', 'b'])
})

test('who asks what is allowed is told: everything', async () => {
  const { log, client } = await openDoor()
  await log.topic('a')
  const asked = await client.ask(metadata, 10, { topics: null, includeClusterAuthorizedOperations: true, includeTopicAuthorizedOperations: true })
  expect([asked.clusterAuthorizedOperations, asked.topics[0]?.topicAuthorizedOperations]).toEqual([CLUSTER_BITS, TOPIC_BITS])
  const other = await client.ask(metadata, 10, { topics: null })
  expect([other.clusterAuthorizedOperations, other.topics[0]?.topicAuthorizedOperations]).toEqual([NOT_ASKED, NOT_ASKED])
  expect((await client.ask(describeCluster, 0, { includeClusterAuthorizedOperations: true })).clusterAuthorizedOperations).toBe(CLUSTER_BITS)
})

test('the cluster is its brokers; controllers can not be asked', async () => {
  const { door, client } = await openDoor()
  const { brokers, controllerId, clusterId, errorCode } = await client.ask(describeCluster, 2, { includeClusterAuthorizedOperations: false, includeFencedBrokers: true })
  expect([errorCode, controllerId, clusterId]).toEqual([0, 0, expect.stringMatching(/^[\w-]+$/)])
  expect(brokers).toEqual([{ brokerId: 0, host: '127.0.0.1', port: door.port, rack: null, isFenced: false }])
  const errorFor = async (endpointType: number): Promise<number> => (await client.ask(describeCluster, 1, { includeClusterAuthorizedOperations: false, endpointType })).errorCode
  expect([await errorFor(2), await errorFor(3)]).toEqual([KAFKA_ERRORS.MISMATCHED_ENDPOINT_TYPE, KAFKA_ERRORS.UNSUPPORTED_ENDPOINT_TYPE])
})

test('pages of partitions follow each other by the cursor, and none is left out', async () => {
  const { log, client } = await openDoor()
  await log.topic('b', { partitions: 3 })
  await log.topic('a', { partitions: 2 })
  await log.topic('c', { partitions: 1 })
  for (const topics of [[], [{ name: 'c' }, { name: 'b' }, { name: 'a' }, { name: 'b' }]]) {
    const pages: string[][] = []
    const readFrom = async (cursor: RequestOf<typeof describeTopicPartitions>['cursor']): Promise<void> => {
      const page = await client.ask(describeTopicPartitions, 0, { topics, responsePartitionLimit: 2, cursor })
      pages.push(page.topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex }) => `${name}-${partitionIndex}`)))
      if (page.nextCursor !== null) await readFrom(page.nextCursor)
    }
    await readFrom(null)
    expect(pages).toEqual([['a-0', 'a-1'], ['b-0', 'b-1'], ['b-2', 'c-0']])
  }
})

test('a cursor that points to nothing is INVALID_REQUEST, an unknown topic is told and not made', async () => {
  const { log, client } = await openDoor()
  await log.topic('a')
  const errorsFor = async (topics: { name: string }[], cursor: { topicName: string; partitionIndex: number } | null): Promise<number[]> => (await client.ask(describeTopicPartitions, 0, { topics, cursor })).topics.map(({ errorCode }) => errorCode)
  expect(await errorsFor([{ name: 'a' }], { topicName: 'b', partitionIndex: 0 })).toEqual([KAFKA_ERRORS.INVALID_REQUEST])
  expect(await errorsFor([{ name: 'a' }], { topicName: 'a', partitionIndex: -1 })).toEqual([KAFKA_ERRORS.INVALID_REQUEST])
  expect(await errorsFor([{ name: 'a' }, { name: 'b' }, { name: 'c d' }], null)).toEqual([0, KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION, KAFKA_ERRORS.INVALID_TOPIC_EXCEPTION])
  expect(topicsOf(log)).toEqual(['a'])
})
