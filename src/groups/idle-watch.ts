// Waits until every member has handled and committed all there is. Nothing polls: whoever makes progress says so, and
// while somebody waits the groups are looked at. What waits for a clock that can be stepped counts as idle, and
// `advance` steps it to where the first of that is due; any other clock goes on by itself, and is waited for.
import { onAbort } from '../base/abort-listeners.ts'
import { UsageError, type MillraceError } from '../base/errors.ts'
import type { Clock } from '../platform/clock.ts'
import { keepAlive } from '../platform/keep-alive.ts'
import { nextTurn } from '../platform/next-turn.ts'
import type { Group } from './group.ts'

/** What may have stopped before it was done. */
export interface Work { readonly failure: MillraceError | undefined }

interface SteppedClock extends Clock { advance(ms: number): Promise<void> }

export class IdleWatch {
  readonly #clock: Clock
  readonly #groups: () => Iterable<Group>
  readonly #works: () => Iterable<Work>
  readonly #waiting = new Set<() => void>()
  #ended: Error | undefined

  constructor(clock: Clock, groups: () => Iterable<Group>, works: () => Iterable<Work>) {
    this.#clock = clock
    this.#groups = groups
    this.#works = works
  }

  /** Something was handled, committed, given up, or has failed. */
  look(): void {
    if (this.#waiting.size === 0) return
    for (const wake of [...this.#waiting]) wake()
  }

  async idle({ signal, advance }: { signal?: AbortSignal | undefined; advance: boolean }): Promise<void> {
    const clock = advance ? this.#steppedClock() : undefined
    const release = keepAlive()
    try {
      for (;;) {
        await this.#atRest(signal)
        const due = clock === undefined ? undefined : this.#nextDue()
        if (due === undefined) return
        await clock!.advance(Math.max(0, due - this.#clock.now()))
      }
    } finally {
      release()
    }
  }

  /** At rest at one moment, and still a turn later: what a handler has sent without waiting for it is in the log then. */
  async #atRest(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const waking = this.#woken(signal)
      try {
        while (!this.#isAtRest()) {
          this.#check(signal)
          await this.#commitHandled()
          if (!this.#isAtRest()) await waking.next()
        }
        await nextTurn()
        this.#check(signal)
        if (this.#isAtRest()) return
      } finally {
        waking.end()
      }
    }
  }

  #woken(signal: AbortSignal | undefined): { next(): Promise<void>; end(): void } {
    let wake = () => { /* nobody waits yet */ }
    let isWoken = false
    const look = () => {
      isWoken = true
      wake()
    }
    this.#waiting.add(look)
    const stopListening = onAbort(signal, look)
    return {
      next: async () => {
        if (!isWoken) await new Promise<void>(resolve => { wake = resolve })
        isWoken = false
      },
      end: () => {
        this.#waiting.delete(look)
        stopListening()
      },
    }
  }

  /** Whoever waits ends with the reason: nothing more is handled. */
  end(reason: Error): void {
    this.#ended = reason
    this.look()
  }

  #check(signal: AbortSignal | undefined): void {
    if (this.#ended !== undefined) throw this.#ended
    signal?.throwIfAborted()
    for (const { failure } of this.#works()) if (failure !== undefined) throw failure
  }

  #isAtRest(): boolean {
    for (const { failure } of this.#works()) if (failure !== undefined) return false
    for (const group of this.#groups()) if (!group.isIdle) return false
    return isStepped(this.#clock) || this.#nextDue() === undefined
  }

  /** What waits for the interval of its commits does not have to. */
  async #commitHandled(): Promise<void> {
    for (const group of this.#groups()) for (const member of group.present) await member.commitHandled()
  }

  #nextDue(): number | undefined {
    const due = [...this.#groups()].flatMap(({ present }) => present).flatMap(({ waitsUntil }) => waitsUntil ?? [])
    return due.length === 0 ? undefined : Math.min(...due)
  }

  #steppedClock(): SteppedClock {
    if (isStepped(this.#clock)) return this.#clock
    throw new UsageError('CLOCK_NOT_STEPPED', 'idle: { advance: true } needs a clock that can be stepped', { hint: 'use the log of testLog(), or wait without it' })
  }
}

function isStepped(clock: Clock): clock is SteppedClock {
  return typeof (clock as Partial<SteppedClock>).advance === 'function'
}
