// The log of positions is compacted: what is left of it replays to the same state, here and in a process that follows.
import { expect, onTestFinished, test } from 'vitest'
import { Positions, type GroupRecord } from '../../src/groups/positions.ts'
import { FollowedLog } from '../../src/log/followed-log.ts'
import { readOpenOptions } from '../../src/log/open-options.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { compactByHand } from '../support/compact-by-hand.ts'
import { DIRECTORY, SimulatedGroups } from './support/simulated-groups.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const OFFSETS = '__consumer_offsets'

/** Whatever changes positions and members, and now and then a day. */
async function act(groups: SimulatedGroups, random: SeededRandom): Promise<void> {
  const { log } = groups
  const group = log.group(`group-${random.below(6)}`)
  const topic = ['orders', 'bills'][random.below(2)]!
  const partitions = (await log.topic(topic)).partitions.length
  switch (random.below(7)) {
    case 0: return await group.delete().catch(() => undefined)
    case 1: return void await groups.expire(3)
    case 2: return await groups.days(1)
    case 3: return await log.deleteTopic(topic)
    case 4: return await (await group.join(topic, { from: 'latest', ...random.chance(0.5) ? { memberId: 'a', sessionTimeout: '2d' } : {} })).close()
    default: return await group.reset(topic, new Map([[random.below(partitions), 0]])).catch(() => undefined)
  }
}

async function topics(groups: SimulatedGroups): Promise<void> {
  for (const name of ['orders', 'bills']) await groups.log.topic(name, { partitions: 3 })
}

async function stateOf(groups: SimulatedGroups): Promise<ReadonlyMap<string, GroupRecord>> {
  return (await Positions.open(groups.local)).groups
}

test.each(Array.from({ length: 12 }, (_, i) => SEED + i))('what compaction leaves of the positions is the same state, seed %i', async seed => {
  const random = new SeededRandom(seed)
  let groups = await SimulatedGroups.open({ seed, housekeeping: false })
  for (let round = 0; round < 4; round++) {
    for (let step = 0; step < 40; step++) {
      await topics(groups)
      await act(groups, random)
    }
    await groups.clock.advance('3d') // members that are away have left, and nothing changes on opening
    const before = await stateOf(groups)
    await groups.log.close()
    compactByHand(groups.disk, DIRECTORY, OFFSETS, random)
    groups = await groups.reopen()
    expect(await stateOf(groups), `round ${round}`).toEqual(before)
  }
})

test('compaction by housekeeping makes it small, and keeps the state', async () => {
  const groups = await SimulatedGroups.open({ housekeeping: false })
  const orders = await groups.log.topic('orders')
  for (let n = 0; n < 200; n++) await groups.log.group(`group-${n % 3}`).reset(orders, { offset: 0 })
  const before = await stateOf(groups)
  const bytes = (await groups.local.internalPartition(OFFSETS, { create: false }))!.bytes
  await groups.log.housekeep()
  expect((await groups.local.internalPartition(OFFSETS, { create: false }))!.bytes).toBeLessThan(bytes / 20)
  const again = await groups.crash()
  expect(await stateOf(again)).toEqual(before)
})

/** It looks when it is asked, and not by the clock. */
async function followed(groups: SimulatedGroups): Promise<Positions> {
  const clock = { now: () => groups.clock.now(), setTimeout: () => ({ cancel() { /* never due */ } }) }
  const log = await FollowedLog.open(groups.disk, DIRECTORY, 'memory:', readOpenOptions({ readOnly: true, clock }))
  onTestFinished(() => log.close())
  return await Positions.open(log)
}

test('a process that follows sees what the writer has committed, also where that is compacted meanwhile', async () => {
  const groups = await SimulatedGroups.open({ housekeeping: false })
  const orders = await groups.log.topic('orders')
  await groups.log.group('kept').reset(orders, { offset: 0 })
  const positions = await followed(groups)
  for (let round = 0; round < 4; round++) {
    await groups.log.group('kept').reset(orders, { offset: 0 })
    for (let n = 0; n < 50; n++) await groups.log.group(`passing-${round}`).reset(orders, 'earliest')
    await positions.refresh()
    expect(positions.groups).toEqual(await stateOf(groups))
    await groups.log.group(`passing-${round}`).delete()
    await groups.log.housekeep()
    await positions.refresh()
    expect(positions.groups).toEqual(await stateOf(groups))
  }
})

test('one that has not looked for longer than tombstones stay begins anew: what was deleted is not there', async () => {
  const groups = await SimulatedGroups.open({ housekeeping: false })
  const orders = await groups.log.topic('orders')
  for (const id of ['kept', 'deleted']) await groups.log.group(id).reset(orders, { offset: 0 })
  const positions = await followed(groups)
  await groups.log.group('deleted').delete()
  await groups.log.housekeep() // sets the horizon
  await groups.clock.advance('25h')
  await groups.log.group('kept').reset(orders, { offset: 0 })
  await groups.log.housekeep() // the tombstones go
  expect([...positions.groups.keys()].sort()).toEqual(['deleted', 'kept'])
  await positions.refresh()
  expect(positions.groups).toEqual(await stateOf(groups))
  expect([...positions.groups.keys()]).toEqual(['kept'])
})

test('looks side by side never take back what one of them has shown', async () => {
  for (let seed = SEED; seed < SEED + 6; seed++) {
    const groups = await SimulatedGroups.open({ seed, housekeeping: false })
    const orders = await groups.log.topic('orders')
    await orders.send(Array.from({ length: 8 }, (_, value) => ({ value })))
    const positions = await followed(groups)
    for (let offset = 0; offset < 8; offset++) await Promise.all(Array.from({ length: 1500 }, (_, i) => groups.log.group(`group-${i}`).reset(orders, { offset })))
    const looks = Array.from({ length: 4 }, () => positions.refresh())
    await Promise.race(looks)
    for (let turn = 0; turn < 30; turn++) {
      const shown = new Set([...positions.groups.values()].map(record => record.positions.get('orders-0')?.offset))
      expect([positions.groups.size, ...shown], `seed ${seed}, turn ${turn}`).toEqual([1500, 7])
      await new Promise(resolve => { setImmediate(resolve) })
    }
    await Promise.all(looks)
  }
})
