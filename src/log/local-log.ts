// The log that this process writes: what it is made of, its beginning and its end. Changes of topics run one at a time;
// what they are is topic-store.ts.
import { ClosedError, ConflictError, CorruptionError, MillraceError, TimeoutError } from '../base/errors.ts'
import type { FileSystem } from '../platform/file-system.ts'
import { keepAlive } from '../platform/keep-alive.ts'
import { nextTurn } from '../platform/next-turn.ts'
import { openInsisting } from '../storage/disk-room.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { EventEmitter, type HousekeepingReport } from './event-emitter.ts'
import { Housekeeping } from './housekeeping.ts'
import { INTERNAL_TOPICS, type InternalTopic } from './internal-topics.ts'
import { LogDirectory } from './log-directory.ts'
import { logClosed, noSuchTopic, type OpenLog, type TopicObserver } from './open-log.ts'
import type { OpenSettings } from './open-options.ts'
import { OpenWriters } from './open-writers.ts'
import { PartitionStore } from './partition-store.ts'
import { RecordWriter, type WriterSettings } from './record-writer.ts'
import { Rounds } from './rounds.ts'
import { Snapshots } from './snapshot.ts'
import type { StoredTopic } from './stored-topic.ts'
import { checkTopicName } from './topic-name.ts'
import { readAlterOptions, readTopicOptions } from './topic-settings.ts'
import { TopicStore } from './topic-store.ts'

/** What was written is synced within that time, then the recovery points are saved: what a power cut can cost 'process'. */
const SYNC_INTERVAL_MS = 30_000

export class LocalLog implements OpenLog {
  readonly location: string
  readonly settings: OpenSettings
  readonly events: EventEmitter
  readonly #directory: LogDirectory
  readonly #store: PartitionStore
  readonly #writers: OpenWriters
  readonly #internal = new Map<InternalTopic, Promise<WritablePartition>>()
  readonly #topics: TopicStore
  #observer: TopicObserver | undefined
  readonly #onRecovered: ((topic: StoredTopic, partition: number) => void)[] = []
  #changes: Promise<unknown> = Promise.resolve()
  readonly #snapshots: Snapshots
  /** Not before opening has ended: a round saves the recovery points of all partitions. */
  #rounds: Rounds | undefined
  #housekeeping: Housekeeping | undefined
  #closing: Promise<void> | undefined
  #closed: ClosedError | undefined

  private constructor(location: string, directory: LogDirectory, settings: OpenSettings) {
    this.location = location
    this.settings = settings
    this.#writers = new OpenWriters(settings.clock)
    this.events = new EventEmitter(settings.logger)
    this.#directory = directory
    this.#store = new PartitionStore(directory, this.events, settings, () => {
      this.#rounds?.needed()
      this.#housekeeping?.needed()
    })
    this.#topics = new TopicStore(directory, this.#store, settings, this.events, () => this.#observer)
    this.#snapshots = new Snapshots(directory, this.#store, () => { this.checkOpen() })
  }

  static async open(fs: FileSystem, path: string, location: string, settings: OpenSettings): Promise<LocalLog> {
    return await openInsisting(fs, path, () => LocalLog.#open(fs, path, location, settings))
  }

  static async #open(fs: FileSystem, path: string, location: string, settings: OpenSettings): Promise<LocalLog> {
    const directory = await LogDirectory.openToWrite(fs, path, settings.create)
    let log: LocalLog | undefined
    try {
      log = new LocalLog(location, directory, settings)
      const release = log.events.hold()
      await log.#start()
      void nextTurn().then(release)
      return log
    } catch (error) {
      if (log !== undefined) log.#store.abandonAll(logClosed(location))
      directory.release()
      throw error
    }
  }

  get id(): string { return this.#directory.id }

  get topics(): ReadonlyMap<string, StoredTopic> { return this.#topics.topics }

  get storage(): OpenLog['storage'] {
    return this.#directory.fs
  }

  checkOpen(): void {
    if (this.#closed !== undefined) throw this.#closed
  }

  observeTopics(observer: TopicObserver): void {
    this.#observer = observer
  }

  onRecovered(callback: (topic: StoredTopic, partition: number) => void): void {
    this.#onRecovered.push(callback)
  }

  /** Not one of the changes of the catalog: those may wait for what is written here. */
  async internalPartition(topic: InternalTopic, { create }: { create: boolean }): Promise<WritablePartition | undefined> {
    this.checkOpen()
    const known = this.#internal.get(topic)
    if (known !== undefined || !create) return await known
    const { id, settings } = INTERNAL_TOPICS[topic]
    const made = this.#store.create(topic, 0, id, () => settings)
    this.#internal.set(topic, made)
    made.catch(() => this.#internal.delete(topic))
    return await made
  }

  async topic(name: unknown, options: unknown): Promise<StoredTopic> {
    this.checkOpen()
    checkTopicName(name)
    const given = readTopicOptions(options, name)
    return await this.#change(async () => {
      const known = this.topics.get(name)
      if (known === undefined) return await this.#topics.create(name, given)
      await this.#topics.alter(known, given, { report: 'TOPIC_ALTERED' })
      this.#housekeeping?.needed()
      return known
    })
  }

  async createTopic(name: unknown, options: unknown): Promise<StoredTopic> {
    this.checkOpen()
    checkTopicName(name)
    const given = readTopicOptions(options, name)
    return await this.#change(async () => {
      if (this.topics.has(name)) throw new ConflictError('TOPIC_EXISTS', `there is a topic '${name}' already`, { hint: 'log.topic(name) opens it', details: { topic: name } })
      return await this.#topics.create(name, given)
    })
  }

  async alterTopic(topic: StoredTopic, options: unknown): Promise<void> {
    this.checkOpen()
    const given = readAlterOptions(options, topic.name)
    await this.#change(async () => {
      topic.checkUsable()
      await this.#topics.alter(topic, given)
      this.#housekeeping?.needed()
    })
  }

  async deleteTopic(name: unknown): Promise<void> {
    this.checkOpen()
    checkTopicName(name)
    await this.#change(async () => {
      const topic = this.topics.get(name)
      if (topic === undefined) throw noSuchTopic(name)
      await this.#snapshots.idle
      await this.#topics.delete(topic, () => { this.#writers.forgetThoseOf(topic) })
    })
  }

  async recoverPartition(topic: StoredTopic, partition: number): Promise<void> {
    topic.checkUsable()
    await this.#change(async () => { // its files must stay where they are meanwhile
      topic.checkUsable()
      const endOffset = await this.#store.recover(topic.writable(partition), topic.name, partition)
      if (endOffset === undefined) return
      for (const callback of this.#onRecovered) callback(topic, partition)
      await this.#observer?.recovered(topic, partition, endOffset)
    })
  }

  /** The moment comes in turn with changes of the catalog; the copying goes on beside them. */
  async snapshot(directory: string, fs?: FileSystem): Promise<void> {
    this.checkOpen()
    const release = keepAlive()
    try {
      const { copied } = await this.#change(() => this.#snapshots.begin(directory, fs))
      await copied
    } finally {
      release()
    }
  }

  async housekeep(): Promise<HousekeepingReport> {
    this.checkOpen()
    const release = keepAlive()
    try {
      return await this.#housekeeping!.onDemand()
    } finally {
      release()
    }
  }

  writer(settings: WriterSettings, only?: StoredTopic): RecordWriter {
    this.checkOpen()
    const writer = new RecordWriter(settings, this.settings.clock)
    this.#writers.add(writer, only)
    return writer
  }

  forget(writer: RecordWriter): void {
    this.#writers.forget(writer)
  }

  close(timeoutMs: number): Promise<void> {
    this.#closing ??= this.#end(timeoutMs)
    return this.#closing
  }

  /** As if the process had died: nothing more is written. For tests. */
  abandon(): ClosedError {
    const crashed = new ClosedError('LOG_CRASHED', 'the log was made to crash', { hint: 'it goes on in the log that crash() returned' })
    this.#stop(crashed)
    this.#store.abandonAll(crashed)
    return crashed
  }

  // ---------------------------------------------------------------- opening

  async #start(): Promise<void> {
    await this.#topics.open()
    for (const topic of Object.keys(INTERNAL_TOPICS) as InternalTopic[]) {
      if (this.#store.exists(topic, 0)) this.#internal.set(topic, Promise.resolve(await this.#store.open(topic, 0, () => INTERNAL_TOPICS[topic].settings)))
      else if (this.#store.wasThere(topic, 0)) this.#tellMissing(topic)
    }
    await this.#store.saveCheckpoints()
    await this.#directory.beginWriting()
    await this.#store.room.open()
    this.#rounds = new Rounds(this.settings.clock, SYNC_INTERVAL_MS, () => this.#syncRound())
    this.#rounds.needed() // what a crash left is in the page cache alone
    this.#housekeeping = this.#keepHouse()
    this.#housekeeping.needed()
    this.#store.room.onRefused = () => { this.#housekeeping?.roomNeeded() }
  }

  /** The log goes on without: what it held is made anew from nothing. */
  #tellMissing(topic: InternalTopic): void {
    const error = new CorruptionError('INTERNAL_PARTITION_MISSING', `the directory ${topic}-0 is gone, with all it held`, { hint: 'close the log and restore it from a copy; unless it was removed on purpose', details: { topic, partition: 0 } })
    this.events.emit('error', { error, topic, partition: 0 })
  }

  /** One change of the catalog after the other. */
  #change<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#changes.then(() => {
      this.checkOpen()
      return work()
    })
    this.#changes = run.catch(() => { /* its caller has it */ })
    return run
  }

  // ---------------------------------------------------------------- syncing, housekeeping, closing

  #keepHouse(): Housekeeping {
    const { clock, housekeeping, groupExpiry } = this.settings
    return new Housekeeping({
      clock,
      intervalMs: housekeeping?.interval,
      groupExpiryMs: groupExpiry,
      jobs: this.#directory.fs.jobs,
      kept: () => this.#store.kept(),
      isShortOfRoom: () => this.#store.room.isShort,
      observer: () => this.#observer,
      syncAll: () => this.#syncRound(),
      onRound: report => { this.events.emit('housekeeping', report) },
      onFailure: (error, kept) => { this.events.emit('error', kept === undefined ? { error } : { error, topic: kept.topic, partition: kept.index }) },
    })
  }

  async #syncRound(): Promise<void> {
    try {
      await this.#store.syncAll()
    } catch (error) {
      if (error instanceof MillraceError) this.events.emit('error', { error })
      this.#rounds?.needed()
    }
  }

  #stop(reason: ClosedError): void {
    this.#closed = reason
    this.#rounds?.stop()
    this.#housekeeping?.abandon(reason)
    for (const topic of this.topics.values()) topic.markGone(reason, 'closed')
  }

  async #end(timeoutMs: number): Promise<void> {
    const closed = logClosed(this.location)
    this.#closed = closed // nothing new is begun
    const inTime = await this.#writers.close(timeoutMs, closed)
    await this.#changes
    await this.#snapshots.idle
    await this.#housekeeping?.stop(closed)
    this.#stop(closed)
    try {
      await this.#store.closeAll()
      if (!this.#directory.hasFailed && !this.#store.hasUnremoved) await this.#store.room.insist(() => this.#directory.markClean())
    } finally {
      this.#directory.release()
    }
    if (!inTime) throw new TimeoutError('CLOSE_TIMED_OUT', `sends were still waiting after ${timeoutMs} ms; they were given up`, { hint: 'await your sends before closing, or allow more time' })
  }
}
