// The log that this process writes: its topics, what happens to them, and its beginning and end.
//
// Changes of the catalog run one at a time. Order of a creation: directories, catalog record, memory; of a deletion:
// catalog record, memory, directories. So a crash leaves directories without a topic, never a topic without them.
import { ClosedError, ConflictError, CorruptionError, LimitError, MillraceError, NotFoundError, TimeoutError } from '../base/errors.ts'
import { ensureCodec } from '../format/compression.ts'
import type { FileSystem } from '../platform/file-system.ts'
import { nextTurn } from '../platform/next-turn.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { CATALOG_TOPIC, Catalog, type CatalogEntry } from './catalog.ts'
import { EventEmitter } from './event-emitter.ts'
import { inParallel } from './in-parallel.ts'
import { INTERNAL_TOPICS, type InternalTopic } from './internal-topics.ts'
import { LogDirectory } from './log-directory.ts'
import { logClosed, type OpenLog, type TopicObserver } from './open-log.ts'
import type { OpenSettings } from './open-options.ts'
import { OpenWriters } from './open-writers.ts'
import { findPartition, removeDeleted, removeOrphans } from './partition-directories.ts'
import { PartitionStore, SIDE_BY_SIDE } from './partition-store.ts'
import { loadPartitioner, type PartitionerName } from './partitioner.ts'
import { RecordCodec } from './record-codec.ts'
import { RecordWriter, type WriterSettings } from './record-writer.ts'
import { StoredTopic } from './stored-topic.ts'
import { SyncRounds } from './sync-rounds.ts'
import { randomTopicId } from './topic-id.ts'
import { caseClash, checkTopicName } from './topic-name.ts'
import { DEFAULT_SETTINGS, defaultSettings, readAlterOptions, readTopicOptions, reconcile, type ReadTopicOptions, type TopicSettings } from './topic-settings.ts'

/** What was written is synced within that time, then the recovery points are saved: what a power cut can cost 'process'. */
const SYNC_INTERVAL_MS = 30_000
const CATALOG_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'

export class LocalLog implements OpenLog {
  readonly location: string
  readonly settings: OpenSettings
  readonly events: EventEmitter
  readonly topics = new Map<string, StoredTopic>()
  readonly #directory: LogDirectory
  readonly #store: PartitionStore
  readonly #writers: OpenWriters
  readonly #internal = new Map<InternalTopic, Promise<WritablePartition>>()
  #catalog!: Catalog
  #observer: TopicObserver | undefined
  #changes: Promise<unknown> = Promise.resolve()
  /** Not before opening has ended: a round saves the recovery points of all partitions. */
  #rounds: SyncRounds | undefined
  #closing: Promise<void> | undefined
  #closed: ClosedError | undefined

  private constructor(location: string, directory: LogDirectory, settings: OpenSettings) {
    this.location = location
    this.settings = settings
    this.#writers = new OpenWriters(settings.clock)
    this.events = new EventEmitter(settings.logger)
    this.#directory = directory
    this.#store = new PartitionStore(directory, this.events, () => this.#rounds?.needed())
  }

  static async open(fs: FileSystem, path: string, location: string, settings: OpenSettings): Promise<LocalLog> {
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

  get storage(): OpenLog['storage'] {
    return this.#directory.fs
  }

  checkOpen(): void {
    if (this.#closed !== undefined) throw this.#closed
  }

  observeTopics(observer: TopicObserver): void {
    this.#observer = observer
  }

  /** Not one of the changes of the catalog: those may wait for what is written here. */
  async internalPartition(topic: InternalTopic, { create }: { create: boolean }): Promise<WritablePartition | undefined> {
    this.checkOpen()
    const known = this.#internal.get(topic)
    if (known !== undefined || !create) return await known
    const made = this.#store.create(topic, 0, INTERNAL_TOPICS[topic], internalPolicies)
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
      if (known === undefined) return await this.#createTopic(name, given)
      await this.#applySettings(known, given.settings, 'TOPIC_ALTERED')
      if (given.place !== undefined) known.codec.place = await loadPartitioner('custom', given.place)
      known.codec.use(given)
      return known
    })
  }

  async alterTopic(topic: StoredTopic, options: unknown): Promise<void> {
    this.checkOpen()
    const given = readAlterOptions(options, topic.name)
    await this.#change(async () => {
      topic.checkUsable()
      await this.#applySettings(topic, given.settings)
      topic.codec.use(given)
    })
  }

  async deleteTopic(name: unknown): Promise<void> {
    this.checkOpen()
    checkTopicName(name)
    await this.#change(async () => {
      const topic = this.topics.get(name)
      if (topic === undefined) throw noSuchTopic(name)
      await this.#recordDeletion(topic)
      this.topics.delete(name)
      const reason = new ClosedError('TOPIC_DELETED', `topic '${name}' was deleted`, { hint: 'open it again to create it anew', details: { topic: name } })
      topic.markGone(reason, 'deleted')
      this.#writers.forgetThoseOf(topic)
      await this.#store.delete(name, topic.partitions.keys(), topic.id, reason)
      await this.#observer?.deleted(topic)
    })
  }

  async recoverPartition(topic: StoredTopic, partition: number): Promise<void> {
    topic.checkUsable()
    await this.#change(async () => { // its files must stay where they are meanwhile
      topic.checkUsable()
      const endOffset = await this.#store.recover(topic.writable(partition), topic.name, partition)
      if (endOffset !== undefined) await this.#observer?.recovered(topic, partition, endOffset)
    })
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
    const { fs, path } = this.#directory
    const isNew = !this.#store.exists(CATALOG_TOPIC, 0)
    if (isNew) this.#checkNothingLost()
    const partition = isNew ? await this.#store.create(CATALOG_TOPIC, 0, CATALOG_ID, internalPolicies) : await this.#store.open(CATALOG_TOPIC, 0, internalPolicies)
    await partition.sync() // after a kill its end is in the page cache alone: topics that are seen once stay
    this.#catalog = new Catalog(partition, this.settings.clock)
    await this.#catalog.replay()
    await removeDeleted(fs, path)
    if (this.#directory.trust !== 'clean') this.#warnOfStrangers(await removeOrphans(fs, path, this.#catalog))
    const opened = new Map<string, { readonly topic: { current?: StoredTopic }; readonly partitions: readonly WritablePartition[] }>()
    await inParallel(this.#catalog.entries, SIDE_BY_SIDE, async ([name, entry]) => {
      const topic: { current?: StoredTopic } = {}
      const policies = () => topic.current?.settings ?? entry.settings
      const partitions: WritablePartition[] = []
      for (let index = 0; index < entry.settings.partitions; index++) partitions.push(await this.#openPartition(name, index, policies))
      opened.set(name, { topic, partitions })
    })
    for (const [name, { id, settings }] of this.#catalog.entries) { // in the catalog's order, whichever was open first
      const { topic, partitions } = opened.get(name)!
      topic.current = await this.#register(name, id, settings, partitions, {})
    }
    for (const topic of Object.keys(INTERNAL_TOPICS) as InternalTopic[]) {
      if (this.#store.exists(topic, 0)) this.#internal.set(topic, Promise.resolve(await this.#store.open(topic, 0, internalPolicies)))
      else if (this.#store.wasThere(topic, 0)) this.#tellMissing(topic)
    }
    await this.#store.saveCheckpoints()
    await this.#directory.beginWriting()
    this.#rounds = new SyncRounds(this.settings.clock, SYNC_INTERVAL_MS, () => this.#syncRound())
    this.#rounds.needed() // what a crash left is in the page cache alone
  }

  /** The catalog is made before any other partition. */
  #checkNothingLost(): void {
    const { fs, path } = this.#directory
    const partition = findPartition(fs, path)
    if (partition === undefined) return
    throw new CorruptionError('CATALOG_MISSING', `open: ${path} holds the partition '${partition}', and the catalog '${CATALOG_TOPIC}-0' is gone`, {
      hint: 'restore it from a copy: it says which topics there are, and how they are stored', details: { path, partition },
    })
  }

  async #openPartition(topic: string, index: number, policies: () => TopicSettings): Promise<WritablePartition> {
    if (this.#store.exists(topic, index)) return await this.#store.open(topic, index, policies)
    throw new CorruptionError('PARTITION_MISSING', `topic '${topic}': the directory of partition ${index} is gone`, {
      hint: 'restore it from a copy; the catalog says that it holds records', details: { topic, partition: index },
    })
  }

  /** The log goes on without: what it held is made anew from nothing. */
  #tellMissing(topic: InternalTopic): void {
    const error = new CorruptionError('INTERNAL_PARTITION_MISSING', `the directory ${topic}-0 is gone, with all it held`, { hint: 'close the log and restore it from a copy; unless it was removed on purpose', details: { topic, partition: 0 } })
    this.events.emit('error', { error, topic, partition: 0 })
  }

  #warnOfStrangers(directories: readonly string[]): void {
    for (const directory of directories) {
      this.events.emit('warning', { code: 'DIRECTORY_WITHOUT_TOPIC', message: `${directory} is named like a partition, belongs to no topic of the catalog and is not empty: it is left alone`, hint: 'move it away if it is not needed' })
    }
  }

  // ---------------------------------------------------------------- topics

  async #createTopic(name: string, given: ReadTopicOptions): Promise<StoredTopic> {
    const clash = caseClash(name, this.topics.keys())
    if (clash !== undefined) throw new ConflictError('TOPIC_NAME_CLASH', `topic '${name}' differs from '${clash}' by case alone`, { hint: 'they would share a directory on Windows and macOS: choose another name', details: { topic: name, existing: clash } })
    if (!this.settings.create) throw noSuchTopic(name)
    const defaults = this.settings.topicDefaults
    const all = { ...defaults, ...given, settings: { ...defaults.settings, ...given.settings } }
    await this.#observer?.creating(name)
    const settings = defaultSettings(all.settings, `topic '${name}'`)
    await ensureCodec(settings.compression)
    const id = randomTopicId()
    const topic: { current?: StoredTopic } = {}
    const partitions = await this.#createPartitions(name, id, 0, settings.partitions, () => topic.current?.settings ?? settings)
    await this.#putOrUndo(name, { id, settings }, partitions, 0)
    topic.current = await this.#register(name, id, settings, partitions, all)
    await this.#observer?.changed()
    return topic.current
  }

  async #createPartitions(name: string, id: string, from: number, to: number, policies: () => TopicSettings): Promise<WritablePartition[]> {
    const partitions: WritablePartition[] = []
    try {
      await inParallel(Array.from({ length: to - from }, (_, i) => from + i), SIDE_BY_SIDE, async index => {
        partitions[index - from] = await this.#store.create(name, index, id, policies)
      })
    } catch (error) {
      await this.#removePartitions(name, id, partitions, from)
      throw error
    }
    return partitions
  }

  /** Where it is certain that the record is not in the catalog, the new directories go; else the next opening decides. */
  async #putOrUndo(name: string, entry: CatalogEntry, added: readonly WritablePartition[], from: number): Promise<void> {
    try {
      await this.#catalog.put(name, entry)
    } catch (error) {
      if (error instanceof LimitError) await this.#removePartitions(name, entry.id, added, from)
      throw error
    }
  }

  async #removePartitions(name: string, id: string, partitions: readonly (WritablePartition | undefined)[], from: number): Promise<void> {
    const reason = new ClosedError('TOPIC_NOT_CREATED', `topic '${name}' was not created`, { hint: 'look at the error of its creation' })
    const made = [...partitions.keys()].filter(i => partitions[i] !== undefined)
    await this.#store.delete(name, made.map(i => from + i), id, reason)
  }

  async #register(name: string, id: string, settings: Readonly<TopicSettings>, partitions: readonly WritablePartition[], given: Partial<ReadTopicOptions>): Promise<StoredTopic> {
    const place = await loadPartitioner(settings.partitioner as PartitionerName, given.place)
    const codec = new RecordCodec(name, settings, place)
    codec.use(given)
    const topic = new StoredTopic(name, id, settings, partitions, codec)
    this.topics.set(name, topic)
    return topic
  }

  /** Where the disk fails in it, nobody knows whether the topic will be there after the next opening: it takes no more records. */
  async #recordDeletion(topic: StoredTopic): Promise<void> {
    this.#catalog.checkWritable()
    try {
      await this.#catalog.delete(topic.name)
    } catch (error) {
      if (error instanceof LimitError) throw error
      this.topics.delete(topic.name)
      topic.markGone(new ClosedError('TOPIC_UNCERTAIN', `topic '${topic.name}': the disk failed while it was deleted`, { hint: 'open the log again: the topic is there, or is not', cause: error }), 'closed')
      throw error
    }
  }

  /** Policies and more partitions; contradictions are refused before anything changes. */
  async #applySettings(topic: StoredTopic, given: Partial<TopicSettings>, report?: string): Promise<void> {
    const { settings, changed } = reconcile(topic.name, topic.settings, given)
    await ensureCodec(settings.compression) // also where nothing changes: this process may not have it yet
    if (changed.length === 0) return
    const added = await this.#createPartitions(topic.name, topic.id, topic.partitions.length, settings.partitions, () => topic.settings)
    await this.#putOrUndo(topic.name, { id: topic.id, settings }, added, topic.partitions.length)
    topic.settings = settings
    if (added.length > 0) {
      topic.grow(added)
      await this.#observer?.changed()
    }
    if (report !== undefined) this.events.emit('warning', { code: report, message: `topic '${topic.name}': changed ${changed.join(', ')}, as given on opening it`, hint: 'leave options out to keep what is stored' })
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

  // ---------------------------------------------------------------- syncing, closing

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
    for (const topic of this.topics.values()) topic.markGone(reason, 'closed')
  }

  async #end(timeoutMs: number): Promise<void> {
    const closed = logClosed(this.location)
    this.#closed = closed // nothing new is begun
    const inTime = await this.#writers.close(timeoutMs, closed)
    await this.#changes
    this.#stop(closed)
    try {
      await this.#store.closeAll()
      if (!this.#directory.hasFailed) await this.#directory.markClean()
    } finally {
      this.#directory.release()
    }
    if (!inTime) throw new TimeoutError('CLOSE_TIMED_OUT', `sends were still waiting after ${timeoutMs} ms; they were given up`, { hint: 'await your sends before closing, or allow more time' })
  }
}

function internalPolicies(): TopicSettings {
  return DEFAULT_SETTINGS
}

function noSuchTopic(name: string): NotFoundError {
  return new NotFoundError('TOPIC_NOT_FOUND', `there is no topic '${name}'`, { hint: 'log.topics() lists them', details: { topic: name } })
}
