// What a test expects of a record: some of its fields, each compared as the runner's toEqual does, so that asymmetric
// matchers work (`value: expect.objectContaining({ total: 12 })`). Three differences, each so that what was sent can be
// expected as it was sent: bytes equal bytes whatever their class, headers are given as send() takes them, and a
// timestamp may be a Date.
import { inspect, types } from 'node:util'
import { describe, quote } from '../base/describe.ts'
import { UsageError } from '../base/errors.ts'
import { nearestName } from '../base/nearest-name.ts'
import type { LogRecord, RecordHeaders } from '../log/log-record.ts'

/** Fields that are left out are not looked at. A whole record, or what send() returned, will do as well. */
export interface ExpectedRecord {
  readonly topic?: unknown
  readonly partition?: unknown
  readonly offset?: unknown
  readonly timestamp?: unknown
  readonly key?: unknown
  readonly value?: unknown
  /** `{ name: text or bytes }`, where of a repeated name the last counts, or a list of pairs. */
  readonly headers?: unknown
}

type Field = keyof ExpectedRecord
/** The runner's deep comparison. */
export type Equals = (actual: unknown, expected: unknown) => boolean

const FIELDS: readonly Field[] = ['topic', 'partition', 'offset', 'timestamp', 'key', 'value', 'headers']
const PRINTING = { depth: 6, breakLength: 100, maxArrayLength: 20, maxStringLength: 500 }

export class RecordExpectation {
  readonly #fields: readonly (readonly [Field, unknown])[]
  readonly #given: unknown

  /** `what` begins the message where it is no expectation: "toHaveRecord". */
  constructor(given: unknown, what: string) {
    checkFields(given, what)
    this.#given = given
    this.#fields = isAsymmetric(given) ? [] : FIELDS.flatMap(field => given[field] === undefined ? [] : [[field, given[field]] as const])
  }

  /** The fields in which the record is not as expected: none where it matches. */
  differences(record: LogRecord, equals: Equals): string[] {
    if (isAsymmetric(this.#given)) return equals(plain(record), this.#given) ? [] : ['the whole']
    return this.#fields.flatMap(([field, expected]) => matches(record, field, expected, equals) ? [] : [field])
  }

  /** How it is printed in messages. */
  toString(): string {
    return inspect(isAsymmetric(this.#given) ? this.#given : Object.fromEntries(this.#fields), PRINTING)
  }
}

/** How a record is printed in messages. A value that can't be decoded is shown as its error. */
export function printRecord(record: LogRecord): string {
  const { topic, partition, offset, ...rest } = plain(record)
  return `${topic}-${partition}, offset ${offset}: ${inspect(rest, PRINTING)}`
}

function checkFields(given: unknown, what: string): asserts given is ExpectedRecord {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new UsageError('EXPECTATION_INVALID', `${what}: found ${describe(given)}, expected an object with fields of a record`, { hint: `give some of ${FIELDS.join(', ')}` })
  }
  if (isAsymmetric(given)) return
  const unknown = Object.keys(given).find(name => !(FIELDS as readonly string[]).includes(name))
  if (unknown === undefined) return
  const nearest = nearestName(unknown, FIELDS)
  throw new UsageError('EXPECTATION_INVALID', `${what}: a record has no field ${quote(unknown)}`, { hint: nearest === undefined ? `its fields are ${FIELDS.join(', ')}` : `did you mean '${nearest}'?` })
}

function isAsymmetric(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'asymmetricMatch' in value
}

function matches(record: LogRecord, field: Field, expected: unknown, equals: Equals): boolean {
  if (field === 'headers') return headersMatch(record.headers, expected, equals)
  if (field === 'timestamp' && types.isDate(expected)) return record.timestamp === expected.getTime()
  return equals(decoded(() => record[field]), expected)
}

/** Compared by name, or as a list of pairs where a list is expected; an asymmetric matcher may mean either. */
function headersMatch(headers: RecordHeaders, expected: unknown, equals: Equals): boolean {
  if (isAsymmetric(expected)) return equals(byName(headers), expected) || equals(pairs(headers), expected)
  if (Array.isArray(expected)) return equals(pairs(headers), pairs(expected as [string, unknown][]))
  if (typeof expected !== 'object' || expected === null) return false
  return equals(byName(headers), byName(Symbol.iterator in expected ? expected as RecordHeaders : Object.entries(expected)))
}

type Pairs = Iterable<readonly [name: string, value: unknown]>

function byName(headers: Pairs): object {
  return Object.fromEntries(pairs(headers))
}

/** Text where the bytes are text, as most are sent. */
function pairs(headers: Pairs): [string, unknown][] {
  return Array.from(headers, ([name, value]) => [name, types.isUint8Array(value) ? textOrBytes(value) : value])
}

// By types.isUint8Array and isDate, not instanceof: jest runs tests in a realm of its own.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOrBytes(bytes: Uint8Array): unknown {
  try {
    return utf8.decode(bytes)
  } catch {
    return bytes
  }
}

function plain(record: LogRecord) {
  const { topic, partition, offset, timestamp } = record
  return { topic, partition, offset, timestamp, key: decoded(() => record.key), value: decoded(() => record.value), headers: byName(record.headers) }
}

function decoded(look: () => unknown): unknown {
  try {
    return look()
  } catch (error) {
    return error
  }
}
