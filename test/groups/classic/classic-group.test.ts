// A classic group as members of it see it: who is in which generation, and what each is told.
import { describe, expect, test } from 'vitest'
import { ClassicBench, now, protocols, REBALANCE_MS, SESSION_MS } from './support/classic-bench.ts'

describe('members join', () => {
  test('one after the other, each a generation', async () => {
    const bench = new ClassicBench()
    const a = bench.member('a')
    const b = bench.member('b')
    expect(await a.join()).toMatchObject({ error: undefined, generation: 1, leader: a.id, protocol: 'range', protocolType: 'consumer', members: [{ memberId: a.id }] })
    expect(await a.assigned([a])).toBe('a')
    const joining = b.join()
    expect(await now(joining)).toBe('waits')
    expect(a.heartbeat()).toBe('REBALANCE_IN_PROGRESS')
    const [again, joined] = await Promise.all([a.join(), joining])
    expect(again).toMatchObject({ generation: 2, leader: a.id, members: [{ memberId: a.id }, { memberId: b.id }] })
    expect(joined).toMatchObject({ generation: 2, leader: a.id, members: [] })
    expect(await Promise.all([b.assigned(), a.assigned([a, b])])).toEqual(['b', 'a'])
    expect([a.heartbeat(), b.heartbeat(), bench.group.state]).toEqual([undefined, undefined, 'Stable'])
  })

  test('at once, into one generation', async () => {
    const bench = new ClassicBench()
    const members = ['a', 'b', 'c'].map(name => bench.member(name))
    await Promise.all(members.map(member => member.ask()))
    const joined = await Promise.all(members.map(member => member.join()))
    expect(joined.map(({ generation }) => generation)).toEqual([1, 1, 1])
    expect(joined.map(({ members: told }) => told.length).sort()).toEqual([0, 0, 3])
  })

  test('and one that was given an id and never came back holds a first generation up for 3 s', async () => {
    const bench = new ClassicBench()
    await bench.member('lost').ask()
    const joining = bench.member('a').join()
    await bench.advance(2999)
    expect(await now(joining)).toBe('waits')
    await bench.advance(1)
    expect(await joining).toMatchObject({ error: undefined, generation: 1 })
  })

  test('with an id at once where the client does not know the other way', async () => {
    const bench = new ClassicBench()
    expect(await bench.member('old', { needsIdFirst: false }).ask()).toMatchObject({ error: undefined, generation: 1 })
  })

  test('with the protocol that most of them like best, of those that all know', async () => {
    const bench = new ClassicBench()
    const members = [['sticky', 'range', 'x'], ['x', 'range', 'sticky'], ['x', 'sticky']].map((names, i) => bench.member(`m${i}`, { protocols: protocols(...names) }))
    await Promise.all(members.map(member => member.ask()))
    const [joined] = await Promise.all(members.map(member => member.join()))
    expect(joined!.protocol).toBe('x')
    expect(await bench.member('other', { protocols: protocols('range') }).ask()).toMatchObject({ error: 'INCONSISTENT_GROUP_PROTOCOL' })
    expect(await bench.member('connect', { protocolType: 'connect', protocols: protocols('x') }).ask()).toMatchObject({ error: 'INCONSISTENT_GROUP_PROTOCOL' })
  })

  test('only with an id that the group has given out', async () => {
    const bench = new ClassicBench()
    await bench.stable(bench.member('a'))
    expect(await bench.member('b').ask({ memberId: 'made-up' })).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
    expect(await bench.member('b').ask({ protocols: [] })).toMatchObject({ error: 'INCONSISTENT_GROUP_PROTOCOL' })
  })

  test('a second time: who leads begins a generation, who says nothing new is told what it knows', async () => {
    const bench = new ClassicBench()
    const [a, b] = [bench.member('a'), bench.member('b')]
    await Promise.all([a.ask(), b.ask()])
    await bench.stable(a, b)
    const [leader, other] = a.isLeader ? [a, b] : [b, a]
    expect(await other.join()).toMatchObject({ generation: 1, members: [] })
    expect(bench.group.state).toBe('Stable')
    const joining = leader.join()
    expect([await now(joining), other.heartbeat()]).toEqual(['waits', 'REBALANCE_IN_PROGRESS'])
    expect(await Promise.all([joining, other.join()])).toMatchObject([{ generation: 2 }, { generation: 2 }])
    expect(await now(other.join({ protocols: [{ name: 'range', metadata: Buffer.from('other topics') }] }))).toBe('waits')
    expect(bench.group.state).toBe('PreparingRebalance')
  })

  test('and a second request of a member takes the place of the first', async () => {
    const bench = new ClassicBench()
    const [a, b] = [bench.member('a'), bench.member('b')]
    await bench.stable(a)
    await b.ask()
    const first = b.ask()
    const second = b.ask()
    expect(await first).toMatchObject({ error: 'REBALANCE_IN_PROGRESS' })
    void a.join()
    expect(await second).toMatchObject({ error: undefined, generation: 2 })
  })
})

describe('members that do not come', () => {
  test('are out once the longest rebalance time-out is over, and another leads', async () => {
    const bench = new ClassicBench()
    const a = bench.member('a', { sessionTimeoutMs: 10 * REBALANCE_MS })
    const b = bench.member('b')
    await bench.stable(a)
    const joining = b.join()
    await bench.advance(REBALANCE_MS - 1)
    expect(await now(joining)).toBe('waits')
    await bench.advance(1)
    expect(await joining).toMatchObject({ generation: 2, leader: b.id })
    expect(a.heartbeat()).toBe('UNKNOWN_MEMBER_ID')
  })

  test('are out once their session is over, and with the last the group is empty', async () => {
    const bench = new ClassicBench()
    const a = bench.member('a')
    await bench.stable(a)
    await bench.advance(SESSION_MS - 1)
    expect(a.heartbeat()).toBeUndefined()
    await bench.advance(SESSION_MS)
    expect([a.heartbeat(), bench.group.state, bench.group.protocol, bench.vacant]).toEqual(['UNKNOWN_MEMBER_ID', 'Empty', null, 1])
    expect(bench.stored.at(-1)).toMatchObject({ generation: 2, members: [], leader: null, protocol: null })
  })

  test('do not end for want of heartbeats while they wait for an answer', async () => {
    const bench = new ClassicBench()
    const [a, b] = [bench.member('a'), bench.member('b')]
    await Promise.all([a.ask(), b.ask()])
    await Promise.all([a.join(), b.join()])
    const [leader, other] = a.isLeader ? [a, b] : [b, a]
    const waiting = other.assigned()
    await bench.advance(SESSION_MS - 1)
    leader.heartbeat()
    await bench.advance(SESSION_MS - 1)
    expect(await Promise.all([waiting, leader.assigned([a, b])])).toEqual([other.clientId, leader.clientId])
  })

  test('for their assignment are out after the rebalance time-out', async () => {
    const bench = new ClassicBench()
    const [a, b] = [bench.member('a', { sessionTimeoutMs: 10 * REBALANCE_MS }), bench.member('b', { sessionTimeoutMs: 10 * REBALANCE_MS })]
    await Promise.all([a.ask(), b.ask()])
    await Promise.all([a.join(), b.join()])
    const [leader, other] = a.isLeader ? [a, b] : [b, a]
    await leader.sync([a, b])
    await bench.advance(REBALANCE_MS)
    expect([other.heartbeat(), leader.heartbeat()]).toEqual(['UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS'])
  })

  test('to a first generation are out after five minutes', async () => {
    const bench = new ClassicBench()
    const [a, b] = [bench.member('a', { sessionTimeoutMs: 30 * 60_000, rebalanceTimeoutMs: 30 * 60_000 }), bench.member('b')]
    await bench.stable(a)
    const joining = b.join()
    await bench.advance(5 * 60_000)
    expect(await joining).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
  })
})

describe('members leave', () => {
  test('and the others gather anew', async () => {
    const bench = new ClassicBench()
    const [a, b] = [bench.member('a'), bench.member('b')]
    await Promise.all([a.ask(), b.ask()])
    await bench.stable(a, b)
    expect([a.leave(), a.leave(), b.heartbeat()]).toEqual([undefined, 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS'])
    expect(await b.join()).toMatchObject({ generation: 2, leader: b.id })
  })

  test('whoever waits for the one that leaves goes on without it', async () => {
    const bench = new ClassicBench()
    const [a, b] = [bench.member('a'), bench.member('b')]
    await bench.stable(a)
    const joining = b.join()
    expect(await now(joining)).toBe('waits')
    a.leave()
    expect(await joining).toMatchObject({ generation: 2, leader: b.id })
  })

  test('an id that was given out and never used', async () => {
    const bench = new ClassicBench()
    const a = bench.member('a')
    await a.ask()
    expect([a.leave(), bench.vacant]).toEqual([undefined, 1])
  })
})

describe('an assignment', () => {
  test('is told once it is on record', async () => {
    const bench = new ClassicBench()
    const a = bench.member('a')
    await a.join()
    let written = (): void => {}
    bench.storing = () => new Promise(resolve => { written = resolve })
    const syncing = a.assigned([a])
    expect([await now(syncing), bench.stored.length]).toEqual(['waits', 0])
    written()
    expect(await syncing).toBe('a')
    expect(bench.stored).toMatchObject([{ generation: 1, leader: a.id, protocol: 'range', protocolType: 'consumer', members: [{ id: a.id, clientId: 'a', clientHost: '/127.0.0.1', assignment: Buffer.from('a'), subscription: Buffer.from('range of it') }] }])
  })

  test('is the one that came first, where a leader that got no answer asks again', async () => {
    const bench = new ClassicBench()
    const a = bench.member('a')
    await a.join()
    const written: (() => void)[] = []
    bench.storing = () => new Promise(resolve => { written.push(resolve) })
    const first = a.assigned([a])
    const second = bench.group.sync({ ...a.caller, protocolType: 'consumer', protocol: 'range', assignments: [{ memberId: a.id, assignment: Buffer.from('another') }] })
    expect(await first).toBe('REBALANCE_IN_PROGRESS')
    for (const done of written) done()
    expect((await second as { assignment: Buffer }).assignment.toString()).toBe('a')
    expect(bench.stored).toHaveLength(1)
  })

  test('that could not be recorded is none: the group gathers anew', async () => {
    const bench = new ClassicBench()
    const a = bench.member('a')
    await a.join()
    bench.storing = () => Promise.reject(new Error('no room'))
    expect([await a.assigned([a]), a.heartbeat(), bench.group.state]).toEqual(['COORDINATOR_NOT_AVAILABLE', 'REBALANCE_IN_PROGRESS', 'PreparingRebalance'])
  })

  test('that comes for an older generation, or of another protocol, is refused', async () => {
    const bench = new ClassicBench()
    const a = bench.member('a')
    await bench.stable(a)
    const caller = { ...a.caller, protocolType: 'consumer', protocol: 'range', assignments: [] }
    expect(await bench.group.sync({ ...caller, generation: 0 })).toMatchObject({ error: 'ILLEGAL_GENERATION' })
    expect(await bench.group.sync({ ...caller, protocol: 'sticky' })).toMatchObject({ error: 'INCONSISTENT_GROUP_PROTOCOL' })
    expect(await bench.group.sync({ ...caller, protocolType: 'connect' })).toMatchObject({ error: 'INCONSISTENT_GROUP_PROTOCOL' })
    expect(await bench.group.sync({ ...caller, memberId: 'nobody' })).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
    expect(await bench.group.sync(caller)).toMatchObject({ error: undefined, assignment: Buffer.from('a') })
  })

  test('is not told in a generation that is over before it is on record', async () => {
    const bench = new ClassicBench()
    const [a, b] = [bench.member('a'), bench.member('b')]
    await a.join()
    let written = (): void => {}
    bench.storing = () => new Promise(resolve => { written = resolve })
    const syncing = a.assigned([a])
    const joining = b.join()
    expect(await syncing).toBe('REBALANCE_IN_PROGRESS')
    written()
    expect(await Promise.all([a.join(), joining])).toMatchObject([{ generation: 2 }, { generation: 2 }])
    expect(bench.group.state).toBe('CompletingRebalance')
  })
})

describe('a static member', () => {
  const still = { instanceId: 'one', needsIdFirst: true }

  test('that comes again goes on with what it had, and the one before is fenced', async () => {
    const bench = new ClassicBench()
    const [a, b] = [bench.member('a', still), bench.member('b')]
    await b.ask()
    await bench.stable(a, b)
    const again = bench.member('a again', still)
    expect(await again.join()).toMatchObject({ error: undefined, generation: 1, skipAssignment: a.isLeader })
    expect(await again.assigned([a, b])).toBe('a')
    expect([again.heartbeat(), b.heartbeat(), bench.group.state, bench.group.size]).toEqual([undefined, undefined, 'Stable', 2])
    expect([a.heartbeat(), a.commitRefusal(), a.leave()]).toEqual(['FENCED_INSTANCE_ID', 'FENCED_INSTANCE_ID', 'FENCED_INSTANCE_ID'])
    expect(await a.join()).toMatchObject({ error: 'FENCED_INSTANCE_ID' })
    expect(bench.stored.at(-1)!.members.map(({ id }) => id).sort()).toEqual([again.id, b.id].sort())
  })

  test('that leads and can not skip an assignment is told that its former self leads', async () => {
    const bench = new ClassicBench()
    const a = bench.member('a', still)
    await bench.stable(a)
    const again = bench.member('a again', { ...still, canSkipAssignment: false })
    expect(await again.join()).toMatchObject({ error: undefined, generation: 1, leader: a.id, members: [], skipAssignment: false })
    expect(await again.assigned()).toBe('a')
  })

  test('keeps its place in a generation that it does not come to', async () => {
    const bench = new ClassicBench()
    const [a, b] = [bench.member('a', { ...still, sessionTimeoutMs: 10 * REBALANCE_MS }), bench.member('b')]
    await bench.stable(a)
    const joining = b.join()
    await bench.advance(REBALANCE_MS)
    expect(await joining).toMatchObject({ generation: 2, leader: b.id, members: [{ instanceId: 'one' }, { memberId: b.id }] })
  })

  test('leaves by its instance id, whoever says so', async () => {
    const bench = new ClassicBench()
    await bench.stable(bench.member('a', still))
    expect(bench.group.leave([{ memberId: '', instanceId: 'one' }, { memberId: '', instanceId: 'two' }, { memberId: '', instanceId: null }])).toEqual([undefined, 'UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID'])
    expect(bench.group.state).toBe('Empty')
  })
})

test('a group has at most 10 000 members, ids that were given out included', async () => {
  const bench = new ClassicBench()
  await bench.stable(bench.member('a'))
  for (let i = 1; i < 10_000; i++) await bench.member('b').ask()
  expect(await bench.member('one too many').ask()).toMatchObject({ error: 'GROUP_MAX_SIZE_REACHED', memberId: '' })
})

describe('a group on record', () => {
  test('goes on after a restart in the same generation, its sessions begun anew', async () => {
    const before = new ClassicBench()
    const [a, b] = [before.member('a'), before.member('b')]
    await Promise.all([a.ask(), b.ask()])
    await before.stable(a, b)
    const bench = new ClassicBench(before.stored.at(-1))
    expect([bench.group.state, bench.group.generation, bench.group.protocol, bench.group.size]).toEqual(['Stable', 1, 'range', 2])
    expect(bench.group.heartbeat(a.caller)).toBeUndefined()
    expect((await bench.group.sync({ ...b.caller, protocolType: 'consumer', protocol: 'range', assignments: [] })).assignment.toString()).toBe('b')
    await bench.advance(SESSION_MS)
    expect([bench.group.state, bench.group.heartbeat(a.caller)]).toEqual(['Empty', 'UNKNOWN_MEMBER_ID'])
  })

  test('that is empty goes on counting its generations', async () => {
    const bench = new ClassicBench({ protocolType: 'consumer', generation: 7, protocol: null, leader: null, timestamp: 0, members: [] })
    expect(await bench.member('a').join()).toMatchObject({ generation: 8 })
  })
})

describe('a commit', () => {
  test('is for members of the generation, and for anybody while there are none', async () => {
    const bench = new ClassicBench()
    const nobody = bench.member('nobody')
    expect(nobody.commitRefusal()).toBeUndefined()
    const a = bench.member('a')
    await a.join()
    expect([a.commitRefusal(), a.commitRefusal({ isTransactional: true })]).toEqual(['REBALANCE_IN_PROGRESS', undefined])
    await a.sync([a])
    expect([a.commitRefusal(), nobody.commitRefusal(), nobody.commitRefusal({ isTransactional: true })]).toEqual([undefined, 'UNKNOWN_MEMBER_ID', undefined])
    void bench.member('b').join()
    await now(Promise.resolve())
    expect(a.commitRefusal()).toBeUndefined()
    const generation = a.generation
    await a.join()
    expect(bench.group.commitRefusal({ ...a.caller, generation }, { isTransactional: true })).toBe('ILLEGAL_GENERATION')
  })

  test('counts as a heartbeat', async () => {
    const bench = new ClassicBench()
    const a = bench.member('a')
    await bench.stable(a)
    for (let i = 0; i < 5; i++) {
      await bench.advance(SESSION_MS - 1)
      expect(a.commitRefusal()).toBeUndefined()
    }
  })
})

test('whoever waits when the log is closed is told, and no timer is left', async () => {
  const bench = new ClassicBench()
  const [a, b] = [bench.member('a'), bench.member('b')]
  await bench.stable(a)
  const joining = b.join()
  await now(joining)
  bench.group.end()
  expect(await joining).toMatchObject({ error: 'COORDINATOR_NOT_AVAILABLE' })
  expect([a.heartbeat(), a.leave(), a.commitRefusal(), bench.clock.pending]).toEqual(['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE', 0])
})
