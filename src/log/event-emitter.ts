// Tells listeners what happened in the background. A listener that throws does not disturb whoever told: its error
// becomes an 'error' event of its own, and is dropped only where that listener throws again.
import type { MillraceError } from '../base/errors.ts'
import { UsageError } from '../base/errors.ts'

export interface LogEvents {
  error: { error: MillraceError; topic?: string; partition?: number }
  warning: { code: string; message: string; hint?: string }
  recovered: { topic: string; partition: number; cutBytes: number; endOffset: number }
  /** A round that did something, or failed to. */
  housekeeping: HousekeepingReport
  /** A group's position lay beyond what an unclean end left of the partition, and was moved to its end. */
  rewound: { group: string; topic: string; partition: number; from: number; to: number }
}

/** What a round did. The log's own topics are compacted too, and not counted. */
export interface HousekeepingReport {
  /** By retention. */
  segmentsDeleted: number
  /** That were read and written anew, alone or as one with their neighbours. */
  segmentsCompacted: number
  /** Of records, by both. The files go a minute later, or when room is short. */
  bytesFreed: number
  durationMs: number
  /** For how long the event loop was held at most while it ran, by whomever. */
  longestStallMs: number
  failures: MillraceError[]
}

export interface Logger { debug(o: object, m: string): void; info(o: object, m: string): void; warn(o: object, m: string): void; error(o: object, m: string): void }

/** Calls each listener; what one throws is told to `onFailed` and disturbs nobody else. */
export function tellAll<T>(listeners: Iterable<(facts: T) => void>, event: string, facts: T, onFailed: (error: UsageError) => void): void {
  for (const listener of listeners) {
    try {
      listener(facts)
    } catch (cause) {
      onFailed(new UsageError('LISTENER_FAILED', `a listener of '${event}' threw: ${String(cause)}`, { hint: 'listeners must not throw', cause }))
    }
  }
}

/** Who listens to which event. */
export class Listeners<Events> {
  readonly #sets: ReadonlyMap<unknown, Set<(facts: never) => void>>
  readonly #what: string

  /** `what` begins the refusal of an event that there is not. */
  constructor(events: readonly (keyof Events & string)[], what: string) {
    this.#sets = new Map(events.map(event => [event, new Set()]))
    this.#what = what
  }

  get isEmpty(): boolean { return [...this.#sets.values()].every(({ size }) => size === 0) }

  on<E extends keyof Events & string>(event: E, listener: (facts: Events[E]) => void): () => void {
    const listeners = this.#sets.get(event)
    if (listeners === undefined || typeof listener !== 'function') {
      throw new UsageError('EVENT_UNKNOWN', `${this.#what}: there is no event '${String(event)}', or its listener is no function`, { hint: `events are ${[...this.#sets.keys()].join(', ')}` })
    }
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  tell<E extends keyof Events & string>(event: E, facts: Events[E], onFailed: (error: UsageError) => void): void {
    tellAll(this.#sets.get(event) as Set<(facts: Events[E]) => void>, event, facts, onFailed)
  }
}

export class EventEmitter {
  readonly #listeners = new Listeners<LogEvents>(['error', 'warning', 'recovered', 'rewound', 'housekeeping'], 'on')
  readonly #logger: Logger | undefined
  #held: (() => void)[] = []
  #holders = 0

  constructor(logger: Logger | undefined) {
    this.#logger = logger
  }

  on<E extends keyof LogEvents>(event: E, listener: (event: LogEvents[E]) => void): () => void {
    return this.#listeners.on(event, listener)
  }

  /** Keeps what happens for later: while a log opens nobody can listen yet. Returns what tells it, once all who hold have let go. */
  hold(): () => void {
    this.#holders++
    return () => {
      if (--this.#holders > 0) return
      for (const emit of this.#held.splice(0)) emit()
    }
  }

  emit<E extends keyof LogEvents>(event: E, facts: LogEvents[E]): void {
    if (this.#holders > 0) {
      this.#held.push(() => { this.emit(event, facts) })
      return
    }
    this.#log(event, facts)
    this.#listeners.tell(event, facts, error => {
      if (event !== 'error') this.emit('error', { error })
      else this.#logger?.error({ error }, error.message)
    })
  }

  #log<E extends keyof LogEvents>(event: E, facts: LogEvents[E]): void {
    if (this.#logger === undefined) return
    if (event === 'error') this.#logger.error(facts, (facts as LogEvents['error']).error.message)
    else if (event === 'warning') this.#logger.warn(facts, (facts as LogEvents['warning']).message)
    else this.#logger.info(facts, event)
  }
}
