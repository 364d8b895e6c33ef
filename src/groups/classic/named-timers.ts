// One timer for each name, on the log's clock: set again, it begins anew.
import type { Clock } from '../../platform/clock.ts'

export class NamedTimers {
  readonly #clock: Clock
  readonly #timers = new Map<string, { cancel(): void }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  set(name: string, ms: number, due: () => void): void {
    this.cancel(name)
    this.#timers.set(name, this.#clock.setTimeout(() => {
      this.#timers.delete(name)
      due()
    }, ms))
  }

  cancel(name: string): void {
    this.#timers.get(name)?.cancel()
    this.#timers.delete(name)
  }

  cancelAll(): void {
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }
}
