// Kafka reads the records of groups that we write: its dump tool, with the decoder for __consumer_offsets, prints what
// was written, and a broker that takes the partition for its own tells its clients the same.
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encodeAssignment, encodeSubscription } from '../../src/format/consumer-protocol.ts'
import { encodeGroupKey, encodeGroupValue, encodeOffsetKey, encodeOffsetValue, type CommittedOffset, type StoredGroup, type StoredMember } from '../../src/format/group-records.ts'
import { open } from '../../src/index.ts'
import { committedAsDumped, dumpedGroupRecords, type DumpedGroupRecord } from './support/dumped-groups.ts'
import { describeWithKafka } from './support/kafka-here.ts'
import { describeGroups, giveToBroker, withBroker } from './support/kafka-serves.ts'

const T = 1_700_000_000_000
const scratch = mkdtempSync(join(tmpdir(), 'our-groups-'))
afterAll(() => { rmSync(scratch, { recursive: true, force: true }) })

/** A record as it goes in, and as it has to come out. */
interface Written { readonly key: Buffer; readonly value: Buffer | null; readonly printed: Omit<DumpedGroupRecord, 'offset'> }

describeWithKafka("Kafka's dump tool with its offsets decoder", () => {
  const written = everyKind()
  let dumped: DumpedGroupRecord[]
  beforeAll(async () => {
    const directory = join(scratch, 'for-tool')
    await writePartition(directory, written)
    dumped = await dumpedGroupRecords(directory)
  })

  test('prints every commit, group and tombstone as it was written', () => {
    expect(dumped).toEqual(written.map(({ printed }, offset) => ({ offset, ...printed })))
  })

  test('prints what each group has committed in the end', () => {
    expect(committedAsDumped(dumped, 'billing', 'orders')).toEqual(new Map([[0, 40_000], [2, 0], [63, Number.MAX_SAFE_INTEGER]]))
    expect(committedAsDumped(dumped, 'billing', 'Grüße')).toEqual(new Map([[0, 7]]))
    expect(committedAsDumped(dumped, 'given up', 'orders')).toEqual(new Map())
  })
})

describeWithKafka('What groups leave behind', () => {
  test('the dump tool prints what committed() says, and who was in the group', async () => {
    const directory = join(scratch, 'lived')
    const log = await open(directory)
    const topics = [await log.topic<number>('orders', { partitions: 5 }), await log.topic<number>('returns', { partitions: 2 })]
    for (const topic of topics) await topic.send(Array.from({ length: 100 }, (_, value) => ({ key: `k${value}`, value })))
    const members = await Promise.all(['a', 'b'].map(memberId => log.group('billing').run(topics, () => undefined, { from: 'earliest', memberId })))
    await log.group('audit').run(/^r/, () => undefined, { from: 'earliest' })
    await log.idle()
    await log.deleteTopic('returns')
    await members[1]!.stop()
    const expected = new Map(await Promise.all(['billing', 'audit'].map(async id => [id, await log.group(id).committed('orders')] as const)))
    await log.close()

    const dumped = await dumpedGroupRecords(directory)
    expect(expected.get('billing')?.size).toBe(5)
    for (const [id, committed] of expected) {
      expect(committedAsDumped(dumped, id, 'orders')).toEqual(committed)
      expect(committedAsDumped(dumped, id, 'returns')).toEqual(new Map())
    }
    const group = dumped.findLast(({ type, key }) => type === 2 && key.group === 'billing')!.value!
    expect(group).toMatchObject({ protocolType: 'consumer', protocol: 'cooperative-sticky', members: [{ groupInstanceId: 'a', clientId: 'millrace' }, { groupInstanceId: 'b' }] })
  })
})

describeWithKafka('A broker', () => {
  test('takes our partition for its own, and tells clients of its groups what we wrote', { timeout: 240_000 }, async () => {
    const directory = join(scratch, 'broker')
    const groups = ['billing', 'given up']
    // The first client that asks for a group makes the partition.
    expect(await askBroker(directory, groups)).toEqual({ 'billing': null, 'given up': null })
    const ours = join(scratch, 'for-broker')
    await writePartition(ours, everyKind())
    giveToBroker(ours, directory, ['__consumer_offsets-0'])

    expect(await askBroker(directory, groups)).toEqual({
      'billing': {
        state: 'Stable', assignor: 'sticky',
        members: [
          { id: 'member-1', instanceId: 'static "1"', clientId: 'client of member-1', host: 'in-process', partitions: ['orders-0', 'orders-63'] },
          { id: 'member-2', instanceId: null, clientId: 'client of member-2', host: 'in-process', partitions: [] },
        ],
        offsets: {
          'orders-0': { offset: 40_000, leaderEpoch: 5, metadata: 'the last' },
          'orders-2': { offset: 0, leaderEpoch: -1, metadata: '' },
          'orders-63': { offset: Number.MAX_SAFE_INTEGER, leaderEpoch: 2 ** 31 - 1, metadata: 'm'.repeat(4096) },
          'Grüße-0': { offset: 7, leaderEpoch: 0, metadata: '' },
        },
      },
      'given up': null,
    })
  })
})

/** What Kafka's admin client is told by a broker that runs for it alone. */
async function askBroker(directory: string, groups: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  return await withBroker(directory, bootstrap => describeGroups(bootstrap, groups))
}

// ---------------------------------------------------------------- what is written

function everyKind(): Written[] {
  const orders = [{ topic: 'orders', partition: 0 }, { topic: 'orders', partition: 63 }]
  const subscription = encodeSubscription({ topics: ['Grüße', 'orders'], userData: null, owned: [], generation: -1 })
  const first = { ...memberOf('member-1', subscription, encodeAssignment({ partitions: orders, userData: null })), instanceId: 'static "1"' }
  const second = memberOf('member-2', encodeSubscription({ topics: ['orders'], userData: Buffer.of(0, 0xff), owned: orders, generation: 4 }), encodeAssignment({ partitions: [], userData: Buffer.of(1) }))
  const names = ['', 'a b', 'two\nlines', 'quote " and \\', 'Київ', '東京 🎉', 'g'.repeat(300)]
  return [
    ...Array.from({ length: 400 }, (_, i) => commit('billing', 'orders', 0, { offset: 100 * i, leaderEpoch: i % 3 - 1, metadata: '', timestamp: T + i })),
    ...names.map((name, i) => commit(name, `topic-${i}`, i, { offset: i, leaderEpoch: 0, metadata: name, timestamp: T })),
    commit('billing', 'orders', 0, { offset: 40_000, leaderEpoch: 5, metadata: 'the last', timestamp: T }),
    commit('billing', 'orders', 1, { offset: 11, leaderEpoch: 0, metadata: '', timestamp: T }),
    commit('billing', 'orders', 1, null),
    commit('billing', 'orders', 2, null),
    commit('billing', 'orders', 2, { offset: 0, leaderEpoch: -1, metadata: '', timestamp: 0 }),
    commit('billing', 'orders', 63, { offset: Number.MAX_SAFE_INTEGER, leaderEpoch: 2 ** 31 - 1, metadata: 'm'.repeat(4096), timestamp: Number.MAX_SAFE_INTEGER }),
    commit('billing', 'Grüße', 0, { offset: 7, leaderEpoch: 0, metadata: '', timestamp: T }),
    commit('given up', 'orders', 0, { offset: 3, leaderEpoch: 0, metadata: '', timestamp: T }),
    commit('given up', 'orders', 0, null),
    groupOf('billing', { protocolType: '', generation: 0, protocol: null, leader: null, timestamp: T, members: [] }),
    groupOf('billing', { protocolType: 'consumer', generation: 5, protocol: 'sticky', leader: 'member-1', timestamp: T + 1, members: [first, second] }),
    groupOf('other protocol', { protocolType: 'connect', generation: 1, protocol: 'p', leader: 'm', timestamp: -1, members: [memberOf('m', Buffer.of(1, 2, 3), Buffer.alloc(0))] }),
    groupOf('given up', null),
  ]
}

/** Of a session that a broker does not find ended, however slow the machine is. */
function memberOf(id: string, subscription: Buffer, assignment: Buffer): StoredMember {
  return { id, instanceId: null, clientId: `client of ${id}`, clientHost: 'in-process', rebalanceTimeoutMs: 30_000, sessionTimeoutMs: 1_800_000, subscription, assignment }
}

function commit(group: string, topic: string, partition: number, committed: CommittedOffset | null): Written {
  const key = encodeOffsetKey(group, topic, partition)
  const printedKey = { type: 1, key: { group, topic, partition } }
  if (committed === null) return { key, value: null, printed: { ...printedKey, value: null, version: null } }
  const { offset, leaderEpoch, metadata, timestamp } = committed
  return { key, value: encodeOffsetValue(committed), printed: { ...printedKey, value: { offset, leaderEpoch, metadata, commitTimestamp: timestamp }, version: 3 } }
}

function groupOf(group: string, stored: StoredGroup | null): Written {
  const key = encodeGroupKey(group)
  const printedKey = { type: 2, key: { group } }
  if (stored === null) return { key, value: null, printed: { ...printedKey, value: null, version: null } }
  const { protocolType, generation, protocol, leader, timestamp, members } = stored
  const printedMembers = members.map(({ id, instanceId, clientId, clientHost, rebalanceTimeoutMs, sessionTimeoutMs, subscription, assignment }) => ({
    memberId: id, groupInstanceId: instanceId, clientId, clientHost, rebalanceTimeout: rebalanceTimeoutMs, sessionTimeout: sessionTimeoutMs,
    // The tool looks into those of consumers.
    ...protocolType === 'consumer' ? printedByMember[id] : { subscription: subscription.toString('base64'), assignment: assignment.toString('base64') },
  }))
  return { key, value: encodeGroupValue(stored), printed: { ...printedKey, value: { protocolType, generation, protocol, leader, currentStateTimestamp: timestamp, members: printedMembers }, version: 3 } }
}

const printedByMember: Readonly<Record<string, object>> = {
  'member-1': {
    subscription: { topics: ['Grüße', 'orders'], userData: null, ownedPartitions: [], generationId: -1, rackId: null },
    assignment: { assignedPartitions: [{ topic: 'orders', partitions: [0, 63] }], userData: null },
  },
  'member-2': {
    subscription: { topics: ['orders'], userData: 'AP8=', ownedPartitions: [{ topic: 'orders', partitions: [0, 63] }], generationId: 4, rackId: null },
    assignment: { assignedPartitions: [], userData: 'AQ==' },
  },
}

/** Through a log of ours, in segments and batches of several sizes, as the partition that Kafka would have made of it. */
async function writePartition(directory: string, records: readonly Written[]): Promise<void> {
  const log = await open(directory)
  const topic = await log.topic<Uint8Array, Uint8Array>('positions', { key: 'bytes', value: 'bytes', segmentBytes: '8KiB' })
  for (let from = 0, count = 1; from < records.length; from += count++) {
    await topic.send(records.slice(from, from + count).map(({ key, value }) => ({ key, value })))
  }
  await log.close()
  renameSync(join(directory, 'positions-0'), join(directory, '__consumer_offsets-0'))
}
