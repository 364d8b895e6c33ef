// Whether the time of day can be believed enough to delete by it: it has gone along with the monotonic clock for five
// minutes. A machine that starts without a battery for its clock, or whose time is being set, waits that long; so does
// one that was asleep. A clock that the caller has given is both clocks at once, and is believed.
import { performance } from 'node:perf_hooks'
import { systemClock, type Clock } from './clock.ts'

const AGREED_FOR_MS = 5 * 60_000
/** What setting the time in small steps may make of it between two looks. */
const TOLERATED_MS = 1000

export class ClockAgreement {
  readonly #clock: Clock
  readonly #monotonic: () => number
  #since: number
  #difference: number

  constructor(clock: Clock, monotonic: (() => number) | undefined = clock === systemClock ? () => performance.now() : undefined) {
    this.#clock = clock
    this.#monotonic = monotonic ?? (() => clock.now())
    this.#since = monotonic === undefined ? -Infinity : monotonic()
    this.#difference = clock.now() - this.#monotonic()
  }

  /** Looks, and returns how long it takes until the time can be believed if nothing happens to it; 0: it can. */
  remainingMs(): number {
    const now = this.#monotonic()
    const difference = this.#clock.now() - now
    if (Math.abs(difference - this.#difference) > TOLERATED_MS) {
      this.#since = now
      this.#difference = difference
    }
    return Math.max(0, this.#since + AGREED_FOR_MS - now)
  }
}
