// SEED=… HISTORY=… STEPS=… repeat a failure that was printed; HISTORIES=10000 makes a campaign of it.
import fc from 'fast-check'
import { test } from 'vitest'
import { checkHistories } from '../shortest-history.ts'
import { ClassicGroupsBench, TOPICS } from './bench.ts'
import { drawnClient, steps } from './steps.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const COUNT = Number(process.env['HISTORIES'] ?? 25)
const STEPS = 40

const beginning = fc.record({
  seed: fc.nat(),
  kind: fc.constantFrom('eager' as const, 'cooperative' as const, 'either' as const),
  durability: fc.constantFrom('process' as const, 'power' as const),
  partitions: fc.integer({ min: 1, max: 4 }),
  clients: fc.array(drawnClient, { maxLength: 3 }),
  inside: fc.nat({ max: 2 }),
})

test(`a partition has one owner and no position goes back, whichever clients and members join, stall, die and outlive the process (SEED=${SEED})`, async () => {
  const options = { seed: SEED, count: COUNT, steps: STEPS, path: process.env['HISTORY'], replayPath: process.env['STEPS'], tests: 'test/model/classic-groups' }
  await checkHistories(options, steps, beginning, async ({ seed, kind, durability, partitions, clients, inside }, run) => {
    const bench = await ClassicGroupsBench.start(seed, kind, durability, partitions)
    for (const client of clients) bench.join(client)
    for (let i = 0; i < inside; i++) bench.joinInside(TOPICS, undefined, 30_000)
    for (let i = 0; i < 3; i++) {
      bench.beat()
      await bench.advance(1)
    }
    await run({ model: {}, real: bench })
    await bench.finish()
    await bench.end()
  })
}, 60_000 + COUNT * 500)
