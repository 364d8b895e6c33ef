// Settings under Kafka's names: DescribeConfigs, AlterConfigs, IncrementalAlterConfigs.
import { expect, test } from 'vitest'
import { createTopics } from '../../src/kafka/apis/19-create-topics.ts'
import { describeConfigs } from '../../src/kafka/apis/32-describe-configs.ts'
import { alterConfigs } from '../../src/kafka/apis/33-alter-configs.ts'
import { incrementalAlterConfigs } from '../../src/kafka/apis/44-incremental-alter-configs.ts'
import { KAFKA_ERRORS } from '../../src/kafka/kafka-errors.ts'
import { TOPIC_CONFIGS } from '../../src/kafka/topic-configs.ts'
import { openDoor } from './support/open-door.ts'
import type { WireClient } from './support/wire-client.ts'

const TOPIC = 2
const BROKER = 4
const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3

async function describeTopic(client: WireClient, name: string, keys: string[] | null = null): Promise<Record<string, string | null>> {
  const { results: [result] } = await client.ask(describeConfigs, 4, { resources: [{ resourceType: TOPIC, resourceName: name, configurationKeys: keys }], includeSynonyms: false })
  return Object.fromEntries(result!.configs.map(config => [config.name, config.value]))
}

type Change = readonly [name: string, operation: number, value?: string | null]

async function change(client: WireClient, changes: readonly Change[], { topic = 'a', resourceType = TOPIC, validateOnly = false } = {}): Promise<[number, string | null]> {
  const configs = changes.map(([name, configOperation, value = null]) => ({ name, configOperation, value }))
  const { responses: [response] } = await client.ask(incrementalAlterConfigs, 1, { resources: [{ resourceType, resourceName: topic, configs }], validateOnly })
  return [response!.errorCode, response!.errorMessage]
}

test('every config of a topic in Kafka is told, with what holds here', async () => {
  const { log, client } = await openDoor()
  await log.topic('a', { cleanup: 'compact+delete', retentionBytes: '1GiB', segmentAge: 'forever', compression: 'gzip', timestamps: 'append', retainUntilConsumedBy: ['g'] })
  const configs = await describeTopic(client, 'a')
  expect(Object.keys(configs)).toEqual([...TOPIC_CONFIGS.keys()])
  expect(Object.keys(configs)).toEqual(Object.keys(configs).toSorted())
  expect(configs).toMatchObject({
    'cleanup.policy': 'compact,delete', 'retention.ms': '-1', 'retention.bytes': '1073741824', 'segment.ms': '9223372036854775807', 'compression.type': 'gzip', 'message.timestamp.type': 'LogAppendTime',
    'max.message.bytes': '16777216', 'segment.bytes': '67108864', 'min.cleanable.dirty.ratio': '0.5', 'delete.retention.ms': '86400000', 'min.compaction.lag.ms': '0', 'max.compaction.lag.ms': '9223372036854775807',
    'min.insync.replicas': '1', 'remote.storage.enable': 'false',
  })
})

test('a value that is not the default is told as the topic’s, with where the default comes from', async () => {
  const { log, client } = await openDoor()
  await log.topic('a')
  const resources = [{ resourceType: TOPIC, resourceName: 'a', configurationKeys: ['retention.ms', 'segment.ms', 'max.message.bytes', 'no.such'] }]
  const { results } = await client.ask(describeConfigs, 4, { resources, includeSynonyms: true, includeDocumentation: true })
  const told = { readOnly: false, isSensitive: false, documentation: expect.stringMatching(/\w/) }
  expect(results[0]!.configs).toEqual([
    { ...told, name: 'max.message.bytes', value: '16777216', configSource: 1, configType: 3, synonyms: [{ name: 'max.message.bytes', value: '16777216', source: 1 }, { name: 'message.max.bytes', value: '1048588', source: 5 }] },
    { ...told, name: 'retention.ms', value: '-1', configSource: 1, configType: 5, synonyms: [{ name: 'retention.ms', value: '-1', source: 1 }] },
    { ...told, name: 'segment.ms', value: '604800000', configSource: 5, configType: 5, synonyms: [] },
  ])
})

test('a broker tells what it has, and nothing that was set for all', async () => {
  const { client } = await openDoor({ defaultPartitions: 4, autoCreateTopics: false })
  const ask = async (resourceName: string, resourceType = BROKER): Promise<{ errorCode: number; configs: Record<string, unknown> }> => {
    const { results: [result] } = await client.ask(describeConfigs, 2, { resources: [{ resourceType, resourceName, configurationKeys: null }], includeSynonyms: false })
    return { errorCode: result!.errorCode, configs: Object.fromEntries(result!.configs.map(({ name, value, readOnly }) => [name, [value, readOnly]])) }
  }
  const { configs } = await ask('0')
  expect(configs).toMatchObject({ 'num.partitions': ['4', true], 'auto.create.topics.enable': ['false', true], 'log.retention.ms': ['604800000', true], 'node.id': ['0', true] })
  expect(await ask('')).toEqual({ errorCode: 0, configs: {} })
  expect([(await ask('1')).errorCode, (await ask('a', 8)).errorCode]).toEqual([KAFKA_ERRORS.INVALID_REQUEST, KAFKA_ERRORS.INVALID_REQUEST])
  expect([(await ask('none', TOPIC)).errorCode, (await ask('no topic', TOPIC)).errorCode]).toEqual([KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION, KAFKA_ERRORS.INVALID_TOPIC_EXCEPTION])
})

test('what is set holds, for the log too; what is deleted is the default again', async () => {
  const { log, client } = await openDoor()
  const topic = await log.topic('a')
  expect(await change(client, [['retention.ms', SET, '1000'], ['segment.bytes', SET, '1048576'], ['max.compaction.lag.ms', SET, '500'], ['retention.bytes', SET, '-1']])).toEqual([0, null])
  expect(topic.settings).toMatchObject({ retentionMs: 1000, segmentBytes: 1_048_576, compactionLagMaxMs: 500, retentionBytes: Infinity })
  expect(await change(client, [['retention.ms', DELETE], ['max.compaction.lag.ms', DELETE]])).toEqual([0, null])
  expect(topic.settings).toMatchObject({ retentionMs: 604_800_000, compactionLagMaxMs: Infinity, segmentBytes: 1_048_576 })
})

test('cleanup.policy is a list that grows and shrinks', async () => {
  const { log, client } = await openDoor()
  const topic = await log.topic('a')
  expect(await change(client, [['cleanup.policy', APPEND, 'compact']])).toEqual([0, null])
  expect(topic.settings.cleanup).toBe('compact+delete')
  expect(await change(client, [['cleanup.policy', SUBTRACT, 'delete']])).toEqual([0, null])
  expect(topic.settings.cleanup).toBe('compact')
  expect((await change(client, [['cleanup.policy', SUBTRACT, 'compact']]))[0]).toBe(KAFKA_ERRORS.INVALID_CONFIG)
  expect(topic.settings.cleanup).toBe('compact')
})

test('AlterConfigs puts what it does not name back to the default, save what Kafka has no name for', async () => {
  const { log, client } = await openDoor()
  const topic = await log.topic('a', { retention: 5, segmentBytes: '1MiB', retainUntilConsumedBy: ['g'] })
  const resources = [{ resourceType: TOPIC, resourceName: 'a', configs: [{ name: 'segment.bytes', value: '2097152' }] }]
  expect((await client.ask(alterConfigs, 1, { resources, validateOnly: true })).responses[0]!.errorCode).toBe(0)
  expect(topic.settings.segmentBytes).toBe(1_048_576)
  expect((await client.ask(alterConfigs, 2, { resources, validateOnly: false })).responses[0]).toEqual({ errorCode: 0, errorMessage: null, resourceType: TOPIC, resourceName: 'a' })
  expect(topic.settings).toMatchObject({ retentionMs: 604_800_000, segmentBytes: 2_097_152, maxRecordBytes: 1_048_588, retainUntilConsumedBy: ['g'], value: 'msgpack' })
})

test('what is only validated changes nothing', async () => {
  const { log, client } = await openDoor()
  const topic = await log.topic('a')
  expect(await change(client, [['retention.ms', SET, '1000']], { validateOnly: true })).toEqual([0, null])
  expect((await change(client, [['min.compaction.lag.ms', SET, '9'], ['max.compaction.lag.ms', SET, '8']], { validateOnly: true }))[0]).toBe(KAFKA_ERRORS.INVALID_CONFIG)
  expect(topic.settings.retentionMs).toBe(Infinity)
})

test.each<readonly [name: string, value: string]>([
  ['retention.ms', '-2'], ['retention.ms', '1.5'], ['retention.ms', ''], ['retention.ms', '9223372036854775808'], ['retention.bytes', '0'], ['segment.bytes', '1073741825'], ['segment.bytes', '2147483648'], ['max.message.bytes', '100000000'],
  ['min.cleanable.dirty.ratio', '1.1'], ['min.cleanable.dirty.ratio', ''], ['cleanup.policy', ''], ['cleanup.policy', 'shrink'], ['compression.type', 'brotli'], ['compression.type', 'uncompressed'], ['message.timestamp.type', 'create'],
  ['flush.messages', '1'], ['remote.storage.enable', 'true'], ['preallocate', 'maybe'], ['min.insync.replicas', 'two'], ['no.such.config', '1'],
])('%s=%s is INVALID_CONFIG, with the name and a reason, and changes nothing', async (name, value) => {
  const { log, client } = await openDoor()
  const topic = await log.topic('a')
  const before = topic.settings
  const [errorCode, message] = await change(client, [['segment.jitter.ms', SET, '7'], ['min.compaction.lag.ms', SET, '1'], [name, SET, value]])
  expect(errorCode).toBe(KAFKA_ERRORS.INVALID_CONFIG)
  expect(message).toContain(name)
  expect(topic.settings).toEqual(before)
})

test('what means nothing here is accepted, and not kept', async () => {
  const { log, client } = await openDoor()
  await log.topic('a')
  expect(await change(client, [['min.insync.replicas', SET, '2'], ['preallocate', SET, 'TRUE'], ['leader.replication.throttled.replicas', SET, '*'], ['flush.ms', SET, '9223372036854775807']])).toEqual([0, null])
  expect(await describeTopic(client, 'a', ['min.insync.replicas', 'preallocate'])).toEqual({ 'min.insync.replicas': '1', preallocate: 'false' })
})

test('numbers that JavaScript can not hold are no limit', async () => {
  const { log, client } = await openDoor()
  const topic = await log.topic('a', { retention: 5 })
  expect(await change(client, [['retention.ms', SET, '9223372036854775807'], ['segment.ms', SET, '9007199254740993']])).toEqual([0, null])
  expect(topic.settings).toMatchObject({ retentionMs: Infinity, segmentAgeMs: Infinity })
})

test('requests that make no sense are INVALID_REQUEST', async () => {
  const { log, client } = await openDoor()
  const topic = await log.topic('a')
  const before = topic.settings
  const codes = [
    await change(client, [['retention.ms', SET, '1'], ['retention.ms', SET, '2']]),
    await change(client, [['retention.ms', SET]]),
    await change(client, [['retention.ms', 9, '1']]),
    await change(client, [['log.retention.ms', SET, '1']], { resourceType: BROKER, topic: '0' }),
    await change(client, [['consumer.session.timeout.ms', SET, '1']], { resourceType: 32, topic: 'g' }),
  ].map(([code]) => code)
  expect(codes).toEqual(Array.from({ length: 5 }, () => KAFKA_ERRORS.INVALID_REQUEST))
  expect((await change(client, [['retention.ms', APPEND, '1']]))[0]).toBe(KAFKA_ERRORS.INVALID_CONFIG)
  expect((await change(client, [['retention.ms', SET, '1']], { topic: 'b' }))[0]).toBe(KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION)
  const twice = { resourceType: TOPIC, resourceName: 'a', configs: [{ name: 'retention.ms', value: '1' }] }
  expect((await client.ask(alterConfigs, 0, { resources: [twice, twice], validateOnly: false })).responses.map(({ errorCode }) => errorCode)).toEqual([KAFKA_ERRORS.INVALID_REQUEST, KAFKA_ERRORS.INVALID_REQUEST])
  expect(topic.settings).toEqual(before)
})

test('whatever a topic can be set to is told in a form that can be set again', async () => {
  const { log, client } = await openDoor()
  const topic = await log.topic('a', { cleanup: 'compact', retention: 'forever', retentionBytes: 77, segmentBytes: 2048, segmentAge: 9, minDirtyRatio: 0.25, tombstoneRetention: 'forever', compactionLag: { min: 3, max: 'forever' }, maxRecordBytes: 100, timestamps: 'append' })
  const told = Object.entries(await describeTopic(client, 'a')).map(([name, value]) => ({ name, value }))
  const made = await client.ask(createTopics, 7, { topics: [{ name: 'b', numPartitions: -1, replicationFactor: -1, assignments: [], configs: told }], validateOnly: false })
  expect(made.topics[0]!.errorMessage).toBe(null)
  expect((await log.topic('b')).settings).toEqual({ ...topic.settings, key: 'bytes', value: 'bytes' })
})
