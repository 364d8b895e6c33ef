// When the log works in the background (it syncs, it keeps house): a round once an interval, and none while nothing asks
// for one. So a log that nobody writes to wakes no disk, and a test's clock crosses a day in one step.
//
//   what is needed before a round begins, that round sees; what is needed later, the next: one interval after it ended
import type { Clock } from '../platform/clock.ts'

/** A timer takes 31 bits: after so long a round comes in any case. */
const LONGEST_TIMER_MS = 2 ** 31 - 1
/** What is urgent waits for no interval; but rounds that bring nothing must not follow each other at once. */
const URGENT_MS = 1000

export class Rounds {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #round: () => Promise<void>
  /** Set while a round is to come. */
  #timer: { cancel(): void } | undefined
  #timerAt = Infinity
  #running = false
  /** Asked for while a round runs. */
  #againInMs = Infinity
  #stopped = false

  /** `round` never rejects; where something is left to do, it calls needed(). */
  constructor(clock: Clock, intervalMs: number, round: () => Promise<void>) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#round = round
  }

  /** There is something to do: a round begins within an interval, or after a longer time where it has that. */
  needed(inMs = this.#intervalMs): void {
    this.#begin(Math.min(Math.max(inMs, this.#intervalMs), LONGEST_TIMER_MS))
  }

  /** Somebody waits for it: a round begins within a second, and no sooner after the last. */
  urgent(): void {
    this.#begin(Math.min(this.#intervalMs, URGENT_MS))
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #begin(ms: number): void {
    if (this.#running) this.#againInMs = Math.min(this.#againInMs, ms)
    else if (!this.#stopped && this.#clock.now() + ms < this.#timerAt) this.#schedule(ms)
  }

  #schedule(ms: number): void {
    this.#timer?.cancel()
    this.#timerAt = this.#clock.now() + ms
    this.#timer = this.#clock.setTimeout(() => void this.#run(), ms)
  }

  async #run(): Promise<void> {
    this.#timerAt = Infinity
    this.#running = true
    await this.#round()
    this.#running = false
    const ms = this.#againInMs
    this.#againInMs = Infinity
    if (ms < Infinity) this.#begin(ms)
  }
}
