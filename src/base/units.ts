// Durations and sizes as people write them, into the numbers the log works with: milliseconds and bytes.
// Strict on purpose: '10m' and '10MB' mean different things to different people, so what is not exactly one of
// the written forms is refused with examples. Results are whole and not negative; Infinity is "no limit".
import { describe } from './describe.ts'
import { UsageError } from './errors.ts'

/** Milliseconds, or '250ms' '30s' '15m' '12h' '7d' 'forever'. */
export type Duration = number | string
/** Bytes, or '64KiB' '16MiB' '2GiB' 'unlimited'. */
export type Size = number | string

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB

const DURATION_UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1], ['s', 1000], ['m', 60_000], ['h', 3_600_000], ['d', 86_400_000],
])
/** Largest first: formatBytes takes the first that divides. */
const SIZE_UNITS: ReadonlyMap<string, number> = new Map([['GiB', GiB], ['MiB', MiB], ['KiB', KiB], ['B', 1]])

/** What people write instead, by its lower case, and what it is called here. */
const MISSPELT_DURATION_UNITS: ReadonlyMap<string, string> = new Map([
  ['', 'ms'], ['msec', 'ms'], ['millis', 'ms'], ['millisecond', 'ms'], ['milliseconds', 'ms'],
  ['sec', 's'], ['secs', 's'], ['second', 's'], ['seconds', 's'], ['min', 'm'], ['mins', 'm'], ['minute', 'm'], ['minutes', 'm'],
  ['hr', 'h'], ['hrs', 'h'], ['hour', 'h'], ['hours', 'h'], ['day', 'd'], ['days', 'd'],
])
const MISSPELT_SIZE_UNITS: ReadonlyMap<string, string> = new Map([
  ['', 'B'], ['byte', 'B'], ['bytes', 'B'], ['k', 'KiB'], ['kb', 'KiB'], ['m', 'MiB'], ['mb', 'MiB'], ['g', 'GiB'], ['gb', 'GiB'],
])

const DURATION_EXAMPLES = "whole milliseconds as a number, or a text like '250ms', '30s', '15m', '12h', '7d' or 'forever'"
const SIZE_EXAMPLES = "whole bytes as a number, or a text like '512B', '64KiB', '16MiB', '2GiB' or 'unlimited'"

/** Milliseconds; 'forever' is Infinity. `what` begins the message: "topic 'orders': option 'retention'". */
export function parseDuration(value: unknown, what: string): number {
  const ms = value === 'forever' ? Infinity : parseCount(value, DURATION_UNITS)
  if (ms !== undefined) return ms
  throw new UsageError('DURATION_INVALID', `${what}: found ${describe(value)}, expected ${DURATION_EXAMPLES}`, {
    hint: hintFor(value, DURATION_UNITS, MISSPELT_DURATION_UNITS, 'a duration'), details: { found: value },
  })
}

/** Bytes; 'unlimited' is Infinity, where the option allows it. */
export function parseSize(value: unknown, what: string): number {
  const bytes = value === 'unlimited' ? Infinity : parseCount(value, SIZE_UNITS)
  if (bytes !== undefined) return bytes
  throw new UsageError('SIZE_INVALID', `${what}: found ${describe(value)}, expected ${SIZE_EXAMPLES}`, {
    hint: hintFor(value, SIZE_UNITS, MISSPELT_SIZE_UNITS, 'a size'), details: { found: value },
  })
}

/** Exact, in the largest unit that divides: parseSize gives the same number back. */
export function formatBytes(bytes: number): string {
  return formatCount(bytes, SIZE_UNITS, 'unlimited')
}

/** Exact, in the largest unit that divides: parseDuration gives the same number back. */
export function formatDuration(ms: number): string {
  return formatCount(ms, DURATION_UNITS, 'forever')
}

function formatCount(count: number, units: ReadonlyMap<string, number>, unlimited: string): string {
  if (count === Infinity) return unlimited
  const largestFirst = [...units].sort((a, b) => b[1] - a[1])
  for (const [unit, worth] of largestFirst) if (count % worth === 0 && count >= worth) return `${count / worth}${unit}`
  return `${count}${largestFirst.at(-1)?.[0] ?? ''}`
}

/** undefined: not a number of the kind that is wanted. */
function parseCount(value: unknown, units: ReadonlyMap<string, number>): number | undefined {
  if (typeof value === 'number') return isCount(value) || value === Infinity ? value + 0 : undefined // -0 becomes 0
  if (typeof value !== 'string') return undefined
  const { digits, unit } = split(value)
  const worth = units.get(unit)
  if (digits === '' || worth === undefined) return undefined
  const count = Number(digits) * worth
  return isCount(count) ? count : undefined
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function split(text: string): { digits: string; unit: string } {
  const digits = /^[0-9]{1,16}/.exec(text)?.[0] ?? ''
  return { digits, unit: text.slice(digits.length) }
}

function hintFor(value: unknown, units: ReadonlyMap<string, number>, misspelt: ReadonlyMap<string, string>, kind: string): string {
  if (typeof value === 'number') return `${kind} is a whole number, not negative, up to ${Number.MAX_SAFE_INTEGER}; round it, or write it with a unit`
  if (typeof value !== 'string') return `give ${kind} as a number or as a text with a unit`
  const { digits, unit } = split(value.trim())
  const meant = misspelt.get(unit.trim().toLowerCase()) ?? [...units.keys()].find(known => known.toLowerCase() === unit.trim().toLowerCase())
  if (digits !== '' && meant !== undefined && isCount(Number(digits) * (units.get(meant) ?? NaN))) return `did you mean '${digits}${meant}'?`
  if (/^[0-9]*[.,][0-9]/.test(value)) return `write ${kind} without a fraction, in a smaller unit`
  return `a whole number, at most ${Number.MAX_SAFE_INTEGER} when converted, and one of the units ${[...units.keys()].join(', ')}, without a space`
}
