// Which topics a member reads: named ones, whether they exist yet or not, or all that match a pattern.
import { describe } from '../base/describe.ts'
import { UsageError } from '../base/errors.ts'
import { checkTopicName } from '../log/topic-name.ts'
import { nameOf, type TopicLike } from '../log/topic-like.ts'

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- topics of any kind
export type TopicSelection = TopicLike<any, any> | string | RegExp | readonly (TopicLike<any, any> | string)[]

export class Subscription {
  /** Empty with a pattern. */
  readonly names: readonly string[]
  readonly #pattern: RegExp | undefined

  constructor(selection: unknown, what: string) {
    this.#pattern = selection instanceof RegExp ? new RegExp(selection.source, selection.flags.replace(/[gy]/g, '')) : undefined // without its memory of the last match
    this.names = this.#pattern === undefined ? readNames(selection, what) : []
  }

  has(topic: string): boolean {
    return this.#pattern === undefined ? this.names.includes(topic) : this.#pattern.test(topic)
  }

  /** Of those that there are. */
  topicsAmong(existing: Iterable<string>): Set<string> {
    return new Set([...existing].filter(topic => this.has(topic)))
  }
}

function readNames(selection: unknown, what: string): string[] {
  const list: readonly unknown[] = Array.isArray(selection) ? selection : [selection]
  const names = list.map(each => {
    const name = nameOf(each)
    if (typeof name !== 'string') throw refused(what, describe(each))
    checkTopicName(name)
    return name
  })
  if (names.length === 0) throw refused(what, 'an empty list')
  return [...new Set(names)]
}

function refused(what: string, found: string): UsageError {
  return new UsageError('TOPICS_INVALID', `${what}: found ${found}, expected topics`, { hint: "give a topic, its name, a list of them, or a pattern: /^orders/" })
}
