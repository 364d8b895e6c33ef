// SEED=… HISTORY=… STEPS=… repeat a failure that was printed; HISTORIES=10000 makes a campaign of it.
import fc from 'fast-check'
import { test } from 'vitest'
import { checkHistories } from '../shortest-history.ts'
import { RemoteGroupsBench } from './bench.ts'
import { drawnClient, steps } from './steps.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const COUNT = Number(process.env['HISTORIES'] ?? 40)
const STEPS = 40

const beginning = fc.record({
  seed: fc.nat(),
  durability: fc.constantFrom('process' as const, 'power' as const),
  partitions: fc.integer({ min: 1, max: 4 }),
  clients: fc.array(drawnClient, { maxLength: 3 }),
})

test(`a partition has one owner, whichever clients join, fall silent, miss answers and outlive the process (SEED=${SEED})`, async () => {
  const options = { seed: SEED, count: COUNT, steps: STEPS, path: process.env['HISTORY'], replayPath: process.env['STEPS'], tests: 'test/model/remote-groups' }
  await checkHistories(options, steps, beginning, async ({ seed, durability, partitions, clients }, run) => {
    const bench = await RemoteGroupsBench.start(seed, durability)
    await bench.createTopic('orders', partitions)
    for (const client of clients) await bench.join(client)
    await run({ model: {}, real: bench })
    await bench.finish()
    await bench.end()
  })
}, 60_000 + COUNT * 500)
