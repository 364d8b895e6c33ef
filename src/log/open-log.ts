// What an open log is to whoever stands on it (surface/ and, later, groups and doors), whether this process writes it
// or follows another that does.
import { ClosedError, NotFoundError } from '../base/errors.ts'
import type { FileSystem } from '../platform/file-system.ts'
import type { PartitionLog } from '../storage/partition-log.ts'
import type { EventEmitter, HousekeepingReport } from './event-emitter.ts'
import type { InternalTopic } from './internal-topics.ts'
import type { OpenSettings } from './open-options.ts'
import type { RecordWriter, WriterSettings } from './record-writer.ts'
import type { StoredTopic } from './stored-topic.ts'

export interface OpenLog {
  /** Of the directory, given when it was made. */
  readonly id: string
  readonly location: string
  readonly settings: OpenSettings
  readonly events: EventEmitter
  readonly storage: Pick<FileSystem, 'kind' | 'reason' | 'jobs'>
  /** By name, the log's own left out. */
  readonly topics: ReadonlyMap<string, StoredTopic>
  checkOpen(): void
  /** Opens the topic, or creates it. */
  topic(name: unknown, options: unknown): Promise<StoredTopic>
  /** Throws a ConflictError 'TOPIC_EXISTS' where there is one. */
  createTopic(name: unknown, options: unknown): Promise<StoredTopic>
  deleteTopic(name: unknown): Promise<void>
  alterTopic(topic: StoredTopic, options: unknown): Promise<void>
  recoverPartition(topic: StoredTopic, partition: number): Promise<void>
  /** undefined: there is none, and none is to be made. */
  internalPartition(topic: InternalTopic, options: { create: boolean }): Promise<PartitionLog | undefined>
  /** Rolls, expires and compacts now. */
  housekeep(): Promise<HousekeepingReport>
  /** A copy as of one moment, in a directory that is absent or empty; `fs` is where it goes if not to the log's own files. */
  snapshot(directory: string, fs?: FileSystem): Promise<void>
  /** One observer; it is told by the process that writes alone. */
  observeTopics(observer: TopicObserver): void
  /** Told when a partition has read its disk again, before the observer is. */
  onRecovered(callback: (topic: StoredTopic, partition: number) => void): void
  /** A producer's writer; it is flushed and closed with the log, and forgotten with the topic if it has only one. */
  writer(settings: WriterSettings, only?: StoredTopic): RecordWriter
  forget(writer: RecordWriter): void
  close(timeoutMs: number): Promise<void>
}

/** What every call gets from then on. */
export function logClosed(location: string): ClosedError {
  return new ClosedError('LOG_CLOSED', `the log ${location === 'memory:' ? 'in memory' : `in ${location}`} was closed`, { hint: 'open it again' })
}

export function noSuchTopic(name: string): NotFoundError {
  return new NotFoundError('TOPIC_NOT_FOUND', `there is no topic '${name}'`, { hint: 'log.topics() lists them', details: { topic: name } })
}

/**
 * Changes of topics, told in their order: the change goes on when a promise settles, and fails with it. And what
 * housekeeping has to know of groups; where there is no observer nothing is known of what they have committed.
 */
export interface TopicObserver {
  /** Before anything of a topic of that name is made. */
  creating(topic: string): Promise<void>
  /** Created, or given more partitions. */
  changed(): Promise<void>
  /** It is in the catalog no more. */
  deleted(topic: StoredTopic): Promise<void>
  /** The partition has read its disk again, and ended there: its end may have moved back. */
  recovered(topic: StoredTopic, partition: number, endOffset: number): Promise<void>
  /** Deletes the groups that are empty and that nobody has needed since that time: no member, no commit. Resolves with how many. */
  expireGroups(notSince: number): Promise<number>
  /** No group expires before that time; Infinity: there is none. */
  nextExpiry(expiryMs: number): number
  /** Below it the group has committed everything of the partition, as far as is known now; 0: nothing. */
  committedBelow(group: string, topic: string, partition: number): number
  /** What is committed is on the device when it resolves. */
  syncCommits(): Promise<void>
}
