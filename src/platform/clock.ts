// Time, as the log sees it: wall-clock milliseconds for timestamps and timers for everything that waits.
// Timers come from node:timers, so that a test's fake timers neither stop nor drive the log; time is stepped
// by passing another Clock. They are unref'd: an open log keeps no process alive.
import { clearTimeout, setTimeout } from 'node:timers'

export interface Clock {
  now(): number
  setTimeout(callback: () => void, ms: number): { cancel(): void }
}

/** Taken before a test puts a Date of its own in place of the global one. */
const { now } = Date

export const systemClock: Clock = {
  now,
  setTimeout(callback, ms) {
    const timer = setTimeout(callback, ms)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}
