// The log's topics as clients name them: by name, or by id. And how one is made that a client only mentioned.
import { ConflictError } from '../base/errors.ts'
import type { OpenLog } from '../log/open-log.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import type { TopicOptions } from '../log/topic-settings.ts'
import { KAFKA_TOPIC_DEFAULTS } from './topic-configs.ts'
import { ZERO_UUID } from './protocol/plain-fields.ts'

export class Topics {
  readonly #log: OpenLog
  /** Of topics that were asked for by id; one that is gone is looked for anew. */
  readonly #byId = new Map<string, StoredTopic>()

  constructor(log: OpenLog) {
    this.#log = log
  }

  all(): Iterable<StoredTopic> { return this.#log.topics.values() }

  named(name: string): StoredTopic | undefined {
    return this.#log.topics.get(name)
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

  /** With Kafka's defaults where nothing is said. Throws a ConflictError 'TOPIC_EXISTS' where there is one. */
  async create(name: string, options: TopicOptions<Uint8Array, Uint8Array>): Promise<StoredTopic> {
    return await this.#log.createTopic(name, { ...KAFKA_TOPIC_DEFAULTS, ...options })
  }

  /** The one there is, or a new one. */
  async findOrCreate(name: string, partitions: number): Promise<StoredTopic> {
    try {
      return this.named(name) ?? await this.create(name, { partitions })
    } catch (error) {
      const other = error instanceof ConflictError && error.code === 'TOPIC_EXISTS' ? this.named(name) : undefined
      if (other === undefined) throw error
      return other // somebody else was quicker
    }
  }
}
