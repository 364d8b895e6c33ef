// Runs random histories of groups that read one log against a model of who owns what and what is handled.
import fc from 'fast-check'
import { checkHistories, type HistoriesOptions } from '../shortest-history.ts'
import { GroupsBench } from './bench.ts'
import { finish } from './finish.ts'
import { machineSteps } from './machine-steps.ts'
import { drawnJoin, joinDrawn, memberSteps } from './member-steps.ts'
import { GroupsModel } from './model.ts'
import type { Step } from './step.ts'
import { TOPICS, drawnSend, sendDrawn, topicSteps } from './topic-steps.ts'

const ALL_STEPS: readonly fc.Arbitrary<Step>[] = [...memberSteps, ...memberSteps, ...topicSteps, ...machineSteps]

/** There is something to work on from the first step on. */
const beginning = fc.record({
  seed: fc.nat(),
  durability: fc.constantFrom('process' as const, 'power' as const),
  partitions: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }),
  sends: fc.array(drawnSend, { maxLength: 3 }),
  joins: fc.array(drawnJoin, { maxLength: 3 }),
})

/** Throws, with how to repeat it, where a history and its model differ. */
export async function runGroupHistories({ steps = 25, ...options }: HistoriesOptions): Promise<void> {
  await checkHistories({ ...options, steps, tests: 'test/model/groups' }, ALL_STEPS, beginning, async ({ seed, durability, partitions, sends, joins }, run) => {
    const model = new GroupsModel(durability)
    const bench = await GroupsBench.start(seed, model)
    for (const [i, count] of partitions.entries()) await bench.during(bench.create(TOPICS[i]!, count))
    for (const send of sends) await bench.during(sendDrawn(bench, send))
    for (const join of joins) {
      bench.begins()
      await bench.during(joinDrawn(bench, join))
      await bench.compare()
    }
    await run({ model, real: bench })
    await finish(bench)
  })
}
