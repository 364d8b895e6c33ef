// How long some work takes, and for how long the event loop was held at most meanwhile, by whomever.
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'

const RESOLUTION_MS = 1
const NANOSECONDS_A_MILLISECOND = 1e6

export class StallMeter {
  readonly #delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  readonly #begun = performance.now()

  constructor() {
    this.#delays.enable()
  }

  end(): { durationMs: number; longestStallMs: number } {
    this.#delays.disable()
    const longestMs = this.#delays.count === 0 ? 0 : this.#delays.max / NANOSECONDS_A_MILLISECOND - RESOLUTION_MS
    return { durationMs: performance.now() - this.#begun, longestStallMs: Math.max(0, longestMs) }
  }
}
