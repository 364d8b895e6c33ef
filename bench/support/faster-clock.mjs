// A clock for open() whose timers run so many times as fast: what the log does every 30 s comes within a benchmark.
import { setTimeout } from 'node:timers'

/** @param {number} factor @returns {import('millrace').Clock} */
export function fasterClock(factor) {
  return {
    now: () => Date.now(),
    setTimeout(callback, ms) {
      const timer = setTimeout(callback, ms / factor)
      return { cancel: () => { clearTimeout(timer) } }
    },
  }
}
