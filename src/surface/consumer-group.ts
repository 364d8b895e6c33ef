// What users hold of a consumer group: a thin cover over groups/ and run/.
import { identifier } from '../base/options.ts'
import type { Duration } from '../base/units.ts'
import type { Coordinator, PartitionLag } from '../groups/coordinator.ts'
import type { GroupEvents } from '../groups/group-events.ts'
import { readJoinOptions, type JoinOptions } from '../groups/join-options.ts'
import type { Member } from '../groups/member.ts'
import { Subscription, type TopicSelection } from '../groups/subscription.ts'
import type { LogRecord } from '../log/log-record.ts'
import type { OpenLog } from '../log/open-log.ts'
import { readPosition, type Position } from '../log/positions.ts'
import { nameOf, type TopicLike } from '../log/topic-like.ts'
import { checkTopicName } from '../log/topic-name.ts'
import type { HandlerContext } from '../run/attempt.ts'
import type { BatchOptions, RunOptions } from '../run/run-options.ts'
import { Runner as RecordRunner, prepareRun, type ExactlyOnceParts } from '../run/runner.ts'
import type { TransactionCoordinator } from '../transactions/transaction-coordinator.ts'
import { readTransactionOptions } from '../transactions/transaction-options.ts'
import { Consumer } from './consumer.ts'
import { Topic } from './topic.ts'
import { storedTopic, type Transaction } from './transaction.ts'

/** Of a runner's transactions: the log's durability, and the usual time. */
const TRANSACTION_OPTIONS = readTransactionOptions(undefined)

export type RecordOf<S> = S extends TopicLike<infer V, infer K> ? LogRecord<V, K> : S extends readonly (infer U)[] ? RecordOf<U> : LogRecord
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever the keys are
export type ValueOf<S> = S extends TopicLike<infer V, any> ? V : S extends readonly (infer U)[] ? ValueOf<U> : unknown
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever the values are
export type KeyOf<S> = S extends TopicLike<any, infer K> ? K : S extends readonly (infer U)[] ? KeyOf<U> : unknown

/** A handler at work in a group. */
export interface Runner extends AsyncDisposable {
  /** Settles when the runner ends: rejects with what stopped it. */
  readonly done: Promise<void>
  health(): { state: 'running' | 'stopping' | 'stopped' | 'failed'; assigned: number; inFlight: number; lag: number; lastError?: unknown }
  /** What is in hand is given that time to end; the rest is not begun. */
  stop(options?: { timeout?: Duration }): Promise<void>
}

/** What a handler is told where each effect happens exactly once. */
export interface ExactlyOnceContext extends HandlerContext {
  /** What is sent by it is in the log if and when the record is handled: held back until then, and dropped where the attempt fails. */
  readonly tx: Pick<Transaction, 'send'>
}

/** Who leads the groups of a log, and its transactions. */
export interface Coordinators { readonly groups: Coordinator; readonly transactions: TransactionCoordinator }

export class ConsumerGroup {
  readonly #log: OpenLog
  readonly #coordinator: Coordinator
  readonly #transactions: TransactionCoordinator
  readonly id: string

  /** @internal */
  constructor(log: OpenLog, { groups, transactions }: Coordinators, id: string) {
    this.#log = log
    this.#coordinator = groups
    this.#transactions = transactions
    this.id = identifier(id, 'group: its id')
  }

  /** Resolves with partitions assigned and positions fixed: what is sent from now on is not missed. */
  async join<const S extends TopicSelection>(topics: S, options: JoinOptions): Promise<Consumer<ValueOf<S>, KeyOf<S>>> {
    const what = `group '${this.id}': join`
    this.#coordinator.checkWritable(what)
    const settings = readJoinOptions(options, what)
    return new Consumer<ValueOf<S>, KeyOf<S>>(await this.#coordinator.group(this.id).join(settings, this.#subscription(topics, what)))
  }

  /** Calls the handler for every record, or batch, until it is stopped. Resolves like join(). */
  run<const S extends TopicSelection>(topics: S, handler: (record: RecordOf<S>, context: ExactlyOnceContext) => unknown, options: RunOptions & { delivery: 'exactly-once'; batch?: undefined }): Promise<Runner>
  run<const S extends TopicSelection>(topics: S, handler: (records: readonly RecordOf<S>[], context: HandlerContext) => unknown, options: RunOptions & { batch: BatchOptions; delivery?: 'at-least-once' | 'at-most-once' }): Promise<Runner>
  run<const S extends TopicSelection>(topics: S, handler: (record: RecordOf<S>, context: HandlerContext) => unknown, options: RunOptions & { batch?: undefined }): Promise<Runner>
  async run(topics: TopicSelection, handler: unknown, options: RunOptions): Promise<Runner> {
    const what = `group '${this.id}': run`
    this.#coordinator.checkWritable(what)
    const subscription = this.#subscription(topics, what)
    const prepared = await prepareRun(this.#log, this.id, subscription, handler, options)
    const group = this.#coordinator.group(this.id)
    const member = await group.join({ ...prepared.settings.join, signal: undefined }, subscription) // the runner listens to it
    const runner: RecordRunner = new RecordRunner(prepared, {
      member,
      random: this.#coordinator.random,
      onError: error => { group.failed(error) },
      onUnobserved: error => { this.#log.events.emit('error', { error }) },
      onSettled: () => { settled() },
      exactlyOnce: prepared.settings.delivery === 'exactly-once' ? this.#exactlyOnce(member) : undefined,
    })
    const settled = this.#coordinator.started({ group: this.id, get failure() { return runner.failure }, stop: timeout => runner.stop({ timeout }) })
    return runner
  }

  /** Who is in the group, and what each has now. A static member that is away has nothing. */
  members(): { id: string; partitions: { topic: string; partition: number }[] }[] {
    return this.#coordinator.assignments(this.id)
  }

  /** By partition: the offset that the group goes on with. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever it holds
  async committed(topic: string | TopicLike<any, any>): Promise<Map<number, number>> {
    const name = nameOf(topic)
    checkTopicName(name)
    return await this.#coordinator.committed(this.id, name)
  }

  /** Of every partition of the topics that the group reads, or has a position in. */
  async lag(): Promise<PartitionLag[]> {
    return await this.#coordinator.lag(this.id)
  }

  /** Where the group goes on when it comes back; it must have no members meanwhile. */
  async reset(topics: TopicSelection, to: Position): Promise<void> {
    const what = `group '${this.id}': reset`
    await this.#coordinator.reset(this.id, this.#subscription(topics, what), readPosition(to, what))
  }

  /** All it has committed is forgotten; it must have no members. */
  async delete(): Promise<void> {
    await this.#coordinator.delete(this.id)
  }

  /** Returns what takes the listener off again. */
  on<E extends keyof GroupEvents>(event: E, listener: (event: GroupEvents[E]) => void): () => void {
    return this.#coordinator.group(this.id).on(event, listener)
  }

  #exactlyOnce(member: Member): ExactlyOnceParts {
    return {
      member,
      begin: () => this.#transactions.begin(TRANSACTION_OPTIONS),
      topicOf: topic => storedTopic(this.#log, topic, `group '${this.id}': tx.send`),
    }
  }

  #subscription(topics: unknown, what: string): Subscription {
    for (const topic of Array.isArray(topics) ? topics as unknown[] : [topics]) Topic.check(topic, this.#log, what)
    return new Subscription(topics, what)
  }
}
