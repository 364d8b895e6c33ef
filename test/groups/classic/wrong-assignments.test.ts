// A leader of the wire may assign what it likes. Members of this process take what is there and what they read, and what is
// wrong now stands in the way of nothing later.
import { expect, test } from 'vitest'
import { encodeAssignment, encodeSubscription, type TopicPartition } from '../../../src/format/consumer-protocol.ts'
import type { ClassicGroups } from '../../../src/groups/classic/classic-groups.ts'
import type { JoinRequest } from '../../../src/groups/classic/classic-requests.ts'
import type { Consumer } from '../../../src/index.ts'
import { SimulatedGroups } from '../support/simulated-groups.ts'
import { COOPERATIVE } from './support/classic-client.ts'

const GROUP = 'billing'

/** Takes nothing itself, and assigns to all others what the test says. */
class Leader {
  readonly #groups: ClassicGroups
  readonly #protocol: string
  #memberId = ''

  constructor(groups: ClassicGroups, protocol: string) {
    this.#groups = groups
    this.#protocol = protocol
  }

  async assign(assignment: Buffer): Promise<void> {
    const joined = await this.#groups.join(GROUP, this.#request())
    this.#memberId = joined.memberId
    const assignments = joined.members.filter(({ memberId }) => memberId !== joined.memberId).map(({ memberId }) => ({ memberId, assignment }))
    const { error } = await this.#groups.sync(GROUP, { memberId: joined.memberId, instanceId: null, generation: joined.generation, protocolType: 'consumer', protocol: joined.protocol, assignments })
    expect(error).toBeUndefined()
  }

  leave(): void {
    this.#groups.leave(GROUP, [{ memberId: this.#memberId, instanceId: null }])
  }

  #request(): JoinRequest {
    return {
      memberId: this.#memberId, instanceId: null, clientId: 'leader', clientHost: '/127.0.0.1', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000, protocolType: 'consumer',
      protocols: [{ name: this.#protocol, metadata: encodeSubscription({ topics: ['orders'], userData: null, owned: [], generation: -1 }) }], needsIdFirst: false, canSkipAssignment: false,
    }
  }
}

interface Setting { readonly groups: SimulatedGroups; readonly consumer: Consumer<number>; readonly leader: Leader; readonly told: unknown[]; assign(assignment: Buffer): Promise<string[]> }

async function start(protocol: string): Promise<Setting> {
  const groups = await SimulatedGroups.open()
  for (const topic of ['orders', 'payments']) await groups.log.topic<number>(topic, { partitions: 2 })
  const told: unknown[] = []
  groups.log.group(GROUP).on('error', ({ error }) => { told.push((error as { code?: unknown }).code) })
  const consumer = await groups.log.group(GROUP).join('orders', { from: 'earliest', commit: 'manual' }) as Consumer<number>
  const leader = new Leader(groups.coordinator.classic, protocol)
  const assign = async (assignment: Buffer): Promise<string[]> => {
    const assigned = leader.assign(assignment)
    await groups.clock.advance(10)
    await assigned
    await groups.clock.advance(10)
    return labelsOf(consumer)
  }
  return { groups, consumer, leader, told, assign }
}

function of(topic: string, ...partitions: number[]): TopicPartition[] {
  return partitions.map(partition => ({ topic, partition }))
}

function assignment(...partitions: TopicPartition[]): Buffer {
  return encodeAssignment({ partitions, userData: null })
}

function labelsOf(consumer: Consumer<number>): string[] {
  return consumer.assignment.map(({ topic, partition }) => `${topic}-${partition}`).sort()
}

for (const protocol of ['range', COOPERATIVE]) {
  test(`${protocol}: a partition that is not there yet when it is assigned is read once it is there`, async () => {
    const { groups, consumer, leader, assign } = await start(protocol)
    const orders = await groups.log.topic<number>('orders')
    expect(await assign(assignment(...of('orders', 0, 2, 7)))).toEqual(['orders-0'])
    await orders.alter({ partitions: 3 })
    expect(await assign(assignment(...of('orders', 0, 2)))).toEqual(['orders-0', 'orders-2'])
    leader.leave()
    await groups.clock.advance(10)
    expect(labelsOf(consumer)).toEqual(['orders-0', 'orders-1', 'orders-2'])
  })

  test(`${protocol}: a topic that was deleted and made anew is read from its beginning`, async () => {
    const { groups, leader, consumer, assign } = await start(protocol)
    await groups.log.deleteTopic('orders')
    expect(await assign(assignment(...of('orders', 0, 1)))).toEqual([])
    const orders = await groups.log.topic<number>('orders', { partitions: 2 })
    await orders.send({ value: 42, partition: 1 })
    expect(await assign(assignment(...of('orders', 1)))).toEqual(['orders-1'])
    const next = await consumer[Symbol.asyncIterator]().next()
    expect(next.value?.value).toBe(42)
    leader.leave()
    await groups.clock.advance(10)
    expect(labelsOf(consumer)).toEqual(['orders-0', 'orders-1'])
  })

  test(`${protocol}: a topic that a member does not read is not given to it, and that is told`, async () => {
    const { told, assign } = await start(protocol)
    expect(await assign(assignment(...of('payments', 0), ...of('orders', 1), ...of('__consumer_offsets', 0)))).toEqual(['orders-1'])
    expect(told).toEqual(['ASSIGNMENT_INVALID'])
  })

  test(`${protocol}: bytes that are no assignment are none, and told`, async () => {
    const { groups, consumer, leader, told, assign } = await start(protocol)
    for (const bytes of [Buffer.from('garbage'), Buffer.from([0]), Buffer.from([0, 0, 0x7f, 0xff, 0xff, 0xff])]) expect(await assign(bytes)).toEqual([])
    expect(told).toEqual(['CONSUMER_PROTOCOL_MALFORMED', 'CONSUMER_PROTOCOL_MALFORMED', 'CONSUMER_PROTOCOL_MALFORMED'])
    leader.leave()
    await groups.clock.advance(10)
    expect(labelsOf(consumer)).toEqual(['orders-0', 'orders-1'])
  })
}
