// Whether calls hold the event loop. Who awaits one quick call after the other never leaves the microtask queue: each
// call is short, and still no timer and no socket gets its turn. What serves such calls asks held() at each of them
// and, when that is true, answers on a later turn (the benchmark 'long-work').
import { setImmediate } from 'node:timers'

const BUDGET_MS = 5

export class HeldLoop {
  /** When the first call of this turn came; undefined once the event loop has turned. */
  #since: number | undefined

  /** Whether it is longer than the budget since the first call that this turn of the event loop has seen. */
  held(): boolean {
    if (this.#since !== undefined) return performance.now() - this.#since >= BUDGET_MS
    this.#since = performance.now()
    setImmediate(() => { this.#since = undefined }).unref()
    return false
  }
}
