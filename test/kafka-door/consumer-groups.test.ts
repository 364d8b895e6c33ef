// Groups of the consumer protocol (KIP-848) over the wire, and what admin clients see of groups of either kind.
import { afterEach, expect, test } from 'vitest'
import { encodeSubscription, parseAssignment, parseSubscription } from '../../src/format/consumer-protocol.ts'
import { open, type EventLog } from '../../src/index.ts'
import { listen } from '../../src/kafka.ts'
import { offsetCommit } from '../../src/kafka/apis/08-offset-commit.ts'
import { joinGroup } from '../../src/kafka/apis/11-join-group.ts'
import { describeGroups } from '../../src/kafka/apis/15-describe-groups.ts'
import { listGroups } from '../../src/kafka/apis/16-list-groups.ts'
import { deleteGroups } from '../../src/kafka/apis/42-delete-groups.ts'
import { consumerGroupHeartbeat } from '../../src/kafka/apis/68-consumer-group-heartbeat.ts'
import { consumerGroupDescribe } from '../../src/kafka/apis/69-consumer-group-describe.ts'
import { KAFKA_ERRORS } from '../../src/kafka/kafka-errors.ts'
import type { Decoded, Encodable } from '../../src/kafka/protocol/field.ts'
import { SimulatedGroups } from '../groups/support/simulated-groups.ts'
import { WireClient } from './support/wire-client.ts'

const opened: (() => Promise<void>)[] = []
afterEach(async () => { for (const close of opened.splice(0).reverse()) await close() })

async function start(): Promise<{ log: EventLog; client: WireClient }> {
  const log = await open('memory:')
  opened.push(() => log.close())
  await log.topic('orders', { partitions: 2 })
  const door = await listen(log)
  const client = await WireClient.connect(door, 'billing-client')
  opened.push(() => client.close())
  return { log, client }
}

type Beat = Encodable<typeof consumerGroupHeartbeat.request.fields>

const JOINING: Beat = { groupId: 'billing', memberId: 'a', memberEpoch: 0, rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['orders'], topicPartitions: [] }

async function beat(client: WireClient, said: Partial<Beat> = {}, version = 1): Promise<Decoded<typeof consumerGroupHeartbeat.response.fields>> {
  return await client.ask(consumerGroupHeartbeat, version, { ...JOINING, ...said })
}

test('a client joins, lives and leaves, in each version', async () => {
  for (const version of [0, 1]) {
    const { client } = await start()
    const joined = await beat(client, version === 0 ? { memberId: '' } : {}, version)
    expect(joined).toMatchObject({ errorCode: 0, memberEpoch: 1, heartbeatIntervalMs: 500 })
    expect(joined.assignment?.topicPartitions.map(({ partitions }) => partitions)).toEqual([[0, 1]])
    const said = { memberId: joined.memberId!, memberEpoch: 1, rebalanceTimeoutMs: -1, subscribedTopicNames: null, topicPartitions: null }
    expect(await beat(client, said, version)).toMatchObject({ errorCode: 0, memberEpoch: 1, assignment: null })
    expect(await beat(client, { ...said, memberEpoch: -1 }, version)).toMatchObject({ errorCode: 0, memberEpoch: -1 })
    expect(await beat(client, said, version)).toMatchObject({ errorCode: KAFKA_ERRORS.UNKNOWN_MEMBER_ID })
  }
})

test('a partition changes hands when the client that had it no longer names it', async () => {
  const { client } = await start()
  const first = await beat(client)
  const topicId = first.assignment!.topicPartitions[0]!.topicId
  expect((await beat(client, { memberId: 'b' })).assignment?.topicPartitions).toEqual([])
  const asked = await beat(client, { memberEpoch: 1, topicPartitions: [{ topicId, partitions: [0, 1] }] })
  expect(asked).toMatchObject({ memberEpoch: 1, heartbeatIntervalMs: 200, assignment: { topicPartitions: [{ topicId, partitions: [0] }] } })
  expect(await beat(client, { memberEpoch: 1, topicPartitions: [{ topicId, partitions: [0] }] })).toMatchObject({ memberEpoch: 2 })
  expect((await beat(client, { memberId: 'b', memberEpoch: 2, topicPartitions: [] })).assignment?.topicPartitions).toEqual([{ topicId, partitions: [1] }])
})

test('a heartbeat that does not fit together is refused with what is wrong, and changes nothing', async () => {
  const { log, client } = await start()
  const wrong: [Partial<Beat>, RegExp][] = [
    [{ groupId: '' }, /group id/], [{ memberId: '' }, /member id/], [{ instanceId: '' }, /instance id/], [{ rackId: '' }, /rack/], [{ memberEpoch: -3 }, /epoch -3/],
    [{ memberEpoch: -2 }, /instance id/], [{ rebalanceTimeoutMs: -1 }, /time-out/], [{ topicPartitions: null }, /owns no/], [{ subscribedTopicNames: null }, /topics/],
  ]
  for (const [said, message] of wrong) {
    const answer = await beat(client, said)
    expect([answer.errorCode, answer.errorMessage]).toEqual([KAFKA_ERRORS.INVALID_REQUEST, expect.stringMatching(message)])
  }
  expect(log.groups()).toEqual([])
})

test('what the group refuses has its name in Kafka', async () => {
  const { client } = await start()
  expect(await beat(client, { serverAssignor: 'best' })).toMatchObject({ errorCode: KAFKA_ERRORS.UNSUPPORTED_ASSIGNOR })
  expect(await beat(client, { subscribedTopicRegex: '(' })).toMatchObject({ errorCode: KAFKA_ERRORS.INVALID_REGULAR_EXPRESSION })
  await beat(client, { instanceId: 'desk' })
  expect(await beat(client, { instanceId: 'desk', memberId: 'b' })).toMatchObject({ errorCode: KAFKA_ERRORS.UNRELEASED_INSTANCE_ID })
  expect(await beat(client, { instanceId: 'desk', memberId: 'b', memberEpoch: 1 })).toMatchObject({ errorCode: KAFKA_ERRORS.FENCED_INSTANCE_ID })
  expect(await beat(client, { instanceId: 'desk', memberEpoch: 9 })).toMatchObject({ errorCode: KAFKA_ERRORS.FENCED_MEMBER_EPOCH })
})

test('a client that joins while the disk is full is told to try again, and is no member', async () => {
  const { log, disk } = await SimulatedGroups.open()
  await log.topic('orders', { partitions: 2 })
  const client = await WireClient.connect(await listen(log))
  opened.push(() => client.close())
  await beat(client)
  disk.failNext('write', { error: 'ENOSPC', path: /__consumer_offsets-0/ })
  expect(await beat(client, { memberId: 'b' })).toMatchObject({ errorCode: KAFKA_ERRORS.COORDINATOR_NOT_AVAILABLE })
  expect(log.group('billing').members().map(({ id }) => id)).toEqual(['a'])
})

test('a client commits at its epoch and at no other', async () => {
  const { log, client } = await start()
  await beat(client)
  const commit = async (generationIdOrMemberEpoch: number, offset: number): Promise<number> => {
    const answer = await client.ask(offsetCommit, 9, { groupId: 'billing', memberId: 'a', generationIdOrMemberEpoch, topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: null }] }] })
    return answer.topics[0]!.partitions[0]!.errorCode
  }
  expect(await commit(1, 7)).toBe(0)
  expect(await commit(2, 8)).toBe(KAFKA_ERRORS.STALE_MEMBER_EPOCH)
  expect([...await log.group('billing').committed('orders')]).toEqual([[0, 7]])
})

test('groups of one protocol are closed to clients of the other while they have members', async () => {
  const { client } = await start()
  await beat(client)
  const protocols = [{ name: 'range', metadata: encodeSubscription({ topics: ['orders'], userData: null, owned: [], generation: -1 }) }]
  const joining = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, protocolType: 'consumer', protocols, memberId: '' }
  expect(await client.ask(joinGroup, 3, { ...joining, groupId: 'billing' })).toMatchObject({ errorCode: KAFKA_ERRORS.INCONSISTENT_GROUP_PROTOCOL })
  expect(await client.ask(joinGroup, 3, { ...joining, groupId: 'shipping' })).toMatchObject({ errorCode: 0 })
  expect(await beat(client, { groupId: 'shipping' })).toMatchObject({ errorCode: KAFKA_ERRORS.GROUP_ID_NOT_FOUND })
})

test('a group with clients is described with all its members', async () => {
  const { log, client } = await start()
  await beat(client, { instanceId: 'desk', subscribedTopicRegex: 'bill.*' })
  const inside = await log.group('billing').join('orders', { from: 'earliest' })
  opened.push(() => inside.close())
  for (const version of [0, 1]) {
    const { groups: [group, other] } = await client.ask(consumerGroupDescribe, version, { groupIds: ['billing', 'none'], includeAuthorizedOperations: true })
    expect(other).toMatchObject({ groupId: 'none', errorCode: KAFKA_ERRORS.GROUP_ID_NOT_FOUND })
    expect(group).toMatchObject({ groupId: 'billing', errorCode: 0, groupState: 'Reconciling', groupEpoch: 2, assignmentEpoch: 2, assignorName: 'uniform' })
    expect(group!.authorizedOperations).toBeGreaterThan(0)
    expect(group!.members).toMatchObject([
      { memberId: 'a', instanceId: 'desk', memberEpoch: 1, clientId: 'billing-client', clientHost: '/127.0.0.1', subscribedTopicNames: ['orders'], subscribedTopicRegex: 'bill.*', targetAssignment: { topicPartitions: [{ topicName: 'orders', partitions: [0] }] } },
      { memberId: 'member-1', instanceId: null, memberEpoch: 2, clientId: 'millrace', clientHost: 'localhost', targetAssignment: { topicPartitions: [{ topicName: 'orders', partitions: [1] }] } },
    ])
    expect(group!.members[0]!.assignment.topicPartitions[0]!.partitions).toEqual([0, 1])
  }
})

test('members of this process are described as consumers of a classic group, in each version', async () => {
  const { log, client } = await start()
  const inside = await log.group('billing').join('orders', { from: 'earliest' })
  opened.push(() => inside.close())
  for (let version = describeGroups.versions.min; version <= describeGroups.versions.max; version++) {
    const { groups: [group, none] } = await client.ask(describeGroups, version, { groups: ['billing', 'none'] })
    expect(none).toMatchObject({ groupState: 'Dead', errorCode: version >= 6 ? KAFKA_ERRORS.GROUP_ID_NOT_FOUND : 0 })
    expect(group).toMatchObject({ groupState: 'Stable', protocolType: 'consumer', protocolData: 'cooperative-sticky', members: [{ memberId: 'member-1', clientId: 'millrace' }] })
    const [member] = group!.members
    expect(parseSubscription(member!.memberMetadata).topics).toEqual(['orders'])
    expect(parseAssignment(member!.memberAssignment).partitions).toHaveLength(2)
  }
})

test('groups are listed by state and type, in any spelling', async () => {
  const { log, client } = await start()
  await beat(client)
  await log.group('old').reset('orders', 'earliest')
  const list = async (filters: { statesFilter?: string[]; typesFilter?: string[] }): Promise<[string, string, string][]> => {
    const { groups } = await client.ask(listGroups, 5, { statesFilter: [], typesFilter: [], ...filters })
    return groups.map(({ groupId, groupState, groupType }) => [groupId, groupState, groupType])
  }
  const billing = ['billing', 'Stable', 'consumer']
  const old = ['old', 'Empty', 'classic']
  expect(await list({})).toEqual([billing, old])
  expect(await list({ statesFilter: ['empty'] })).toEqual([old])
  expect(await list({ typesFilter: ['Consumer'] })).toEqual([billing])
  expect(await list({ statesFilter: ['no such'] })).toEqual([])
  for (let version = listGroups.versions.min; version <= listGroups.versions.max; version++) {
    expect((await client.ask(listGroups, version, { statesFilter: [], typesFilter: [] })).groups.map(({ groupId }) => groupId)).toEqual(['billing', 'old'])
  }
})

test('a group without members is deleted with its positions; one with members stays', async () => {
  const { log, client } = await start()
  for (let version = deleteGroups.versions.min; version <= deleteGroups.versions.max; version++) {
    await beat(client)
    await log.group('old').reset('orders', 'earliest')
    const { results } = await client.ask(deleteGroups, version, { groupsNames: ['billing', 'old', 'none', ''] })
    expect(results.map(({ errorCode }) => errorCode)).toEqual([KAFKA_ERRORS.NON_EMPTY_GROUP, 0, KAFKA_ERRORS.GROUP_ID_NOT_FOUND, KAFKA_ERRORS.INVALID_GROUP_ID])
    expect(log.groups().map(({ id }) => id)).toEqual(['billing'])
  }
})
