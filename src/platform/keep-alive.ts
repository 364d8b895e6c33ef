// Keeps the process from ending while somebody waits for the log, whose own timers are unref'd.
import { clearInterval, setInterval } from 'node:timers'

const LONG_MS = 2 ** 31 - 1
let holders = 0
let timer: NodeJS.Timeout | undefined

/** Returns what lets go; calling it again does nothing. */
export function keepAlive(): () => void {
  if (holders++ === 0) timer = setInterval(() => { /* only its being there counts */ }, LONG_MS)
  let held = true
  return () => {
    if (!held) return
    held = false
    if (--holders === 0) clearInterval(timer)
  }
}
