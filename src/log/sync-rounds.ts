// When the log syncs in the background: a round once an interval, and none while nothing was written. So a log that
// nobody writes to wakes no disk, and a test's clock crosses a day in one step.
//
//   what is needed before a round begins, that round sees; what is needed later, the next: one interval after it ended
import type { Clock } from '../platform/clock.ts'

export class SyncRounds {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #round: () => Promise<void>
  /** Set while a round is to come or runs. */
  #timer: { cancel(): void } | undefined
  #running = false
  #neededAgain = false
  #stopped = false

  /** `round` never rejects; where something is left to do, it calls needed(). */
  constructor(clock: Clock, intervalMs: number, round: () => Promise<void>) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#round = round
  }

  /** Something is not on the device yet: a round begins within an interval. */
  needed(): void {
    if (this.#running) this.#neededAgain = true
    else if (this.#timer === undefined && !this.#stopped) this.#schedule()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimeout(() => void this.#run(), this.#intervalMs)
  }

  async #run(): Promise<void> {
    this.#running = true
    await this.#round()
    this.#running = false
    this.#timer = undefined
    if (!this.#neededAgain) return
    this.#neededAgain = false
    this.needed()
  }
}
