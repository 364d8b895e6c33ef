// Measuring side by side: contenders run in turn, round after round, so that whatever disturbs the machine meets them
// alike. What counts is each contender's median, how far its rounds lie apart, and its ratio to the first contender,
// taken round by round: ratios hold on another machine, rates do not. The CPU time of all the process's threads is told as
// well: it hardly changes when other processes want the same cores.
import { cpus, loadavg, totalmem } from 'node:os'

/** @typedef {{ count: number, seconds: number, cpuSeconds: number }} Timing */
/** @typedef {() => Promise<Timing>} Contender */

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)

/**
 * @template T
 * @param {number} count  what the work does so many of
 * @param {() => T | Promise<T>} work
 * @returns {Promise<Timing>}
 */
export async function timed(count, work) {
  globalThis.gc?.()
  const start = performance.now()
  const startCpu = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(startCpu)
  return { count, seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 }
}

/**
 * Prints a table of the contenders. The round that warms the compiler up is not counted.
 * @param {string} title
 * @param {string} unit  what is counted: 'records', 'partitions'
 * @param {Readonly<Record<string, Contender>>} contenders  the first is what the others are compared with
 */
export async function compare(title, unit, contenders) {
  /** @type {Map<string, Timing[]>} */
  const timings = new Map(Object.keys(contenders).map(name => [name, []]))
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, contender] of Object.entries(contenders)) {
      const timing = await contender()
      if (round > 0) timings.get(name)?.push(timing)
    }
  }
  const [first = []] = [...timings.values()].map(rates)
  print(title, ['', `${unit}/s`, 'min – max', 'ratio', 'CPU ns each'], [...timings].map(([name, all]) => [
    name,
    short(median(rates(all))),
    `${short(Math.min(...rates(all)))} – ${short(Math.max(...rates(all)))}`,
    median(rates(all).map((rate, i) => rate / (first[i] ?? NaN))).toPrecision(2),
    median(all.map(({ count, cpuSeconds }) => cpuSeconds / count * 1e9)).toFixed(0),
  ]))
}

/** @param {readonly Timing[]} timings */
function rates(timings) {
  return timings.map(({ count, seconds }) => count / seconds)
}

/**
 * @param {string} title
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
export function print(title, head, rows) {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map(row => row[i]?.length ?? 0)))
  const line = (/** @type {readonly string[]} */ row) => row.map((cell, i) => i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)).join('  ')
  console.log(`\n${title}\n${line(head)}\n${rows.map(line).join('\n')}`)
}

/** What a figure can't be read without. */
export function describeMachine() {
  const load = loadavg().map(value => value.toFixed(1)).join(' ')
  return `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, load ${load}`
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] ?? NaN : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

/** Three digits: 1.23 M, 45.6 k. @param {number} value */
export function short(value) {
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`
  return value >= 1000 ? `${(value / 1000).toPrecision(3)} k` : value.toPrecision(3)
}
