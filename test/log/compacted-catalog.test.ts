// The catalog is compacted: what is left of it are the same topics, and directories of deleted ones are never taken for
// somebody else's.
import { describe, expect, test } from 'vitest'
import type { LogEvents } from '../../src/index.ts'
import { CATALOG_TOPIC } from '../../src/log/catalog.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { DIRECTORY, SimulatedGroups } from '../groups/support/simulated-groups.ts'
import { compactByHand } from '../support/compact-by-hand.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const NAMES = ['orders', 'bills', 'mail']

async function act({ log }: SimulatedGroups, random: SeededRandom): Promise<void> {
  const name = NAMES[random.below(NAMES.length)]!
  const topic = log.topics().find(each => each.name === name)
  if (topic === undefined) await (await log.topic(name, { partitions: 1 + random.below(3) })).send({ value: name })
  else if (random.chance(0.4)) await log.deleteTopic(name)
  else await topic.alter({ retentionBytes: 1 + random.below(1000), partitions: Math.min(4, topic.partitions.length + random.below(2)) })
}

function topicsOf({ log }: SimulatedGroups): unknown {
  return Object.fromEntries(log.topics().map(({ name, settings }) => [name, settings]))
}

function partitionsOn({ disk }: SimulatedGroups): string[] {
  return disk.list(DIRECTORY).filter(name => NAMES.some(topic => name.startsWith(`${topic}-`)))
}

async function warningsOf(groups: SimulatedGroups): Promise<LogEvents['warning'][]> {
  const warnings: LogEvents['warning'][] = []
  groups.log.on('warning', event => warnings.push(event))
  await groups.clock.settle()
  return warnings
}

test.each(Array.from({ length: 8 }, (_, i) => SEED + i))('the topics, their settings and their directories are the same after a compaction, seed %i', async seed => {
  const random = new SeededRandom(seed)
  let groups = await SimulatedGroups.open({ seed, housekeeping: false })
  for (let round = 0; round < 4; round++) {
    for (let step = 0; step < 20; step++) await act(groups, random)
    const before = topicsOf(groups)
    const directories = partitionsOn(groups)
    await groups.log.close()
    compactByHand(groups.disk, DIRECTORY, CATALOG_TOPIC, random)
    if (random.chance(0.5)) groups.disk.remove(`${DIRECTORY}/.kafka_cleanshutdown`) // what opening looks at after a crash
    groups = await groups.reopen()
    expect([await warningsOf(groups), topicsOf(groups), partitionsOn(groups)], `round ${round}`).toEqual([[], before, directories])
  }
})

describe('directories that could not be removed with their topic', () => {
  test.each(['reopen', 'crash'] as const)('are removed at the next opening, whatever was compacted meanwhile: %s', async how => {
    const groups = await SimulatedGroups.open({ housekeeping: false })
    const errors: LogEvents['error'][] = []
    groups.log.on('error', event => errors.push(event))
    const orders = await groups.log.topic('orders', { partitions: 2 })
    await orders.send(orders.partitions.map(({ index }) => ({ value: 'deleted', partition: index }))) // what holds nothing may go in any case
    await groups.log.topic('bills')
    groups.disk.failNext('rename', { error: 'EIO', path: /orders-1/ })
    await groups.log.deleteTopic('orders')
    expect([errors.map(({ error }) => error.name), partitionsOn(groups)]).toEqual([['StorageError'], expect.arrayContaining(['bills-0', 'orders-1'])])
    for (let days = 0; days < 3; days++) {
      await groups.log.housekeep()
      await groups.clock.advance('25h')
    }
    const next = await groups[how]()
    expect([await warningsOf(next), partitionsOn(next), next.log.topics().map(({ name }) => name)]).toEqual([[], ['bills-0'], ['bills']])
    await next.log.housekeep()
    expect(partitionsOn(await next.reopen())).toEqual(['bills-0'])
  })
})
