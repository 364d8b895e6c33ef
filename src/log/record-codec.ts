// Between what users send and read and the bytes that are stored: shape check, schema, serdes, headers.
// One for each topic; schema, own serdes and own partitioner are those that the topic was opened with last.
import { describe, describeType } from '../base/describe.ts'
import { UsageError } from '../base/errors.ts'
import { nearestName } from '../base/nearest-name.ts'
import type { EncodedHeaders } from '../format/batch-encoder.ts'
import type { Place } from './partitioner.ts'
import type { RecordHeaders } from './log-record.ts'
import { SCHEMA_HEADER, SchemaGate, parseSchemaVersion } from './schema.ts'
import { builtInSerde, type Serde } from './serdes.ts'

export interface NewRecord<V = unknown, K = unknown> {
  key?: K | null
  /** null is a tombstone. */
  value: V | null
  headers?: { readonly [name: string]: string | Uint8Array | null } | readonly (readonly [name: string, value: string | Uint8Array | null])[]
  timestamp?: number | Date
  partition?: number
}

/** A record whose bytes are ready for a batch. */
export interface EncodedRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: EncodedHeaders
  readonly timestamp: number
  /** The caller's choice. */
  readonly partition: number | undefined
}

const RECORD_KEYS = ['key', 'value', 'headers', 'timestamp', 'partition']
/** A record from the future would keep its segment for ever. */
export const LARGEST_AHEAD_MS = 3_600_000
const NO_HEADERS: EncodedHeaders = []

export class RecordCodec {
  readonly #topic: string
  readonly #keyName: string
  readonly #valueName: string
  #key: Serde<unknown> | undefined
  #value: Serde<unknown> | undefined
  #schema: SchemaGate | undefined
  #versionHeader: EncodedHeaders = NO_HEADERS
  place: Place

  constructor(topic: string, names: { key: string; value: string }, place: Place) {
    this.#topic = topic
    this.#keyName = names.key
    this.#valueName = names.value
    this.#key = builtInSerde(names.key)
    this.#value = builtInSerde(names.value)
    this.place = place
  }

  use(given: { readonly keySerde?: Serde<unknown> | undefined; readonly valueSerde?: Serde<unknown> | undefined; readonly schema?: unknown }): void {
    this.#key = given.keySerde ?? this.#key
    this.#value = given.valueSerde ?? this.#value
    if (given.schema === undefined) return
    this.#schema = new SchemaGate(given.schema, this.#topic)
    const { version } = this.#schema
    this.#versionHeader = version === undefined ? NO_HEADERS : [[Buffer.from(SCHEMA_HEADER), Buffer.from(String(version))]]
  }

  /** Refuses what is no record, before anything of it is used. `now`: the clock's. */
  check(record: unknown, partitions: number, now: number): asserts record is NewRecord {
    if (typeof record !== 'object' || record === null || Array.isArray(record)) throw this.#refused(`found ${describe(record)}, expected a record`, "a record is an object: { key: 'ada', value: { total: 12 } }")
    for (const name in record) if (!isRecordKey(name) && Object.hasOwn(record, name)) throw this.#unknownKey(name)
    const { value, timestamp, partition, headers } = record as Partial<NewRecord>
    if (value === undefined) throw this.#refused('the value is missing', 'null is a tombstone; any other value is stored')
    if (timestamp !== undefined) this.#checkTimestamp(timestamp, now)
    if (partition !== undefined && !(Number.isSafeInteger(partition) && partition >= 0 && partition < partitions)) {
      throw new UsageError('PARTITION_INVALID', `topic '${this.#topic}': there is no partition ${describe(partition)}, there are ${partitions}`, {
        hint: `partitions are numbered 0 to ${partitions - 1}; leave it out to place by key`, details: { topic: this.#topic, partition, partitions },
      })
    }
    if (headers !== undefined) this.#checkHeaders(headers)
  }

  /**
   * A promise only where the schema is asynchronous. The record was checked; `now` is its time if it names none.
   * The bytes may be the caller's own, or a serde's that it fills again: they hold until something else is encoded.
   * What a promise brings is the log's own.
   */
  encode(record: NewRecord, now: number): EncodedRecord | Promise<EncodedRecord> {
    if (this.#schema === undefined) return this.#encodeChecked(record, record.value, now)
    const value = this.#schema.check(record.value)
    if (value instanceof Promise) return value.then(checked => copyBytes(this.#encodeChecked(record, checked, now)))
    return this.#encodeChecked(record, value, now)
  }

  #encodeChecked(record: NewRecord, value: unknown, now: number): EncodedRecord {
    const { key, headers, timestamp, partition } = record
    return {
      key: key === undefined || key === null ? null : this.encodeKey(key),
      value: value === null ? null : this.#encodeValue(value),
      headers: headers === undefined ? this.#versionHeader : [...this.#versionHeader, ...encodeHeaders(headers)],
      timestamp: timestamp === undefined ? now : Number(timestamp),
      partition,
    }
  }

  encodeKey(key: unknown): Uint8Array {
    const serde = this.#keySerde()
    try {
      return serde.encode(key)
    } catch (error) {
      throw this.#located('key', error)
    }
  }

  #encodeValue(value: unknown): Uint8Array {
    const serde = this.#valueSerde()
    try {
      return serde.encode(value)
    } catch (error) {
      throw this.#located('value', error)
    }
  }

  decodeKey(bytes: Uint8Array): unknown {
    return this.#keySerde().decode(bytes)
  }

  decodeValue(bytes: Uint8Array, record: { readonly headers: RecordHeaders }): unknown {
    const value = this.#valueSerde().decode(bytes)
    if (this.#schema?.version === undefined) return value
    return this.#schema.upcast(value, parseSchemaVersion(record.headers.text(SCHEMA_HEADER)))
  }

  /** A serde knows neither the topic nor what it is used for. */
  #located(what: 'key' | 'value', error: unknown): unknown {
    if (!(error instanceof UsageError)) return error
    return new UsageError(error.code, `topic '${this.#topic}': the ${what}: ${error.message}`, { hint: error.hint, details: { ...error.details, topic: this.#topic }, cause: error.cause })
  }

  #keySerde(): Serde<unknown> {
    return this.#key ?? this.#missing('key', this.#keyName)
  }

  #valueSerde(): Serde<unknown> {
    return this.#value ?? this.#missing('value', this.#valueName)
  }

  #missing(which: 'key' | 'value', name: string): never {
    throw new UsageError('SERDE_MISSING', `topic '${this.#topic}' stores its ${which}s with the serde '${name}', which is not built in`, {
      hint: `open the topic with it: log.topic('${this.#topic}', { ${which}: yourSerde })`, details: { topic: this.#topic, serde: name },
    })
  }

  #checkTimestamp(timestamp: unknown, now: number): void {
    const ms = timestamp instanceof Date ? timestamp.getTime() : timestamp
    if (typeof ms === 'number' && Number.isSafeInteger(ms) && ms >= 0 && ms <= now + LARGEST_AHEAD_MS) return
    throw new UsageError('TIMESTAMP_INVALID', `topic '${this.#topic}': found timestamp ${describe(timestamp)}`, {
      hint: `a timestamp is a Date or whole milliseconds since 1970, at most an hour ahead of the clock (${new Date(now).toISOString()})`, details: { topic: this.#topic, timestamp, now },
    })
  }

  #checkHeaders(headers: unknown): void {
    if (typeof headers !== 'object' || headers === null) throw this.#headersRefused(describe(headers))
    // A Map, Headers, a record's own: as an object they would count as empty.
    if (!Array.isArray(headers) && Symbol.iterator in headers) throw this.#headersRefused(`${describe(headers)}, which is no array`, 'make pairs of them: [...headers]')
    const pairs: unknown[] = Array.isArray(headers) ? headers : Object.entries(headers)
    for (const pair of pairs) {
      if (!Array.isArray(pair) || pair.length !== 2) throw this.#headersRefused(describe(pair))
      const [name, value] = pair as [unknown, unknown]
      if (typeof name !== 'string') throw this.#headersRefused(`the name ${describe(name)}`)
      if (typeof value !== 'string' && value !== null && !(value instanceof Uint8Array)) throw this.#headersRefused(`${describeType(value)} as the value of '${name}'`)
    }
  }

  #headersRefused(found: string, hint = "headers are { name: 'text' } or [['name', bytes]]; values are strings, Uint8Arrays or null"): UsageError {
    return this.#refused(`headers: found ${found}`, hint)
  }

  #unknownKey(name: string): UsageError {
    const nearest = nearestName(name, RECORD_KEYS)
    return this.#refused(`a record has no '${name}'`, nearest === undefined ? `it has ${RECORD_KEYS.join(', ')}` : `did you mean '${nearest}'?`)
  }

  #refused(what: string, hint: string): UsageError {
    return new UsageError('RECORD_INVALID', `topic '${this.#topic}': ${what}`, { hint, details: { topic: this.#topic } })
  }
}

/** The same record with bytes of its own, for one that has to wait. */
export function copyBytes(record: EncodedRecord): EncodedRecord {
  const { key, value, headers } = record
  return { ...record, key: copied(key), value: copied(value), headers: headers.map(([name, bytes]) => [name, copied(bytes)]) }
}

function copied(bytes: Uint8Array | null): Uint8Array | null {
  return bytes === null ? null : Buffer.from(bytes)
}

/** Compared one by one, which is quicker than a look into RECORD_KEYS (the benchmark 'send'). */
function isRecordKey(name: string): boolean {
  return name === 'key' || name === 'value' || name === 'headers' || name === 'timestamp' || name === 'partition'
}

function encodeHeaders(headers: NonNullable<NewRecord['headers']>): EncodedHeaders {
  const pairs = Array.isArray(headers) ? headers as readonly (readonly [string, string | Uint8Array | null])[] : Object.entries(headers as Record<string, string | Uint8Array | null>)
  return pairs.map(([name, value]) => [Buffer.from(name), typeof value === 'string' ? Buffer.from(value) : value])
}
