// One step of a history: a fast-check command on the log and its model, followed by a comparison of the two.
// Topics, partitions and offsets are drawn as numbers, and mean whatever there is when the step runs.
import fc from 'fast-check'
import type { Bench } from './bench.ts'
import type { LogModel, ModelPartition, ModelTopic } from './model-log.ts'

export type Step = fc.AsyncCommand<LogModel, Bench>

interface StepOptions<Drawn> {
  readonly when?: (model: LogModel, drawn: Drawn) => boolean
  readonly run: (bench: Bench, drawn: Drawn) => Promise<void>
}

export function step<Drawn>(name: string, drawn: fc.Arbitrary<Drawn>, { when = () => true, run }: StepOptions<Drawn>): fc.Arbitrary<Step> {
  return drawn.map(value => ({
    check: model => when(model as LogModel, value),
    run: async (_model, bench) => {
      await run(bench, value)
      await bench.compare()
    },
    toString: () => `${name} ${JSON.stringify(value)}`,
  }))
}

/** For steps that need a topic to work on. */
export const anyTopic = (model: LogModel): boolean => model.topics.size > 0

export const number = fc.nat({ max: 999 })

export function topicOf(model: LogModel, drawn: number): ModelTopic {
  return pick(model.all, drawn)
}

export function pick<T>(from: readonly T[], drawn: number): T {
  return from[drawn % from.length]!
}

/** An offset that is stored, or lies on or just beyond an edge. */
export function offsetNear(partition: ModelPartition, drawn: number): number {
  return Math.max(0, partition.start - 1) + drawn % (partition.end - partition.start + 3)
}
