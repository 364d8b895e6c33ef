// What a topic's options mean: read from the caller, completed with defaults, held against what is stored, and kept
// in the catalog. Options are what people write ('7d'), settings are what holds (milliseconds and bytes; Infinity is
// no limit). Serdes, schema and placement function are the process's own: of them only the names are settings.
//
// `segmentBytes` is where a segment is rolled and not a bound for a record: a batch that is larger gets a segment of
// its own. So maxRecordBytes needs no relation to it; what must hold is that a position in a segment fits 31 bits:
// segmentBytes (≤ 1 GiB) + one batch (≤ 64 MiB) < 2 GiB.
import { optionInvalid, callback, duration, integer, identifier, listOf, nonEmptyText, number, oneOf, optionTable, readGiven, size } from '../base/options.ts'
import type { GivenOf, Reader } from '../base/options.ts'
import { describe } from '../base/describe.ts'
import { ConflictError, CorruptionError, UsageError } from '../base/errors.ts'
import { formatDuration, GiB, KiB, MiB } from '../base/units.ts'
import type { Duration, Size } from '../base/units.ts'
import { CODECS, type Codec } from '../format/record-batch.ts'
import type { PartitionerName, Place } from './partitioner.ts'
import { checkSchema } from './schema.ts'
import type { AnySchema, StandardSchema, VersionedSchema } from './schema.ts'
import { readSerde } from './serdes.ts'
import type { Serde, SerdeName } from './serdes.ts'

export const CLEANUPS = ['delete', 'compact', 'compact+delete'] as const
export const TIMESTAMPS = ['create', 'append'] as const

/** Given for a topic that is stored, policies are applied as alter() does, and told by the event 'warning'. */
export interface TopicOptions<V = unknown, K = unknown> {
  /**
   * Default 1. Can be added to, never taken away. With more of them keys go to other partitions than before, and what is stored stays
   * where it is: a key's records are then in two partitions, out of order, and compaction leaves the newest in each.
   */
  partitions?: number
  key?: SerdeName<K> | Serde<K>
  value?: SerdeName<V> | Serde<V>
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a schema may take anything in
  schema?: StandardSchema<any, V> | VersionedSchema<V>
  partitioner?: 'murmur2' | 'xxhash' | ((key: Uint8Array, partitions: number) => number)
  compression?: Codec
  /** 'delete', the default: what retention and retentionBytes let go, goes. 'compact': the newest record of each key stays, whatever those say. Or both. */
  cleanup?: 'delete' | 'compact' | 'compact+delete'
  /**
   * Default 'forever'. How long a segment is kept after its newest record. Whole segments go, so a record stays for up to a segment longer: see
   * segmentBytes, segmentAge. 0: it goes in the next round of housekeeping, unless retainUntilConsumedBy holds it.
   */
  retention?: Duration
  /** Default 'unlimited'. Of each partition the oldest segments go while the rest still holds that much: it keeps that, and up to one segment more. */
  retentionBytes?: Size
  /**
   * Groups: nothing goes for its age before they have committed it; with `retention: 0` it goes then. retentionBytes still caps it.
   * Without retention, and with cleanup 'compact', it does nothing.
   */
  retainUntilConsumedBy?: readonly string[]
  /** Default '64MiB'. Where a segment ends and the next begins; a batch that is larger gets a segment of its own. */
  segmentBytes?: Size
  /** Default '7d'. So long after a segment's first record the next one begins, with a record that comes then. */
  segmentAge?: Duration
  /** Default 0.5. A partition is compacted when that much of it has not been. */
  minDirtyRatio?: number
  /** Default '24h'. How long a tombstone (a record whose value is null) stays after the compaction that first met it; what is altered holds for those met later. */
  tombstoneRetention?: Duration
  /** Default 0 and 'forever'. What is younger than `min` is not compacted; what is older than `max` is, however little it is, and where nobody writes too. */
  compactionLag?: { min?: Duration; max?: Duration }
  /** Default '16MiB'. */
  maxRecordBytes?: Size
  timestamps?: 'create' | 'append'
}

/** What holds, resolved: milliseconds (Infinity: forever) and bytes. */
export interface TopicSettings {
  partitions: number; key: string; value: string; partitioner: string; compression: Codec; cleanup: 'delete' | 'compact' | 'compact+delete'
  retentionMs: number; retentionBytes: number; retainUntilConsumedBy: readonly string[]; segmentBytes: number; segmentAgeMs: number; minDirtyRatio: number
  tombstoneRetentionMs: number; compactionLagMinMs: number; compactionLagMaxMs: number; maxRecordBytes: number; timestamps: 'create' | 'append'
}

/** What a caller gave for a topic, and only that. */
export interface ReadTopicOptions {
  readonly settings: Partial<TopicSettings>
  readonly keySerde?: Serde<unknown>
  readonly valueSerde?: Serde<unknown>
  readonly schema?: AnySchema
  readonly place?: Place
}

const COMPACTION_LAG = optionTable({
  min: { default: 0, read: duration() },
  max: { default: Infinity, read: duration({ min: 1 }) },
})

const readPartitioner: Reader<'murmur2' | 'xxhash' | Place> = (value, name) =>
  typeof value === 'function' ? callback<Place>()(value, name) : oneOf(['murmur2', 'xxhash'])(value, name)

/** What may change while the topic lives. Durations in milliseconds, sizes in bytes. */
const POLICIES = optionTable({
  partitions: { default: 1, read: integer({ min: 1, max: 10_000 }) }, // more can be added, none taken away; an index has at most five digits
  schema: { default: undefined, read: checkSchema },
  compression: { default: 'none', read: oneOf(CODECS) }, // a codec costs time, and some are optional packages: by choice
  cleanup: { default: 'delete', read: oneOf(CLEANUPS) },
  retention: { default: Infinity, read: duration() }, // an embedded log never deletes unless told to
  retentionBytes: { default: Infinity, read: size({ min: 1 }) },
  retainUntilConsumedBy: { default: [], read: listOf(identifier) },
  segmentBytes: { default: 64 * MiB, read: size({ min: KiB, max: GiB }) }, // positions fit 31 bits; 1 KiB is for tests
  segmentAge: { default: 604_800_000, read: duration({ min: 1 }) }, // 7d, as in Kafka: retention takes whole segments
  minDirtyRatio: { default: 0.5, read: number({ min: 0, max: 1 }) }, // as in Kafka: at most half of the log is superseded
  tombstoneRetention: { default: 86_400_000, read: duration() }, // 24h, as in Kafka: for readers that were away
  compactionLag: { default: {}, read: (value, name) => readGiven(value, COMPACTION_LAG, name) },
  maxRecordBytes: { default: 16 * MiB, read: size({ min: 1, max: 63 * MiB }) }, // an inflated batch is at most 64 MiB, its header included
  timestamps: { default: 'create', read: oneOf(TIMESTAMPS) },
})

/** What is part of the stored bytes, and stays. */
const FIXED = optionTable({
  key: { default: 'string', read: readSerde },
  value: { default: 'msgpack', read: readSerde },
  partitioner: { default: 'murmur2', read: readPartitioner }, // Kafka's own placement
})

const TOPIC_OPTIONS = optionTable({ ...POLICIES, ...FIXED })

export const DEFAULT_SETTINGS: Readonly<TopicSettings> = Object.freeze({
  partitions: POLICIES.partitions.default,
  key: FIXED.key.default,
  value: FIXED.value.default,
  partitioner: FIXED.partitioner.default,
  compression: POLICIES.compression.default,
  cleanup: POLICIES.cleanup.default,
  retentionMs: POLICIES.retention.default,
  retentionBytes: POLICIES.retentionBytes.default,
  retainUntilConsumedBy: Object.freeze([...POLICIES.retainUntilConsumedBy.default]),
  segmentBytes: POLICIES.segmentBytes.default,
  segmentAgeMs: POLICIES.segmentAge.default,
  minDirtyRatio: POLICIES.minDirtyRatio.default,
  tombstoneRetentionMs: POLICIES.tombstoneRetention.default,
  compactionLagMinMs: COMPACTION_LAG.min.default,
  compactionLagMaxMs: COMPACTION_LAG.max.default,
  maxRecordBytes: POLICIES.maxRecordBytes.default,
  timestamps: POLICIES.timestamps.default,
})

/** Options as `topic()` takes them. */
export function readTopicOptions(options: unknown, topic: string): ReadTopicOptions {
  return readTopicDefaults(options, `topic '${topic}'`)
}

/** Options as `topic()` takes them, for topics that have no name yet. `what` begins every message. */
export function readTopicDefaults(options: unknown, what: string): ReadTopicOptions {
  const given = readGiven(options, TOPIC_OPTIONS, what)
  const place = typeof given.partitioner === 'function' ? given.partitioner : undefined
  const partitioner: PartitionerName | undefined = typeof given.partitioner === 'function' ? 'custom' : given.partitioner
  return Object.freeze(dropUndefined({
    settings: settingsOf(given, { key: given.key?.name, value: given.value?.name, partitioner }),
    keySerde: given.key,
    valueSerde: given.value,
    schema: given.schema,
    place,
  })) as ReadTopicOptions
}

/** Options as `alter()` takes them. */
export function readAlterOptions(options: unknown, topic: string): Pick<ReadTopicOptions, 'settings' | 'schema'> {
  const given = readGiven(options, ALTERABLE, `topic '${topic}'`)
  return Object.freeze(dropUndefined({ settings: settingsOf(given, {}), schema: given.schema })) as Pick<ReadTopicOptions, 'settings' | 'schema'>
}

const refuseToAlter: Reader<never> = (_value, name) => {
  throw new UsageError('OPTION_FIXED', `${name} can't be altered: stored records depend on it`, { hint: 'copy the records into a new topic that has the other option' })
}
const refusedOption = { default: undefined, read: refuseToAlter } as const
const ALTERABLE = optionTable({ ...POLICIES, key: refusedOption, value: refusedOption, partitioner: refusedOption })

/** The settings of a new topic. `what` begins the message where they contradict each other. */
export function defaultSettings(given: Partial<TopicSettings>, what = 'topic settings'): Readonly<TopicSettings> {
  return checkTogether({ ...DEFAULT_SETTINGS, ...given }, what)
}

export interface Reconciled { readonly settings: Readonly<TopicSettings>; readonly changed: readonly (keyof TopicSettings)[] }

/** What a stored topic becomes by what was given: policies change and are named, contradictions are refused. */
export function reconcile(topic: string, stored: Readonly<TopicSettings>, given: Partial<TopicSettings>): Reconciled {
  const names = Object.keys(given) as (keyof TopicSettings)[]
  const changed = names.filter(name => !isSame(stored[name], given[name]))
  const contradictions = changed.filter(name => name in FIXED || (name === 'partitions' && given.partitions !== undefined && given.partitions < stored.partitions))
  if (contradictions.length > 0) throw contradicts(topic, stored, given, contradictions)
  return Object.freeze({ settings: changed.length === 0 ? stored : checkTogether({ ...stored, ...given }, `topic '${topic}'`), changed: Object.freeze(changed) })
}

function settingsOf(given: GivenOf<typeof POLICIES>, names: { readonly key?: string | undefined; readonly value?: string | undefined; readonly partitioner?: PartitionerName | undefined }): Partial<TopicSettings> {
  return Object.freeze(dropUndefined({
    ...names,
    partitions: given.partitions,
    compression: given.compression,
    cleanup: given.cleanup,
    retentionMs: given.retention,
    retentionBytes: given.retentionBytes,
    retainUntilConsumedBy: given.retainUntilConsumedBy,
    segmentBytes: given.segmentBytes,
    segmentAgeMs: given.segmentAge,
    minDirtyRatio: given.minDirtyRatio,
    tombstoneRetentionMs: given.tombstoneRetention,
    compactionLagMinMs: given.compactionLag?.min,
    compactionLagMaxMs: given.compactionLag?.max,
    maxRecordBytes: given.maxRecordBytes,
    timestamps: given.timestamps,
  }))
}

function checkTogether(settings: TopicSettings, what: string): Readonly<TopicSettings> {
  const { compactionLagMinMs: min, compactionLagMaxMs: max } = settings
  if (min <= max) return Object.freeze(settings)
  throw new UsageError('OPTIONS_CONTRADICT', `${what}: compactionLag is at least ${formatDuration(min)} and at most ${formatDuration(max)}`, {
    hint: 'min is how long a record is left alone, max when it is compacted at the latest: min ≤ max', details: { min, max },
  })
}

function contradicts(topic: string, stored: Readonly<TopicSettings>, given: Partial<TopicSettings>, names: readonly (keyof TopicSettings)[]): ConflictError {
  const found = names.map(name => `${name} is ${describe(stored[name])}, given ${describe(given[name])}`).join('; ')
  const fixed = Object.fromEntries(names.map(name => [name, { stored: stored[name], given: given[name] }]))
  return new ConflictError('TOPIC_CONTRADICTS', `topic '${topic}' is stored with other options: ${found}`, {
    hint: 'open it with the stored ones, or leave them out; serdes and partitioner stay, partitions can only be added', details: { topic, contradictions: fixed },
  })
}

/** The groups are a set: their order says nothing. */
function isSame(a: unknown, b: unknown): boolean {
  return Array.isArray(a) && Array.isArray(b) ? JSON.stringify([...new Set(a)].sort()) === JSON.stringify([...new Set(b)].sort()) : a === b
}

/** An absent option is an absent key, so that spreading over defaults is safe. */
function dropUndefined<T extends object>(object: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as { [Name in keyof T]?: Exclude<T[Name], undefined> }
}

// ---------------------------------------------------------------- the catalog's form

/** JSON has no Infinity: no limit is -1, as in Kafka's configuration. */
const NO_LIMIT = -1

/** The same rules as for options; but numbers only, no texts. */
const STORED: { readonly [Name in keyof TopicSettings]: Reader<TopicSettings[Name]> } = {
  partitions: POLICIES.partitions.read,
  key: nonEmptyText,
  value: nonEmptyText,
  partitioner: oneOf(['murmur2', 'xxhash', 'custom']),
  compression: POLICIES.compression.read,
  cleanup: POLICIES.cleanup.read,
  retentionMs: stored(POLICIES.retention.read),
  retentionBytes: stored(POLICIES.retentionBytes.read),
  retainUntilConsumedBy: listOf(nonEmptyText), // an id that no group can have is no reason not to open the log
  segmentBytes: stored(POLICIES.segmentBytes.read),
  segmentAgeMs: stored(POLICIES.segmentAge.read),
  minDirtyRatio: POLICIES.minDirtyRatio.read,
  tombstoneRetentionMs: stored(POLICIES.tombstoneRetention.read),
  compactionLagMinMs: stored(COMPACTION_LAG.min.read),
  compactionLagMaxMs: stored(COMPACTION_LAG.max.read),
  maxRecordBytes: stored(POLICIES.maxRecordBytes.read),
  timestamps: POLICIES.timestamps.read,
}

function stored(read: Reader<number>): Reader<number> {
  return (value, name) => {
    if (typeof value !== 'number') throw optionInvalid(value, name, 'a number', 'stored settings are resolved')
    return read(value === NO_LIMIT ? Infinity : value, name)
  }
}

/** For JSON. */
export function encodeSettings(settings: Readonly<TopicSettings>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.keys(STORED).map(name => {
    const value = settings[name as keyof TopicSettings]
    return [name, value === Infinity ? NO_LIMIT : value]
  }))
}

/** Strict in what it knows; what a newer version added is left out. */
export function decodeSettings(encoded: unknown): Readonly<TopicSettings> {
  if (typeof encoded !== 'object' || encoded === null) throw malformed(`found ${describe(encoded)}, expected an object`)
  const settings = Object.fromEntries(Object.entries(STORED).map(([name, read]) => {
    if (!Object.hasOwn(encoded, name)) throw malformed(`'${name}' is missing`)
    return [name, readStored(read, Reflect.get(encoded, name), name)]
  }))
  return Object.freeze(settings) as unknown as Readonly<TopicSettings>
}

function readStored(read: Reader<unknown>, value: unknown, name: string): unknown {
  try {
    return read(value, `'${name}'`)
  } catch (cause) {
    throw malformed(cause instanceof UsageError ? cause.message : String(cause), cause)
  }
}

function malformed(what: string, cause?: unknown): CorruptionError {
  return new CorruptionError('CATALOG_MALFORMED', `stored topic settings: ${what}`, {
    hint: 'the catalog was written by something else, or by a version that is not compatible', cause,
  })
}
