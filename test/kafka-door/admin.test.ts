// Topics are made, get more partitions and go: CreateTopics, CreatePartitions, DeleteTopics.
import { expect, test } from 'vitest'
import { createTopics } from '../../src/kafka/apis/19-create-topics.ts'
import { deleteTopics } from '../../src/kafka/apis/20-delete-topics.ts'
import { createPartitions } from '../../src/kafka/apis/37-create-partitions.ts'
import { KAFKA_ERRORS, type KafkaErrorName } from '../../src/kafka/kafka-errors.ts'
import type { ResponseOf, RequestOf } from '../../src/kafka/protocol/api.ts'
import { ZERO_UUID } from '../../src/kafka/protocol/plain-fields.ts'
import { openDoor, topicsOf } from './support/open-door.ts'
import type { WireClient } from './support/wire-client.ts'

type Asked = Partial<RequestOf<typeof createTopics>['topics'][number]> & { readonly name: string }

const topic = (asked: Asked): RequestOf<typeof createTopics>['topics'][number] => ({ numPartitions: -1, replicationFactor: -1, assignments: [], configs: [], ...asked })

async function create(client: WireClient, topics: readonly Asked[], { version = 7, validateOnly = false } = {}): Promise<readonly ResponseOf<typeof createTopics>['topics'][number][]> {
  return (await client.ask(createTopics, version, { topics: topics.map(topic), validateOnly })).topics
}

test('a topic that is made is there, with the bytes serdes, and keeps for seven days', async () => {
  const { log, client } = await openDoor({ defaultPartitions: 2 })
  const [a, b] = await create(client, [{ name: 'a', numPartitions: 3, replicationFactor: 1, configs: [{ name: 'cleanup.policy', value: 'compact' }] }, { name: 'b' }])
  expect(a).toMatchObject({ name: 'a', errorCode: 0, errorMessage: null, numPartitions: 3, replicationFactor: 1, topicId: expect.stringMatching(/^[\w-]{22}$/) })
  expect(a!.configs).toContainEqual({ name: 'cleanup.policy', value: 'compact', readOnly: false, configSource: 1, isSensitive: false })
  expect(a!.configs).toContainEqual({ name: 'retention.ms', value: '604800000', readOnly: false, configSource: 5, isSensitive: false })
  expect(b).toMatchObject({ name: 'b', errorCode: 0, numPartitions: 2 })
  expect((await log.topic('a')).settings).toMatchObject({ partitions: 3, key: 'bytes', value: 'bytes', partitioner: 'murmur2', cleanup: 'compact', retentionMs: 604_800_000, maxRecordBytes: 1_048_588 })
})

test('what is only validated is not made', async () => {
  const { log, client } = await openDoor()
  const [fine, wrong] = await create(client, [{ name: 'a', numPartitions: 3 }, { name: 'b', configs: [{ name: 'retention.ms', value: 'long' }] }], { validateOnly: true })
  expect(fine).toMatchObject({ errorCode: 0, topicId: ZERO_UUID, numPartitions: 3 })
  expect(wrong).toMatchObject({ errorCode: KAFKA_ERRORS.INVALID_CONFIG, configs: null })
  expect(topicsOf(log)).toEqual([])
})

test.each<[KafkaErrorName, Omit<Asked, 'name'> & { name?: string }]>([
  ['TOPIC_ALREADY_EXISTS', { name: 'there' }],
  ['INVALID_TOPIC_EXCEPTION', { name: 'a b' }],
  ['INVALID_TOPIC_EXCEPTION', { name: 'There' }],
  ['INVALID_TOPIC_EXCEPTION', { name: '__own' }],
  ['INVALID_PARTITIONS', { numPartitions: 0 }],
  ['INVALID_PARTITIONS', { numPartitions: -2 }],
  ['INVALID_PARTITIONS', { numPartitions: 10_001 }],
  ['INVALID_REPLICATION_FACTOR', { replicationFactor: 0 }],
  ['INVALID_REPLICATION_FACTOR', { replicationFactor: 2 }],
  ['INVALID_CONFIG', { configs: [{ name: 'retention.weeks', value: '1' }] }],
  ['INVALID_CONFIG', { configs: [{ name: 'retention.ms', value: null }] }],
  ['INVALID_CONFIG', { configs: [{ name: 'min.compaction.lag.ms', value: '2' }, { name: 'max.compaction.lag.ms', value: '1' }] }],
  ['INVALID_REQUEST', { numPartitions: 1, assignments: [{ partitionIndex: 0, brokerIds: [0] }] }],
  ['INVALID_REPLICA_ASSIGNMENT', { assignments: [{ partitionIndex: 1, brokerIds: [0] }] }],
  ['INVALID_REPLICA_ASSIGNMENT', { assignments: [{ partitionIndex: 0, brokerIds: [7] }] }],
  ['INVALID_REPLICA_ASSIGNMENT', { assignments: [{ partitionIndex: 0, brokerIds: [0, 0] }] }],
  ['INVALID_REPLICA_ASSIGNMENT', { assignments: [{ partitionIndex: 0, brokerIds: [] }] }],
])('%s: %o is refused, and what else the request asks for is done', async (error, asked) => {
  const { log, client } = await openDoor()
  await log.topic('there')
  const [refused, made] = await create(client, [{ name: 'wrong', ...asked }, { name: 'fine' }])
  expect(refused).toMatchObject({ errorCode: KAFKA_ERRORS[error], errorMessage: expect.stringMatching(/\w/), configs: null })
  expect(made).toMatchObject({ errorCode: 0 })
  expect(topicsOf(log)).toEqual(['fine', 'there'])
})

test('a topic that is named twice is not made', async () => {
  const { log, client } = await openDoor()
  const answers = await create(client, [{ name: 'a' }, { name: 'b' }, { name: 'a' }], { version: 4 })
  expect(answers.map(({ name, errorCode }) => [name, errorCode])).toEqual([['a', KAFKA_ERRORS.INVALID_REQUEST], ['b', 0]])
  expect(topicsOf(log)).toEqual(['b'])
})

test('assignments say how many partitions there are', async () => {
  const { log, client } = await openDoor({ brokers: 3 })
  const assignments = [{ partitionIndex: 2, brokerIds: [2, 0] }, { partitionIndex: 0, brokerIds: [0, 1] }, { partitionIndex: 1, brokerIds: [1, 2] }]
  const [made] = await create(client, [{ name: 'a', assignments }])
  expect(made).toMatchObject({ errorCode: 0, numPartitions: 3, replicationFactor: 3 })
  expect((await log.topic('a')).partitions.length).toBe(3)
  const [uneven] = await create(client, [{ name: 'b', assignments: [{ partitionIndex: 0, brokerIds: [0, 1] }, { partitionIndex: 1, brokerIds: [0] }] }])
  expect(uneven?.errorCode).toBe(KAFKA_ERRORS.INVALID_REPLICA_ASSIGNMENT)
})

test('partitions are added, and never taken away', async () => {
  const { log, client } = await openDoor()
  await log.topic('a', { partitions: 2 })
  const grow = async (count: number, { assignments = null, validateOnly = false }: { assignments?: { brokerIds: number[] }[] | null; validateOnly?: boolean } = {}): Promise<number | undefined> =>
    (await client.ask(createPartitions, 3, { topics: [{ name: 'a', count, assignments }], timeoutMs: 1000, validateOnly })).results[0]?.errorCode
  expect([await grow(2), await grow(1), await grow(10_001)]).toEqual([KAFKA_ERRORS.INVALID_PARTITIONS, KAFKA_ERRORS.INVALID_PARTITIONS, KAFKA_ERRORS.INVALID_PARTITIONS])
  expect(await grow(3, { assignments: [{ brokerIds: [0] }, { brokerIds: [0] }] })).toBe(KAFKA_ERRORS.INVALID_REPLICA_ASSIGNMENT)
  expect(await grow(3, { assignments: [{ brokerIds: [5] }] })).toBe(KAFKA_ERRORS.INVALID_REPLICA_ASSIGNMENT)
  expect(await grow(3, { validateOnly: true })).toBe(0)
  expect((await log.topic('a')).partitions.length).toBe(2)
  expect(await grow(4, { assignments: [{ brokerIds: [0] }, { brokerIds: [0] }] })).toBe(0)
  expect((await log.topic('a')).partitions.length).toBe(4)
})

test('partitions are not added to what is not there, or named twice', async () => {
  const { log, client } = await openDoor()
  await log.topic('a')
  const { results } = await client.ask(createPartitions, 1, { topics: ['a', 'a', 'b'].map(name => ({ name, count: 5, assignments: null })), timeoutMs: 1000, validateOnly: false })
  expect(results.map(({ name, errorCode }) => [name, errorCode])).toEqual([['a', KAFKA_ERRORS.INVALID_REQUEST], ['b', KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION]])
  expect((await log.topic('a')).partitions.length).toBe(1)
})

test('topics go by name and by id', async () => {
  const { log, client } = await openDoor()
  const [a] = await create(client, [{ name: 'a' }, { name: 'b' }, { name: 'c' }])
  const byName = await client.ask(deleteTopics, 5, { topicNames: ['b', 'gone'], timeoutMs: 1000 })
  expect(byName.responses.map(({ name, errorCode }) => [name, errorCode])).toEqual([['b', 0], ['gone', KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION]])
  const byId = await client.ask(deleteTopics, 6, { topics: [{ name: null, topicId: a!.topicId! }, { name: null, topicId: 'dGVzdHRlc3R0ZXN0dGVzdA' }], timeoutMs: 1000 })
  expect(byId.responses.map(({ name, errorCode }) => [name, errorCode])).toEqual([['a', 0], [null, KAFKA_ERRORS.UNKNOWN_TOPIC_ID]])
  expect(topicsOf(log)).toEqual(['c'])
})

test('what is named twice, or by name and id, or not at all, is not deleted', async () => {
  const { log, client } = await openDoor()
  const [a, b] = await create(client, [{ name: 'a' }, { name: 'b' }])
  const topics = [{ name: 'a', topicId: ZERO_UUID }, { name: null, topicId: a!.topicId! }, { name: 'b', topicId: b!.topicId! }, { name: null, topicId: ZERO_UUID }]
  const { responses } = await client.ask(deleteTopics, 6, { topics, timeoutMs: 1000 })
  expect(responses.map(({ errorCode }) => errorCode)).toEqual([KAFKA_ERRORS.INVALID_REQUEST, KAFKA_ERRORS.INVALID_REQUEST, KAFKA_ERRORS.INVALID_REQUEST])
  expect(topicsOf(log)).toEqual(['a', 'b'])
})
