// What happens in a history of clients of the classic protocol and members of this process.
import fc from 'fast-check'
import { TOPICS, type ClassicGroupsBench, type DrawnClient } from './bench.ts'
import type { ClassicClient } from '../../groups/classic/support/classic-client.ts'

export type Step = fc.AsyncCommand<object, ClassicGroupsBench>

function step<D>(name: string, drawn: fc.Arbitrary<D>, run: (bench: ClassicGroupsBench, drawn: D) => Promise<void> | void): fc.Arbitrary<Step> {
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

export const drawnClient: fc.Arbitrary<DrawnClient> = fc.record({ topics, instance: fc.constantFrom(null, null, 0, 1), isSlow: fc.boolean(), likes: fc.boolean() })

function clientOf({ clients }: ClassicGroupsBench, drawn: number): ClassicClient | undefined {
  const living = clients.filter(({ isAlive }) => isAlive)
  return living[drawn % living.length]
}

const join = step('join', drawnClient, (bench, drawn) => { bench.join(drawn) })
const beat = step('beat', which, async (bench, drawn) => {
  clientOf(bench, drawn)?.beat() // a stalled one, too: it comes back to life for a moment
  await bench.advance(1)
})
const beats = step('all beat', fc.constantFrom(1, 1, 100, 4000, 8000), async (bench, ms) => {
  bench.beat()
  await bench.advance(ms)
})
const work = step('work', fc.record({ which, drawn: which, count: fc.integer({ min: 1, max: 5 }) }), async (bench, { which, drawn, count }) => {
  const client = bench.clients[which % bench.clients.length] // the dead ones, too
  if (client !== undefined) await bench.work(client, drawn, count)
})
const leave = step('leave', which, (bench, drawn) => { clientOf(bench, drawn)?.leave() })
const die = step('die', which, (bench, drawn) => { clientOf(bench, drawn)?.die() })
const joinInside = step('join inside', fc.record({ topics, memberId: fc.constantFrom(undefined, undefined, 'desk-0', 'desk-2'), revokeTimeout: fc.constantFrom(0, 1000, 30_000) }), (bench, { topics, memberId, revokeTimeout }) => { bench.joinInside(topics, memberId, revokeTimeout) })
const take = step('take', fc.record({ which, count: fc.integer({ min: 1, max: 4 }) }), async (bench, { which, count }) => {
  for (let taken = 0; taken < count; taken++) {
    bench.inside[which % bench.inside.length]?.take()
    await bench.advance(0)
  }
})
const leaveInside = step('close inside', which, async (bench, drawn) => {
  const member = bench.inside[drawn % bench.inside.length]
  if (member !== undefined) await bench.closeInside(member)
})
const stall = step('stall', which, (bench, drawn) => {
  const client = clientOf(bench, drawn)
  if (client !== undefined && !bench.stalled.delete(client)) bench.stalled.add(client)
})
const overtake = step('overtake', which, async (bench, drawn) => {
  const client = clientOf(bench, drawn)
  if (client !== undefined) await bench.overtake(client)
})
const advance = step('advance', fc.constantFrom(100, 1000, 5000, 11_000, 61_000), async (bench, ms) => { await bench.advance(ms) })
const send = step('send', fc.record({ topic: fc.constantFrom(...TOPICS), partitions: fc.integer({ min: 1, max: 4 }) }), async (bench, { topic, partitions }) => { await bench.send(topic, 3, partitions) })
const settle = step('settle', fc.constant(null), async bench => { await bench.settle() })
const restart = step('restart', fc.nat({ max: 999 }), async (bench, seed) => { await bench.restart(seed) })

export const steps: readonly fc.Arbitrary<Step>[] = [join, join, beat, beat, beats, beats, beats, beats, beats, work, work, work, leave, die, joinInside, joinInside, take, take, take, leaveInside, stall, stall, advance, advance, settle, settle, overtake, overtake, send, restart]
