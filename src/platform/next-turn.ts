import { setImmediate } from 'node:timers'

/** Resolves in the next turn of the event loop, after what is due now has run. */
export function nextTurn(): Promise<void> {
  return new Promise(resolve => { setImmediate(resolve) })
}
