// How long some work takes, and for how long the event loop was held at most meanwhile, by whomever. Its own timer tells: Node's
// monitorEventLoopDelay counts from its first turn on and up to its last, and sees nothing of work that lets no turn come.
import { performance } from 'node:perf_hooks'
import { clearInterval, setInterval } from 'node:timers'

const RESOLUTION_MS = 1

export class StallMeter {
  readonly #begun = performance.now()
  readonly #timer = setInterval(() => { this.#look() }, RESOLUTION_MS).unref()
  #lookedAt = this.#begun
  #longestMs = 0

  end(): { durationMs: number; longestStallMs: number } {
    clearInterval(this.#timer)
    this.#look()
    return { durationMs: this.#lookedAt - this.#begun, longestStallMs: Math.max(0, this.#longestMs - RESOLUTION_MS) }
  }

  #look(): void {
    const now = performance.now()
    this.#longestMs = Math.max(this.#longestMs, now - this.#lookedAt)
    this.#lookedAt = now
  }
}
