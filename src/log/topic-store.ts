// The topics of a log that this process writes: which there are (the catalog), their partitions, and how both change.
// Whoever calls lets one change end before the next begins, and reads options.
//
// Order of a creation: directories, catalog record, memory; of a deletion: catalog record, memory, directories. So a
// crash leaves directories without a topic, never a topic without them.
import { ClosedError, ConflictError, CorruptionError, LimitError } from '../base/errors.ts'
import { ensureCodec } from '../format/compression.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { CATALOG_TOPIC, Catalog, type CatalogEntry } from './catalog.ts'
import type { EventEmitter } from './event-emitter.ts'
import { inParallel } from './in-parallel.ts'
import { INTERNAL_SETTINGS } from './internal-topics.ts'
import type { LogDirectory } from './log-directory.ts'
import { noSuchTopic, type TopicObserver } from './open-log.ts'
import type { OpenSettings } from './open-options.ts'
import { findPartition, removeDeleted, removeOrphans } from './partition-directories.ts'
import { SIDE_BY_SIDE, type PartitionStore } from './partition-store.ts'
import { loadPartitioner, type PartitionerName } from './partitioner.ts'
import { RecordCodec } from './record-codec.ts'
import { StoredTopic } from './stored-topic.ts'
import { randomTopicId } from './topic-id.ts'
import { caseClash } from './topic-name.ts'
import { defaultSettings, reconcile, type ReadTopicOptions, type TopicSettings } from './topic-settings.ts'

const CATALOG_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const UNCOMPACTED_CATALOG = Object.freeze({ ...INTERNAL_SETTINGS, cleanup: 'delete' as const })

export class TopicStore {
  readonly topics = new Map<string, StoredTopic>()
  readonly #directory: LogDirectory
  readonly #store: PartitionStore
  readonly #settings: OpenSettings
  readonly #events: EventEmitter
  readonly #observer: () => TopicObserver | undefined
  #catalog!: Catalog
  /** While directories of deleted topics stand, the records that tell of their deletion stay, and the next opening looks. */
  readonly #catalogPolicies = () => this.#store.hasUnremoved ? UNCOMPACTED_CATALOG : INTERNAL_SETTINGS

  constructor(directory: LogDirectory, store: PartitionStore, settings: OpenSettings, events: EventEmitter, observer: () => TopicObserver | undefined) {
    this.#directory = directory
    this.#store = store
    this.#settings = settings
    this.#events = events
    this.#observer = observer
  }

  // ---------------------------------------------------------------- opening

  async open(): Promise<void> {
    const { fs, path } = this.#directory
    const isNew = !this.#store.exists(CATALOG_TOPIC, 0)
    if (isNew) this.#checkNothingLost()
    const partition = isNew ? await this.#store.create(CATALOG_TOPIC, 0, CATALOG_ID, this.#catalogPolicies) : await this.#store.open(CATALOG_TOPIC, 0, this.#catalogPolicies)
    await partition.sync() // after a kill its end is in the page cache alone: topics that are seen once stay
    this.#catalog = new Catalog(partition, this.#settings.clock)
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

  #warnOfStrangers(directories: readonly string[]): void {
    for (const directory of directories) {
      this.#events.emit('warning', { code: 'DIRECTORY_WITHOUT_TOPIC', message: `${directory} is named like a partition, belongs to no topic of the catalog and is not empty: it is left alone`, hint: 'move it away if it is not needed' })
    }
  }

  // ---------------------------------------------------------------- changes

  async create(name: string, given: ReadTopicOptions): Promise<StoredTopic> {
    const clash = caseClash(name, this.topics.keys())
    if (clash !== undefined) throw new ConflictError('TOPIC_NAME_CLASH', `topic '${name}' differs from '${clash}' by case alone`, { hint: 'they would share a directory on Windows and macOS: choose another name', details: { topic: name, existing: clash } })
    if (!this.#settings.create) throw noSuchTopic(name)
    const defaults = this.#settings.topicDefaults
    const all = { ...defaults, ...given, settings: { ...defaults.settings, ...given.settings } }
    await this.#observer()?.creating(name)
    const settings = defaultSettings(all.settings, `topic '${name}'`)
    await ensureCodec(settings.compression)
    const id = randomTopicId()
    const topic: { current?: StoredTopic } = {}
    const partitions = await this.#createPartitions(name, id, 0, settings.partitions, () => topic.current?.settings ?? settings)
    await this.#putOrUndo(name, { id, settings }, partitions, 0)
    topic.current = await this.#register(name, id, settings, partitions, all)
    this.#warnOfIdle(name, settings)
    await this.#observer()?.changed()
    return topic.current
  }

  /** Policies, more partitions, and what this process does with records; `report` says that it was not asked for by alter(). */
  async alter(topic: StoredTopic, given: ReadTopicOptions, { report }: { readonly report?: string } = {}): Promise<void> {
    await this.#applySettings(topic, given.settings, report)
    if (given.place !== undefined) topic.codec.place = await loadPartitioner('custom', given.place)
    topic.codec.use(given)
  }

  /** `onGone`: it takes no more records, and its files still stand. */
  async delete(topic: StoredTopic, onGone: () => void): Promise<void> {
    const { name } = topic
    await this.#recordDeletion(topic)
    this.topics.delete(name)
    const reason = new ClosedError('TOPIC_DELETED', `topic '${name}' was deleted`, { hint: 'open it again to create it anew', details: { topic: name } })
    topic.markGone(reason, 'deleted')
    onGone()
    await this.#store.delete(name, topic.partitions.keys(), topic.id, reason)
    await this.#observer()?.deleted(topic)
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
  async #applySettings(topic: StoredTopic, given: Partial<TopicSettings>, report: string | undefined): Promise<void> {
    const { settings, changed } = reconcile(topic.name, topic.settings, given)
    await ensureCodec(settings.compression) // also where nothing changes: this process may not have it yet
    if (changed.length === 0) return
    const added = await this.#createPartitions(topic.name, topic.id, topic.partitions.length, settings.partitions, () => topic.settings)
    await this.#putOrUndo(topic.name, { id: topic.id, settings }, added, topic.partitions.length)
    topic.settings = settings
    if (added.length > 0) {
      topic.grow(added)
      await this.#observer()?.changed()
    }
    if (changed.includes('retainUntilConsumedBy')) this.#warnOfIdle(topic.name, settings)
    if (report !== undefined) this.#events.emit('warning', { code: report, message: `topic '${topic.name}': changed ${changed.join(', ')}, as given on opening it`, hint: 'leave options out to keep what is stored' })
  }

  /** Not refused: the policy that it goes with may come with the next alter(). */
  #warnOfIdle(name: string, { cleanup, retentionMs, retainUntilConsumedBy }: Readonly<TopicSettings>): void {
    if (retainUntilConsumedBy.length === 0 || (cleanup !== 'compact' && retentionMs < Infinity)) return
    this.#events.emit('warning', cleanup === 'compact'
      ? { code: 'OPTION_IDLE', message: `topic '${name}': retainUntilConsumedBy does nothing with cleanup 'compact': a superseded record goes, whoever has not read it`, hint: 'compactionLag.min keeps what is superseded for a while' }
      : { code: 'OPTION_IDLE', message: `topic '${name}': retainUntilConsumedBy does nothing without retention: no record goes for its age`, hint: 'retention: 0 lets go what these groups have committed, as soon as they have' })
  }
}
