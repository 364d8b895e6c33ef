// How figures are shown: aligned tables, or an object a line with --json.
import { cpus, loadavg, totalmem } from 'node:os'
import { flags } from './flags.mjs'

/**
 * @param {string} title
 * @param {readonly string[]} head
 * @param {readonly (readonly (string | number)[])[]} rows  numbers are shown with three digits, and told in full in JSON
 * @param {Readonly<Record<string, unknown>>} [notes]  what the figures can't be read without
 */
export function print(title, head, rows, notes = {}) {
  if (flags.json) {
    const named = rows.map(([name, ...cells]) => [name, Object.fromEntries(cells.map((cell, i) => [head[i + 1], cell]))])
    console.log(JSON.stringify({ title, ...notes, rows: Object.fromEntries(named) }))
    return
  }
  const texts = rows.map(row => row.map(cell => typeof cell === 'number' ? short(cell) : cell))
  const widths = head.map((cell, i) => Math.max(cell.length, ...texts.map(row => row[i]?.length ?? 0)))
  const line = (/** @type {readonly string[]} */ row) => row.map((cell, i) => i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)).join('  ').trimEnd()
  const noted = Object.entries(notes).map(([name, value]) => `${name} ${value}`).join(', ')
  console.log(['', title, ...noted === '' ? [] : [noted], line(head), ...texts.map(line)].join('\n'))
}

/** What no figure can be read without. */
export function machine() {
  return {
    Node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processors: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    load: load(),
  }
}

export function load() {
  return loadavg().map(value => value.toFixed(1)).join(' ')
}

/** @param {readonly number[]} values */
export function median(values) {
  return percentile(values, 0.5)
}

/** The nearest rank; between the two in the middle for an even median. @param {readonly number[]} values @param {number} share */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = share * (sorted.length - 1)
  if (share === 0.5) return ((sorted[Math.floor(at)] ?? NaN) + (sorted[Math.ceil(at)] ?? NaN)) / 2
  return sorted[Math.min(sorted.length - 1, Math.ceil(at))] ?? NaN
}

/** Three digits: 1.23 M, 45.6 k. @param {number} value */
function short(value) {
  if (!Number.isFinite(value)) return '–'
  if (Number.isInteger(value) && value < 1000) return String(value)
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)} M`
  if (value >= 999.5) return `${(value / 1000).toPrecision(3)} k`
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
