// A producer of another process, at the coordinator itself: what Kafka's clients do at either version, without the wire. Like
// them it takes the answer of EndTxn for its next transaction, and begins its sequences anew with each epoch.
import { BatchEncoder } from '../../../src/format/batch-encoder.ts'
import type { Commit } from '../../../src/groups/positions.ts'
import { partsOf } from '../../../src/surface/event-log.ts'
import type { EventLog } from '../../../src/index.ts'
import type { TransactionRefusal } from '../../../src/transactions/remote-decisions.ts'
import type { RemoteTransactions } from '../../../src/transactions/remote-transactions.ts'
import type { ProducerIdentity } from '../../../src/transactions/transactional-producer.ts'

export interface RemoteOptions {
  readonly transactionalId?: string
  /** Kafka's: 2 raises the epoch with each transaction. */
  readonly version?: 1 | 2
  readonly timeoutMs?: number
  readonly durability?: 'process' | 'power'
}

type Answer = TransactionRefusal | 'NONE'

export class RemoteClient {
  readonly transactionalId: string
  readonly version: 1 | 2
  readonly timeoutMs: number
  readonly durability: 'process' | 'power'
  log: EventLog
  producer: ProducerIdentity = { id: -1, epoch: -1 }
  #added = new Set<string>()
  /** By partition: what comes next. */
  #sequences = new Map<string, number>()

  constructor(log: EventLog, { transactionalId = 'remote', version = 2, timeoutMs = 60_000, durability = 'power' }: RemoteOptions = {}) {
    this.log = log
    this.transactionalId = transactionalId
    this.version = version
    this.timeoutMs = timeoutMs
    this.durability = durability
  }

  static async begin(log: EventLog, options?: RemoteOptions): Promise<RemoteClient> {
    const client = new RemoteClient(log, options)
    const answer = await client.init()
    if (answer !== 'NONE') throw new Error(answer)
    return client
  }

  get remote(): RemoteTransactions { return partsOf(this.log).transactions.remote }
  get #raises(): boolean { return this.version === 2 }
  get #asked() { return { transactionalId: this.transactionalId, producer: this.producer, durability: this.durability } }

  /** `expected`: goes on after an error with what it has. */
  async init({ expected }: { expected?: ProducerIdentity } = {}): Promise<Answer> {
    return this.#take(await this.remote.initProducer({ transactionalId: this.transactionalId, timeoutMs: this.timeoutMs, expected }))
  }

  async add(topic: string, partition: number): Promise<Answer> {
    return await this.remote.addPartitions({ ...this.#asked, partitions: [this.#partition(topic, partition)] }) ?? 'NONE'
  }

  /** A batch in the transaction; older clients add its partition first. */
  async send(topic: string, partition: number, ...values: string[]): Promise<Answer> {
    const label = `${topic}-${partition}`
    const added = this.#raises || this.#added.has(label) ? 'NONE' : await this.add(topic, partition)
    if (added !== 'NONE') return added
    this.#added.add(label)
    return this.write(topic, partition, values)
  }

  /** The batch alone; or once more the one that was the last there, whose answer was lost. */
  write(topic: string, partition: number, values: readonly string[], { isRetry = false } = {}): Answer {
    const log = this.#partition(topic, partition)
    const refusal = this.remote.admit({ ...this.#asked, partition: log, implicit: this.#raises, knowsAbortable: this.#raises })
    if (refusal !== undefined) return refusal
    const sequence = (this.#sequences.get(log.label) ?? 0) - (isRetry ? values.length : 0)
    const encoder = new BatchEncoder()
    for (const value of values) encoder.append(1000, null, Buffer.from(value), [])
    log.append(encoder.seal({ producer: { ...this.producer, sequence } }))
    if (!isRetry) this.#sequences.set(log.label, sequence + values.length)
    return 'NONE'
  }

  async move(group: string, ...commits: Commit[]): Promise<Answer> {
    if (!this.#raises) {
      const refusal = await this.remote.addOffsets(this.#asked)
      if (refusal !== undefined) return refusal
    }
    return await this.remote.moveOffsets<TransactionRefusal>({ ...this.#asked, group, commits, implicit: this.#raises, knowsAbortable: this.#raises, check: () => undefined }) ?? 'NONE'
  }

  async commit(): Promise<Answer> {
    return await this.end(true)
  }

  async abort(): Promise<Answer> {
    return await this.end(false)
  }

  async end(commit: boolean, { hears = true } = {}): Promise<Answer> {
    const answer = await this.remote.end({ ...this.#asked, commit, raises: this.#raises })
    return hears ? this.#take(answer) : typeof answer === 'string' ? answer : 'NONE'
  }

  #take(answer: ProducerIdentity | TransactionRefusal): Answer {
    if (typeof answer === 'string') return answer
    if (answer.id !== this.producer.id || answer.epoch !== this.producer.epoch) this.#sequences.clear()
    this.#added.clear()
    this.producer = answer
    return 'NONE'
  }

  #partition(topic: string, partition: number) {
    return partsOf(this.log).log.topics.get(topic)!.writable(partition)
  }
}
