// Groups of the classic protocol over the wire: each API in each of its versions, and what a group's members are refused.
import { afterEach, expect, test } from 'vitest'
import { open, type EventLog } from '../../src/index.ts'
import { listen } from '../../src/kafka.ts'
import { metadata } from '../../src/kafka/apis/03-metadata.ts'
import { heartbeat } from '../../src/kafka/apis/12-heartbeat.ts'
import { joinGroup } from '../../src/kafka/apis/11-join-group.ts'
import { leaveGroup } from '../../src/kafka/apis/13-leave-group.ts'
import { offsetCommit } from '../../src/kafka/apis/08-offset-commit.ts'
import { offsetDelete } from '../../src/kafka/apis/47-offset-delete.ts'
import { offsetFetch } from '../../src/kafka/apis/09-offset-fetch.ts'
import { syncGroup } from '../../src/kafka/apis/14-sync-group.ts'
import { encodeSubscription } from '../../src/format/consumer-protocol.ts'
import { ZERO_UUID } from '../../src/kafka/protocol/plain-fields.ts'
import { KAFKA_ERRORS } from '../../src/kafka/kafka-errors.ts'
import { WireClient } from './support/wire-client.ts'

const opened: (() => Promise<void>)[] = []
afterEach(async () => { for (const close of opened.splice(0).reverse()) await close() })

async function start(clients = 1): Promise<{ log: EventLog; clients: WireClient[]; client: WireClient }> {
  const log = await open('memory:')
  opened.push(() => log.close())
  const door = await listen(log)
  const connected: WireClient[] = []
  for (let i = 0; i < clients; i++) {
    const client = await WireClient.connect(door)
    opened.push(() => client.close())
    connected.push(client)
  }
  return { log, clients: connected, client: connected[0]! }
}

const SUBSCRIPTION = encodeSubscription({ topics: ['orders'], userData: null, owned: [], generation: -1 })
const JOINING = { groupId: 'billing', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, protocolType: 'consumer', protocols: [{ name: 'range', metadata: SUBSCRIPTION }] }

interface Joined { readonly memberId: string; readonly generationId: number; readonly leader: string }

async function join(client: WireClient, version: number, memberId = ''): Promise<Joined> {
  const answer = await client.ask(joinGroup, version, { ...JOINING, memberId })
  if (answer.errorCode === KAFKA_ERRORS.MEMBER_ID_REQUIRED) return await join(client, version, answer.memberId)
  expect(answer.errorCode).toBe(0)
  return answer
}

async function joinAlone(client: WireClient): Promise<{ memberId: string; generationId: number }> {
  const { memberId, generationId } = await join(client, 9)
  const synced = await client.ask(syncGroup, 5, { ...caller({ memberId, generationId }), assignments: [{ memberId, assignment: Buffer.from('mine') }] })
  expect([synced.errorCode, synced.assignment.toString()]).toEqual([0, 'mine'])
  return { memberId, generationId }
}

function caller({ memberId, generationId }: { memberId: string; generationId: number }): { groupId: string; memberId: string; generationId: number } {
  return { groupId: 'billing', memberId, generationId }
}

test('two members share a group, whatever versions they speak', async () => {
  for (let version = joinGroup.versions.min; version <= joinGroup.versions.max; version++) {
    const { clients } = await start(2)
    const [a, b] = clients as [WireClient, WireClient]
    const first = await join(a, version)
    const joining = join(b, version)
    for (;;) {
      const { errorCode } = await a.ask(heartbeat, Math.min(version, 4), caller(first))
      if (errorCode === KAFKA_ERRORS.REBALANCE_IN_PROGRESS) break
      expect(errorCode).toBe(0)
    }
    const [leader, other] = await Promise.all([join(a, version, first.memberId), joining])
    expect([leader.generationId, other.generationId, leader.leader, other.leader]).toEqual([2, 2, leader.memberId, leader.memberId])
    const assignments = [leader, other].map(({ memberId }) => ({ memberId, assignment: Buffer.from(`of ${memberId}`) }))
    const syncVersion = Math.min(version, 5)
    const synced = await Promise.all([b.ask(syncGroup, syncVersion, { ...caller(other), assignments: [] }), a.ask(syncGroup, syncVersion, { ...caller(leader), assignments })])
    expect(synced.map(({ errorCode, assignment }) => [errorCode, assignment.toString()])).toEqual([[0, `of ${other.memberId}`], [0, `of ${leader.memberId}`]])
    const leaving = Math.min(version, 5)
    const left = await b.ask(leaveGroup, leaving, { groupId: 'billing', memberId: other.memberId, members: [{ memberId: other.memberId, groupInstanceId: null }] })
    expect([left.errorCode, ...left.members.map(({ errorCode }) => errorCode)]).toEqual(leaving < 3 ? [0] : [0, 0])
    const again = await b.ask(leaveGroup, leaving, { groupId: 'billing', memberId: other.memberId, members: [{ memberId: other.memberId, groupInstanceId: null }] })
    expect(leaving < 3 ? again.errorCode : again.members[0]!.errorCode).toBe(KAFKA_ERRORS.UNKNOWN_MEMBER_ID)
  }
})

test('a session time-out is 6 s to 30 minutes, and a group has a name', async () => {
  const { client } = await start()
  for (const sessionTimeoutMs of [5999, 30 * 60_000 + 1]) {
    expect(await client.ask(joinGroup, 9, { ...JOINING, sessionTimeoutMs, memberId: '' })).toMatchObject({ errorCode: KAFKA_ERRORS.INVALID_SESSION_TIMEOUT })
  }
  expect(await client.ask(joinGroup, 9, { ...JOINING, groupId: '', memberId: '' })).toMatchObject({ errorCode: KAFKA_ERRORS.INVALID_GROUP_ID })
  const nobody = { groupId: '', memberId: 'm', generationId: 1 }
  expect(await client.ask(syncGroup, 5, { ...nobody, assignments: [] })).toMatchObject({ errorCode: KAFKA_ERRORS.INVALID_GROUP_ID })
  expect(await client.ask(heartbeat, 4, nobody)).toMatchObject({ errorCode: KAFKA_ERRORS.INVALID_GROUP_ID })
  expect(await client.ask(leaveGroup, 5, { groupId: '', members: [] })).toMatchObject({ errorCode: KAFKA_ERRORS.INVALID_GROUP_ID })
})

test('a group that is not there has no members', async () => {
  const { client } = await start()
  const nobody = { groupId: 'billing', memberId: 'm', generationId: 1 }
  expect(await client.ask(joinGroup, 9, { ...JOINING, memberId: 'm' })).toMatchObject({ errorCode: KAFKA_ERRORS.UNKNOWN_MEMBER_ID })
  expect(await client.ask(syncGroup, 5, { ...nobody, assignments: [] })).toMatchObject({ errorCode: KAFKA_ERRORS.UNKNOWN_MEMBER_ID })
  expect(await client.ask(heartbeat, 4, nobody)).toMatchObject({ errorCode: KAFKA_ERRORS.UNKNOWN_MEMBER_ID })
  expect(await client.ask(leaveGroup, 5, { groupId: 'billing', members: [] })).toMatchObject({ errorCode: KAFKA_ERRORS.UNKNOWN_MEMBER_ID })
})

// ---------------------------------------------------------------- positions

function commitOf(offset: number, { topic = 'orders', topicId = ZERO_UUID, partition = 0, metadata = 'kept' as string | null } = {}) {
  return { topics: [{ name: topic, topicId, partitions: [{ partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: 3, committedMetadata: metadata }] }] }
}

async function idOf(client: WireClient, topic: string): Promise<string> {
  return (await client.ask(metadata, 12, { topics: [{ name: topic }], allowAutoTopicCreation: false })).topics[0]!.topicId
}

const SIMPLE = { groupId: 'billing', generationIdOrMemberEpoch: -1, memberId: '' }

async function fetched(client: WireClient, topics: { name: string; topicId?: string; partitionIndexes: number[] }[] | null, version = 9): Promise<unknown> {
  const { groups } = await client.ask(offsetFetch, version, { groups: [{ groupId: 'billing', topics }] })
  return groups[0]!.topics.map(({ name, partitions }) => [name, ...partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, metadata, errorCode }) => [partitionIndex, committedOffset, committedLeaderEpoch, metadata, errorCode])])
}

test('a position is told as it was committed, in each version', async () => {
  const { log, client } = await start()
  await log.topic('orders', { partitions: 2 })
  const topicId = await idOf(client, 'orders')
  for (let version = offsetCommit.versions.min; version <= offsetCommit.versions.max; version++) {
    const { topics } = await client.ask(offsetCommit, version, { ...SIMPLE, ...commitOf(version, { topicId }) })
    expect(topics).toMatchObject([{ partitions: [{ partitionIndex: 0, errorCode: 0 }] }])
    const epoch = version < 6 ? -1 : 3
    for (let fetch = offsetFetch.versions.min; fetch <= offsetFetch.versions.max; fetch++) {
      const asked = [{ name: 'orders', topicId, partitionIndexes: [0, 1] }]
      const answer = await client.ask(offsetFetch, fetch, { groupId: 'billing', topics: asked, groups: [{ groupId: 'billing', topics: asked }] })
      const [topic] = fetch < 8 ? answer.topics : answer.groups[0]!.topics
      expect(topic!.partitions).toEqual([
        { partitionIndex: 0, committedOffset: version, committedLeaderEpoch: fetch < 5 ? -1 : epoch, metadata: 'kept', errorCode: 0 },
        { partitionIndex: 1, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 },
      ])
    }
  }
  expect(await log.group('billing').committed('orders')).toEqual(new Map([[0, 10]]))
})

test('a negative position is told as it was committed, and is none to the process', async () => {
  const { log, client } = await start()
  const orders = await log.topic('orders')
  await orders.send({ value: 'first' })
  for (const position of [1, -2]) await client.ask(offsetCommit, 9, { ...SIMPLE, ...commitOf(position) })
  expect(await fetched(client, null)).toEqual([['orders', [0, -2, 3, 'kept', 0]]])
  expect(await log.group('billing').committed('orders')).toEqual(new Map())
  expect(await log.group('billing').lag()).toMatchObject([{ partition: 0, committed: null, lag: 1 }])
})

test('all positions of several groups are told at once', async () => {
  const { log, client } = await start()
  await log.topic('orders')
  await log.topic('refunds')
  await client.ask(offsetCommit, 9, { ...SIMPLE, ...commitOf(1) })
  await client.ask(offsetCommit, 9, { ...SIMPLE, ...commitOf(2, { topic: 'refunds', metadata: null }) })
  expect(await fetched(client, null)).toEqual([['orders', [0, 1, 3, 'kept', 0]], ['refunds', [0, 2, 3, '', 0]]])
  const { groups } = await client.ask(offsetFetch, 10, { groups: [{ groupId: 'billing', topics: null }, { groupId: 'other', topics: null }] })
  expect(groups.map(({ groupId, topics }) => [groupId, topics.map(({ topicId }) => topicId)])).toEqual([['billing', [await idOf(client, 'orders'), await idOf(client, 'refunds')]], ['other', []]])
})

test('what is not there, or too long, is refused for itself, and the rest is committed', async () => {
  const { log, client } = await start()
  await log.topic('orders')
  const partition = (partitionIndex: number, metadata: string) => ({ partitionIndex, committedOffset: 7, committedMetadata: metadata })
  const { topics } = await client.ask(offsetCommit, 9, { ...SIMPLE, topics: [
    { name: 'orders', partitions: [partition(0, 'x'.repeat(4097)), partition(1, '')] },
    { name: 'missing', partitions: [partition(0, '')] },
    { name: 'orders', partitions: [partition(0, 'x'.repeat(4096))] },
  ] })
  expect(topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))).toEqual([
    KAFKA_ERRORS.OFFSET_METADATA_TOO_LARGE, KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION, KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION, 0,
  ])
  const unknown = await client.ask(offsetCommit, 10, { ...SIMPLE, ...commitOf(1, { topicId: '0123456789012345678901' }) })
  expect(unknown.topics[0]!.partitions[0]!.errorCode).toBe(KAFKA_ERRORS.UNKNOWN_TOPIC_ID)
  expect(await log.group('billing').committed('orders')).toEqual(new Map([[0, 7]]))
})

test('members commit for their generation, and nobody else does', async () => {
  const { log, client } = await start()
  await log.topic('orders')
  const { memberId, generationId } = await joinAlone(client)
  const commit = async (who: { generationIdOrMemberEpoch: number; memberId: string; groupInstanceId?: string }) => {
    const { topics } = await client.ask(offsetCommit, 9, { groupId: 'billing', ...who, ...commitOf(5) })
    return topics[0]!.partitions[0]!.errorCode
  }
  expect(await commit({ generationIdOrMemberEpoch: generationId, memberId })).toBe(0)
  expect(await commit({ generationIdOrMemberEpoch: generationId - 1, memberId })).toBe(KAFKA_ERRORS.ILLEGAL_GENERATION)
  expect(await commit({ generationIdOrMemberEpoch: generationId, memberId: 'other' })).toBe(KAFKA_ERRORS.UNKNOWN_MEMBER_ID)
  expect(await commit({ generationIdOrMemberEpoch: generationId, memberId, groupInstanceId: 'one' })).toBe(KAFKA_ERRORS.UNKNOWN_MEMBER_ID)
  expect(await commit({ generationIdOrMemberEpoch: -1, memberId: '' })).toBe(KAFKA_ERRORS.UNKNOWN_MEMBER_ID)
  const stranger = { groupId: 'nobodys', generationIdOrMemberEpoch: 1, memberId: 'm', ...commitOf(5) }
  expect((await client.ask(offsetCommit, 8, stranger)).topics[0]!.partitions[0]!.errorCode).toBe(KAFKA_ERRORS.ILLEGAL_GENERATION)
  expect((await client.ask(offsetCommit, 9, stranger)).topics[0]!.partitions[0]!.errorCode).toBe(KAFKA_ERRORS.GROUP_ID_NOT_FOUND)
})

test('positions are deleted, save of topics that a member reads', async () => {
  const { log, client } = await start()
  await log.topic('orders')
  await log.topic('refunds')
  await client.ask(offsetCommit, 9, { ...SIMPLE, ...commitOf(1) })
  await client.ask(offsetCommit, 9, { ...SIMPLE, ...commitOf(2, { topic: 'refunds' }) })
  await joinAlone(client)
  const partitions = [{ partitionIndex: 0 }]
  const { errorCode, topics } = await client.ask(offsetDelete, 0, { groupId: 'billing', topics: [{ name: 'orders', partitions }, { name: 'refunds', partitions }, { name: 'missing', partitions }] })
  expect([errorCode, ...topics.map(({ partitions: [partition] }) => partition!.errorCode)]).toEqual([0, KAFKA_ERRORS.GROUP_SUBSCRIBED_TO_TOPIC, 0, KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION])
  expect(await fetched(client, null)).toEqual([['orders', [0, 1, 3, 'kept', 0]]])
  expect(await client.ask(offsetDelete, 0, { groupId: 'nobodys', topics: [] })).toMatchObject({ errorCode: KAFKA_ERRORS.GROUP_ID_NOT_FOUND })
})

test('a subscription that ends before what its version added is read for its topics', async () => {
  const { log, client } = await start()
  await log.topic('orders')
  await log.topic('refunds')
  await client.ask(offsetCommit, 9, { ...SIMPLE, ...commitOf(2, { topic: 'refunds' }) })
  const short = Buffer.concat([Buffer.from([0, 1]), SUBSCRIPTION.subarray(2, 2 + 4 + 2 + 'orders'.length + 4)]) // up to the user data
  const joining = { ...JOINING, protocols: [{ name: 'range', metadata: short }] }
  const { memberId } = await client.ask(joinGroup, 9, { ...joining, memberId: '' })
  await client.ask(joinGroup, 9, { ...joining, memberId })
  const partitions = [{ partitionIndex: 0 }]
  const { topics } = await client.ask(offsetDelete, 0, { groupId: 'billing', topics: [{ name: 'orders', partitions }, { name: 'refunds', partitions }] })
  expect(topics.map(({ partitions: [partition] }) => partition!.errorCode)).toEqual([KAFKA_ERRORS.GROUP_SUBSCRIBED_TO_TOPIC, 0])
})

test('a group of others than consumers keeps its positions while it has members', async () => {
  const { log, client } = await start()
  await log.topic('orders')
  const { memberId } = await client.ask(joinGroup, 9, { ...JOINING, protocolType: 'connect', memberId: '' })
  await client.ask(joinGroup, 9, { ...JOINING, protocolType: 'connect', memberId })
  expect(await client.ask(offsetDelete, 0, { groupId: 'billing', topics: [] })).toMatchObject({ errorCode: KAFKA_ERRORS.NON_EMPTY_GROUP })
})

test('a log knows of wire members: the group can be neither reset nor deleted under them', async () => {
  const { log, client } = await start()
  const orders = await log.topic('orders')
  const { memberId } = await joinAlone(client)
  await orders.send([{ value: 1 }, { value: 2 }, { value: 3 }])
  expect(log.stats().groups).toMatchObject([{ id: 'billing', members: 1, lag: 3 }])
  await expect(log.group('billing').reset(orders, 'earliest')).rejects.toMatchObject({ code: 'GROUP_ACTIVE' })
  await expect(log.group('billing').delete()).rejects.toMatchObject({ code: 'GROUP_ACTIVE' })
  await client.ask(leaveGroup, 5, { groupId: 'billing', members: [{ memberId, groupInstanceId: null }] })
  await log.group('billing').delete()
  expect(log.groups()).toEqual([])
})
