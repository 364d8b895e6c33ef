// Lets a long loop give way to the event loop before it has held it for longer than its budget.
//
//   const slices = new Slices()
//   for (…) { …; if (slices.due()) await slices.pause() }
//
// due() is called for every record and looks at the time only now and then: after as many calls as fit into an
// eighth of the budget at the pace of the last look, at most 1024 and at least 1.
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers'

const BUDGET_MS = 5
/** For work that nobody waits for. */
export const BACKGROUND_MS = 2
const MAX_CALLS_A_LOOK = 1024

export class Slices {
  readonly #budgetMs: number
  #start = performance.now()
  #lookedAt = this.#start
  #callsALook = 1
  #callsLeft = 1

  constructor(budgetMs = BUDGET_MS) {
    this.#budgetMs = budgetMs
  }

  /** Whether the budget is used up: then pause(). */
  due(): boolean {
    return --this.#callsLeft <= 0 && this.#look()
  }

  /** Resolves on a later turn of the event loop, with a fresh budget. */
  pause(): Promise<void> {
    return new Promise(resolve => {
      setImmediate(() => {
        this.#start = this.#lookedAt = performance.now()
        resolve()
      })
    })
  }

  #look(): boolean {
    const now = performance.now()
    const elapsedMs = now - this.#lookedAt
    this.#lookedAt = now
    const stepMs = this.#budgetMs / 8
    // Up in small steps, down at once: a loop whose body turns slow is caught at the next look.
    if (elapsedMs > stepMs) this.#callsALook = Math.max(1, Math.floor(this.#callsALook * stepMs / elapsedMs))
    else if (elapsedMs < stepMs / 2) this.#callsALook = Math.min(MAX_CALLS_A_LOOK, this.#callsALook * 2)
    this.#callsLeft = this.#callsALook
    return now - this.#start >= this.#budgetMs
  }
}
