// Transactions of clients of other processes: Kafka's transaction coordinator. Requests of a transactional id are done one after
// the other (host.inTurn); admit() is asked in the same step in which a batch is appended, so nothing comes between.
//
// Answers are Kafka's names; what is thrown is a failing disk or a log that closes. What a request leads to is
// remote-decisions.ts, what it does remote-transaction.ts. Differs from Kafka:
//   - one process has the coordinator and all partitions: whoever asks while another request of that id is at work waits for it,
//     and is not told CONCURRENT_TRANSACTIONS; InitProducerId aborts what is open and answers at once
//   - what is open when the process dies is aborted by the next opening; its client is refused as one that took too long, but
//     may go on once it has aborted it as well
//   - time-outs are exact, not looked for every ten seconds
import type { Commit } from '../groups/positions.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { RAISING_VERSION } from './ending.ts'
import { decideEnd, decideInit, type EndRequest, type Standing, type TransactionRefusal } from './remote-decisions.ts'
import { RemoteTransaction, type CommitOptions, type RemoteParts } from './remote-transaction.ts'
import { OWN_PREFIX, type ProducerIdentity, type TransactionalProducer } from './transactional-producer.ts'

/** Kafka's transaction.max.timeout.ms. */
const LONGEST_TIMEOUT_MS = 15 * 60 * 1000

export interface RemoteHost extends Pick<RemoteParts, 'log' | 'store' | 'owe' | 'positions'> {
  readonly producers: ReadonlyMap<string, TransactionalProducer>
  readonly newProducer: (transactionalId: string) => Promise<TransactionalProducer>
  readonly nextId: () => Promise<number>
  /** Aborts this process's own transaction of that id. */
  readonly fenceOwn: (transactionalId: string) => Promise<void>
  /** Tries again to write the markers of its last transaction; false: some are still owed. */
  readonly finishLast: (producer: TransactionalProducer) => boolean
  /** Work on a transactional id, after what was asked for earlier. */
  readonly inTurn: <T>(transactionalId: string, work: () => Promise<T>) => Promise<T>
  readonly checkUsable: () => void
}

export interface Identified { readonly transactionalId: string; readonly producer: ProducerIdentity }

interface Durable {
  /** Whatever of it is to be on the device before the answer. */
  readonly durability: 'process' | 'power'
}

export interface WrittenBatch {
  readonly transactionalId: string | null
  readonly producer: ProducerIdentity
  readonly partition: WritablePartition
  /** The client has transaction version 2: by writing to it, it adds the partition. */
  readonly implicit: boolean
  /** It can be told TRANSACTION_ABORTABLE: its answer to that is to abort, and to go on. */
  readonly knowsAbortable: boolean
}

type Verified = Identified & Omit<WrittenBatch, 'implicit' | 'transactionalId'>

export class RemoteTransactions {
  readonly #host: RemoteHost
  readonly #open = new Map<string, RemoteTransaction>()

  constructor(host: RemoteHost) {
    this.#host = host
  }

  get open(): Iterable<RemoteTransaction> { return this.#open.values() }

  // ---------------------------------------------------------------- requests

  /** `transactionalId` null: a producer without transactions, whose id nobody else has. */
  async initProducer({ transactionalId, timeoutMs, expected }: { transactionalId: string | null; timeoutMs: number; expected: ProducerIdentity | undefined }): Promise<ProducerIdentity | TransactionRefusal> {
    this.#host.checkUsable()
    if (transactionalId === null) {
      await this.#host.store.prepare()
      return { id: await this.#host.nextId(), epoch: 0 }
    }
    if (transactionalId === '' || transactionalId.startsWith(OWN_PREFIX)) return 'INVALID_REQUEST'
    if (timeoutMs <= 0 || timeoutMs > LONGEST_TIMEOUT_MS) return 'INVALID_TRANSACTION_TIMEOUT'
    return await this.#host.inTurn(transactionalId, () => this.#init(transactionalId, timeoutMs, expected))
  }

  async #init(transactionalId: string, timeoutMs: number, expected: ProducerIdentity | undefined): Promise<ProducerIdentity | TransactionRefusal> {
    const { store, producers, newProducer, fenceOwn, finishLast, nextId, log } = this.#host
    const known = producers.get(transactionalId)
    const producer = known ?? await newProducer(transactionalId)
    if (known !== undefined) {
      const decision = decideInit(this.#standing(known), expected)
      if (decision === 'PRODUCER_FENCED') return decision
      if (decision === 'raise') this.#fence(known)
      await fenceOwn(transactionalId)
      if (!finishLast(known)) return 'CONCURRENT_TRANSACTIONS'
      await known.settle()
      if (known.isBeyondGiven) known.goOnWith(await nextId())
    }
    const { id, epoch } = producer
    store.put(transactionalId, { producerId: id, producerEpoch: epoch, timeoutMs, status: 'Empty', partitions: [], lastUpdateTimestamp: log.settings.clock.now(), startTimestamp: -1 })
    producer.isGiven = true
    producer.previous = expected
    await store.sync() // or the next process would give the same epoch to another one
    return { id, epoch }
  }

  /** From here on nothing of whoever has the epoch is taken; the next one is nobody's yet. */
  #fence(producer: TransactionalProducer): void {
    const open = this.#open.get(producer.transactionalId)
    this.#open.delete(producer.transactionalId)
    if (open === undefined) producer.epoch++
    else open.fence()
  }

  /** Of a client below transaction version 2: before it writes to them. */
  async addPartitions({ transactionalId, producer, partitions, durability }: Identified & Durable & { readonly partitions: readonly WritablePartition[] }): Promise<TransactionRefusal | undefined> {
    return await this.#inTurn(transactionalId, async () => {
      const open = this.#find({ transactionalId, producer }) ?? await this.#beginOnRecord(transactionalId, durability)
      if (typeof open === 'string') return open
      for (const partition of partitions) open.add(partition)
      return undefined
    })
  }

  /** As addPartitions(): where the positions of groups are. */
  async addOffsets(request: Identified & Durable): Promise<TransactionRefusal | undefined> {
    const { log } = await this.#host.positions().open()
    return await this.addPartitions({ ...request, partitions: [log] })
  }

  /** `check`: whether they may be moved, asked in the step in which they are. */
  async moveOffsets<E extends string>({ transactionalId, producer, group, commits, implicit, knowsAbortable, check }: Identified & Omit<WrittenBatch, 'partition'> & { readonly group: string; readonly commits: readonly Commit[]; readonly check: () => E | undefined }): Promise<TransactionRefusal | E | undefined> {
    return await this.#inTurn(transactionalId, async () => {
      const open = await this.#host.positions().open()
      const refusal = this.admit({ transactionalId, producer, partition: open.log, implicit, knowsAbortable }) ?? check()
      if (refusal === undefined) this.#open.get(transactionalId)!.move(group, commits, open)
      return refusal
    })
  }

  /** A batch that is about to be appended, in the same step. undefined: it may be. */
  admit({ transactionalId, implicit, ...asked }: WrittenBatch): TransactionRefusal | undefined {
    this.#host.checkUsable()
    if (transactionalId === null) return 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
    const batch = { transactionalId, ...asked }
    const refusal = implicit ? this.#addByWriting(batch) : this.verify(batch)
    if (refusal === 'PRODUCER_FENCED') return 'INVALID_PRODUCER_EPOCH'
    return refusal === 'CONCURRENT_TRANSACTIONS' && !implicit ? 'NOT_ENOUGH_REPLICAS' : refusal // which older clients take for a reason to try again
  }

  /** Whether the partition was added to the transaction that is open. */
  verify({ transactionalId, producer, partition, knowsAbortable }: Verified): TransactionRefusal | undefined {
    const open = this.#find({ transactionalId, producer })
    if (typeof open === 'string') return open
    return open?.has(partition) === true ? undefined : outside(knowsAbortable)
  }

  #addByWriting({ transactionalId, producer, partition }: Verified): TransactionRefusal | undefined {
    const open = this.#find({ transactionalId, producer }) ?? this.#beginByWriting(transactionalId)
    if (typeof open === 'string') return open
    open.add(partition)
    return undefined
  }

  async end({ transactionalId, producer, durability, ...request }: Identified & Durable & Pick<EndRequest, 'commit' | 'raises'>): Promise<ProducerIdentity | TransactionRefusal> {
    return await this.#inTurn(transactionalId, async () => {
      const known = this.#host.producers.get(transactionalId)
      if (known === undefined) return 'INVALID_PRODUCER_ID_MAPPING'
      const open = this.#open.get(transactionalId)
      const decision = decideEnd(this.#standing(known), { ...producer, ...request })
      if (decision === 'end' && open !== undefined) return await this.#end(open, { ...request, durability })
      if (decision === 'skip') return await this.#end(this.#begin(known, false), { ...request, durability })
      return decision === 'repeat' || decision === 'end' ? identityOf(known) : decision
    })
  }

  async #end(open: RemoteTransaction, { commit, raises, durability }: Pick<EndRequest, 'commit' | 'raises'> & Durable): Promise<ProducerIdentity | TransactionRefusal> {
    if (open.state === 'decided') return 'COORDINATOR_NOT_AVAILABLE' // the disk failed on the way: nobody knows before the log is opened again
    if (open.state === 'doomed' && commit) return 'PRODUCER_FENCED'
    const nextId = raises && open.producer.isExhausted ? await this.#host.nextId() : undefined
    const options: CommitOptions = { durability, raises, nextId }
    try {
      await (commit ? open.commit(options) : open.abort(options))
    } finally {
      if (open.state === 'ended') this.#open.delete(open.transactionalId)
    }
    return identityOf(open.producer)
  }

  // ---------------------------------------------------------------- what is known

  /** The transaction that is open, why it can't be, or undefined: none is. */
  #find({ transactionalId, producer }: Identified): RemoteTransaction | TransactionRefusal | undefined {
    const known = this.#host.producers.get(transactionalId)
    if (known?.id !== producer.id) return 'INVALID_PRODUCER_ID_MAPPING'
    const open = this.#open.get(transactionalId)
    if (known.epoch !== producer.epoch || open?.state === 'doomed') return 'PRODUCER_FENCED'
    return open === undefined || open.state === 'open' ? open : 'CONCURRENT_TRANSACTIONS'
  }

  #standing(producer: TransactionalProducer): Standing {
    const record = this.#host.store.states.get(producer.transactionalId)
    const isOf = record?.producerId === producer.id && record.producerEpoch === producer.epoch
    return { producer: identityOf(producer), previous: producer.previous, record: isOf ? record : undefined, isOpen: this.#open.has(producer.transactionalId) }
  }

  // ---------------------------------------------------------------- beginning

  async #beginOnRecord(transactionalId: string, durability: 'process' | 'power'): Promise<RemoteTransaction | TransactionRefusal> {
    const { producers, finishLast, store, log } = this.#host
    const producer = producers.get(transactionalId)!
    if (!finishLast(producer)) return 'CONCURRENT_TRANSACTIONS'
    await producer.settle()
    const { id: producerId, epoch: producerEpoch } = producer
    const now = log.settings.clock.now()
    store.put(transactionalId, { producerId, producerEpoch, timeoutMs: this.#timeoutOf(producer), status: 'Ongoing', partitions: [], lastUpdateTimestamp: now, startTimestamp: now })
    const open = this.#begin(producer, true)
    if (durability === 'power') await store.sync()
    return open
  }

  #beginByWriting(transactionalId: string): RemoteTransaction | TransactionRefusal {
    const producer = this.#host.producers.get(transactionalId)!
    if (!this.#host.finishLast(producer)) return 'CONCURRENT_TRANSACTIONS'
    const { record } = this.#standing(producer)
    const couldBeTaken = record !== undefined && record.status !== 'Empty' && record.clientTransactionVersion !== RAISING_VERSION
    return couldBeTaken ? 'INVALID_TXN_STATE' : this.#begin(producer, false) // of two transactions of one epoch the second has to be on record first
  }

  #begin(producer: TransactionalProducer, isRecorded: boolean): RemoteTransaction {
    const open = new RemoteTransaction(this.#partsOf(producer, isRecorded))
    this.#open.set(producer.transactionalId, open)
    return open
  }

  #partsOf(producer: TransactionalProducer, isRecorded: boolean): RemoteParts {
    const { log, store, owe, positions } = this.#host
    return { log, store, owe, producer, isRecorded, positions, timeoutMs: this.#timeoutOf(producer), onTimeout: () => { this.#timedOut(producer) } }
  }

  #timeoutOf({ transactionalId }: TransactionalProducer): number {
    return Math.min(this.#host.store.states.get(transactionalId)?.timeoutMs ?? LONGEST_TIMEOUT_MS, LONGEST_TIMEOUT_MS)
  }

  #timedOut(producer: TransactionalProducer): void {
    if (this.#open.has(producer.transactionalId)) this.#fence(producer)
  }

  #inTurn<T>(transactionalId: string, work: () => Promise<T>): Promise<T> {
    this.#host.checkUsable()
    return this.#host.inTurn(transactionalId, work)
  }

  // ---------------------------------------------------------------- what others do

  /** By a transaction of this process that has the id now. */
  fence(transactionalId: string): void {
    const producer = this.#host.producers.get(transactionalId)
    if (producer?.isGiven !== true) return
    this.#fence(producer)
    producer.isGiven = false
  }

  /** An opening has found it on record: its client does not know that it is aborted. */
  takeIn(producer: TransactionalProducer): void {
    this.#open.set(producer.transactionalId, RemoteTransaction.doomed(this.#partsOf(producer, true)))
  }

  /** The partition has read its disk again. */
  recovered(partition: WritablePartition): void {
    for (const open of this.#open.values()) if (open.isHitBy(partition)) this.#interrupt(open)
  }

  /** The log closes. Those that are ending go on. */
  close(): void {
    for (const open of this.#open.values()) if (open.state === 'open') this.#interrupt(open)
    for (const open of this.#open.values()) if (open.state === 'doomed') open.abandon()
  }

  #interrupt(open: RemoteTransaction): void {
    open.interrupt()
    if (open.state === 'ended') this.#open.delete(open.transactionalId)
  }

  /** As if the process had died. */
  abandon(): void {
    for (const open of this.#open.values()) open.abandon()
    this.#open.clear()
  }
}

function identityOf({ id, epoch }: TransactionalProducer): ProducerIdentity {
  return { id, epoch }
}

/** It is in no transaction. */
function outside(knowsAbortable: boolean): TransactionRefusal {
  return knowsAbortable ? 'TRANSACTION_ABORTABLE' : 'INVALID_TXN_STATE'
}
