// Work that everybody in a tick shares: it is done when a turn of the microtask queue has brought no more askers, or a
// turn of the event loop later where they would hold that.
import { HeldLoop } from './held-loop.ts'
import { nextTurn } from './next-turn.ts'

export class EndOfTick {
  readonly #work: () => void
  readonly #loop = new HeldLoop()
  #asked = 0
  #isDue = false

  constructor(work: () => void) {
    this.#work = work
  }

  ask(): void {
    this.#asked++
    if (this.#isDue) return
    this.#isDue = true
    this.#doWhenQuiet(this.#asked)
  }

  #doWhenQuiet(seen: number): void {
    void Promise.resolve().then(() => {
      if (this.#asked !== seen) this.#doWhenQuiet(this.#asked)
      else if (this.#loop.held()) void nextTurn().then(() => { this.#do() })
      else this.#do()
    })
  }

  #do(): void {
    this.#isDue = false
    this.#work()
  }
}
