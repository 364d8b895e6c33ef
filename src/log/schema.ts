// The schema of a topic's values: checks what is sent, and brings what was stored under an older version up to
// today's. With versions, each record carries its own in the header 'millrace-schema', as decimal text; a record
// without the header was written before there were versions and counts as version 1. null is a tombstone: it has
// no schema. What the schema returns is what is stored; records are not checked again when they are read.
import { describe, describeType } from '../base/describe.ts'
import { CorruptionError, UsageError } from '../base/errors.ts'
import { formatPath } from './serde-errors.ts'

/** https://standardschema.dev: zod, valibot, arktype and others implement it. Its output is what is stored. */
export interface StandardSchema<Input, Output> { readonly '~standard': { readonly version: 1; readonly vendor: string; readonly validate: (value: unknown) => unknown; readonly types?: { readonly input: Input; readonly output: Output } | undefined } }
/** The newest version's schema, and how older records come up to it: upcast[1] turns version 1 into 2. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an older shape has no type any more
export interface VersionedSchema<T> { version: number; schema?: StandardSchema<unknown, T>; upcast: { readonly [from: number]: (old: any) => unknown } }
export type AnySchema = StandardSchema<unknown, unknown> | VersionedSchema<unknown>

export const SCHEMA_HEADER = 'millrace-schema'

const FIRST_VERSION = 1
const LARGEST_VERSION = 1_000_000
const ISSUES_SHOWN = 20

type Validate = (value: unknown) => unknown
type Upcast = (old: unknown) => unknown

export class SchemaGate {
  /** What the header of new records says; undefined: no versions. */
  readonly version: number | undefined
  readonly #topic: string
  readonly #validate: Validate | undefined
  readonly #upcasts: ReadonlyMap<number, Upcast>

  constructor(schema: unknown, topic: string) {
    const { version, validate, upcasts } = readSchema(schema, `topic '${topic}': option 'schema'`)
    this.version = version
    this.#topic = topic
    this.#validate = validate
    this.#upcasts = upcasts
  }

  /** What to store for a value, or a promise of it where the schema is asynchronous. Throws or rejects SCHEMA_REJECTED. */
  check(value: unknown): unknown {
    if (value === null || this.#validate === undefined) return value
    const result = this.#call(this.#validate, value)
    if (!isThenable(result)) return this.#output(result)
    return Promise.resolve(result).then(
      settled => this.#output(settled),
      (cause: unknown) => { throw this.#failed(cause) },
    )
  }

  /** A stored value in today's shape, one version after the other. */
  upcast(value: unknown, storedVersion: number | undefined): unknown {
    const newest = this.version
    const from = storedVersion ?? FIRST_VERSION
    if (value === null || newest === undefined) return value
    if (from > newest) throw this.#tooNew(from, newest)
    let current: unknown = value
    for (let version = from; version < newest; version++) current = this.#step(current, version)
    return current
  }

  #step(value: unknown, version: number): unknown {
    const upcast = this.#upcasts.get(version)
    const step = `version ${version} to ${version + 1}`
    if (upcast === undefined) {
      throw new UsageError('UPCAST_MISSING', `topic '${this.#topic}': a record has schema version ${version}, and there is no upcast from ${step}`, {
        hint: `give the schema upcast[${version}], for as long as such records are stored`, details: { topic: this.#topic, version },
      })
    }
    try {
      const upcasted = upcast(value)
      if (!isThenable(upcasted)) return upcasted
    } catch (cause) {
      throw new UsageError('UPCAST_FAILED', `topic '${this.#topic}': the upcast from ${step} failed: ${messageOf(cause)}`, {
        hint: 'look at the cause', details: { topic: this.#topic, version }, cause,
      })
    }
    throw new UsageError('UPCAST_FAILED', `topic '${this.#topic}': the upcast from ${step} returned a promise`, {
      hint: 'records are decoded when they are looked at: upcasts are synchronous', details: { topic: this.#topic, version },
    })
  }

  #tooNew(found: number, newest: number): UsageError {
    return new UsageError('SCHEMA_VERSION_NEWER', `topic '${this.#topic}': a record has schema version ${found}, this program knows versions up to ${newest}`, {
      hint: 'deploy the readers of a new version before its writers', details: { topic: this.#topic, found, newest },
    })
  }

  #call(validate: Validate, value: unknown): unknown {
    try {
      return validate(value)
    } catch (cause) {
      throw this.#failed(cause)
    }
  }

  #output(result: unknown): unknown {
    const issues = property(result, 'issues')
    if (issues === undefined && typeof result === 'object' && result !== null && 'value' in result) return result.value
    if (!Array.isArray(issues)) throw this.#failed(new TypeError(`validate returned ${describeType(result)}, expected { value } or { issues }`))
    const facts = issues.slice(0, ISSUES_SHOWN).map(readIssue)
    const [first = { path: '', message: 'no reason given' }] = facts
    const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''
    throw new UsageError('SCHEMA_REJECTED', `topic '${this.#topic}': the schema refused the value: ${first.path === '' ? '' : `${first.path}: `}${first.message}${more}`, {
      hint: 'details.issues holds what is wrong with the value', details: { topic: this.#topic, issues: facts },
    })
  }

  #failed(cause: unknown): UsageError {
    return new UsageError('SCHEMA_FAILED', `topic '${this.#topic}': the schema itself failed: ${messageOf(cause)}`, { hint: 'look at the cause', details: { topic: this.#topic }, cause })
  }
}

/** The version that the header says; undefined where there is no header. */
export function parseSchemaVersion(text: string | null | undefined): number | undefined {
  if (text === undefined) return undefined
  if (text !== null && /^[1-9][0-9]{0,6}$/.test(text) && Number(text) <= LARGEST_VERSION) return Number(text)
  throw new CorruptionError('SCHEMA_VERSION_MALFORMED', `header '${SCHEMA_HEADER}': found ${describe(text)}, expected a version in decimal digits`, {
    hint: 'the header belongs to versioned schemas: nobody else writes it', details: { found: text },
  })
}

/** Refuses what is not a schema; the caller's object is returned as it is, for its SchemaGate. */
export function checkSchema(schema: unknown, what: string): AnySchema {
  readSchema(schema, what)
  return schema as AnySchema
}

// ---------------------------------------------------------------- the schema's shape

interface SchemaParts { readonly version: number | undefined; readonly validate: Validate | undefined; readonly upcasts: ReadonlyMap<number, Upcast> }

function readSchema(schema: unknown, what: string): SchemaParts {
  const validate = standardValidate(schema, what)
  if (validate !== undefined) return { version: undefined, validate, upcasts: new Map() }
  const version = property(schema, 'version')
  if (version === undefined) throw invalid(what, `found ${describe(schema)}`, 'a Standard Schema (zod, valibot, arktype, …), or { version, schema, upcast }')
  if (typeof version !== 'number' || !Number.isInteger(version) || version < FIRST_VERSION || version > LARGEST_VERSION) throw invalid(what, `version is ${describe(version)}`, `a whole number from ${FIRST_VERSION} to ${LARGEST_VERSION}`)
  const inner = property(schema, 'schema')
  const innerValidate = standardValidate(inner, what)
  if (inner !== undefined && innerValidate === undefined) throw invalid(what, `schema is ${describe(inner)}`, 'a Standard Schema, or none')
  return { version, validate: innerValidate, upcasts: readUpcasts(property(schema, 'upcast'), version, what) }
}

/** undefined: not a Standard Schema. */
function standardValidate(schema: unknown, what: string): Validate | undefined {
  const standard = property(schema, '~standard')
  if (standard === undefined) return undefined
  const version = property(standard, 'version')
  if (version !== 1) throw invalid(what, `it is of Standard Schema version ${describe(version)}`, 'version 1')
  const validate = property(standard, 'validate')
  if (typeof validate !== 'function') throw invalid(what, `validate is ${describe(validate)}`, 'a function')
  return value => Reflect.apply(validate, standard, [value]) as unknown
}

function readUpcasts(upcast: unknown, version: number, what: string): ReadonlyMap<number, Upcast> {
  if (typeof upcast !== 'object' || upcast === null) throw invalid(what, `upcast is ${describe(upcast)}`, 'an object: { 1: old => new }, or {} when there are no older versions')
  const upcasts = new Map<number, Upcast>()
  for (const [from, step] of Object.entries(upcast) as [string, unknown][]) {
    if (!/^[1-9][0-9]*$/.test(from) || Number(from) >= version) throw invalid(what, `upcast has the key ${describe(from)}`, version === FIRST_VERSION ? 'none: version 1 is the first' : `versions from ${FIRST_VERSION} to ${version - 1}: upcast[n] turns version n into n + 1`)
    if (typeof step !== 'function') throw invalid(what, `upcast[${from}] is ${describe(step)}`, 'a function')
    upcasts.set(Number(from), old => Reflect.apply(step, upcast, [old]) as unknown)
  }
  return upcasts
}

function invalid(what: string, found: string, expected: string): UsageError {
  return new UsageError('SCHEMA_INVALID', `${what}: ${found}, expected ${expected}`, { hint: 'see https://standardschema.dev for the schemas that can be given' })
}

// ---------------------------------------------------------------- leaves

interface Issue { readonly path: string; readonly message: string }

function readIssue(issue: unknown): Issue {
  const message = property(issue, 'message')
  const path = property(issue, 'path')
  const keys = Array.isArray(path) ? path.map((segment: unknown) => property(segment, 'key') ?? segment) : []
  return {
    path: formatPath(keys.map(key => typeof key === 'number' ? key : String(key))),
    message: typeof message === 'string' ? message : 'no reason given',
  }
}

/** Schemas can be functions with properties, as arktype's are. */
function property(value: unknown, name: string): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  return Reflect.get(value, name) as unknown
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof property(value, 'then') === 'function'
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
