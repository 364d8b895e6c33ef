// Where a group begins on partitions that it has no commit for, as far as that depends on who was there when: 'latest'
// is where the first present reader of a topic found the partition's end, whoever gets the partition and when; what came
// after one of them is read from its beginning, and that is put on record before anybody can send to it.
import type { OpenLog } from '../log/open-log.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import { partitionDirectory } from '../log/topic-name.ts'
import type { JoinSettings } from './join-options.ts'
import type { Commit, GroupRecord } from './positions.ts'
import type { Subscription } from './subscription.ts'

/** A member of this process, as a reader of topics. */
export interface Reader {
  readonly settings: JoinSettings
  readonly subscription: Subscription
  /** Where the partitions of its topics ended for it when it joined; a topic that is made anew is another one. */
  readonly ends: ReadonlyMap<StoredTopic, readonly number[]>
}

export function newReader(log: OpenLog, settings: JoinSettings, subscription: Subscription): Reader {
  const topics = [...log.topics.values()].filter(({ name }) => subscription.has(name))
  return { settings, subscription, ends: new Map(topics.map(topic => [topic, topic.partitions.map(log => log.endFor(settings.isolation))])) }
}

export class Beginnings {
  readonly #log: OpenLog
  readonly #readers: () => readonly Reader[]
  /** How many partitions of a topic were looked at for what is new. */
  readonly #recorded = new WeakMap<StoredTopic, number>()

  constructor(log: OpenLog, readers: () => readonly Reader[]) {
    this.#log = log
    this.#readers = readers
  }

  /** What 'latest' means; undefined: the partition came after somebody who reads its topic. */
  latest(topic: StoredTopic, partition: number): number | undefined {
    const found = this.#readersOf(topic).map(({ ends }) => ends.get(topic)?.[partition])
    return found.includes(undefined) ? undefined : Math.min(...found as number[])
  }

  /** Partitions that came after a reader which begins elsewhere than at the earliest record, each of them once. */
  newPartitions(known: GroupRecord['positions'] | undefined): Commit[] {
    const commits: Commit[] = []
    for (const topic of this.#log.topics.values()) {
      const reader = this.#readersOf(topic).find(({ settings }) => settings.from !== 'earliest')
      if (reader === undefined) continue
      for (let partition = this.#recorded.get(topic) ?? 0; partition < topic.partitions.length; partition++) {
        if (reader.ends.get(topic)?.[partition] !== undefined || known?.has(partitionDirectory(topic.name, partition)) === true) continue
        commits.push({ topic: topic.name, partition, offset: topic.partitions[partition]!.startOffset })
      }
      this.#recorded.set(topic, topic.partitions.length)
    }
    return commits
  }

  #readersOf(topic: StoredTopic): Reader[] {
    return this.#readers().filter(({ subscription }) => subscription.has(topic.name))
  }
}
