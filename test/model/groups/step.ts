// One step of a history: a fast-check command on the log and its groups, followed by a comparison with the model.
// Topics, groups, members and offsets are drawn as numbers, and mean whatever there is when the step runs; a step that
// finds nothing to work on does nothing.
import fc from 'fast-check'
import type { GroupsBench } from './bench.ts'
import type { DrivenMember } from './driven-member.ts'
import type { GroupsModel, ModelGroup, ModelTopic } from './model.ts'

export type Step = fc.AsyncCommand<GroupsModel, GroupsBench>

export function step<Drawn>(name: string, drawn: fc.Arbitrary<Drawn>, run: (bench: GroupsBench, drawn: Drawn) => Promise<void>): fc.Arbitrary<Step> {
  return drawn.map(value => ({
    check: () => true,
    run: async (_model, bench) => {
      bench.begins()
      await run(bench, value)
      await bench.compare()
    },
    toString: () => `${name} ${JSON.stringify(value)}`,
  }))
}

export const number = fc.nat({ max: 999 })

/** undefined: there is none. */
export function pickMaybe<T>(from: readonly T[], drawn: number): T | undefined {
  return from.length === 0 ? undefined : from[drawn % from.length]
}

export function topicOf({ model }: GroupsBench, drawn: number): ModelTopic | undefined {
  return pickMaybe(model.all, drawn)
}

export function groupOf({ model }: GroupsBench, drawn: number): ModelGroup | undefined {
  return pickMaybe([...model.groups.values()], drawn)
}

export function memberOf({ members }: GroupsBench, drawn: number): DrivenMember | undefined {
  return pickMaybe(members, drawn)
}
