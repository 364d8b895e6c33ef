// When groups are forgotten: which ones, from when on the time counts, and that nobody who comes meanwhile is lost.
import { describe, expect, test } from 'vitest'
import type { EventLog, Topic } from '../../src/index.ts'
import { failureOf } from '../contract/support/failures.ts'
import { DAY_MS, SimulatedGroups } from './support/simulated-groups.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

async function withOrders(groups: SimulatedGroups, partitions = 1): Promise<Topic<number>> {
  const orders = await groups.log.topic<number>('orders', { partitions })
  for (let n = 0; n < 4 * partitions; n++) await orders.send({ value: n, partition: n % partitions })
  return orders
}

/** The group handles all there is, and its member leaves. */
async function handleAll(log: EventLog, id: string, options: { memberId?: string; sessionTimeout?: string } = {}): Promise<void> {
  const runner = await log.group(id).run('orders', () => undefined, { from: 'earliest', ...options })
  await log.idle()
  await runner.stop()
}

describe('an empty group', () => {
  test('is forgotten when it has not committed for that long, with all its positions, also for a log that is opened anew', async () => {
    const groups = await SimulatedGroups.open()
    await withOrders(groups, 3)
    const other = await groups.log.topic('other')
    await handleAll(groups.log, 'billing')
    await groups.log.group('billing').reset(other, { offset: 0 })
    await groups.days(6)
    expect([await groups.expire(7), groups.ids()]).toEqual([0, ['billing']])
    await groups.days(2)
    expect([await groups.expire(7), groups.ids()]).toEqual([1, []])
    for (const next of [() => groups, () => groups.crash()]) {
      const { log } = await next()
      expect([await log.group('billing').committed('orders'), await log.group('billing').committed('other')]).toEqual([new Map(), new Map()])
      expect(log.groups()).toEqual([])
    }
  })

  test("begins where its next member says, as one that was never there", async () => {
    const groups = await SimulatedGroups.open()
    await withOrders(groups)
    await handleAll(groups.log, 'billing')
    await groups.days(8)
    await groups.expire(7)
    const seen: unknown[] = []
    await groups.log.group('billing').run('orders', ({ value }) => { seen.push(value) }, { from: 'earliest' })
    await groups.log.idle()
    expect(seen).toEqual([0, 1, 2, 3])
  })

  test('has its time from its latest commit, or from when its last member left, whichever is later', async () => {
    const groups = await SimulatedGroups.open()
    const orders = await withOrders(groups)
    const consumer = await groups.log.group('left late').join(orders, { from: 'latest' })
    await groups.log.group('reset early').reset(orders, 'earliest')
    await groups.log.group('reset late').reset(orders, 'earliest')
    await groups.days(5)
    await consumer.close()
    await groups.log.group('reset late').reset(orders, { offset: 2 })
    await groups.days(3)
    expect([await groups.expire(7), groups.ids()]).toEqual([1, ['left late', 'reset late']])
    const again = await groups.crash()
    await again.days(3)
    expect([await again.expire(7), again.ids()]).toEqual([0, ['left late', 'reset late']])
    await again.days(2)
    expect([await again.expire(7), again.ids()]).toEqual([2, []])
  })

  test('leaves nothing behind of a runner that was stopped, but for those who listen to it', async () => {
    const groups = await SimulatedGroups.open()
    await withOrders(groups)
    for (const id of ['billing', 'audit']) await handleAll(groups.log, id)
    let rebalances = 0
    groups.log.group('audit').on('rebalance', () => { rebalances++ })
    const held = groups.coordinator.group('billing')
    await groups.days(8)
    expect(await groups.expire(7)).toBe(2)
    expect([groups.ids(), groups.log.group('billing').members(), groups.log.stats().groups]).toEqual([[], [], []])
    expect(groups.coordinator.group('billing')).not.toBe(held)
    await handleAll(groups.log, 'audit')
    expect(rebalances).toBe(2)
  })
})

describe('a group with members', () => {
  test('stays, however long they have nothing to do', async () => {
    const groups = await SimulatedGroups.open()
    await withOrders(groups)
    await groups.log.group('running').run('orders', () => undefined, { from: 'earliest' })
    await groups.log.group('joined').join('orders', { from: 'earliest' })
    await groups.days(400)
    expect([await groups.expire(7), groups.ids()]).toEqual([0, ['joined', 'running']])
  })

  test('stays while a static member is away within its sessionTimeout, also when its process has ended', async () => {
    let groups = await SimulatedGroups.open()
    await withOrders(groups)
    await handleAll(groups.log, 'billing', { memberId: 'a', sessionTimeout: '20d' })
    await groups.days(10)
    expect([await groups.expire(7), groups.ids()]).toEqual([0, ['billing']])
    groups = await groups.crash()
    await groups.days(19)
    expect([await groups.expire(7), groups.ids()]).toEqual([0, ['billing']])
    await groups.days(2)
    expect([await groups.expire(7), groups.ids()]).toEqual([0, ['billing']])
    await groups.days(7)
    expect([await groups.expire(7), groups.ids()]).toEqual([1, []])
  })

  test('that ended with their process has its time from the next opening, and no later crash makes it begin anew', async () => {
    let groups = await SimulatedGroups.open()
    await withOrders(groups)
    await groups.log.group('billing').run('orders', () => undefined, { from: 'earliest' })
    await groups.log.idle()
    await groups.days(30)
    for (let day = 0; day < 7; day++) {
      groups = await groups.crash()
      expect([await groups.expire(7), groups.ids()], `after ${day} days`).toEqual([0, ['billing']])
      await groups.days(1)
    }
    await groups.days(1)
    expect([await groups.expire(7), groups.ids()]).toEqual([1, []])
  })
})

describe('who comes while groups expire', () => {
  /** So many expired groups that several writes are needed, and what is done to one of them after so many turns. */
  async function during(seed: number, act: (log: EventLog, id: string) => Promise<unknown>) {
    const groups = await SimulatedGroups.open({ seed, durability: seed % 2 === 0 ? 'power' : 'process' })
    const orders = await withOrders(groups)
    await Promise.all(Array.from({ length: 600 }, (_, i) => groups.log.group(`group-${i}`).reset(orders, { offset: 2 })))
    await groups.days(8)
    const id = `group-${seed * 331 % 600}`
    const expiring = groups.expire(7)
    for (let turn = seed % 7; turn > 0; turn--) await (turn % 2 === 0 ? Promise.resolve() : new Promise(resolve => { setImmediate(resolve) }))
    const outcome = await act(groups.log, id)
    const expired = await expiring
    return { groups, orders, id, outcome, expired }
  }

  const seeds = Array.from({ length: 12 }, (_, i) => SEED + i)

  test.each(seeds)('a member that joins is in the group, and goes on where that says, seed %i', async seed => {
    const { groups, orders, id, expired } = await during(seed, async (log, id) => await log.group(id).join('orders', { from: 'earliest', commit: 'manual' }))
    expect(groups.log.group(id).members()).toHaveLength(1)
    const committed = await groups.log.group(id).committed(orders)
    expect([[599, new Map([[0, 2]])], [600, new Map()]]).toContainEqual([expired, committed])
    const again = await groups.crash()
    expect([again.ids(), await again.log.group(id).committed(orders)]).toEqual([[id], committed])
  })

  test.each(seeds)('a commit that was acknowledged is there, seed %i', async seed => {
    const { groups, orders, id } = await during(seed, async (log, id) => { await log.group(id).reset('orders', { offset: 3 }) })
    expect(await groups.log.group(id).committed(orders)).toEqual(new Map([[0, 3]]))
    const again = await groups.crash()
    expect([again.ids(), await again.log.group(id).committed(orders)]).toEqual([[id], new Map([[0, 3]])])
  })

  test.each(seeds)('what a member commits on leaving is there, seed %i', async seed => {
    const { groups, orders, id } = await during(seed, async (log, id) => {
      const consumer = await log.group(id).join('orders', { from: 'earliest', commit: 'manual' })
      for await (const record of consumer) {
        if (record.offset < 3) continue
        await consumer.commit(record)
        break
      }
      await consumer.close()
    })
    await groups.expire(7)
    expect(await groups.log.group(id).committed(orders)).toEqual(new Map([[0, 4]]))
    const again = await groups.crash()
    expect([again.ids(), await again.log.group(id).committed(orders)]).toEqual([[id], new Map([[0, 4]])])
  })

  test.each(seeds)('a group that is deleted is gone, once, seed %i', async seed => {
    const { groups, orders, id } = await during(seed, async (log, id) => await log.group(id).delete().catch((error: unknown) => (error as { code: string }).code))
    const again = await groups.crash()
    expect(again.ids()).toEqual([])
    expect(await again.log.group(id).committed(orders)).toEqual(new Map())
  })

  test('a commit that is on its way counts', async () => {
    for (let turns = 0; turns < 8; turns++) {
      const groups = await SimulatedGroups.open({ durability: 'power', seed: SEED + turns })
      const orders = await withOrders(groups)
      await groups.log.group('billing').reset(orders, 'earliest')
      await groups.days(8)
      const resetting = groups.log.group('billing').reset(orders, { offset: 3 })
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      await Promise.all([groups.expire(7), resetting])
      expect(await groups.log.group('billing').committed(orders), `after ${turns} turns, seed ${SEED + turns}`).toEqual(new Map([[0, 3]]))
    }
  })

  test('a member that is about to have left counts', async () => {
    for (const durability of ['process', 'power'] as const) {
      const groups = await SimulatedGroups.open({ durability })
      const consumer = await groups.log.group('billing').join(await withOrders(groups), { from: 'latest' })
      await groups.days(8)
      const closing = consumer.close() // nobody is in it from here on, and nothing of that is on record
      expect(await groups.expire(7)).toBe(0)
      await closing
      expect([await groups.expire(7), groups.ids()]).toEqual([0, ['billing']])
    }
  })
})

describe('when it goes wrong', () => {
  test('a power cut leaves of each position what was committed, or nothing; and other groups as they were', async () => {
    for (let seed = SEED; seed < SEED + 8; seed++) {
      let groups = await SimulatedGroups.open({ seed })
      const orders = await withOrders(groups, 120)
      const ids = Array.from({ length: 5 }, (_, i) => `group-${i}`)
      for (const [i, id] of ids.entries()) await groups.log.group(id).reset(orders, new Map(orders.partitions.map(({ index }) => [index, (index + i) % 4])))
      await groups.days(8) // all of that is synced
      await groups.log.group('kept').reset(orders, { offset: 1 })
      await groups.clock.advance('1m')
      await groups.expire(7)
      groups = await groups.powerCut(seed)
      for (const [i, id] of ids.entries()) {
        for (const [partition, offset] of await groups.log.group(id).committed(orders)) expect(offset, `seed ${seed}, ${id}, partition ${partition}`).toBe((partition + i) % 4)
      }
      expect([...(await groups.log.group('kept').committed(orders)).values()], `seed ${seed}`).toEqual(Array.from({ length: 120 }, () => 1))
      await groups.expire(7)
      expect(groups.ids(), `seed ${seed}`).toEqual(['kept'])
    }
  })

  test('a full disk leaves the groups as they were, and the next time they go', async () => {
    const groups = await SimulatedGroups.open()
    const orders = await withOrders(groups)
    await handleAll(groups.log, 'billing')
    await groups.days(8)
    groups.disk.failNext('write', { error: 'ENOSPC', path: /__consumer_offsets-0/ })
    expect(await failureOf(() => groups.expire(7))).toMatchObject({ name: 'LimitError', code: 'DISK_FULL' })
    expect(await groups.log.group('billing').committed(orders)).toEqual(new Map([[0, 4]]))
    expect([await groups.expire(7), groups.ids()]).toEqual([1, []])
  })

  test('it ends with the log', async () => {
    const groups = await SimulatedGroups.open()
    const orders = await withOrders(groups)
    await Promise.all(Array.from({ length: 2000 }, (_, i) => groups.log.group(`group-${i}`).reset(orders, 'earliest')))
    await groups.days(8)
    const refused = failureOf(() => groups.expire(7))
    const again = await groups.reopen()
    expect(await refused).toMatchObject({ name: 'ClosedError', code: 'LOG_CLOSED' })
    expect(again.ids().length).toBeGreaterThan(0)
  })
})

describe('by itself, in a log that nobody writes to', () => {
  test.each(['its member has left', 'it was reset'])('a group goes when it is due, not later: %s', async how => {
    const groups = await SimulatedGroups.open({ groupExpiry: '7d' })
    const orders = await withOrders(groups)
    if (how === 'it was reset') await groups.log.group('billing').reset(orders, 'latest')
    else await handleAll(groups.log, 'billing')
    await groups.days(6)
    expect(groups.ids()).toEqual(['billing'])
    await groups.days(1)
    expect(groups.ids()).toEqual([])
  })

  test('each of several goes when it is due', async () => {
    const groups = await SimulatedGroups.open({ groupExpiry: '7d' })
    const orders = await withOrders(groups)
    for (const id of ['a', 'b', 'c']) {
      await groups.log.group(id).reset(orders, 'latest')
      await groups.days(1)
    }
    await groups.days(4)
    for (const left of [['b', 'c'], ['c'], []]) {
      expect(groups.ids()).toEqual(left)
      await groups.days(1)
    }
  })
})

describe('what housekeeping asks', () => {
  test('a hundred thousand groups are looked at and deleted a few at a time: others have their turns meanwhile', async () => {
    const groups = await SimulatedGroups.open()
    const orders = await withOrders(groups)
    for (let from = 0; from < 100_000; from += 1000) await Promise.all(Array.from({ length: 1000 }, (_, i) => groups.log.group(`group-${from + i}`).reset(orders, 'earliest')))
    await groups.days(8)
    let turns = 0
    let done = false
    const turn = (): void => { turns++; if (!done) setImmediate(turn) }
    setImmediate(turn)
    expect(await groups.expire(7)).toBe(100_000)
    done = true
    expect(turns).toBeGreaterThan(300)
    expect(groups.ids()).toEqual([])
  }, 60_000)

  test('when a look may find something is known without one', async () => {
    const groups = await SimulatedGroups.open()
    const orders = await withOrders(groups)
    expect(groups.coordinator.nextExpiry(7 * DAY_MS)).toBe(Infinity)
    await groups.log.group('billing').reset(orders, 'earliest')
    const committedAt = groups.clock.now()
    expect(groups.coordinator.nextExpiry(7 * DAY_MS)).toBeLessThanOrEqual(committedAt) // nobody has looked yet
    await groups.days(1)
    await groups.log.group('joined').join(orders, { from: 'earliest' })
    await groups.expire(7)
    expect(groups.coordinator.nextExpiry(7 * DAY_MS)).toBe(committedAt + 7 * DAY_MS)
    expect(groups.coordinator.nextExpiry(Infinity)).toBe(Infinity)
    await groups.days(8)
    await groups.expire(7)
    expect([groups.ids(), groups.coordinator.nextExpiry(7 * DAY_MS)]).toEqual([['joined'], groups.clock.now() + 7 * DAY_MS])
  })

  test('a group that a topic waits for does not expire, and does once no topic names it', async () => {
    const groups = await SimulatedGroups.open()
    const orders = await withOrders(groups)
    await orders.alter({ retainUntilConsumedBy: ['billing'] })
    for (const group of ['billing', 'audit']) await groups.log.group(group).reset(orders, 'latest')
    await groups.days(8)
    await groups.expire(7)
    expect(groups.ids()).toEqual(['billing'])
    await orders.alter({ retainUntilConsumedBy: [] })
    await groups.days(8)
    await groups.expire(7)
    expect(groups.ids()).toEqual([])
  })

  test('a group that a topic begins to wait for while others are deleted does not expire', async () => {
    const groups = await SimulatedGroups.open()
    const orders = await withOrders(groups)
    const ids = Array.from({ length: 1000 }, (_, n) => `group-${n}`)
    await Promise.all(ids.map(id => groups.log.group(id).reset(orders, 'latest')))
    await groups.days(8)
    const expiry = groups.expire(7)
    await orders.alter({ retainUntilConsumedBy: ids.slice(-1) })
    await expiry
    expect(groups.ids()).toEqual(ids.slice(-1))
  })

  test('how far a group has come is what it has committed', async () => {
    const groups = await SimulatedGroups.open()
    const orders = await withOrders(groups, 2)
    await groups.log.group('billing').reset(orders, new Map([[1, 3]]))
    const below = (group: string, topic: string, partition: number) => groups.coordinator.committedBelow(group, topic, partition)
    expect([below('billing', 'orders', 0), below('billing', 'orders', 1), below('billing', 'other', 1), below('nobody', 'orders', 1)]).toEqual([0, 3, 0, 0])
  })

  test('after a power cut no group stands before what was deleted because it had committed that', async () => {
    for (let seed = SEED; seed < SEED + 6; seed++) {
      let groups = await SimulatedGroups.open({ seed, housekeeping: { interval: '1s' } })
      const orders = await groups.log.topic('orders', { retention: '1m', segmentBytes: '1KiB', retainUntilConsumedBy: ['billing'] })
      for (let n = 0; n < 20; n++) await orders.send({ value: 'x'.repeat(200) })
      await groups.log.group('billing').reset(orders, 'earliest')
      await groups.clock.advance('2m')
      expect(orders.partitions[0]!.startOffset).toBe(0)
      await groups.log.group('billing').reset(orders, { offset: 18 })
      await groups.clock.advance('5s') // a round of housekeeping, and none that syncs
      expect(orders.partitions[0]!.startOffset, `seed ${seed}`).toBeGreaterThan(0)
      groups = await groups.powerCut(seed)
      const consumer = await groups.log.group('billing').join('orders', { from: 'earliest' })
      expect(consumer.assignment, `seed ${seed}`).toHaveLength(1)
    }
  })
})
