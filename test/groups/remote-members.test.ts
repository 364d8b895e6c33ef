// Clients by Kafka's consumer protocol in the groups of a log: who gets what when, who is fenced, what a restart keeps.
import { expect, test } from 'vitest'
import type { Coordinator } from '../../src/groups/coordinator.ts'
import type { GroupFault } from '../../src/groups/group-fault.ts'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { RemoteClient, type RemoteClientOptions } from './support/remote-client.ts'
import { SimulatedGroups } from './support/simulated-groups.ts'

const GROUP = 'billing'

async function start(partitions = 4): Promise<SimulatedGroups> {
  const groups = await SimulatedGroups.open()
  await groups.log.topic('orders', { partitions })
  return groups
}

function client({ coordinator }: { coordinator: Coordinator }, id: string, options?: RemoteClientOptions): RemoteClient {
  return new RemoteClient(coordinator, GROUP, id, options)
}

async function refusal(call: Promise<unknown>): Promise<string> {
  return await call.then(() => 'nothing', (error: unknown) => (error as GroupFault).reason)
}

function labels(...numbers: number[]): Set<string> {
  return new Set(numbers.map(number => `orders-${number}`))
}

function commit({ coordinator }: { coordinator: Coordinator }, memberId: string, generation: number, how = {}): string | undefined {
  return coordinator.checkCommit(GROUP, { memberId, instanceId: null, generation, isTransactional: false, usesEpochs: true, ...how })
}

test('a client that is alone gets every partition, with the first epoch', async () => {
  const a = await client(await start(), 'a').join()
  expect([a.epoch, a.owned]).toEqual([1, labels(0, 1, 2, 3)])
})

test('a client without an id is given one', async () => {
  const groups = await start()
  const answer = await client(groups, '').send({})
  expect(answer.memberId).not.toBe('')
  expect(answer.memberEpoch).toBe(1)
})

test('what a client owns goes to another one only once it says that it has given it up', async () => {
  const groups = await start()
  const a = await client(groups, 'a').join()
  const b = await client(groups, 'b').join()
  expect(b.owned).toEqual(new Set())
  await a.beat()
  expect(a.target).toEqual(labels(0, 1))
  await b.beat()
  expect(b.target, 'a still owns it').toEqual(new Set())
  a.follow()
  await a.beat()
  await b.beat()
  expect(b.target).toEqual(labels(2, 3))
})

test('while a client has partitions to give up its epoch stays, and its commits are good', async () => {
  const groups = await start()
  const a = await client(groups, 'a').join()
  await client(groups, 'b').join()
  await a.beat()
  expect([a.epoch, commit(groups, 'a', 1)]).toEqual([1, undefined])
  a.follow()
  await a.beat()
  expect([a.epoch, commit(groups, 'a', 1), commit(groups, 'a', 2)]).toEqual([2, 'STALE_MEMBER_EPOCH', undefined])
})

test('an answer has the assignment where it has changed, or where the client said everything', async () => {
  const a = await client(await start(), 'a').join()
  expect((await a.send({ topicNames: null, rebalanceTimeoutMs: -1 })).assignment).toBeUndefined()
  expect((await a.send({})).assignment).toHaveLength(4)
})

test('members of this process and clients share the partitions of a group', async () => {
  const groups = await start()
  const inside = await groups.log.group(GROUP).join('orders', { from: 'earliest' })
  const a = await client(groups, 'a').join()
  await a.settle()
  expect(a.owned.size).toBe(2)
  expect(inside.assignment).toHaveLength(2)
  const all = [...a.owned, ...inside.assignment.map(({ topic, partition }) => `${topic}-${partition}`)]
  expect(new Set(all)).toEqual(labels(0, 1, 2, 3))
  expect(groups.log.group(GROUP).members().map(({ id, partitions }) => [id, partitions.length])).toEqual([['member-1', 2], ['a', 2]])
})

test('a client that is not heard of for its session is out of the group', async () => {
  const groups = await start()
  const a = await client(groups, 'a').join()
  const b = await client(groups, 'b').join()
  await groups.clock.advance('30s')
  await b.live()
  await groups.clock.advance('20s')
  expect(await refusal(a.live())).toBe('UNKNOWN_MEMBER_ID')
  await b.settle()
  expect(b.owned).toEqual(labels(0, 1, 2, 3))
})

test('a client that does not give up what it was asked for in its rebalance time-out is out of the group', async () => {
  const groups = await start()
  const a = await client(groups, 'a', { rebalanceTimeoutMs: 20_000 }).join()
  const b = await client(groups, 'b').join()
  await a.live()
  await groups.clock.advance('19s')
  await a.live()
  await groups.clock.advance('2s')
  expect(await refusal(a.live())).toBe('UNKNOWN_MEMBER_ID')
  await b.settle()
  expect(b.owned).toEqual(labels(0, 1, 2, 3))
})

test('who speaks with an epoch that is not its own is fenced', async () => {
  const groups = await start()
  const a = await client(groups, 'a').join()
  await client(groups, 'b').join()
  await a.settle()
  a.epoch = 7
  expect(await refusal(a.live())).toBe('FENCED_MEMBER_EPOCH')
  a.epoch = 1
  expect(await refusal(a.live()), 'it may have missed what it was asked for').toBe('FENCED_MEMBER_EPOCH')
})

test('a client that has not got the answer with its new epoch goes on with the one before', async () => {
  const groups = await start()
  const a = await client(groups, 'a').join()
  await client(groups, 'b').join()
  await a.settle()
  expect(a.epoch).toBe(2)
  a.epoch = 1
  await a.beat()
  expect(a.epoch).toBe(2)
})

test('a client that joins anew has given up what it had', async () => {
  const groups = await start()
  const a = await client(groups, 'a').join()
  const b = await client(groups, 'b').join()
  await a.settle()
  await b.settle()
  await a.join()
  expect([a.owned.size, a.epoch]).toEqual([2, 2])
})

test('a client that leaves has nothing from then on', async () => {
  const groups = await start()
  const a = await client(groups, 'a').join()
  const b = await client(groups, 'b').join()
  await a.leave()
  expect(await refusal(a.send({ memberEpoch: 1 }))).toBe('UNKNOWN_MEMBER_ID')
  await groups.clock.advance('1s')
  await b.settle()
  expect(b.owned.size).toBe(4)
})

test('an instance id is one seat: who leaves it for a while finds its partitions again, and nobody else sits there meanwhile', async () => {
  const groups = await start()
  const a = await client(groups, 'a', { instanceId: 'desk' }).join()
  const b = await client(groups, 'b').join()
  await a.settle()
  await b.settle()
  const had = new Set(a.owned)
  const next = client(groups, 'a2', { instanceId: 'desk' })
  expect(await refusal(next.join())).toBe('UNRELEASED_INSTANCE_ID')
  await a.leave(-2)
  await groups.clock.advance('1s')
  await b.settle()
  expect(b.owned.size).toBe(2)
  await next.join()
  expect(next.owned).toEqual(had)
  expect(await refusal(a.send({ memberEpoch: 1 }))).toBe('FENCED_INSTANCE_ID')
})

test('a static client that stays away is out of the group when its session is over', async () => {
  const groups = await start()
  const a = await client(groups, 'a', { instanceId: 'desk' }).join()
  const b = await client(groups, 'b').join()
  await a.leave(-2)
  await groups.clock.advance('40s')
  await b.live()
  await groups.clock.advance('6s')
  await b.settle()
  expect(b.owned.size).toBe(4)
})

test('a member of this process takes the seat of a client that has its id; the client is fenced', async () => {
  const groups = await start()
  const a = await client(groups, 'a', { instanceId: 'desk' }).join()
  const inside = await groups.log.group(GROUP).join('orders', { from: 'earliest', memberId: 'desk' })
  expect(inside.assignment).toHaveLength(4)
  expect(await refusal(a.live())).toBe('FENCED_INSTANCE_ID')
  expect(await refusal(client(groups, 'b', { instanceId: 'desk' }).join())).toBe('UNRELEASED_INSTANCE_ID')
})

test('a client reads the topics that it names and those that match its expression, as they come and go', async () => {
  const groups = await start(1)
  const a = await client(groups, 'a', { topics: ['orders', 'later'], pattern: 'bill.*' }).join()
  expect(a.owned).toEqual(labels(0))
  await groups.log.topic('bills', { partitions: 1 })
  await groups.log.topic('later', { partitions: 1 })
  await groups.log.topic('unbills', { partitions: 1 })
  await a.settle()
  expect(a.owned).toEqual(new Set(['orders-0', 'bills-0', 'later-0']))
  await groups.log.deleteTopic('bills')
  await a.settle()
  expect(a.owned).toEqual(new Set(['orders-0', 'later-0']))
})

test('an expression that is none, and an assignor that there is not, are refused and change nothing', async () => {
  const groups = await start()
  expect(await refusal(client(groups, 'a', { pattern: '(' }).join())).toBe('INVALID_REGULAR_EXPRESSION')
  for (const assignor of ['best', 'toString']) expect(await refusal(client(groups, 'a', { assignor }).join())).toBe('UNSUPPORTED_ASSIGNOR')
  expect(groups.log.group(GROUP).members()).toEqual([])
})

test('clients that ask for the range assignor get runs of partitions', async () => {
  const groups = await start()
  const a = await client(groups, 'a', { assignor: 'range' }).join()
  const b = await client(groups, 'b', { assignor: 'range' }).join()
  await a.settle()
  await b.settle()
  expect([a.owned, b.owned]).toEqual([labels(0, 1), labels(2, 3)])
})

test('a group with clients can be neither reset nor deleted', async () => {
  const groups = await start()
  await client(groups, 'a').join()
  await expect(groups.log.group(GROUP).delete()).rejects.toMatchObject({ code: 'GROUP_ACTIVE' })
  await expect(groups.log.group(GROUP).reset('orders', 'latest')).rejects.toMatchObject({ code: 'GROUP_ACTIVE' })
})

test('who is no member commits only where nobody is', async () => {
  const groups = await start()
  expect(commit(groups, '', -1)).toBeUndefined()
  const a = await client(groups, 'a').join()
  expect(commit(groups, '', -1)).toBe('UNKNOWN_MEMBER_ID')
  await a.leave()
  expect(commit(groups, '', -1)).toBeUndefined()
})

test('after a restart clients go on with what they have, at their epoch', async () => {
  const before = await start()
  const a = await client(before, 'a').join()
  const b = await client(before, 'b', { instanceId: 'desk' }).join()
  await a.settle()
  await b.settle()
  const after = await before.crash()
  a.coordinator = b.coordinator = after.coordinator
  expect(commit(after, 'a', a.epoch)).toBeUndefined()
  await a.live()
  await b.beat()
  expect([a.target, b.target, a.epoch]).toEqual([a.owned, b.owned, 2])
  expect(after.log.group(GROUP).members().map(({ partitions }) => partitions.length)).toEqual([2, 2])
})

test('after a restart a client that is not heard of is out of the group when its session is over', async () => {
  const before = await start()
  await client(before, 'a').join()
  const after = await before.crash()
  const b = await client(after, 'b').join()
  expect(b.owned.size).toBe(0)
  await after.clock.advance('40s')
  await b.live()
  await after.clock.advance('6s')
  await b.settle()
  expect(b.owned.size).toBe(4)
})

test('a restart in the middle of a rebalance gives no partition to two clients', async () => {
  const before = await start()
  const a = await client(before, 'a').join()
  const b = await client(before, 'b').join()
  await a.beat() // it is asked for two, and has them in hand yet
  const between = await before.crash()
  a.coordinator = b.coordinator = between.coordinator
  await b.beat()
  expect(b.target).toEqual(new Set())
  await a.beat()
  a.follow()
  await a.beat() // now it has given them up
  const after = await between.crash()
  a.coordinator = b.coordinator = after.coordinator
  await b.settle()
  await a.settle()
  expect([a.owned, b.owned]).toEqual([labels(0, 1), labels(2, 3)])
})

test('a commit of a client is refused as Kafka does: by its version, and by its epoch as transactions know it', async () => {
  const groups = await start()
  await client(groups, 'a').join()
  expect(commit(groups, 'a', 1, { usesEpochs: false })).toBe('UNSUPPORTED_VERSION')
  expect(commit(groups, 'a', 1, { usesEpochs: false, isTransactional: true })).toBeUndefined()
  expect(commit(groups, 'a', 2, { usesEpochs: false, isTransactional: true })).toBe('ILLEGAL_GENERATION')
})

test('a client whose joining can not be put on record is no member, and joins once it can', async () => {
  const groups = await start()
  await client(groups, 'a').join()
  groups.disk.failNext('write', { error: 'ENOSPC', path: /__consumer_offsets-0/ })
  const b = client(groups, 'b')
  await expect(b.join()).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(groups.log.group(GROUP).members().map(({ id }) => id)).toEqual(['a'])
  await b.join()
  expect(b.epoch).toBeGreaterThan(0)
})

test('idle() waits for what members of this process have to do, and not for clients', async () => {
  const groups = await start()
  const a = await client(groups, 'a').join()
  const runner = await groups.log.group(GROUP).run('orders', () => undefined, { from: 'earliest' })
  await groups.log.idle() // a has all the partitions in hand, and does not know yet that it is to give up two
  await a.settle()
  await groups.log.topic('orders').then(topic => topic.send([{ partition: 0, value: 1 }, { partition: 3, value: 1 }]))
  await groups.log.idle()
  const lag = (await groups.log.group(GROUP).lag()).filter(({ partition }) => !a.owned.has(`orders-${partition}`))
  expect(lag.map(({ lag }) => lag)).toEqual([0, 0])
  await runner.stop()
})

test('a member of a group that is not there any more is told to join anew', async () => {
  const groups = await start()
  expect(await refusal(client(groups, 'a').send({ memberEpoch: 3 }))).toBe('UNKNOWN_MEMBER_ID')
  expect(groups.ids()).toEqual([])
})

test('a partition that a member of this process lets go while a newer plan is on its way to the device is not given to two clients after a restart', async () => {
  let hadItTold = 0
  for (let turns = 0; turns < 8; turns++) {
    const before = await SimulatedGroups.open({ seed: turns, durability: 'power' })
    const topic = await before.log.topic('orders', { partitions: 2 })
    await topic.send([{ partition: 1, value: 1 }, { partition: 1, value: 2 }])
    const inside = await before.log.group(GROUP).join('orders', { from: 'earliest' })
    const records = inside[Symbol.asyncIterator]()
    await records.next() // of orders-1: it is in hand
    const late = await client(before, 't', { assignor: 'range' }).join() // orders-1 is meant for it
    const later = client(before, 'n', { assignor: 'range' })
    const joining = later.join().catch(() => undefined) // and now for this one
    for (let turn = 0; turn < turns; turn++) await nextTurn()
    void records.next().catch(() => undefined)
    await nextTurn()
    await Promise.race([late.beat().catch(() => undefined), joining])
    late.follow()
    hadItTold += late.owned.size
    const after = await before.crash()
    late.coordinator = later.coordinator = after.coordinator
    await later.join()
    expect([...later.owned].filter(label => late.owned.has(label)), `after ${turns} turns`).toEqual([])
  }
  expect(hadItTold).toBeGreaterThan(0)
})
