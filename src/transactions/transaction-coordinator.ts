// All transactions of a log: who writes them, how they end, and what is to be finished of those that a crash cut short.
// A transaction without an id takes a producer that nobody else uses at the time; one with an id takes that id's, and
// aborts the transaction that is still open of it.
import { onAbort } from '../base/abort-listeners.ts'
import { ConflictError, LimitError, MillraceError, StorageError } from '../base/errors.ts'
import type { Positions } from '../groups/positions.ts'
import type { StoredTransaction } from '../format/transaction-records.ts'
import { logClosed, type OpenLog } from '../log/open-log.ts'
import { HeldLoop } from '../platform/held-loop.ts'
import { nextTurn } from '../platform/next-turn.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { OpenTransaction, nameOf } from './open-transaction.ts'
import { ProducerIds } from './producer-ids.ts'
import { TransactionLog } from './transaction-log.ts'
import type { TransactionSettings } from './transaction-options.ts'
import { OWN_PREFIX, TransactionalProducer } from './transactional-producer.ts'
import { outcomeOf } from './unfinished.ts'

/** Markers that found no room are tried again. */
const RETRY_MS = 1000
/** Of an id that was not used for so long nothing is kept: Kafka's transactional.id.expiration.ms. */
const ID_EXPIRY_MS = 7 * 24 * 60 * 60 * 1000

type BeginSettings = Pick<TransactionSettings, 'id' | 'durability' | 'timeout'>

export class TransactionCoordinator {
  readonly #log: OpenLog
  readonly #store: TransactionLog
  #ids!: ProducerIds
  #positions: Positions | undefined
  readonly #producers = new Map<string, TransactionalProducer>()
  readonly #idle: TransactionalProducer[] = []
  readonly #loop = new HeldLoop()
  readonly #open = new Set<OpenTransaction>()
  /** By transactional id: one begins after the other. */
  readonly #beginning = new Map<string, Promise<unknown>>()
  readonly #owed = new Set<WritablePartition>()
  #anonymous = 0
  #retry: { cancel(): void } | undefined
  #ended: Error | undefined
  #onDrained: (() => void) | undefined

  private constructor(log: OpenLog, store: TransactionLog) {
    this.#log = log
    this.#store = store
  }

  /** Before positions are read: what was decided is finished then. */
  static async open(log: OpenLog): Promise<TransactionCoordinator> {
    const coordinator = new TransactionCoordinator(log, await TransactionLog.open(log))
    if (!log.settings.readOnly && coordinator.#store.failure === undefined) await coordinator.#start()
    return coordinator
  }

  /** Where a transaction's positions go. */
  use(positions: Positions): void {
    this.#positions = positions
  }

  stats(): { id: string | null; ageMs: number; partitions: number }[] {
    const now = this.#log.settings.clock.now()
    return [...this.#open].map(({ transactionalId, startedAt, partitions }) => ({ id: transactionalId ?? null, ageMs: now - startedAt, partitions: partitions.length }))
  }

  // ---------------------------------------------------------------- a transaction

  /** Commits what the function has done, or nothing of it. */
  async run<T>(work: (transaction: OpenTransaction) => Promise<T>, settings: TransactionSettings): Promise<T> {
    const { signal } = settings
    signal?.throwIfAborted()
    const transaction = await this.begin(settings)
    const stopListening = onAbort(signal, () => { transaction.abort(signal!.reason) })
    try {
      signal?.throwIfAborted() // while it began
      const result = await Promise.race([work(transaction), transaction.aborted])
      await Promise.race([transaction.commit(), transaction.aborted]) // what was sent and not awaited may take for ever
      return result
    } catch (error) {
      transaction.abort(error)
      throw error
    } finally {
      stopListening()
    }
  }

  async begin(settings: BeginSettings): Promise<OpenTransaction> {
    this.#checkUsable()
    if (this.#loop.held()) await nextTurn()
    const { id } = settings
    if (id === undefined) return this.#beginWith(await this.#anonymousProducer(), settings)
    return await this.#inTurn(id, async () => this.#beginWith(await this.#fenceAndTake(id), settings))
  }

  #beginWith(producer: TransactionalProducer, { durability, timeout }: BeginSettings): OpenTransaction {
    this.#checkUsable()
    const transaction = new OpenTransaction({
      log: this.#log, store: this.#store, positions: this.#positions!, producer,
      durability: durability ?? this.#log.settings.durability, timeoutMs: timeout,
      owe: (partition, of, error) => { this.#owe(partition, of, error) },
      onEnded: (ended, isSound) => { this.#endedOne(ended, isSound) },
    })
    transaction.aborted.catch(() => { /* run() has it, and every call on the transaction */ })
    this.#open.add(transaction)
    return transaction
  }

  async #anonymousProducer(): Promise<TransactionalProducer> {
    const producer = this.#idle.pop()
    return producer === undefined ? await this.#newProducer(`${OWN_PREFIX}${this.#anonymous++}`) : await this.#renewed(producer)
  }

  #inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#beginning.get(id) ?? Promise.resolve()).then(work)
    const settled = turn.catch(() => { /* its caller has it */ })
    this.#beginning.set(id, settled)
    void settled.then(() => { if (this.#beginning.get(id) === settled) this.#beginning.delete(id) })
    return turn
  }

  async #fenceAndTake(id: string): Promise<TransactionalProducer> {
    const earlier = [...this.#open].find(({ transactionalId }) => transactionalId === id)
    earlier?.abort(fenced(id))
    await earlier?.ended // it may have been decided
    const producer = this.#producers.get(id)
    if (producer === undefined) return await this.#newProducer(id)
    for (const partition of producer.owing) this.#finish(partition)
    if (producer.owing.size > 0) throw owing(id, producer)
    return await this.#renewed(producer)
  }

  async #newProducer(transactionalId: string): Promise<TransactionalProducer> {
    await this.#store.prepare()
    const producer = new TransactionalProducer(transactionalId, await this.#nextId(), 0)
    this.#producers.set(transactionalId, producer)
    return producer
  }

  async #renewed(producer: TransactionalProducer): Promise<TransactionalProducer> {
    if (!producer.isUsedUp) return producer
    producer.id = await this.#nextId()
    producer.epoch = 0
    return producer
  }

  #nextId(): Promise<number> {
    return this.#ids.next(this.#log.settings.clock.now())
  }

  #endedOne(transaction: OpenTransaction, isSound: boolean): void {
    this.#open.delete(transaction)
    const { producer } = transaction
    if (isSound) this.#giveBack(producer)
    else this.#producers.delete(producer.transactionalId)
    if (this.#open.size === 0) this.#onDrained?.()
  }

  #giveBack(producer: TransactionalProducer): void {
    if (producer.isAnonymous && producer.owing.size === 0) this.#idle.push(producer)
  }

  // ---------------------------------------------------------------- what was not finished

  async #start(): Promise<void> {
    const { states } = this.#store
    const byId = new Map([...states].filter(([id]) => !ProducerIds.isRecord(id)).map(([id, { producerId, producerEpoch }]) => [producerId, new TransactionalProducer(id, producerId, producerEpoch)]))
    for (const producer of byId.values()) this.#producers.set(producer.transactionalId, producer)
    const partitions = await this.#partitions()
    if (partitions.some(({ openTransactions }) => openTransactions.length > 0)) await this.#syncDecisions()
    let largestId = -1
    for (const partition of partitions) {
      this.#finish(partition)
      for (const [id, epoch] of partition.producerEpochs) {
        largestId = Math.max(largestId, id)
        byId.get(id)?.wasIn(partition, epoch)
      }
    }
    this.#ids = new ProducerIds(this.#store, largestId)
    const now = this.#log.settings.clock.now()
    for (const producer of byId.values()) this.#takeIn(producer, states.get(producer.transactionalId)!, now)
    this.#log.onRecovered((topic, partition) => { this.#recovered(topic.writable(partition)) })
  }

  /** What was written to it may have been cut. */
  #recovered(partition: WritablePartition): void {
    for (const transaction of this.#open) if (transaction.partitions.includes(partition)) transaction.abort(interrupted(transaction.transactionalId, partition.label))
    this.#finish(partition)
  }

  /** After a kill they may be in the page cache alone: nothing is made of them before they are on the device. */
  async #syncDecisions(): Promise<void> {
    try {
      await this.#store.sync()
    } catch (error) {
      this.#tell(error)
    }
  }

  /** Known from before. */
  #takeIn(producer: TransactionalProducer, state: StoredTransaction, now: number): void {
    const { transactionalId, isAnonymous, owing, isSettled } = producer
    if (isAnonymous) this.#anonymous = Math.max(this.#anonymous, Number(transactionalId.slice(OWN_PREFIX.length)) + 1)
    if (owing.size > 0) return
    if (!isAnonymous && isSettled && state.lastUpdateTimestamp < now - ID_EXPIRY_MS) {
      this.#producers.delete(transactionalId)
      this.#put(transactionalId, undefined)
      return
    }
    if (state.status === 'PrepareCommit') this.#put(transactionalId, { ...state, status: 'CompleteCommit', partitions: [] })
    this.#giveBack(producer)
  }

  #put(transactionalId: string, state: StoredTransaction | undefined): void {
    try {
      this.#store.put(transactionalId, state)
    } catch (error) {
      this.#tell(error) // the record says less than there is to say, and nothing wrong
    }
  }

  /** All that this process writes, and transactions may have written to. */
  async #partitions(): Promise<WritablePartition[]> {
    const offsets = await this.#log.internalPartition('__consumer_offsets', { create: false }) as WritablePartition | undefined
    const topics = [...this.#log.topics.values()].flatMap(topic => topic.partitions.map((_, index) => topic.writable(index)))
    return offsets === undefined ? topics : [...topics, offsets]
  }

  /** Ends what nobody is at work on. Where there is no room for a marker, it is tried again. */
  #finish(partition: WritablePartition): void {
    if (!this.#store.isSound) return
    const atWork = new Set([...this.#open].map(({ producer }) => producer.id))
    for (const open of partition.openTransactions) {
      if (atWork.has(open.producerId)) continue
      const [transactionalId, state] = this.#decided(open.producerId)
      const producer = transactionalId === undefined ? undefined : this.#producers.get(transactionalId)
      const outcome = outcomeOf(open, state)
      try {
        partition.endTransaction(outcome, outcome, this.#log.settings.clock.now())
      } catch (error) {
        this.#owe(partition, producer, error)
        return
      }
      if (outcome.type === 'commit') producer?.wrote(partition)
    }
    this.#isFinished(partition)
  }

  #isFinished(partition: WritablePartition): void {
    this.#owed.delete(partition)
    for (const producer of this.#producers.values()) if (producer.owing.delete(partition)) this.#giveBack(producer)
  }

  #decided(producerId: number): [string, StoredTransaction] | [undefined, undefined] {
    for (const entry of this.#store.states) if (entry[1].producerId === producerId && !ProducerIds.isRecord(entry[0])) return entry
    return [undefined, undefined]
  }

  /** A partition that was deleted owes nothing; one whose disk has failed is looked at when it has recovered. */
  #owe(partition: WritablePartition, producer: TransactionalProducer | undefined, error: unknown): void {
    this.#owed.add(partition)
    producer?.owing.add(partition)
    this.#tell(error)
    if (error instanceof LimitError) this.#retry ??= this.#log.settings.clock.setTimeout(() => { this.#finishOwed() }, RETRY_MS)
  }

  #finishOwed(): void {
    this.#retry = undefined
    if (this.#ended !== undefined) return
    for (const partition of [...this.#owed]) {
      if (partition.closed) this.#isFinished(partition)
      else if (partition.failure === undefined) this.#finish(partition)
    }
  }

  #tell(error: unknown): void {
    if (error instanceof MillraceError) this.#log.events.emit('error', { error })
  }

  // ---------------------------------------------------------------- the end

  /** Those that are open may end in that time; then they are aborted. undefined: there is nothing to wait for. */
  close(timeoutMs: number): Promise<void> | undefined {
    this.#ended ??= logClosed(this.#log.location)
    this.#retry?.cancel()
    return this.#open.size === 0 ? undefined : this.#drain(timeoutMs)
  }

  async #drain(timeoutMs: number): Promise<void> {
    const drained = new Promise<void>(resolve => { this.#onDrained = resolve })
    const abortAll = (): void => { for (const transaction of this.#open) transaction.abort(this.#ended) }
    if (timeoutMs === 0) abortAll()
    const timer = timeoutMs === Infinity ? undefined : this.#log.settings.clock.setTimeout(abortAll, timeoutMs)
    await drained
    timer?.cancel()
  }

  /** As if the process had died. */
  abandon(reason: Error): void {
    this.#ended ??= reason
    this.#retry?.cancel()
    for (const transaction of this.#open) transaction.abandon(reason)
  }

  #checkUsable(): void {
    if (this.#ended !== undefined) throw this.#ended
    this.#log.checkOpen()
    if (this.#log.settings.readOnly) throw new ConflictError('READ_ONLY', `transaction: the log in ${this.#log.location} was opened read-only`, { hint: 'the process that holds the log can write; or open it without readOnly' })
    if (this.#store.failure !== undefined) throw this.#store.failure
  }
}

function fenced(id: string): ConflictError {
  return new ConflictError('TRANSACTION_FENCED', `${nameOf(id)} was aborted: a newer one of that id has begun`, { hint: 'an id is for one transaction at a time: the newest is it', details: { transactionalId: id } })
}

function interrupted(id: string | undefined, label: string): StorageError {
  return new StorageError('TRANSACTION_INTERRUPTED', `${nameOf(id)} was aborted: the disk of ${label} has failed, and what it wrote there may be gone`, {
    hint: 'the partition has recovered: begin the transaction again', details: { transactionalId: id, partition: label }, retriable: true,
  })
}

function owing(id: string, { owing: partitions }: TransactionalProducer): ConflictError {
  return new ConflictError('TRANSACTION_UNFINISHED', `${nameOf(id)}: the end of its last transaction could not be written to ${[...partitions].map(({ label }) => label).join(', ')}`, {
    hint: 'make room on the disk, or call recover() on a partition that has failed; that transaction keeps its outcome', details: { transactionalId: id }, retriable: true,
  })
}
