// The log's topics as clients name them: by name, or by id. And how they are made, altered and deleted by clients.
import { ConflictError } from '../base/errors.ts'
import { ensureCodec } from '../format/compression.ts'
import type { OpenLog } from '../log/open-log.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import { checkTopicName } from '../log/topic-name.ts'
import { defaultSettings, readAlterOptions, readTopicOptions, reconcile, type TopicSettings } from '../log/topic-settings.ts'
import { KafkaError } from './kafka-errors.ts'
import { KAFKA_TOPIC_DEFAULTS, invalidConfig, optionsOf } from './topic-configs.ts'
import { ZERO_UUID } from './protocol/plain-fields.ts'

/** Of one topic. The log's own. */
export const MAX_PARTITIONS = 10_000

export interface NewTopic { readonly name: string; readonly partitions: number; readonly settings: Partial<TopicSettings> }

export class Topics {
  /** Of topics that are made here: Kafka's, where it has them; else those of the log. */
  readonly defaults: Readonly<TopicSettings>
  readonly #log: OpenLog
  /** Of topics that were asked for by id; one that is gone is looked for anew. */
  readonly #byId = new Map<string, StoredTopic>()

  constructor(log: OpenLog) {
    this.#log = log
    this.defaults = defaultSettings({ ...log.settings.topicDefaults.settings, ...readTopicOptions(KAFKA_TOPIC_DEFAULTS, '').settings })
  }

  all(): Iterable<StoredTopic> { return this.#log.topics.values() }

  named(name: string): StoredTopic | undefined {
    return this.#log.topics.get(name)
  }

  /** Throws a KafkaError where there is none. */
  existing(name: string): StoredTopic {
    const topic = this.named(name)
    if (topic !== undefined) return topic
    checkTopicName(name)
    throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic '${name}'`)
  }

  withId(id: string): StoredTopic | undefined {
    const known = this.#byId.get(id)
    if (known !== undefined && known.gone === undefined) return known
    this.#byId.delete(id)
    for (const topic of this.#log.topics.values()) if (topic.id === id) {
      this.#byId.set(id, topic)
      return topic
    }
    return undefined
  }

  /** As requests have it that name a topic by id from some version on. */
  find({ name, topicId }: { readonly name: string | null; readonly topicId: string }): StoredTopic | undefined {
    return topicId === ZERO_UUID ? this.named(name ?? '') : this.withId(topicId)
  }

  /** Whether create() would make it, as far as can be known. Throws what create() throws. */
  async check({ name, partitions, settings }: NewTopic): Promise<Readonly<TopicSettings>> {
    checkTopicName(name)
    if (this.named(name) !== undefined) throw new KafkaError('TOPIC_ALREADY_EXISTS', `there is a topic '${name}' already`)
    if (partitions > MAX_PARTITIONS) throw new KafkaError('INVALID_PARTITIONS', `a topic has at most ${MAX_PARTITIONS} partitions`)
    return await this.#readable(() => defaultSettings({ ...this.defaults, ...settings, partitions }, `topic '${name}'`))
  }

  /** Throws a ConflictError 'TOPIC_EXISTS' where there is one. */
  async create({ name, partitions, settings }: NewTopic): Promise<StoredTopic> {
    return await this.#log.createTopic(name, { ...KAFKA_TOPIC_DEFAULTS, ...optionsOf(settings), partitions })
  }

  /** The one there is, or a new one. */
  async findOrCreate(name: string, partitions: number): Promise<StoredTopic> {
    try {
      return this.named(name) ?? await this.create({ name, partitions, settings: {} })
    } catch (error) {
      const other = error instanceof ConflictError && error.code === 'TOPIC_EXISTS' ? this.named(name) : undefined
      if (other === undefined) throw error
      return other // somebody else was quicker
    }
  }

  /** All of the settings, or none. */
  async alter(topic: StoredTopic, settings: Partial<TopicSettings>, { validateOnly }: { readonly validateOnly: boolean }): Promise<void> {
    const options = optionsOf(settings)
    await this.#readable(() => reconcile(topic.name, topic.settings, readAlterOptions(options, topic.name).settings).settings)
    if (!validateOnly) await this.#log.alterTopic(topic, options)
  }

  async grow(topic: StoredTopic, partitions: number): Promise<void> {
    await this.#log.alterTopic(topic, { partitions })
  }

  async delete(name: string): Promise<void> {
    await this.#log.deleteTopic(name)
  }

  async #readable(settle: () => Readonly<TopicSettings>): Promise<Readonly<TopicSettings>> {
    try {
      const settings = settle()
      await ensureCodec(settings.compression)
      return settings
    } catch (error) {
      throw invalidConfig(error)
    }
  }
}
