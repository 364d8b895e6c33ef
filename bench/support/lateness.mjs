// How late a timer of 1 ms rings beside some work: what the work costs everything else on the event loop.
//
// A stall of 50 ms delays one timer, but a millisecond's worth of callers at each of its milliseconds. So every
// millisecond of the run counts as one that wanted to be called then: a stall of 50 ms is 50 of them, late by
// 50, 49, 48 … ms. Percentiles are of those.
//
// Part of it is other processes' doing. Linux tells how long the main thread computed; `own` counts no more than that of
// each delay. (Waiting for the disk is not in it, what a hypervisor takes away is: compare with the busy loop of stall.mjs.)
import { openSync, readSync } from 'node:fs'
import { setTimeout } from 'node:timers'

const TICK_MS = 1

/** @typedef {{ p50: number, p99: number, p999: number, max: number }} Lateness  in ms */

/**
 * @param {() => Promise<unknown>} work
 * @returns {Promise<{ seconds: number, all: Lateness, own: Lateness }>}
 */
export async function latenessBeside(work) {
  /** @type {number[]} */
  const all = []
  /** @type {number[]} */
  const own = []
  let computed = computedMs()
  let due = performance.now() + TICK_MS
  let timer = setTimeout(tick, TICK_MS)
  function note() {
    const late = performance.now() - due
    const before = computed
    computed = computedMs()
    const ownLate = Math.min(late, computed - before)
    for (let behind = 0; behind < late; behind += TICK_MS) {
      all.push(late - behind)
      own.push(Math.max(0, ownLate - behind))
    }
  }
  function tick() {
    note()
    due = performance.now() + TICK_MS
    timer = setTimeout(tick, TICK_MS)
  }
  const start = performance.now()
  await work()
  note()
  clearTimeout(timer)
  return { seconds: (performance.now() - start) / 1000, all: percentiles(all), own: percentiles(own) }
}

/** @param {number[]} late @returns {Lateness} */
function percentiles(late) {
  late.sort((a, b) => a - b)
  const at = (/** @type {number} */ share) => late[Math.min(late.length - 1, Math.floor(late.length * share))] ?? 0
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) }
}

const text = Buffer.alloc(100)
const schedstat = openSchedstat()

/** For how long the main thread has computed; not told elsewhere, and then all of a delay is its own. */
function computedMs() {
  if (schedstat === undefined) return performance.now()
  const filled = readSync(schedstat, text, 0, text.length, 0)
  return Number(text.toString('latin1', 0, filled).split(' ')[0]) / 1e6
}

function openSchedstat() {
  try {
    return openSync('/proc/self/schedstat', 'r')
  } catch {
    return undefined
  }
}
