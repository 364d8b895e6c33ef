// What happens in a history of clients behind a door.
import fc from 'fast-check'
import { nextTurn } from '../../../src/platform/next-turn.ts'
import { TOPICS, type DrawnClient, type RemoteGroupsBench } from './bench.ts'
import type { DrivenClient } from './driven-client.ts'

export type Step = fc.AsyncCommand<object, RemoteGroupsBench>

function step<D>(name: string, drawn: fc.Arbitrary<D>, run: (bench: RemoteGroupsBench, drawn: D) => Promise<void>): fc.Arbitrary<Step> {
  return drawn.map(value => ({
    check: () => true,
    run: async (_model, bench) => {
      await run(bench, value)
      bench.compare()
    },
    toString: () => `${name} ${JSON.stringify(value)}`,
  }))
}

const which = fc.nat({ max: 7 })
const topics = fc.subarray([...TOPICS], { minLength: 1 })

export const drawnClient: fc.Arbitrary<DrawnClient> = fc.record({
  topics,
  pattern: fc.constantFrom(null, null, null, 'b.*'),
  instance: fc.constantFrom(null, null, 0, 1),
  isSlow: fc.boolean(),
  assignor: fc.constantFrom(null, 'uniform', 'range'),
})

function clientOf(bench: RemoteGroupsBench, drawn: number): DrivenClient | undefined {
  const living = bench.clients.filter(({ isAlive }) => isAlive)
  return living[drawn % living.length]
}

const drawnBeat = fc.record({ which, says: fc.constantFrom('all' as const, 'what it owns' as const, 'nothing' as const), isLost: fc.constantFrom(false, false, false, true), follows: fc.boolean() })

async function beat(bench: RemoteGroupsBench, { which, says, isLost, follows }: { which: number; says: 'all' | 'what it owns' | 'nothing'; isLost: boolean; follows: boolean }): Promise<void> {
  const client = clientOf(bench, which)
  await client?.beat(bench.now, says, isLost)
  if (follows) await client?.follow()
}

async function commit(bench: RemoteGroupsBench, { which, count }: { which: number; count: number }): Promise<void> {
  const client = bench.clients[which % bench.clients.length] // the dead ones, too
  const labels = [...client?.positions.keys() ?? []]
  if (client !== undefined && labels.length > 0) await bench.commit(client, labels[count % labels.length]!, count)
}

async function closeInside(bench: RemoteGroupsBench, which: number): Promise<void> {
  const consumer = bench.inside[which % bench.inside.length]
  if (consumer !== undefined) await bench.closeInside(consumer)
}

const join = step('join', drawnClient, async (bench, drawn) => { await bench.join(drawn) })
const beats = step('beat', drawnBeat, beat)
const commits = step('commit', fc.record({ which, count: fc.integer({ min: 1, max: 9 }) }), commit)
const leave = step('leave', fc.record({ which, epoch: fc.constantFrom(-1 as const, -2 as const) }), async (bench, { which, epoch }) => {
  const client = clientOf(bench, which)
  await client?.leave(client.instanceId === null ? -1 : epoch)
})
const die = step('die', which, async (bench, drawn) => { clientOf(bench, drawn)?.die() })
const joinInside = step('join inside', fc.record({ topics, memberId: fc.constantFrom(undefined, undefined, 'desk-0', 'desk-2') }), async (bench, { topics, memberId }) => { await bench.joinInside(topics, memberId) })
const leaveInside = step('close inside', which, closeInside)
const advance = step('advance', fc.constantFrom(100, 5_000, 5_000, 15_000, 45_000), async (bench, ms) => { await bench.advance(ms) })
const create = step('create', fc.record({ name: fc.constantFrom(...TOPICS), partitions: fc.integer({ min: 1, max: 4 }) }), async (bench, { name, partitions }) => { await bench.createTopic(name, partitions) })
const grow = step('grow', fc.constantFrom(...TOPICS), async (bench, name) => { await bench.grow(name) })
const remove = step('delete', fc.constantFrom(...TOPICS), async (bench, name) => { await bench.deleteTopic(name) })
const restart = step('restart', fc.nat({ max: 999 }), async (bench, seed) => { await bench.restart(seed) })

const doing = fc.oneof(
  { weight: 5, arbitrary: drawnBeat.map(drawn => ({ what: 'beat' as const, run: (bench: RemoteGroupsBench) => beat(bench, drawn), drawn })) },
  { weight: 2, arbitrary: drawnClient.map(drawn => ({ what: 'join' as const, run: (bench: RemoteGroupsBench) => bench.join(drawn), drawn })) },
  { weight: 1, arbitrary: which.map(drawn => ({ what: 'close inside' as const, run: (bench: RemoteGroupsBench) => closeInside(bench, drawn), drawn })) },
  { weight: 2, arbitrary: fc.record({ which, count: fc.integer({ min: 1, max: 9 }) }).map(drawn => ({ what: 'commit' as const, run: (bench: RemoteGroupsBench) => commit(bench, drawn), drawn })) },
)

/** At once: what one leads to overlaps with the others. */
const together = step('together', fc.array(doing, { minLength: 2, maxLength: 6 }), async (bench, all) => {
  await Promise.all(all.map(({ run }) => run(bench)))
})

/** The process dies with all of that under way. */
const restartBusy = step('restart busy', fc.record({ turns: fc.nat({ max: 8 }), seed: fc.nat({ max: 999 }), all: fc.array(doing, { minLength: 1, maxLength: 6 }) }), async (bench, { turns, seed, all }) => {
  for (const { run } of all) void run(bench).catch(() => { /* its log is dead */ })
  for (let turn = 0; turn < turns; turn++) await nextTurn()
  await bench.restart(seed)
})

export const steps: readonly fc.Arbitrary<Step>[] = [join, join, beats, beats, beats, beats, beats, beats, commits, commits, leave, die, joinInside, leaveInside, advance, advance, create, grow, remove, restart, restartBusy, restartBusy, together, together, together]
