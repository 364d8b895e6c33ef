// Each partition has one owner in a group, at every moment; what moves is what must move; and who has lost a partition
// can't commit in it.
import type { ConsumerGroup, Runner } from 'millrace'
import { matchers, testLog } from 'millrace/testing'
import { describe, expect, test } from 'vitest'
import { draws } from './support/draws.ts'

expect.extend(matchers)

const SEEDS = Array.from({ length: 15 }, (_, i) => Number(process.env['SEED'] ?? 4000) + i)

/** Owner by partition. An owner that appears twice for one partition fails the test. */
function owners(group: ConsumerGroup): Map<string, string> {
  const owned = group.members().flatMap(({ id, partitions }) => partitions.map(({ topic, partition }) => [`${topic}-${partition}`, id] as const))
  expect(owned).toHaveLength(new Set(owned.map(([label]) => label)).size)
  return new Map(owned)
}

test.each(SEEDS)('members come and go, and no partition is in two hands (seed %i)', async seed => {
  const draw = draws(seed)
  const log = await testLog({ seed })
  const orders = await log.topic('orders', { partitions: 6 })
  const group = log.group('billing')
  const runners: Runner[] = []
  const inHand = new Map<number, number>()
  const faults: string[] = []
  let members = 0
  const join = async () => {
    const member = ++members
    runners.push(await group.run(orders, async ({ partition, offset }) => {
      const other = inHand.get(partition)
      if (other !== undefined) faults.push(`orders-${partition}, offset ${offset}: member ${member} has it while member ${other} is busy there`)
      inHand.set(partition, member)
      await new Promise<void>(resolve => { log.clock.setTimeout(resolve, draw(40)) })
      inHand.delete(partition)
    }, { from: 'earliest', concurrency: 3, assignor: (['sticky', 'range', 'roundRobin'] as const)[draw(3)]! }))
  }
  for (let step = 0; step < 60; step++) {
    const choice = draw(8)
    if (choice === 0 && runners.length < 5) await join()
    else if (choice === 1 && runners.length > 0) void runners.splice(draw(runners.length), 1)[0]!.stop()
    else if (choice < 6) await orders.send(Array.from({ length: draw(6) }, (_, value) => ({ key: String(draw(20)), value })))
    else await log.clock.advance(draw(60))
    owners(group)
  }
  await join()
  await log.clock.advance('1m')
  await expect(group).toHaveLag(0)
  expect([faults, owners(group).size]).toEqual([[], 6])
  await log.close()
})

describe('what moves', () => {
  test('when a member joins, each of the others keeps what it need not give', async () => {
    const log = await testLog()
    const orders = await log.topic('orders', { partitions: 12 })
    const group = log.group('billing')
    let before = new Map<string, string>()
    for (let count = 1; count <= 5; count++) {
      await group.join(orders, { from: 'earliest' })
      const after = owners(group)
      const moved = [...before].filter(([label, id]) => after.get(label) !== id)
      if (count > 1) expect(moved).toHaveLength(Math.floor(12 / count))
      before = after
    }
    await log.close()
  })

  test('who holds a record longer than revokeTimeout has lost the partition: a late commit is refused', async () => {
    const log = await testLog()
    const orders = await log.topic('orders')
    await orders.send([{ value: 0 }, { value: 1 }])
    const group = log.group('billing')
    const options = { from: 'earliest', assignor: 'range', revokeTimeout: '10s' } as const
    const slow = await group.join(orders, { ...options, memberId: 'b' })
    const { value: held } = await slow[Symbol.asyncIterator]().next()
    const next = await group.join(orders, { ...options, memberId: 'a' }) // 'range' gives it the partition
    await log.clock.advance('9s')
    expect([...owners(group).values()]).toEqual(['b'])
    await log.clock.advance('1s')
    expect([...owners(group).values()]).toEqual(['a'])
    await expect(slow.commit(held)).rejects.toMatchObject({ name: 'ConflictError', code: 'COMMIT_FENCED' })
    expect((await next[Symbol.asyncIterator]().next()).value).toMatchObject({ offset: 0 })
    await log.close()
  })
})
