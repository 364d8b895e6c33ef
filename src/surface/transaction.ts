// A transaction as its function holds it: a thin cover over transactions/.
import { describe } from '../base/describe.ts'
import { MillraceError, UsageError } from '../base/errors.ts'
import type { LogRecord } from '../log/log-record.ts'
import type { OpenLog } from '../log/open-log.ts'
import type { NewRecord } from '../log/record-codec.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import { nameOf, type TopicLike } from '../log/topic-like.ts'
import type { OpenTransaction } from '../transactions/open-transaction.ts'
import { Consumer } from './consumer.ts'
import { Topic } from './topic.ts'

/** All of it becomes visible, or none: across topics, over a crash, and with 'power' over a power cut. */
export interface Transaction {
  /** Resolves once it is taken; it is written by the commit at the latest. One that fails dooms the transaction. */
  send<V, K>(topic: TopicLike<V, K>, record: NewRecord<NoInfer<V>, NoInfer<K>> | readonly NewRecord<NoInfer<V>, NoInfer<K>>[]): Promise<void>
  /** The group's position moves with the transaction: past this record, or past all that was handed out. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- of whatever topic
  advance(consumer: Pick<Consumer<any, any>, 'assignment' | 'commit'>, record?: LogRecord<any, any>): void
}

export class TransactionHandle implements Transaction {
  readonly #log: OpenLog
  readonly #transaction: OpenTransaction

  constructor(log: OpenLog, transaction: OpenTransaction) {
    this.#log = log
    this.#transaction = transaction
  }

  send(topic: unknown, record: unknown): Promise<void> {
    const { isSealed } = this.#transaction
    const sent = this.#send(topic, record as NewRecord | readonly NewRecord[])
    sent.catch((error: unknown) => { if (isSealed && error instanceof MillraceError) this.#log.events.emit('error', { error }) }) // else the commit tells it, whoever awaits this
    return sent
  }

  async #send(topic: unknown, given: NewRecord | readonly NewRecord[]): Promise<void> {
    const stored = this.#orDoom(() => storedTopic(this.#log, topic, 'transaction: send'))
    await this.#transaction.send(stored, Array.isArray(given) ? [...given as readonly NewRecord[]] : given)
  }

  advance(consumer: unknown, record?: unknown): void {
    this.#orDoom(() => { this.#advance(consumer, record) })
  }

  #advance(consumer: unknown, record: unknown): void {
    const { member, entries } = Consumer.advance(consumer, record)
    if (member.log !== this.#log) throw new UsageError('CONSUMER_OF_ANOTHER_LOG', `transaction: advance: the consumer of group '${member.group}' is of the log in ${member.log.location}`, { hint: 'a transaction moves positions of its own log', details: { group: member.group } })
    this.#transaction.advance(member, entries)
  }

  /** What is caught is missing all the same. */
  #orDoom<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      this.#transaction.doom(error)
      throw error
    }
  }
}

/** What it was given, as the log holds it. */
export function storedTopic(log: OpenLog, topic: unknown, what: string): StoredTopic {
  Topic.check(topic, log, what)
  const name = nameOf(topic)
  const stored = typeof name === 'string' ? log.topics.get(name) : undefined
  if (stored === undefined) throw new UsageError('TOPIC_UNKNOWN', `${what}: found topic ${describe(name)}, expected one that was opened`, { hint: 'open it first: await log.topic(name)', details: { topic: name } })
  return stored
}
