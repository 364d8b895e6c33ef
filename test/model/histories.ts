// Runs random histories of one log against plain arrays. A failure is shrunk to few steps, and told with what repeats
// it: the seed, the path of the smallest failure in it, and which of its steps ran.
import fc from 'fast-check'
import { CODECS } from '../../src/format/record-batch.ts'
import { ensureCodec } from '../../src/format/compression.ts'
import { Bench } from './bench.ts'
import { machineSteps } from './machine-steps.ts'
import type { LogModel } from './model-log.ts'
import { readingSteps } from './reading-steps.ts'
import { sendingSteps } from './sending-steps.ts'
import type { Step } from './step.ts'
import { topicSteps } from './topic-steps.ts'
import { watchingSteps } from './watching-steps.ts'

export interface Histories {
  readonly seed: number
  readonly count: number
  /** Steps of the longest. */
  readonly steps?: number
  /** Of a failure that was told: it alone is run. */
  readonly path?: string | undefined
  readonly replayPath?: string | undefined
  /** Steps beside the usual ones: faults, to see that they are found. */
  readonly extra?: readonly fc.Arbitrary<Step>[]
  readonly onHistory?: () => void
}

export const ALL_STEPS: readonly fc.Arbitrary<Step>[] = [...sendingSteps, ...readingSteps, ...watchingSteps, ...topicSteps, ...machineSteps]

/** Throws, with how to repeat it, where a history and its model differ. */
export async function runHistories({ seed, count, steps = 40, path, replayPath, extra = [], onHistory }: Histories): Promise<void> {
  for (const codec of CODECS) await ensureCodec(codec) // loading them takes turns of the event loop: not part of a history
  const histories = fc.commands<LogModel, Bench>([...ALL_STEPS, ...extra], { maxCommands: steps, size: 'max', ...(replayPath === undefined ? {} : { replayPath }) })
  const property = fc.asyncProperty(histories as fc.Arbitrary<Iterable<Step>>, fc.nat(), async (history, jobSeed) => {
    const bench = await Bench.start(jobSeed)
    await fc.asyncModelRun(() => ({ model: bench.model, real: bench }), history)
    onHistory?.()
  })
  const details = await fc.check(property, { seed, numRuns: path === undefined ? count : 1, ...(path === undefined ? {} : { path, endOnFailure: true }) })
  if (!details.failed) return
  const error = details.errorInstance as Error
  const [history] = details.counterexample!
  const ran = [...history as Iterable<Step & { readonly hasRan: boolean }>].filter(({ hasRan }) => hasRan)
  const replay = /replayPath="([^"]*)"/.exec(String(history))?.[1] ?? ''
  throw new Error(`${error.message}\n\nThe shortest history that shows it (jobs seeded with ${details.counterexample![1]}):\n${ran.map(step => `  ${String(step)}\n`).join('')}\nIt is repeated by: SEED=${details.seed} HISTORY='${details.counterexamplePath ?? ''}' STEPS='${replay}' npx vitest run test/model`, { cause: error })
}
