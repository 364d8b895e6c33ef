// Which topics a client behind a door reads: those it names, and those whose whole name matches its expression.
// A name of a topic that is not there yet is no mistake: it is read once it is there.
//
// Bounded: each name is tried once, and an expression that is too slow matches nothing that it was not tried on yet.
import { matching } from '../platform/bounded-regexp.ts'
import { GroupFault } from './group-fault.ts'

/** For all topics there are; the usual expressions take microseconds. By the wall clock: a machine that is busy is not to refuse those. */
const LONGEST_MATCHING_MS = 1_000

export class RemoteSubscription {
  readonly names: readonly string[]
  /** As the client wrote it; '': none. */
  readonly pattern: string
  readonly #expression: RegExp | undefined
  /** What was tried, and whether it matches. */
  #tried = new Map<string, boolean>()
  #isTooSlow = false

  /** Throws where the expression is none. Kafka's brokers take RE2's syntax, this is JavaScript's: the usual is the same in both. */
  constructor(names: readonly string[], pattern: string) {
    this.names = names
    this.pattern = pattern
    this.#expression = pattern === '' ? undefined : parse(pattern)
  }

  topicsAmong(existing: Iterable<string>): Set<string> {
    const topics = [...existing]
    if (this.#expression !== undefined) this.#try(this.#expression, topics)
    const named = new Set(this.names)
    return new Set(topics.filter(topic => named.has(topic) || this.#tried.get(topic) === true))
  }

  /** Throws where the expression turned out to be too slow: its client is not to take what it gets for all there is. */
  check(): void {
    if (this.#isTooSlow) throw new GroupFault('INVALID_REGULAR_EXPRESSION', `the regular expression '${this.pattern}' takes longer than ${LONGEST_MATCHING_MS} ms for the topics there are: write it without repetitions of repetitions`)
  }

  #try(expression: RegExp, topics: readonly string[]): void {
    this.#tried = new Map(topics.flatMap(topic => this.#tried.has(topic) ? [[topic, this.#tried.get(topic)!]] : []))
    const untried = topics.filter(topic => !this.#tried.has(topic))
    if (untried.length === 0 || this.#isTooSlow) return
    const matched = matching(expression, untried, LONGEST_MATCHING_MS)
    if (matched === undefined) {
      this.#isTooSlow = true
      return
    }
    const matches = new Set(matched)
    for (const topic of untried) this.#tried.set(topic, matches.has(topic))
  }
}

function parse(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`)
  } catch (error) {
    throw new GroupFault('INVALID_REGULAR_EXPRESSION', `the regular expression '${pattern}' can't be read: ${(error as Error).message}`)
  }
}
