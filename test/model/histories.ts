// Runs random histories of one log against plain arrays.
import fc from 'fast-check'
import { CODECS } from '../../src/format/record-batch.ts'
import { ensureCodec } from '../../src/format/compression.ts'
import { Bench } from './bench.ts'
import { machineSteps } from './machine-steps.ts'
import { readingSteps } from './reading-steps.ts'
import { sendingSteps } from './sending-steps.ts'
import { checkHistories, type HistoriesOptions } from './shortest-history.ts'
import type { Step } from './step.ts'
import { topicSteps } from './topic-steps.ts'
import { watchingSteps } from './watching-steps.ts'

export const ALL_STEPS: readonly fc.Arbitrary<Step>[] = [...sendingSteps, ...readingSteps, ...watchingSteps, ...topicSteps, ...machineSteps]

/** Throws, with how to repeat it, where a history and its model differ. `extra`: faults, to see that they are found. */
export async function runHistories({ extra = [], steps = 40, ...options }: HistoriesOptions & { readonly extra?: readonly fc.Arbitrary<Step>[] }): Promise<void> {
  for (const codec of CODECS) await ensureCodec(codec) // loading them takes turns of the event loop: not part of a history
  await checkHistories({ ...options, steps, tests: 'test/model/histories.test.ts' }, [...ALL_STEPS, ...extra], fc.nat(), async (jobSeed, run) => {
    const bench = await Bench.start(jobSeed)
    await run({ model: bench.model, real: bench })
  })
}
