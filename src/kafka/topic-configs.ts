// A topic's settings under Kafka's names, and the defaults of topics that are made through the door.
//
//   mapped    a setting of the topic. Where it is not the door's default, it counts as set
//   constant  holds here whatever happens, and nothing else is accepted
//   idle      means nothing here (there is one replica, and no file is made as Kafka makes it): accepted, and not kept
//
// What topics have and Kafka has not (serdes, retainUntilConsumedBy) is neither shown nor changed.
import { MillraceError } from '../base/errors.ts'
import { GiB, KiB, MiB } from '../base/units.ts'
import type { TopicOptions, TopicSettings } from '../log/topic-settings.ts'
import { anyOf, choice, ratio, setOf, whole, type ConfigKind, type ConfigType } from './config-values.ts'
import { KafkaError, messageOf } from './kafka-errors.ts'

/** Kafka's own where it has them. */
export const KAFKA_TOPIC_DEFAULTS: Readonly<TopicOptions<Uint8Array, Uint8Array>> = Object.freeze({
  key: 'bytes',
  value: 'bytes',
  partitioner: 'murmur2',
  retention: '7d',
  maxRecordBytes: 1_048_588,
})

export interface TopicConfig {
  readonly name: string
  /** What brokers call its default. */
  readonly brokerName: string
  readonly type: ConfigType
  readonly documentation: string
  /** Throws a KafkaError INVALID_CONFIG. */
  readonly read: (text: string) => Partial<TopicSettings>
  readonly show: (settings: Readonly<TopicSettings>) => string
}

/** By name, as Kafka sorts them. */
export const TOPIC_CONFIGS: ReadonlyMap<string, TopicConfig> = new Map([
  mapped('cleanup.policy', 'log.cleanup.policy', 'cleanup', setOf({ delete: 'delete', compact: 'compact', 'compact,delete': 'compact+delete' } as const), 'Whether old records are deleted, superseded ones compacted away, or both.'),
  idle('compression.gzip.level', 'INT', '-1', 'Clients choose how hard they compress.'),
  idle('compression.lz4.level', 'INT', '9', 'Clients choose how hard they compress.'),
  mapped('compression.type', 'compression.type', 'compression', choice({ producer: 'none', gzip: 'gzip', snappy: 'snappy', lz4: 'lz4', zstd: 'zstd' } as const), 'Batches of clients are stored as they come. A codec is for what is sent in the process of the log.'),
  idle('compression.zstd.level', 'INT', '3', 'Clients choose how hard they compress.'),
  mapped('delete.retention.ms', 'log.cleaner.delete.retention.ms', 'tombstoneRetentionMs', whole('LONG', { min: 0, unlimited: 'largest' }), 'How long a tombstone stays after the compaction that first met it.'),
  idle('file.delete.delay.ms', 'LONG', '60000', 'Files go when their last reader has.', 'log.segment.delete.delay.ms'),
  constant('flush.messages', 'log.flush.interval.messages', 'LONG', '9223372036854775807', 'What acks wait for decides when the device has a record.'),
  constant('flush.ms', 'log.flush.interval.ms', 'LONG', '9223372036854775807', 'What acks wait for decides when the device has a record.'),
  idle('follower.replication.throttled.replicas', 'LIST', '', 'There are no followers.'),
  idle('index.interval.bytes', 'INT', '4096', 'How far index entries are apart, which is fixed.', 'log.index.interval.bytes'),
  idle('leader.replication.throttled.replicas', 'LIST', '', 'There are no followers.'),
  constant('local.retention.bytes', 'log.local.retention.bytes', 'LONG', '-2', 'There is no remote storage.'),
  constant('local.retention.ms', 'log.local.retention.ms', 'LONG', '-2', 'There is no remote storage.'),
  mapped('max.compaction.lag.ms', 'log.cleaner.max.compaction.lag.ms', 'compactionLagMaxMs', whole('LONG', { min: 1, unlimited: 'largest' }), 'What is older is compacted, however little it is.'),
  mapped('max.message.bytes', 'message.max.bytes', 'maxRecordBytes', whole('INT', { min: 1, max: 63 * MiB }), 'The largest batch that is taken.'),
  constant('message.timestamp.after.max.ms', 'log.message.timestamp.after.max.ms', 'LONG', '3600000', 'How far in the future a timestamp may be.'),
  constant('message.timestamp.before.max.ms', 'log.message.timestamp.before.max.ms', 'LONG', '9223372036854775807', 'How far in the past a timestamp may be: any is taken.'),
  mapped('message.timestamp.type', 'log.message.timestamp.type', 'timestamps', choice({ CreateTime: 'create', LogAppendTime: 'append' } as const), 'Whether records have the time of their producer or of the append.'),
  mapped('min.cleanable.dirty.ratio', 'log.cleaner.min.cleanable.ratio', 'minDirtyRatio', ratio(), 'A partition is compacted when that much of it has not been.'),
  mapped('min.compaction.lag.ms', 'log.cleaner.min.compaction.lag.ms', 'compactionLagMinMs', whole('LONG', { min: 0, unlimited: 'largest' }), 'What is younger is not compacted.'),
  idle('min.insync.replicas', 'INT', '1', 'There is one replica.'),
  idle('preallocate', 'BOOLEAN', 'false', 'The log decides how its files grow.', 'log.preallocate'),
  constant('remote.log.copy.disable', 'remote.log.copy.disable', 'BOOLEAN', 'false', 'There is no remote storage.'),
  constant('remote.log.delete.on.disable', 'remote.log.delete.on.disable', 'BOOLEAN', 'false', 'There is no remote storage.'),
  constant('remote.storage.enable', 'remote.storage.enable', 'BOOLEAN', 'false', 'There is no remote storage.'),
  mapped('retention.bytes', 'log.retention.bytes', 'retentionBytes', whole('LONG', { min: 1, unlimited: '-1' }), 'The oldest segments of a partition go while the rest holds that much; -1: without limit.'),
  mapped('retention.ms', 'log.retention.ms', 'retentionMs', whole('LONG', { min: 0, unlimited: '-1' }), 'How long a segment is kept after its newest record; -1: for ever.'),
  mapped('segment.bytes', 'log.segment.bytes', 'segmentBytes', whole('INT', { min: KiB, max: GiB }), 'Where a segment ends and the next begins.'),
  idle('segment.index.bytes', 'INT', '10485760', 'Indexes grow as they need to.', 'log.index.size.max.bytes'),
  idle('segment.jitter.ms', 'LONG', '0', 'Segments of one process need no spreading.', 'log.roll.jitter.ms'),
  mapped('segment.ms', 'log.roll.ms', 'segmentAgeMs', whole('LONG', { min: 1, unlimited: 'largest' }), 'So long after its first record a segment ends.'),
  idle('unclean.leader.election.enable', 'BOOLEAN', 'false', 'There is one replica.'),
].map(config => [config.name, config]))

/** What clients gave, as options for a topic. Throws a KafkaError INVALID_CONFIG. */
export function readTopicConfig(name: string, text: string): Partial<TopicSettings> {
  return topicConfig(name).read(text)
}

/** Throws a KafkaError INVALID_CONFIG. */
export function topicConfig(name: string): TopicConfig {
  const config = TOPIC_CONFIGS.get(name)
  if (config === undefined) throw new KafkaError('INVALID_CONFIG', `unknown topic config: ${name}`)
  return config
}

/** As topics are made and altered with; only what a config of Kafka's can set. */
export function optionsOf(settings: Partial<TopicSettings>): TopicOptions<Uint8Array, Uint8Array> {
  const { cleanup, compression, retentionMs, retentionBytes, segmentBytes, segmentAgeMs, minDirtyRatio, tombstoneRetentionMs, compactionLagMinMs, compactionLagMaxMs, maxRecordBytes, timestamps } = settings
  const given = {
    cleanup, compression, retentionBytes, segmentBytes, minDirtyRatio, maxRecordBytes, timestamps,
    retention: retentionMs, segmentAge: segmentAgeMs, tombstoneRetention: tombstoneRetentionMs, compactionLag: dropUndefined({ min: compactionLagMinMs, max: compactionLagMaxMs }),
  }
  return dropUndefined(given)
}

/** What the log refuses of configs that were each all right: those that contradict each other, a codec that is not installed. */
export function invalidConfig(error: unknown): unknown {
  return error instanceof MillraceError && (error.code.startsWith('OPTION') || error.code === 'CODEC_UNAVAILABLE') ? new KafkaError('INVALID_CONFIG', `${error.message}; ${error.hint}`) : error
}

function mapped<Name extends keyof TopicSettings>(name: string, brokerName: string, setting: Name, { type, read, show }: ConfigKind<TopicSettings[Name]>, documentation: string): TopicConfig {
  return {
    name, brokerName, type, documentation,
    read: text => ({ [setting]: checked(name, () => read(text.trim())) }),
    show: settings => show(settings[setting]),
  }
}

function constant(name: string, brokerName: string, type: ConfigType, value: string, documentation: string): TopicConfig {
  return {
    name, brokerName, type, documentation,
    read(text) {
      if (text.trim() === value) return {}
      throw new KafkaError('INVALID_CONFIG', `${name} is always ${value} here. ${documentation}`)
    },
    show: () => value,
  }
}

function idle(name: string, type: ConfigType, value: string, documentation: string, brokerName = name): TopicConfig {
  return {
    name, brokerName, type, documentation: `Has no effect. ${documentation}`,
    read(text) {
      checked(name, () => anyOf(type).read(text.trim()))
      return {}
    },
    show: () => value,
  }
}

function checked<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new KafkaError('INVALID_CONFIG', `config ${name}: ${messageOf(error)}`)
  }
}

function dropUndefined<T extends object>(object: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as { [Name in keyof T]?: Exclude<T[Name], undefined> }
}
