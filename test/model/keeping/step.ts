// One step of a history, followed by a comparison of log and model.
import fc from 'fast-check'
import type { KeepingBench, KeepingModel } from './bench.ts'
import type { KeptTopic } from './kept-topic.ts'

export type Step = fc.AsyncCommand<KeepingModel, KeepingBench>

export function step<Drawn>(name: string, drawn: fc.Arbitrary<Drawn>, run: (bench: KeepingBench, drawn: Drawn) => Promise<void>, needsTopic = true): fc.Arbitrary<Step> {
  return drawn.map(value => ({
    check: model => !needsTopic || (model as KeepingModel).topics.size > 0,
    run: async (_model, bench) => {
      bench.noteLimits()
      await run(bench, value)
      await bench.compare()
    },
    toString: () => `${name} ${JSON.stringify(value)}`,
  }))
}

export const number = fc.nat({ max: 999 })

export function topicOf(model: KeepingModel, drawn: number): KeptTopic {
  return model.all[drawn % model.all.length]!
}

/** One that is stored, or lies on or just beyond an edge. */
export function offsetNear(topic: KeptTopic, drawn: number): number {
  return topic.start + drawn % (topic.end - topic.start + 1)
}
