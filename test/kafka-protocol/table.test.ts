import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { apis } from '../../src/kafka/apis/table.ts'
import { kafkasApis } from './support/protocol-vectors.ts'

/** What a broker of Kafka 4.3.1 answered to ApiVersions. */
const advertisedByBroker: Readonly<Record<string, readonly [number, number]>> = {
  Produce: [0, 13], Fetch: [4, 18], ListOffsets: [1, 11], Metadata: [0, 13], OffsetCommit: [2, 10], OffsetFetch: [1, 10], FindCoordinator: [0, 6],
  JoinGroup: [0, 9], Heartbeat: [0, 4], LeaveGroup: [0, 5], SyncGroup: [0, 5], DescribeGroups: [0, 6], ListGroups: [0, 5], ApiVersions: [0, 4],
  CreateTopics: [2, 7], DeleteTopics: [1, 6], DeleteRecords: [0, 2], InitProducerId: [0, 5], OffsetForLeaderEpoch: [2, 4], AddPartitionsToTxn: [0, 5],
  AddOffsetsToTxn: [0, 4], EndTxn: [0, 5], TxnOffsetCommit: [0, 5], DescribeConfigs: [1, 4], AlterConfigs: [0, 2], DescribeLogDirs: [1, 5],
  CreatePartitions: [0, 3], DeleteGroups: [0, 2], IncrementalAlterConfigs: [0, 1], OffsetDelete: [0, 0], DescribeCluster: [0, 2], DescribeProducers: [0, 0],
  DescribeTransactions: [0, 0], ListTransactions: [0, 2], ConsumerGroupHeartbeat: [0, 1], ConsumerGroupDescribe: [0, 1], DescribeTopicPartitions: [0, 0],
}

const folder = fileURLToPath(new URL('../../src/kafka/apis/', import.meta.url))

test('the versions that are advertised are those of a Kafka broker', () => {
  expect(Object.fromEntries(apis.map(({ name, advertised }) => [name, [advertised.min, advertised.max]]))).toEqual(advertisedByBroker)
})

test('keys, names and versions are those of the classes of Kafka', () => {
  expect(apis.map(({ key, name, versions, advertised }) => ({ key, name, versions: [versions.min, versions.max], advertised: [advertised.min, advertised.max] })))
    .toEqual(kafkasApis.map(({ key, name, versions, advertised }) => ({ key, name, versions, advertised })))
})

test('every version advertised is understood, but for those of Produce that Kafka names and refuses', () => {
  expect(apis.filter(({ versions, advertised }) => versions.min !== advertised.min || versions.max !== advertised.max).map(({ name, versions, advertised }) => ({ name, versions, advertised })))
    .toEqual([{ name: 'Produce', versions: { min: 3, max: 13 }, advertised: { min: 0, max: 13 } }])
})

test('an API has one file, named by its key, that says what each version brought', () => {
  const files = readdirSync(folder).filter(file => file !== 'table.ts').sort()
  expect(files).toEqual(apis.map(({ key, name }) => `${String(key).padStart(2, '0')}-${name.replace(/(?<!^)([A-Z])/g, '-$1').toLowerCase()}.ts`).sort())
  for (const { key, name, versions } of apis) {
    const text = readFileSync(`${folder}${files.find(file => file.startsWith(`${String(key).padStart(2, '0')}-`))!}`, 'utf8')
    const expected = Array.from({ length: versions.max - versions.min + 1 }, (_, i) => versions.min + i)
    expect(text.startsWith(`// ${name} (${key}): `)).toBe(true)
    expect([...text.matchAll(/^\/\/ {3}v(\d+) +\S/gm)].map(([, version]) => Number(version)), name).toEqual(expected)
  }
})
