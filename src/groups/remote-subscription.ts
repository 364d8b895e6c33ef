// Which topics a client behind a door reads: those it names, and those whose whole name matches its expression.
// A name of a topic that is not there yet is no mistake: it is read once it is there.
import { GroupFault } from './group-fault.ts'

export class RemoteSubscription {
  readonly names: readonly string[]
  /** As the client wrote it; '': none. */
  readonly pattern: string
  readonly #expression: RegExp | undefined

  /** Throws where the expression is none. Kafka's brokers take RE2's syntax, this is JavaScript's: the usual is the same in both. */
  constructor(names: readonly string[], pattern: string) {
    this.names = names
    this.pattern = pattern
    this.#expression = pattern === '' ? undefined : parse(pattern)
  }

  topicsAmong(existing: Iterable<string>): Set<string> {
    const named = new Set(this.names)
    return new Set([...existing].filter(topic => named.has(topic) || this.#expression?.test(topic) === true))
  }
}

function parse(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`)
  } catch (error) {
    throw new GroupFault('INVALID_REGULAR_EXPRESSION', `the regular expression '${pattern}' can't be read: ${(error as Error).message}`)
  }
}
