// All transactions of a log: who writes them, and what is known of them when the log opens. A transaction without an id takes a
// producer that nobody else uses at the time; one with an id takes that id's, and aborts the transaction that is still
// open of it, be it of this process or of a remote client (`remote`). What a crash cut short is unfinished.ts.
import { onAbort } from '../base/abort-listeners.ts'
import { ConflictError, MillraceError, StorageError } from '../base/errors.ts'
import type { Positions } from '../groups/positions.ts'
import type { StoredTransaction } from '../format/transaction-records.ts'
import { logClosed, type OpenLog } from '../log/open-log.ts'
import { HeldLoop } from '../platform/held-loop.ts'
import { nextTurn } from '../platform/next-turn.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { RAISING_VERSION, nameOf } from './ending.ts'
import { OpenTransaction } from './open-transaction.ts'
import { describeTransactions, type TransactionDescription } from './transaction-descriptions.ts'
import { ProducerIds } from './producer-ids.ts'
import type { RemoteTransaction } from './remote-transaction.ts'
import { RemoteTransactions } from './remote-transactions.ts'
import { TransactionLog } from './transaction-log.ts'
import type { TransactionSettings } from './transaction-options.ts'
import { OWN_PREFIX, TransactionalProducer } from './transactional-producer.ts'
import { Unfinished } from './unfinished.ts'

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
  readonly #unfinished: Unfinished
  /** Of clients of other processes. */
  readonly remote: RemoteTransactions
  #anonymous = 0
  #ended: Error | undefined
  #onDrained: (() => void) | undefined

  private constructor(log: OpenLog, store: TransactionLog) {
    this.#log = log
    this.#store = store
    const producers = this.#producers
    this.#unfinished = new Unfinished({ log, store, producers, atWork: () => this.#atWork(), onFinished: producer => { this.#giveBack(producer) } })
    this.remote = new RemoteTransactions({
      log, store, producers,
      positions: () => this.#positions!,
      newProducer: id => this.#newProducer(id),
      nextId: () => this.#nextId(),
      fenceOwn: id => this.#fenceOwn(id),
      finishLast: producer => this.#finishLast(producer),
      inTurn: (id, work) => this.#inTurn(id, work),
      owe: (partition, producer, error) => { this.#unfinished.owe(partition, producer, error) },
      checkUsable: () => { this.#checkUsable() },
    })
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
    return [...this.#open, ...this.#remoteAtWork].map(({ transactionalId, startedAt, partitions }) => ({ id: transactionalId ?? null, ageMs: now - startedAt, partitions: partitions.length }))
  }

  /** As tools of Kafka's list them. */
  describe(): TransactionDescription[] {
    return describeTransactions(this.#producers.values(), this.#store.states, [...this.#open, ...this.remote.open])
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
      owe: (partition, of, error) => { this.#unfinished.owe(partition, of, error) },
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
    await this.#fenceOwn(id)
    this.remote.fence(id)
    const producer = this.#producers.get(id)
    if (producer === undefined) return await this.#newProducer(id)
    if (!this.#finishLast(producer)) throw owing(id, producer)
    return await this.#renewed(producer)
  }

  async #fenceOwn(id: string): Promise<void> {
    const earlier = [...this.#open].find(({ transactionalId }) => transactionalId === id)
    earlier?.abort(fenced(id))
    await earlier?.ended // it may have been decided
  }

  #finishLast(producer: TransactionalProducer): boolean {
    for (const partition of producer.owing) this.#unfinished.finish(partition)
    return producer.owing.size === 0
  }

  async #newProducer(transactionalId: string): Promise<TransactionalProducer> {
    await this.#store.prepare()
    const producer = new TransactionalProducer(transactionalId, await this.#nextId(), 0)
    this.#producers.set(transactionalId, producer)
    return producer
  }

  async #renewed(producer: TransactionalProducer): Promise<TransactionalProducer> {
    if (!producer.isUsedUp) return producer
    producer.goOnWith(await this.#nextId())
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
    const byId = this.#takeInProducers()
    const partitions = await this.#partitions()
    if (partitions.some(({ openTransactions }) => openTransactions.length > 0)) await this.#syncDecisions()
    let largestId = -1
    for (const partition of partitions) {
      this.#unfinished.finish(partition)
      for (const [id, epoch] of partition.producerEpochs) {
        largestId = Math.max(largestId, id)
        byId.get(id)?.wasIn(partition, id, epoch)
      }
    }
    this.#ids = new ProducerIds(this.#store, largestId)
    for (const producer of [...this.#producers.values()]) await this.#takeIn(producer, this.#store.states.get(producer.transactionalId)!)
    this.#log.onRecovered((topic, partition) => { this.#recovered(topic.writable(partition)) })
  }

  /** By the ids that they have, or had. */
  #takeInProducers(): Map<number, TransactionalProducer> {
    const byId = new Map<number, TransactionalProducer>()
    for (const [transactionalId, { producerId, producerEpoch, previousProducerId }] of this.#store.states) {
      if (ProducerIds.isRecord(transactionalId)) continue
      const producer = new TransactionalProducer(transactionalId, producerId, producerEpoch)
      producer.isGiven = !producer.isAnonymous
      this.#producers.set(transactionalId, producer)
      byId.set(producerId, producer)
      if (previousProducerId !== undefined) byId.set(previousProducerId, producer)
    }
    return byId
  }

  /** What was written to it may have been cut. */
  #recovered(partition: WritablePartition): void {
    for (const transaction of this.#open) if (transaction.partitions.includes(partition)) transaction.abort(interrupted(transaction.transactionalId, partition.label))
    this.remote.recovered(partition)
    this.#unfinished.finish(partition)
  }

  /** Of those that are doomed nothing is left in the log. */
  get #remoteAtWork(): RemoteTransaction[] {
    return [...this.remote.open].filter(({ state }) => state !== 'doomed')
  }

  #atWork(): Set<number> {
    return new Set([...this.#open, ...this.#remoteAtWork].map(({ producer }) => producer.id))
  }

  /** After a kill they may be in the page cache alone: nothing is made of them before they are on the device. */
  async #syncDecisions(): Promise<void> {
    try {
      await this.#store.sync()
    } catch (error) {
      this.#tell(error)
    }
  }

  /** Known from before; its transactions have their markers, as far as there was room. */
  async #takeIn(producer: TransactionalProducer, state: StoredTransaction): Promise<void> {
    const { transactionalId, isAnonymous, owing } = producer
    if (isAnonymous) this.#anonymous = Math.max(this.#anonymous, Number(transactionalId.slice(OWN_PREFIX.length)) + 1)
    if (owing.size > 0) return
    const now = this.#log.settings.clock.now()
    if (!isAnonymous && producer.isSettled && state.lastUpdateTimestamp < now - ID_EXPIRY_MS) {
      this.#producers.delete(transactionalId)
      this.#put(transactionalId, undefined)
      return
    }
    if (state.status === 'PrepareCommit') this.#put(transactionalId, this.#completed(producer, state))
    else if (!isAnonymous && producer.epoch === state.producerEpoch && state.status === 'Ongoing') this.remote.takeIn(producer)
    else if (!isAnonymous && producer.epoch > state.producerEpoch) await this.#noteAborted(producer, state)
    this.#giveBack(producer)
  }

  #completed(producer: TransactionalProducer, state: StoredTransaction): StoredTransaction {
    const completed = { ...state, status: 'CompleteCommit', partitions: [], nextProducerId: undefined } as const
    if (state.nextProducerId === undefined) return completed
    producer.goOnWith(state.nextProducerId)
    return { ...completed, producerId: producer.id, producerEpoch: 0, previousProducerId: state.producerId }
  }

  /** Its producer may be a remote client that is alive, and asks how it ended. */
  async #noteAborted(producer: TransactionalProducer, state: StoredTransaction): Promise<void> {
    const clientTransactionVersion = state.status === 'Empty' ? RAISING_VERSION : state.clientTransactionVersion // an older client would be on record, Ongoing
    try {
      await producer.settle()
      this.#put(producer.transactionalId, { ...state, producerEpoch: producer.epoch, status: 'CompleteAbort', partitions: [], previousProducerId: undefined, nextProducerId: undefined, clientTransactionVersion })
    } catch (error) {
      this.#tell(error)
    }
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

  #tell(error: unknown): void {
    if (error instanceof MillraceError) this.#log.events.emit('error', { error })
  }

  // ---------------------------------------------------------------- the end

  /** Those of this process that are open may end in that time; then they are aborted, as those of remote clients are at once. undefined: there is nothing to wait for. */
  close(timeoutMs: number): Promise<void> | undefined {
    this.#ended ??= logClosed(this.#log.location)
    this.#unfinished.close()
    this.remote.close()
    return this.#open.size === 0 && this.#beginning.size === 0 ? undefined : this.#drain(timeoutMs)
  }

  async #drain(timeoutMs: number): Promise<void> {
    await Promise.all([this.#drainOwn(timeoutMs), ...this.#beginning.values()])
  }

  async #drainOwn(timeoutMs: number): Promise<void> {
    if (this.#open.size === 0) return
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
    this.#unfinished.close()
    this.remote.abandon()
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
