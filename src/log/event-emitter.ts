// Tells listeners what happened in the background. A listener that throws does not disturb whoever told: its error
// becomes an 'error' event of its own, and is dropped only where that listener throws again.
import type { MillraceError } from '../base/errors.ts'
import { UsageError } from '../base/errors.ts'

export interface LogEvents {
  error: { error: MillraceError; topic?: string; partition?: number }
  warning: { code: string; message: string; hint?: string }
  recovered: { topic: string; partition: number; cutBytes: number; endOffset: number }
  /** A group's position lay beyond what an unclean end left of the partition, and was moved to its end. */
  rewound: { group: string; topic: string; partition: number; from: number; to: number }
}

export interface Logger { debug(o: object, m: string): void; info(o: object, m: string): void; warn(o: object, m: string): void; error(o: object, m: string): void }

type Listener<E extends keyof LogEvents> = (event: LogEvents[E]) => void

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

export class EventEmitter {
  readonly #listeners: { [E in keyof LogEvents]: Set<Listener<E>> } = { error: new Set(), warning: new Set(), recovered: new Set(), rewound: new Set() }
  readonly #logger: Logger | undefined
  #held: (() => void)[] = []
  #holders = 0

  constructor(logger: Logger | undefined) {
    this.#logger = logger
  }

  on<E extends keyof LogEvents>(event: E, listener: Listener<E>): () => void {
    if (!Object.hasOwn(this.#listeners, event) || typeof listener !== 'function') {
      throw new UsageError('EVENT_UNKNOWN', `on: there is no event '${String(event)}', or its listener is no function`, { hint: `events are ${Object.keys(this.#listeners).join(', ')}` })
    }
    const listeners = this.#listeners[event] as Set<Listener<E>>
    listeners.add(listener)
    return () => listeners.delete(listener)
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
    tellAll(this.#listeners[event] as Set<Listener<E>>, event, facts, error => {
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
