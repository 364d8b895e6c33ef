// What this process holds of the machine, as Linux tells it.
import { readFileSync, readdirSync } from 'node:fs'
import { setInterval } from 'node:timers'

const LOOK_MS = 20

/** Private memory, in MiB: what is not backed by a file. NaN where the system does not tell. */
export function privateMiB() {
  try {
    return Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024
  } catch {
    return NaN
  }
}

/** Descriptors that are open, those of Node itself included. */
export function descriptorCount() {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return NaN
  }
}

/**
 * The most that was seen while the work ran, looking every 20 ms.
 * @template T
 * @param {() => Promise<T>} work
 */
export async function peaksBeside(work) {
  let mib = privateMiB()
  let descriptors = descriptorCount()
  const look = () => {
    mib = Math.max(mib, privateMiB())
    descriptors = Math.max(descriptors, descriptorCount())
  }
  const timer = setInterval(look, LOOK_MS)
  const start = performance.now()
  const result = await work()
  look()
  clearInterval(timer)
  return { result, seconds: (performance.now() - start) / 1000, mib, descriptors }
}
