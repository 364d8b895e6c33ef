// Runs random histories of topics that are compacted and deleted from against arrays and maps.
import fc from 'fast-check'
import { CODECS } from '../../../src/format/record-batch.ts'
import { ensureCodec } from '../../../src/format/compression.ts'
import { checkHistories, type HistoriesOptions } from '../shortest-history.ts'
import { KeepingBench } from './bench.ts'
import { createTopic, keepingSteps } from './keeping-steps.ts'
import { machineSteps } from './machine-steps.ts'

const beginning = fc.record({ seed: fc.nat(), cleanup: fc.constantFrom('compact' as const, 'compact' as const, 'compact+delete' as const, 'delete' as const) })

/** Throws, with how to repeat it, where a history and its model differ. */
export async function runKeepingHistories({ steps = 40, ...options }: HistoriesOptions): Promise<void> {
  for (const codec of CODECS) await ensureCodec(codec)
  await checkHistories({ ...options, steps, tests: 'test/model/keeping' }, [...keepingSteps, ...machineSteps], beginning, async ({ seed, cleanup }, run) => {
    const bench = await KeepingBench.start(seed)
    await createTopic(bench, seed % 2, { cleanup })
    await run({ model: bench.model, real: bench })
  })
}
