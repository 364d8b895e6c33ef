// The log as users hold it, and how it is opened.
import { resolve } from 'node:path'
import { describe } from '../base/describe.ts'
import { UsageError } from '../base/errors.ts'
import { boolean, callback, duration, optionTable, readOptions, signal } from '../base/options.ts'
import type { Duration } from '../base/units.ts'
import { Coordinator } from '../groups/coordinator.ts'
import type { HousekeepingReport, LogEvents } from '../log/event-emitter.ts'
import { FollowedLog } from '../log/followed-log.ts'
import { LocalLog } from '../log/local-log.ts'
import { readOpenOptions, type OpenOptions, type OpenSettings } from '../log/open-options.ts'
import type { OpenLog } from '../log/open-log.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import type { TopicOptions } from '../log/topic-settings.ts'
import { SimulatedFileSystem } from '../platform/simulated-file-system.ts'
import { chooseStorage, plainFiles } from '../platform/storage-choice.ts'
import { TransactionCoordinator } from '../transactions/transaction-coordinator.ts'
import { readTransactionOptions, type TransactionOptions } from '../transactions/transaction-options.ts'
import { ConsumerGroup, type Coordinators } from './consumer-group.ts'
import { Producer, newWriter, type ProducerOptions } from './producer.ts'
import { Topic } from './topic.ts'
import { TransactionHandle, type Transaction } from './transaction.ts'

const MEMORY = 'memory:'
/** Where a log stands on a disk in memory. */
export const MEMORY_DIRECTORY = '/log'

const CLOSE_OPTIONS = optionTable({ timeout: { default: 10_000, read: duration() } })
const IDLE_OPTIONS = optionTable({ signal: { default: undefined, read: signal }, advance: { default: false, read: boolean } })

export interface LogStats {
  location: string
  storage: 'mapped' | 'file' | 'memory'
  storageReason: string
  bytes: number
  topics: { name: string; partitions: { index: number; startOffset: number; stableOffset: number; endOffset: number; bytes: number; segments: number }[] }[]
  groups: { id: string; members: number; lag: number }[]
  transactions: { id: string | null; ageMs: number; partitions: number }[]
}

/** './data' is a directory, made if absent; 'memory:' is a new log of its own that keeps nothing on disk. */
export async function open(location: string, options?: OpenOptions): Promise<EventLog> {
  const settings = readOpenOptions(options)
  if (!isPath(location)) throw new UsageError('LOCATION_INVALID', `open: found ${describe(location)} as the location`, { hint: "give a directory, such as './data', or 'memory:'" })
  const log = await openLog(location, settings)
  return new EventLog(log, await coordinate(log))
}

/** Of a log that was just opened: it is not handed out without them. */
export async function coordinate(log: OpenLog, random?: () => number): Promise<Coordinators> {
  try {
    const transactions = await TransactionCoordinator.open(log)
    const groups = await Coordinator.open(log, { random })
    transactions.use(groups.positions)
    return { groups, transactions }
  } catch (error) {
    await log.close(0).catch(() => { /* the first error counts */ })
    throw error
  }
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && !value.includes('\0')
}

async function openLog(location: string, settings: OpenSettings): Promise<OpenLog> {
  const inMemory = location === MEMORY
  const directory = inMemory ? MEMORY_DIRECTORY : resolve(location)
  const fs = inMemory ? new SimulatedFileSystem({ history: false, clock: settings.clock })
    : settings.readOnly ? plainFiles('opened with readOnly, so nothing is written')
      : chooseStorage(settings.storage, directory)
  return await (settings.readOnly ? FollowedLog : LocalLog).open(fs, directory, location, settings)
}

/** What a log is made of, for who works beside this surface: the door for Kafka clients. */
export interface LogParts extends Coordinators {
  readonly log: OpenLog
  /** Calls back before the log closes, or when it is made to crash. Returns what takes that back. */
  readonly onEnding: (callback: () => Promise<void>) => () => void
}

/** @internal */
export let partsOf: (log: EventLog) => LogParts

export class EventLog implements AsyncDisposable {
  static { partsOf = log => log.#parts }

  readonly #log: OpenLog
  readonly #coordinator: Coordinator
  readonly #transactions: TransactionCoordinator
  readonly #coordinators: Coordinators
  readonly #topics = new WeakMap<StoredTopic, Topic>()
  readonly #endings = new Set<() => Promise<void>>()
  readonly #parts: LogParts
  #closing: Promise<void> | undefined

  constructor(log: OpenLog, coordinators: Coordinators) {
    this.#log = log
    this.#coordinators = coordinators
    this.#coordinator = coordinators.groups
    this.#transactions = coordinators.transactions
    this.#parts = { ...coordinators, log, onEnding: callback => {
      this.#endings.add(callback)
      return () => this.#endings.delete(callback)
    } }
  }

  get location(): string { return this.#log.location }

  /** Opens the topic, or creates it. Options that are given for one that is stored change it, as `topic.alter` does. */
  async topic<V = unknown, K = string>(name: string, options?: TopicOptions<V, K>): Promise<Topic<V, K>> {
    return this.#handle(await this.#log.topic(name, options)) as unknown as Topic<V, K>
  }

  topics(): Topic[] {
    this.#log.checkOpen()
    return [...this.#log.topics.values()].map(topic => this.#handle(topic))
  }

  async deleteTopic(name: string): Promise<void> {
    await this.#log.deleteTopic(name)
  }

  producer(options?: ProducerOptions): Producer {
    return new Producer(this.#log, newWriter(this.#log, options, 'producer'), options?.signal)
  }

  /** A group need not be made: it is there from its first member or commit on. */
  group(id: string): ConsumerGroup {
    this.#log.checkOpen()
    return new ConsumerGroup(this.#log, this.#coordinators, id)
  }

  groups(): ConsumerGroup[] {
    this.#log.checkOpen()
    return this.#coordinator.ids().map(id => new ConsumerGroup(this.#log, this.#coordinators, id))
  }

  /** Commits what the function does, or nothing of it: a throw aborts, and so do its time-out, a successor of its id, and a crash. */
  async transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    const settings = readTransactionOptions(options)
    callback()(work, 'transaction: the function')
    return await this.#transactions.run(async transaction => await work(new TransactionHandle(this.#log, transaction)), settings)
  }

  /** Resolves when every running group has handled and committed all there is. */
  async idle(options?: { signal?: AbortSignal; advance?: boolean }): Promise<void> {
    await this.#coordinator.idle(readOptions(options, IDLE_OPTIONS, 'idle'))
  }

  /**
   * A consistent copy of a live log, in a directory that is not there yet, or empty. It opens as a log of its own, whose retention
   * deletes: give `readOnly` to look at it. Of a log in memory too it is made of files.
   */
  async snapshot(directory: string): Promise<void> {
    this.#log.checkOpen()
    if (!isPath(directory) || directory === MEMORY) throw new UsageError('LOCATION_INVALID', `snapshot: found ${describe(directory)} as the directory`, { hint: "give a directory that is not there yet, such as './copy'" })
    await this.#log.snapshot(resolve(directory), this.#log.storage.kind === 'memory' ? plainFiles('the copy of a log in memory') : undefined)
  }

  /**
   * Syncs, rolls, expires and compacts now: whatever a compacted topic has to compact, however little it is. By age nothing goes before the
   * machine's clocks have agreed for five minutes after opening, but for topics with `retention: 0`.
   */
  async housekeep(): Promise<HousekeepingReport> {
    return await this.#log.housekeep()
  }

  stats(): LogStats {
    this.#log.checkOpen()
    const topics = [...this.#log.topics.values()].map(topic => ({
      name: topic.name,
      partitions: topic.partitions.map((partition, index) => {
        partition.refresh()
        const { startOffset, stableOffset, endOffset, bytes, segmentCount } = partition
        return { index, startOffset, stableOffset, endOffset, bytes, segments: segmentCount }
      }),
    }))
    const bytes = topics.flatMap(topic => topic.partitions).reduce((sum, partition) => sum + partition.bytes, 0)
    const { kind, reason } = this.#log.storage
    return { location: this.location, storage: kind, storageReason: reason, bytes, topics, groups: this.#coordinator.stats(), transactions: this.#transactions.stats() }
  }

  /** Returns what takes the listener off again. */
  on<E extends keyof LogEvents>(event: E, listener: (event: LogEvents[E]) => void): () => void {
    return this.#log.events.on(event, listener)
  }

  /** Groups commit and end, what was sent is stored, readers end, everything is synced. Idempotent. */
  async close(options?: { timeout?: Duration }): Promise<void> {
    const { timeout } = readOptions(options, CLOSE_OPTIONS, 'close')
    this.#closing ??= this.#close(timeout)
    await this.#closing
  }

  /** Handlers that are under way may still send; where there are none, nothing new is begun from the call on. */
  async #close(timeoutMs: number): Promise<void> {
    if (this.#endings.size > 0) await this.endDoors()
    try {
      const ending = this.#coordinator.close(timeoutMs)
      if (ending !== undefined) await ending
      const ended = this.#transactions.close(timeoutMs)
      if (ended !== undefined) await ended
    } finally {
      await this.#log.close(timeoutMs)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Clients of other processes are not answered any more. */
  protected async endDoors(): Promise<void> {
    await Promise.all([...this.#endings].map(end => end()))
  }

  #handle(stored: StoredTopic): Topic {
    let topic = this.#topics.get(stored)
    if (topic === undefined) this.#topics.set(stored, topic = new Topic(this.#log, stored))
    return topic
  }
}
