// Members of this process and clients of the classic protocol in one group: who has what, and that nobody's work is lost.
import { describe, expect, test } from 'vitest'
import type { Consumer } from '../../../src/index.ts'
import { SimulatedGroups } from '../support/simulated-groups.ts'
import { ClassicClient, COOPERATIVE, type ClientKind } from './support/classic-client.ts'

class Mixed {
  readonly groups: SimulatedGroups
  readonly clients: ClassicClient[] = []

  private constructor(groups: SimulatedGroups) {
    this.groups = groups
  }

  static async open(partitions = 4): Promise<Mixed> {
    const groups = await SimulatedGroups.open()
    const orders = await groups.log.topic<number>('orders', { partitions })
    for (let n = 0; n < 2 * partitions; n++) await orders.send({ value: n, partition: n % partitions })
    return new Mixed(groups)
  }

  client(name: string, kind: Partial<ClientKind> = {}): ClassicClient {
    const counts = () => new Map([...this.groups.local.topics].map(([topic, { partitions }]) => [topic, partitions.length]))
    const client = new ClassicClient({ coordinator: this.groups.coordinator, partitionCounts: counts }, name, { group: 'billing', topics: ['orders'], protocols: ['RoundRobinAssigner'], ...kind })
    this.clients.push(client)
    return client
  }

  join(options: { memberId?: string; revokeTimeout?: number; signal?: AbortSignal } = {}): Promise<Consumer<number>> {
    return this.groups.log.group('billing').join('orders', { from: 'earliest', commit: 'manual', ...options }) as Promise<Consumer<number>>
  }

  /** Everybody has time enough. */
  async settle(ms = 100): Promise<void> {
    for (let beats = 0; beats < 30; beats++) {
      for (const client of this.clients) client.beat()
      await this.groups.clock.advance(ms)
    }
  }
}

function labelsOf(consumer: Consumer<number>): string[] {
  return consumer.assignment.map(({ topic, partition }) => `${topic}-${partition}`).sort()
}

const ALL = ['orders-0', 'orders-1', 'orders-2', 'orders-3']

for (const protocol of ['RoundRobinAssigner', COOPERATIVE]) {
  describe(`with ${protocol}`, () => {
    const kind = { protocols: [protocol] }

    test('a client that comes to members of this process shares with them, and leaves all to them when it goes', async () => {
      const mixed = await Mixed.open()
      const consumer = await mixed.join()
      expect(labelsOf(consumer)).toEqual(ALL)
      const client = mixed.client('remote', kind)
      await mixed.settle()
      expect([client.labels.length, labelsOf(consumer).length, [...client.labels, ...labelsOf(consumer)].sort()]).toEqual([2, 2, ALL])
      client.leave()
      await mixed.settle()
      expect(labelsOf(consumer)).toEqual(ALL)
      expect(mixed.groups.coordinator.group('billing').generation).toBeGreaterThan(client.generation)
    })

    test('a member of this process that comes to clients shares with them, and leaves all to them when it goes', async () => {
      const mixed = await Mixed.open()
      const client = mixed.client('remote', kind)
      await mixed.settle()
      expect(client.labels).toEqual(ALL)
      const joining = mixed.join()
      await mixed.settle()
      const consumer = await joining
      expect([...client.labels, ...labelsOf(consumer)].sort()).toEqual(ALL)
      expect(labelsOf(consumer)).toHaveLength(2)
      await consumer.close()
      await mixed.settle()
      expect(client.labels).toEqual(ALL)
    })

    test('a client that dies is out after its session, and its partitions go on', async () => {
      const mixed = await Mixed.open()
      const consumers = [await mixed.join(), await mixed.join()]
      const client = mixed.client('remote', kind)
      await mixed.settle()
      expect(consumers.flatMap(labelsOf).length + client.labels.length).toBe(4)
      client.die()
      await mixed.settle(1000)
      expect(consumers.flatMap(labelsOf).sort()).toEqual(ALL)
    })

    test('what a member of this process has in hand it may handle and commit before anybody else has it', async () => {
      const mixed = await Mixed.open(1)
      const consumer = await mixed.join()
      const loop = consumer[Symbol.asyncIterator]()
      await loop.next()
      const client = mixed.client('remote', kind)
      await mixed.settle()
      expect([labelsOf(consumer), client.labels]).toEqual([['orders-0'], []])
      await consumer.commit()
      void loop.next()
      await mixed.settle()
      expect(await mixed.groups.log.group('billing').committed('orders')).toEqual(new Map([[0, 1]]))
      expect([...labelsOf(consumer), ...client.labels]).toEqual(['orders-0'])
    })

    test('and what it has in hand for longer than revokeTimeout is taken from it', async () => {
      const mixed = await Mixed.open(1)
      const consumer = await mixed.join({ revokeTimeout: 1000 })
      const loop = consumer[Symbol.asyncIterator]()
      await loop.next()
      mixed.client('remote', kind)
      const other = mixed.client('zzz', kind)
      await mixed.settle()
      expect(labelsOf(consumer).length + mixed.clients[0]!.labels.length + other.labels.length).toBe(1)
      if (labelsOf(consumer).length === 0) await expect(consumer.commit()).rejects.toMatchObject({ code: 'COMMIT_FENCED' })
    })
  })
}

test('with a cooperative protocol members of this process keep what they can when somebody else comes or goes', async () => {
  const mixed = await Mixed.open()
  const consumer = await mixed.join()
  const client = mixed.client('remote', { protocols: [COOPERATIVE] })
  await mixed.settle()
  const had = labelsOf(consumer)
  const other = mixed.client('other', { protocols: [COOPERATIVE] })
  await mixed.settle()
  expect(labelsOf(consumer).filter(label => !had.includes(label))).toEqual([])
  expect([...labelsOf(consumer), ...client.labels, ...other.labels].sort()).toEqual(ALL)
  expect([labelsOf(consumer).length, client.labels.length, other.labels.length].sort()).toEqual([1, 1, 2])
  other.leave()
  await mixed.settle()
  expect([...labelsOf(consumer), ...client.labels].sort()).toEqual(ALL)
  expect(labelsOf(consumer)).toHaveLength(2)
})

test('a member of this process that goes before it has come holds nobody up', async () => {
  const mixed = await Mixed.open()
  const client = mixed.client('remote')
  await mixed.settle()
  const giveUp = new AbortController()
  const joining = mixed.join({ signal: giveUp.signal })
  await mixed.groups.clock.advance(1)
  giveUp.abort(new Error('not now'))
  await expect(joining).rejects.toThrow('not now')
  await mixed.settle()
  expect([client.labels, mixed.groups.coordinator.classic.of('billing')!.size]).toEqual([ALL, 1])
})

test('a member of this process that somebody takes out of the group has nothing from then on, and comes anew', async () => {
  const mixed = await Mixed.open(1)
  const consumer = await mixed.join()
  await consumer[Symbol.asyncIterator]().next()
  mixed.client('remote', { topics: ['other'] })
  const joined = mixed.settle()
  await consumer.commit()
  await joined
  const { classic } = mixed.groups.coordinator
  const [local] = [...classic.of('billing')!.members].filter(({ isLocal }) => isLocal)
  classic.leave('billing', [{ memberId: local!.id, instanceId: null }])
  expect(labelsOf(consumer)).toEqual([])
  await mixed.settle()
  expect([labelsOf(consumer), [...classic.of('billing')!.members].some(({ id }) => id === local!.id)]).toEqual([['orders-0'], false])
})

test('a member of this process leads nobody, though the leader does not come again', async () => {
  const mixed = await Mixed.open()
  const consumer = await mixed.join({ revokeTimeout: 1000 })
  const [a, b] = ['a', 'b'].map(name => mixed.client(name, { sessionTimeoutMs: 300_000, rebalanceTimeoutMs: 5000 })) as [ClassicClient, ClassicClient]
  await mixed.settle()
  const leading = [a, b].find(({ leads }) => leads)
  leading!.die()
  mixed.client('c', { rebalanceTimeoutMs: 5000 })
  await mixed.settle(500)
  expect([...labelsOf(consumer), ...mixed.clients.flatMap(({ labels }) => labels)].sort()).toEqual(ALL)
})

test('an assignment that makes no sense is told, and nothing is taken from it', async () => {
  const mixed = await Mixed.open()
  const { classic } = mixed.groups.coordinator
  const errors: unknown[] = []
  mixed.groups.log.group('billing').on('error', ({ error }) => { errors.push(error) })
  const request = { memberId: '', instanceId: null, clientId: 'c', clientHost: '/1', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, protocolType: 'consumer', protocols: [{ name: 'range', metadata: Buffer.alloc(0) }], needsIdFirst: false, canSkipAssignment: true }
  const { memberId } = await classic.join('billing', request)
  const joining = mixed.join()
  await mixed.groups.clock.advance(1)
  const { members, generation } = await classic.join('billing', { ...request, memberId })
  await classic.sync('billing', { memberId, instanceId: null, generation, protocolType: null, protocol: null, assignments: members.map(each => ({ memberId: each.memberId, assignment: Buffer.from([0, 1, 99]) })) })
  expect(labelsOf(await joining)).toEqual([])
  expect(errors).toMatchObject([{ code: 'CONSUMER_PROTOCOL_MALFORMED' }])
})

test('who is no member commits nothing beside members of this process, whoever is about to come', async () => {
  const mixed = await Mixed.open()
  await mixed.join()
  const { coordinator } = mixed.groups
  const nobody = { memberId: '', instanceId: null, generation: -1, isTransactional: false, usesEpochs: true }
  await coordinator.classic.join('billing', { memberId: '', instanceId: null, clientId: 'c', clientHost: '/1', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, protocolType: 'consumer', protocols: [{ name: 'range', metadata: Buffer.alloc(0) }], needsIdFirst: true, canSkipAssignment: true })
  expect(coordinator.checkCommit('billing', nobody)).toBe('UNKNOWN_MEMBER_ID')
  expect(coordinator.checkCommit('nobodys', nobody)).toBeUndefined()
  mixed.client('remote')
  await mixed.settle()
  expect(coordinator.checkCommit('billing', nobody)).toBe('UNKNOWN_MEMBER_ID')
  expect(mixed.groups.log.stats().groups).toMatchObject([{ id: 'billing', members: 2 }])
})

test('a topic that gets more partitions, and one that is deleted, are shared out anew', async () => {
  const mixed = await Mixed.open(2)
  const joining = mixed.groups.log.group('billing').join(/^orders/, { from: 'earliest' })
  const consumer = await joining as Consumer<number>
  const client = mixed.client('remote', { topics: ['orders', 'orders.late'] })
  await mixed.settle()
  await mixed.groups.log.topic('orders.late', { partitions: 2 })
  await mixed.settle()
  expect([...client.labels, ...labelsOf(consumer)].sort()).toEqual(['orders-0', 'orders-1', 'orders.late-0', 'orders.late-1'])
  await mixed.groups.log.deleteTopic('orders')
  await mixed.settle()
  expect([...client.labels, ...labelsOf(consumer)].filter(label => label.startsWith('orders.late')).sort()).toEqual(['orders.late-0', 'orders.late-1'])
})

test('a static member of this process that is away for a while gets back what it had', async () => {
  const mixed = await Mixed.open()
  const client = mixed.client('remote')
  await mixed.settle()
  const joining = mixed.join({ memberId: 'one' })
  await mixed.settle()
  const consumer = await joining
  const had = labelsOf(consumer)
  const { generation } = client
  await consumer.close()
  await mixed.settle()
  const again = await mixed.join({ memberId: 'one' })
  expect([labelsOf(again), client.generation]).toEqual([had, generation])
})

test('a static member of this process that is away is not waited for, and after its sessionTimeout others have what it had', async () => {
  const mixed = await Mixed.open()
  const client = mixed.client('remote')
  await mixed.settle()
  const joining = mixed.join({ memberId: 'one' })
  await mixed.settle()
  await (await joining).close()
  const other = mixed.client('other')
  await mixed.settle() // 3 s
  expect([client.isSettled, other.isSettled, client.labels.length + other.labels.length < 4]).toEqual([true, true, true])
  await mixed.settle(1600) // 48 s
  expect([...client.labels, ...other.labels].sort()).toEqual(ALL)
})

test('a static member that comes again for other topics leaves those that it had to others', async () => {
  const mixed = await Mixed.open()
  await mixed.groups.log.topic('bills')
  const client = mixed.client('remote')
  await mixed.settle()
  const joining = mixed.join({ memberId: 'one' })
  await mixed.settle()
  await (await joining).close()
  const again = mixed.groups.log.group('billing').join('bills', { from: 'earliest', memberId: 'one' })
  await mixed.settle()
  expect([labelsOf(await again as unknown as Consumer<number>), client.labels]).toEqual([['bills-0'], ALL])
})

test('a client with the instance id of a member of this process takes its place', async () => {
  const mixed = await Mixed.open()
  const consumer = await mixed.join({ memberId: 'one' })
  const client = mixed.client('remote', { instanceId: 'one' })
  await mixed.settle()
  expect(client.labels).toEqual(ALL)
  await expect(consumer[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'MEMBER_FENCED' })
})

test('a group of others than consumers takes no member of this process', async () => {
  const mixed = await Mixed.open()
  const { classic } = mixed.groups.coordinator
  const connect = { memberId: '', instanceId: null, clientId: 'c', clientHost: '/1', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, protocolType: 'connect', protocols: [{ name: 'sessioned', metadata: Buffer.alloc(0) }], needsIdFirst: false, canSkipAssignment: true }
  await classic.join('billing', connect)
  await expect(mixed.join()).rejects.toMatchObject({ code: 'GROUP_PROTOCOL_MISMATCH' })
  await mixed.groups.log.group('other').join('orders', { from: 'earliest' })
  expect(await classic.join('other', connect)).toMatchObject({ error: 'INCONSISTENT_GROUP_PROTOCOL' })
})

test('after a crash a static member of this process gets back what it had', async () => {
  const mixed = await Mixed.open()
  const client = mixed.client('remote')
  await mixed.settle()
  const joining = mixed.join({ memberId: 'one' })
  await mixed.settle()
  const had = labelsOf(await joining)
  const after = await mixed.groups.crash()
  client.reconnect({ coordinator: after.coordinator, partitionCounts: client.world.partitionCounts })
  const again = await after.log.group('billing').join('orders', { from: 'earliest', memberId: 'one' }) as Consumer<number>
  expect([had.length, labelsOf(again), client.isSettled]).toEqual([2, had, true])
})

test('after a crash clients go on in their generation, and what members of this process had goes to them', async () => {
  const mixed = await Mixed.open()
  const consumer = await mixed.join()
  const client = mixed.client('remote')
  await mixed.settle()
  expect(labelsOf(consumer)).toHaveLength(2)
  const had = client.labels
  const { generation } = client
  const after = await mixed.groups.crash()
  client.reconnect({ coordinator: after.coordinator, partitionCounts: client.world.partitionCounts })
  const [topic, partition] = had[0]!.split('-')
  expect(await client.commit({ topic: topic!, partition: Number(partition) }, 1)).toBeUndefined()
  expect([client.generation, client.labels]).toEqual([generation, had])
  for (let beats = 0; beats < 20; beats++) {
    client.beat()
    await after.clock.advance(100)
  }
  expect(client.labels).toEqual(ALL)
})
