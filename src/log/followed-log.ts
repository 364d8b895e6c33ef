// A log that another process writes, followed by looking at its directory. Takes no lock and changes nothing.
//
// It looks at once where somebody asks (a read begins, an offset is asked for), and while somebody waits every 10 ms,
// backing off to 50 ms while nothing comes.
import { ClosedError, ConflictError, NotFoundError } from '../base/errors.ts'
import { join, type FileSystem } from '../platform/file-system.ts'
import { FollowedPartition } from '../storage/followed-partition.ts'
import { IndexCache } from '../storage/index-cache.ts'
import { CATALOG_TOPIC, Catalog, type CatalogEntry } from './catalog.ts'
import { CLEANER_OFFSETS, COMPACTED_OFFSETS, START_OFFSETS, WatchedOffsets } from './checkpoints.ts'
import { EventEmitter } from './event-emitter.ts'
import type { InternalTopic } from './internal-topics.ts'
import { LogDirectory } from './log-directory.ts'
import { logClosed, type OpenLog } from './open-log.ts'
import type { OpenSettings } from './open-options.ts'
import { ownerOf } from './partition-directories.ts'
import { loadPartitioner, type PartitionerName } from './partitioner.ts'
import { RecordCodec } from './record-codec.ts'
import type { RecordWriter } from './record-writer.ts'
import { StoredTopic } from './stored-topic.ts'
import { checkTopicName, partitionDirectory } from './topic-name.ts'
import { readTopicOptions, reconcile, type ReadTopicOptions, type TopicSettings } from './topic-settings.ts'

const SHORTEST_POLL_MS = 10
const LONGEST_POLL_MS = 50

export class FollowedLog implements OpenLog {
  readonly location: string
  readonly settings: OpenSettings
  readonly events: EventEmitter
  readonly topics = new Map<string, StoredTopic>()
  readonly #directory: LogDirectory
  readonly #indexes = new IndexCache()
  #catalogPartition!: FollowedPartition
  #catalog!: Catalog
  readonly #internal = new Map<InternalTopic, Promise<FollowedPartition>>()
  /** The catalog has taken effect here up to this offset. While it has no more, every directory is whose it was. */
  #followedOffset = 0
  readonly #starts: WatchedOffsets
  readonly #compacted: WatchedOffsets
  readonly #cleaned: WatchedOffsets
  #looking: Promise<void> | undefined
  #pollMs = SHORTEST_POLL_MS
  #timer: { cancel(): void } | undefined
  #closed: ClosedError | undefined

  get storage(): OpenLog['storage'] { return this.#directory.fs }
  get id(): string { return this.#directory.id }

  private constructor(location: string, directory: LogDirectory, settings: OpenSettings) {
    this.location = location
    this.settings = settings
    this.events = new EventEmitter(settings.logger)
    this.#directory = directory
    this.#starts = new WatchedOffsets(directory.fs, directory.path, START_OFFSETS)
    this.#compacted = new WatchedOffsets(directory.fs, directory.path, COMPACTED_OFFSETS)
    this.#cleaned = new WatchedOffsets(directory.fs, directory.path, CLEANER_OFFSETS)
  }

  static async open(fs: FileSystem, path: string, location: string, settings: OpenSettings): Promise<FollowedLog> {
    const log = new FollowedLog(location, LogDirectory.openToRead(fs, path), settings)
    log.#catalogPartition = await log.#openPartition(CATALOG_TOPIC, 0, () => true)
    log.#catalog = new Catalog(log.#catalogPartition, settings.clock)
    try {
      await log.#look()
    } catch (error) {
      await log.close()
      throw error
    }
    log.#schedule()
    return log
  }

  checkOpen(): void {
    if (this.#closed !== undefined) throw this.#closed
  }

  async topic(name: unknown, options: unknown): Promise<StoredTopic> {
    this.checkOpen()
    checkTopicName(name)
    const given = readTopicOptions(options, name)
    await this.#look()
    const topic = this.topics.get(name)
    if (topic === undefined) throw new NotFoundError('TOPIC_NOT_FOUND', `there is no topic '${name}'`, { hint: 'the log was opened read-only, so it is not created; log.topics() lists what there is', details: { topic: name } })
    await this.#use(topic, given)
    return topic
  }

  createTopic(): Promise<never> { return this.#refuse() }
  deleteTopic(): Promise<never> { return this.#refuse() }
  alterTopic(): Promise<never> { return this.#refuse() }
  recoverPartition(): Promise<never> { return this.#refuse() }
  housekeep(): Promise<never> { return this.#refuse() }
  snapshot(): Promise<never> { return this.#refuse() }
  observeTopics(): void {}

  onRecovered(): void {}

  /** Looked for at each call until it is there: the writer makes it when it is first needed. */
  async internalPartition(topic: InternalTopic): Promise<FollowedPartition | undefined> {
    this.checkOpen()
    const label = partitionDirectory(topic, 0)
    const known = this.#internal.get(topic)
    if (known !== undefined || this.#directory.fs.stat(join(this.#directory.path, label)) === undefined) return await known
    const opening = this.#openPartition(topic, 0, () => true)
    this.#internal.set(topic, opening)
    opening.catch(() => this.#internal.delete(topic))
    return await opening
  }

  writer(): never {
    this.checkOpen()
    throw this.#readOnly()
  }

  forget(_writer: RecordWriter): void {}

  async close(): Promise<void> {
    if (this.#closed !== undefined) return
    const closed = this.#closed = logClosed(this.location)
    this.#timer?.cancel()
    await this.#looking?.catch(() => { /* whoever asked for the look has it */ })
    this.#catalogPartition.abandon(closed)
    for (const opening of this.#internal.values()) await opening.then(partition => { partition.abandon(closed) }, () => { /* whoever asked has it */ })
    for (const topic of this.topics.values()) this.#drop(topic, closed, 'closed')
  }

  async #use(topic: StoredTopic, given: ReadTopicOptions): Promise<void> {
    const { changed } = reconcile(topic.name, topic.settings, given.settings)
    if (changed.length > 0) this.events.emit('warning', { code: 'TOPIC_NOT_ALTERED', message: `topic '${topic.name}': ${changed.join(', ')} differ from what is stored`, hint: 'a log that was opened read-only goes by what is stored' })
    if (given.place !== undefined) topic.codec.place = await loadPartitioner('custom', given.place)
    topic.codec.use(given)
  }

  // ---------------------------------------------------------------- looking

  #schedule(): void {
    this.#timer = this.settings.clock.setTimeout(() => {
      const before = this.#ends()
      this.#look()
        .catch((error: unknown) => { this.events.emit('error', { error: error as ClosedError }) })
        .finally(() => {
          this.#pollMs = this.#ends() === before ? Math.min(this.#pollMs * 1.5, LONGEST_POLL_MS) : SHORTEST_POLL_MS
          if (this.#closed === undefined && !this.#catalogPartition.closed) this.#schedule() // closed: the log's directory is gone, and was told
        })
    }, this.#pollMs)
  }

  #ends(): number {
    let sum = this.#catalogPartition.endOffset
    for (const topic of this.topics.values()) for (const partition of topic.partitions) sum += partition.endOffset
    return sum
  }

  /** The catalog, and every partition that somebody waits for. Those who ask meanwhile share it. */
  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => { this.#looking = undefined })
    return this.#looking
  }

  async #lookOnce(): Promise<void> {
    while (!await this.#followCatalog()) { /* directories went meanwhile: the catalog tells of which topics */ }
    for (const topic of this.topics.values()) for (const partition of topic.partitions) if (partition.awaited) (partition as FollowedPartition).look()
  }

  /** A directory goes after its topic has left the catalog. False: one went after the catalog was read. */
  async #followCatalog(): Promise<boolean> {
    this.#catalogPartition.refresh()
    const { endOffset } = this.#catalogPartition
    await this.#catalog.replay()
    for (const [name, topic] of this.topics) {
      if (this.#catalog.entries.get(name)?.id === topic.id) continue
      this.topics.delete(name)
      this.#drop(topic, new ClosedError('TOPIC_DELETED', `topic '${name}' was deleted by the process that writes the log`, { hint: 'list the topics again', details: { topic: name } }), 'deleted')
    }
    this.#followedOffset = endOffset
    try {
      for (const [name, entry] of this.#catalog.entries) await this.#followTopic(name, entry)
      return true
    } catch (error) {
      if (error instanceof NotFoundError && this.#catalogPartition.hasGoneOnSince(endOffset)) return false
      throw error
    }
  }

  async #followTopic(name: string, { id, settings }: CatalogEntry): Promise<void> {
    const topic = this.topics.get(name) ?? await this.#newTopic(name, id, settings)
    topic.settings = settings
    if (topic.partitions.length < settings.partitions) topic.grow(await this.#openPartitions(topic, settings.partitions))
    this.topics.set(name, topic)
  }

  async #newTopic(name: string, id: string, settings: Readonly<TopicSettings>): Promise<StoredTopic> {
    const place = await loadPartitioner(settings.partitioner as PartitionerName)
    return new StoredTopic(name, id, settings, [], new RecordCodec(name, settings, place))
  }

  async #openPartitions(topic: StoredTopic, count: number): Promise<FollowedPartition[]> {
    const partitions: FollowedPartition[] = []
    const { fs, path } = this.#directory
    for (let index = topic.partitions.length; index < count; index++) {
      const isOurs = (): boolean => !this.#catalogPartition.hasGoneOnSince(this.#followedOffset) || ownerOf(fs, join(path, partitionDirectory(topic.name, index))) === topic.id
      partitions.push(await this.#openPartition(topic.name, index, isOurs))
    }
    return partitions
  }

  #openPartition(topic: string, index: number, isOurs: () => boolean): Promise<FollowedPartition> {
    const label = partitionDirectory(topic, index)
    return FollowedPartition.open({
      fs: this.#directory.fs,
      directory: join(this.#directory.path, label),
      label,
      indexes: this.#indexes,
      compactedBelow: () => Math.max(this.#compacted.get(label), this.#cleaned.get(label)), // a broker keeps the second alone
      startOffset: () => this.#starts.get(label),
      isOurs,
    })
  }

  #drop(topic: StoredTopic, reason: ClosedError, how: 'deleted' | 'closed'): void {
    topic.markGone(reason, how)
    for (const partition of topic.partitions) (partition as FollowedPartition).abandon(reason)
  }

  #refuse(): Promise<never> {
    return Promise.reject(this.#closed ?? this.#readOnly())
  }

  #readOnly(): ConflictError {
    return new ConflictError('READ_ONLY', `the log in ${this.location} was opened read-only`, { hint: 'the process that holds the log can write; or open it without readOnly' })
  }
}
