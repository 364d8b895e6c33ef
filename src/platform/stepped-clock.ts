// A clock that stands still until it is told to go on, for tests. advance() fires due timers in the order of their
// times (then of their making), also those made on the way, and lets what they set off come to rest in between:
// promise chains, and the work that `busy` counts. Time never goes back.
//   timers fire at their own time: now() in a callback is the time the timer was set for
import { setImmediate } from 'node:timers'
import type { Clock } from './clock.ts'
import { TimerQueue } from './timer-queue.ts'

/** 2026-01-01T00:00:00Z, so that runs repeat. */
const START_MS = 1_767_225_600_000
/** Turns of the event loop in which nothing happened: then all has come to rest. */
const QUIET_TURNS = 3
/** More turns than any honest work takes; more than that is a loop that keeps itself busy. */
const MAX_TURNS = 100_000

export interface SteppedClockOptions {
  readonly startMs?: number
  /** Work under way elsewhere that advance() has to wait for: a simulated file system's pendingJobs, say. */
  readonly busy?: () => number
}

export class SteppedClock implements Clock {
  #now: number
  readonly #busy: () => number
  readonly #timers = new TimerQueue()
  /** Counts timers made, fired and cancelled: while it changes, something happens. */
  #events = 0

  constructor({ startMs = START_MS, busy = () => 0 }: SteppedClockOptions = {}) {
    this.#now = startMs
    this.#busy = busy
  }

  /** Timers that wait. */
  get pending(): number { return this.#timers.size }

  now(): number { return this.#now }

  setTimeout(callback: () => void, ms: number): { cancel(): void } {
    const timer = this.#timers.add(this.#now + Math.max(0, ms), callback)
    this.#events++
    return { cancel: () => { if (this.#timers.remove(timer)) this.#events++ } }
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.settle()
    for (let timer = this.#timers.first; timer !== undefined && timer.at <= end; timer = this.#timers.first) {
      this.#timers.remove(timer)
      this.#events++
      this.#now = Math.max(this.#now, timer.at)
      timer.callback()
      await this.settle()
    }
    this.#now = Math.max(this.#now, end)
  }

  /** Lets everything that needs no time come to rest. */
  async settle(): Promise<void> {
    let quietTurns = 0
    for (let turns = 0; quietTurns < QUIET_TURNS; turns++) {
      if (turns === MAX_TURNS) throw new Error(`millrace: no rest after ${MAX_TURNS} turns of the event loop, ${this.#busy()} jobs under way`)
      const events = this.#events
      await new Promise<void>(resolve => { setImmediate(resolve) })
      quietTurns = events === this.#events && this.#busy() === 0 ? quietTurns + 1 : 0
    }
  }
}
