import { parseDuration, type Duration } from '../base/units.ts'
import type { Clock } from '../platform/clock.ts'
import type { SteppedClock } from '../platform/stepped-clock.ts'

/** A clock that stands still until the test moves it. Everything timed in the log goes by it. */
export class TestClock implements Clock {
  readonly #clock: SteppedClock

  constructor(clock: SteppedClock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  setTimeout(callback: () => void, ms: number): { cancel(): void } {
    return this.#clock.setTimeout(callback, ms)
  }

  /** Steps forward, from one timer that falls due to the next, and resolves once all that they set off has come to rest. */
  async advance(duration: Duration): Promise<void> {
    await this.#clock.advance(parseDuration(duration, 'advance'))
  }

  /** Resolves once all that needs no time has come to rest. */
  async settle(): Promise<void> {
    await this.#clock.settle()
  }
}
