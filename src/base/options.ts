// Options are read once, at the border: a table names each option, its default and how it is read, and what comes
// out is frozen and complete, so that nobody inside asks "given or not?". One table for each area, with unit and
// reason beside the default. The caller's object is neither changed nor kept; only its own keys count, so that
// '__proto__' and 'constructor' are names like any other. A key whose value is undefined was not given.
import { describe, listNames, quote } from './describe.ts'
import { UsageError } from './errors.ts'
import { nearestName } from './nearest-name.ts'
import { formatBytes, formatDuration, parseDuration, parseSize } from './units.ts'

/** In characters. */
const LONGEST_IDENTIFIER = 249

/** Makes the value of an option from what the caller gave, or throws a UsageError that begins with `name`. */
export type Reader<T> = (value: unknown, name: string) => T
export interface Option<T = unknown> { readonly default: unknown; readonly read: Reader<T> }
export type OptionTable = Readonly<Record<string, Option>>

type Simplify<T> = { [Name in keyof T]: T[Name] }
export type OptionsOf<Table extends OptionTable> = Simplify<{ readonly [Name in keyof Table]: ReturnType<Table[Name]['read']> | Table[Name]['default'] }>
/** Only what was given. */
export type GivenOf<Table extends OptionTable> = Simplify<{ readonly [Name in keyof Table]?: ReturnType<Table[Name]['read']> }>

/** Keeps the exact types of the defaults, so that the result's type follows from the table. */
export function optionTable<const Table extends OptionTable>(table: Table): Table {
  return Object.freeze(table)
}

/** `what` begins every message: "topic 'orders'". */
export function readOptions<Table extends OptionTable>(given: unknown, table: Table, what: string): OptionsOf<Table> {
  const defaults = Object.fromEntries(Object.entries(table).map(([name, option]) => [name, option.default]))
  return Object.freeze({ ...defaults, ...readGiven(given, table, what) }) as OptionsOf<Table>
}

/** Reads and checks like readOptions, but fills in no defaults: for what may change only where the caller said so. */
export function readGiven<Table extends OptionTable>(given: unknown, table: Table, what: string): GivenOf<Table> {
  const read: Record<string, unknown> = {}
  for (const [name, value] of entriesOf(given, what)) {
    const option = Object.hasOwn(table, name) ? table[name] : undefined
    if (option === undefined) throw unknownOption(name, table, what)
    if (value !== undefined) read[name] = option.read(value, `${what}: option '${name}'`)
  }
  return Object.freeze(read) as GivenOf<Table>
}

function entriesOf(given: unknown, what: string): [string, unknown][] {
  if (given === undefined) return []
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return Object.entries(given)
  throw new UsageError('OPTIONS_INVALID', `${what}: found ${describe(given)}, expected an object of options`, {
    hint: 'give an object, or leave the options out', details: { found: given },
  })
}

function unknownOption(name: string, table: OptionTable, what: string): UsageError {
  const known = Object.keys(table)
  const nearest = nearestName(name, known)
  return new UsageError('UNKNOWN_OPTION', `${what}: unknown option ${quote(name)}`, {
    hint: nearest === undefined ? `known options are ${known.join(', ')}` : `did you mean '${nearest}'?`,
    details: { option: name, known },
  })
}

/** The error of a value that is not what its option takes. `expected` completes "expected …". */
export function optionInvalid(found: unknown, name: string, expected: string, hint: string): UsageError {
  return new UsageError('OPTION_INVALID', `${name}: found ${describe(found)}, expected ${expected}`, { hint, details: { found } })
}

// ---------------------------------------------------------------- readers

export function oneOf<const Name extends string>(names: readonly Name[]): Reader<Name> {
  return (value, name) => {
    const known = names.find(each => each === value)
    if (known !== undefined) return known
    const nearest = typeof value === 'string' ? nearestName(value, names) : undefined
    throw optionInvalid(value, name, listNames(names), nearest === undefined ? 'take one of these names' : `did you mean '${nearest}'?`)
  }
}

export const boolean: Reader<boolean> = (value, name) => {
  if (typeof value === 'boolean') return value
  throw optionInvalid(value, name, 'true or false', 'give the value itself, not its text')
}

export function integer(limits: { readonly min: number; readonly max: number }): Reader<number> {
  return number({ ...limits, whole: true })
}

export function number(limits: { readonly min: number; readonly max: number; readonly whole?: boolean }): Reader<number> {
  const { min, max, whole = false } = limits
  return (value, name) => {
    if (typeof value === 'number' && value >= min && value <= max && (!whole || Number.isSafeInteger(value))) return value + 0 // -0 becomes 0
    throw optionInvalid(value, name, `${whole ? 'a whole number' : 'a number'} from ${min} to ${max}`, typeof value === 'string' ? 'give a number, not its text' : 'choose a number within these limits')
  }
}

/** Milliseconds. */
export function duration(limits: { readonly min?: number; readonly max?: number } = {}): Reader<number> {
  return withinLimits(parseDuration, formatDuration, limits)
}

/** Bytes. */
export function size(limits: { readonly min?: number; readonly max?: number } = {}): Reader<number> {
  return withinLimits(parseSize, formatBytes, limits)
}

function withinLimits(parse: (value: unknown, what: string) => number, format: (count: number) => string, limits: { readonly min?: number; readonly max?: number }): Reader<number> {
  const { min = 0, max = Infinity } = limits
  return (value, name) => {
    const count = parse(value, name)
    if (count >= min && count <= max) return count
    throw optionInvalid(value, name, max === Infinity ? `at least ${format(min)}` : `${format(min)} to ${format(max)}`, 'choose a value within these limits')
  }
}

/** A function, as its type says; what it takes and returns is checked where it is called. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the bound of all functions
export function callback<Callback extends (...given: any[]) => unknown>(): Reader<Callback> {
  return (value, name) => {
    if (typeof value === 'function') return value as Callback
    throw optionInvalid(value, name, 'a function', 'give the function itself, not its result')
  }
}

/** Not by instanceof: a signal of another realm, or a polyfill's, is as good. */
export const signal: Reader<AbortSignal> = (value, name) => {
  if (hasMethods<AbortSignal>(value, ['addEventListener', 'removeEventListener', 'throwIfAborted']) && typeof value.aborted === 'boolean') return value
  throw optionInvalid(value, name, 'an AbortSignal', "give an AbortController's signal, or AbortSignal.timeout(ms)")
}

/** An object that is known by its methods: a Clock, a Logger. */
export function object<T extends object>(kind: string, methods: readonly (keyof T & string)[]): Reader<T> {
  return (value, name) => {
    if (hasMethods<T>(value, methods)) return value
    throw optionInvalid(value, name, kind, `it has the methods ${methods.join(', ')}`)
  }
}

/** An instance of a class of ours. */
export function instanceOf<T>(type: abstract new (...given: never[]) => T): Reader<T> {
  return (value, name) => {
    if (value instanceof type) return value
    throw optionInvalid(value, name, `a ${type.name}`, 'if it is one, two copies of the library may be loaded')
  }
}

/** A frozen copy; each item is read by `item`. */
export function listOf<T>(item: Reader<T>): Reader<readonly T[]> {
  return (value, name) => {
    if (Array.isArray(value)) return Object.freeze(Array.from(value, (each: unknown, index) => item(each, `${name}[${index}]`)))
    throw optionInvalid(value, name, 'an array', 'put a single one in brackets')
  }
}

export const nonEmptyText: Reader<string> = (value, name) => {
  if (typeof value === 'string' && value !== '') return value
  throw optionInvalid(value, name, 'a text that is not empty', 'give it as a string')
}

/** What a group, a static member or a transaction is called: no longer than a topic's name, and the same when it comes back from UTF-8. */
export const identifier: Reader<string> = (value, name) => {
  const id = nonEmptyText(value, name)
  integer({ min: 1, max: LONGEST_IDENTIFIER })(id.length, `${name}: its length`)
  if (Buffer.from(id).toString() === id) return id
  throw optionInvalid(value, name, 'a text that UTF-8 can hold', 'it has half a surrogate pair: it would come back as another text')
}

function hasMethods<T extends object>(value: unknown, methods: readonly (keyof T & string)[]): value is T {
  return typeof value === 'object' && value !== null && methods.every(method => typeof Reflect.get(value, method) === 'function')
}
