// One transaction of this process, from its first send to its markers.
//
//   open → committing → decided → ended        (open or committing → ended: aborted)
//
// Committing is two rounds ('power'): what it wrote is on the device, then the decision. Only then markers are written,
// in every partition in one step, so that readers of this process see all of it at once. They need no sync: the next
// opening writes those that a crash has taken. With 'process' all of it is one step. The steps are ending.ts.
//
// Nothing is written of an abort before its markers: what has no decision on record is aborted by the next opening.
import { ConflictError, TimeoutError, UsageError } from '../base/errors.ts'
import type { Lane } from '../groups/lane.ts'
import type { Member } from '../groups/member.ts'
import type { Commit, PendingCommits, Positions } from '../groups/positions.ts'
import type { TransactionalProducer as BatchNumbers } from '../log/batch-accumulator.ts'
import type { EncodedRecord, NewRecord } from '../log/record-codec.ts'
import type { RecordWriter } from '../log/record-writer.ts'
import type { Receipt } from '../log/send-receipts.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { Ending, RAISING_VERSION, nameOf, type EndingParts } from './ending.ts'
import type { TransactionalProducer } from './transactional-producer.ts'

/** A batch of it is written before it grows beyond this, and so much of it waits to be written at most. */
const BATCH_BYTES = 256 * 1024
const MAX_BUFFERED_BYTES = 32 * 1024 * 1024

export interface TransactionParts extends Omit<EndingParts, 'startedAt'> {
  readonly positions: Positions
  /** It has ended, with the epoch of its producer raised; `isSound`: that producer may go on. */
  readonly onEnded: (transaction: OpenTransaction, isSound: boolean) => void
}

export class OpenTransaction {
  readonly startedAt: number
  readonly producer: TransactionalProducer
  readonly #parts: TransactionParts
  readonly #ending: Ending
  readonly #writer: RecordWriter
  readonly #numbers: BatchNumbers
  readonly #timer: { cancel(): void }
  readonly #advanced = new Map<Member, Map<Lane, number>>()
  #pending: PendingCommits | undefined
  #state: 'open' | 'committing' | 'decided' | 'ended' = 'open'
  /** Why nothing of it can be committed any more. */
  #doom: { readonly error: unknown } | undefined
  /** Of what was encoded before. */
  readonly #receipt: Receipt = {
    failureBefore: () => undefined,
    stored: () => { /* commit() waits for all that was sent */ },
    failed: (_index, _count, error) => { this.#doom ??= { error } },
  }
  #encodedCount = 0
  #onAborted!: (error: unknown) => void
  #onEnded!: () => void
  /** Rejects when it is aborted: by its function's error, its time, a successor, the log's end. */
  readonly aborted = new Promise<never>((_, reject) => { this.#onAborted = reject })
  readonly ended = new Promise<void>(resolve => { this.#onEnded = resolve })

  constructor(parts: TransactionParts) {
    const { log, producer, timeoutMs } = parts
    this.#parts = parts
    this.producer = producer
    this.startedAt = log.settings.clock.now()
    this.#ending = new Ending({ ...parts, startedAt: this.startedAt })
    this.#numbers = { id: producer.id, epoch: producer.epoch, checkOpen: () => { this.#checkWriting() } }
    this.#writer = log.writer({ durability: 'process', compression: undefined, linger: 0, batchBytes: BATCH_BYTES, maxBufferedBytes: MAX_BUFFERED_BYTES, producer: this.#numbers })
    this.#timer = log.settings.clock.setTimeout(() => { this.abort(timedOut(this.transactionalId, timeoutMs)) }, timeoutMs)
  }

  /** undefined: the caller gave none. */
  get transactionalId(): string | undefined { return this.producer.isAnonymous ? undefined : this.producer.transactionalId }
  get partitions(): readonly WritablePartition[] { return [...this.#writer.numbered, ...this.#pending === undefined ? [] : [this.#pending.partition]] }
  get timeoutMs(): number { return this.#parts.timeoutMs }
  get hasEnded(): boolean { return this.#state === 'ended' }
  /** Its function has returned, and all was well until then. */
  get isSealed(): boolean { return this.#state !== 'open' && this.#doom === undefined }

  // ---------------------------------------------------------------- while it is open

  /** A send that fails dooms the transaction, whoever catches its error: all of it, or nothing. */
  async send(topic: StoredTopic, records: NewRecord | readonly NewRecord[]): Promise<void> {
    this.#checkOpen()
    try {
      await (Array.isArray(records) ? this.#writer.sendAll(records as readonly NewRecord[], () => topic) : this.#writer.send(topic, records as NewRecord))
    } catch (error) {
      this.doom(error)
      throw error
    }
  }

  /** Something that belongs to it could not be sent. */
  doom(error: unknown): void {
    this.#doom ??= { error }
  }

  /** Records that were encoded before go in at once: a runner's, which holds them back. commit() rejects where one can't be written. */
  sendEncoded(topic: StoredTopic, record: EncodedRecord): void {
    this.#checkOpen()
    this.#writer.addEncoded(topic, record, this.#receipt, this.#encodedCount++)
  }

  /** The positions move with the transaction. Of a partition the furthest counts, and no other transaction moves it meanwhile. */
  advance(member: Member, entries: readonly { readonly lane: Lane; readonly offset: number }[]): void {
    this.#checkOpen()
    member.checkOwned(entries)
    if (entries.length === 0) return // nothing was handed out
    const taken = entries.find(({ lane }) => (lane.movedBy ?? this) !== this)
    if (taken !== undefined) throw alreadyMoved(member.group, taken.lane.label)
    const advanced = this.#advanced.get(member) ?? new Map<Lane, number>()
    this.#advanced.set(member, advanced)
    for (const { lane, offset } of entries) {
      advanced.set(lane, Math.max(offset, advanced.get(lane) ?? 0))
      lane.movedBy = this
    }
  }

  // ---------------------------------------------------------------- commit

  /** Rejects where nothing of it is committed; save with TRANSACTION_UNCERTAIN, where the next opening decides. */
  async commit(): Promise<void> {
    this.#checkOpen()
    this.#state = 'committing'
    try {
      await this.#writer.flush()
      this.#checkSound()
      await this.#write()
    } catch (error) {
      this.abort(error)
      throw error
    }
  }

  async #write(): Promise<void> {
    const { store, positions, producer } = this.#parts
    if (this.#writer.numbered.length === 0 && this.#advanced.size === 0) return this.#end(true)
    await Promise.all([store.prepare(), this.#advanced.size === 0 ? undefined : positions.prepare()])
    this.#checkSound()
    if (this.#advanced.size > 0) this.#pending = positions.appendPending(this.#commits(), { id: producer.id, epoch: producer.epoch, sequence: 0 })
    const secured = this.#ending.secure([...this.partitions, ...this.#sources])
    if (secured !== undefined) await secured
    this.#checkSound()
    for (const [member, lanes] of this.#advanced) member.checkOwned(entriesOf(lanes))
    this.#ending.decide(this.#record, this.partitions)
    this.#state = 'decided'
    const isOnDevice = this.#ending.secureDecision()
    if (isOnDevice !== undefined) await this.#known(isOnDevice)
    this.#complete()
  }

  /** What was handled, where that is not on the device yet: its effects must not outlive it. */
  get #sources(): WritablePartition[] {
    const lanes = [...this.#advanced.values()].flatMap(ofMember => [...ofMember])
    return lanes.map(([{ stored, partition }, offset]) => ({ source: stored.writable(partition), offset })).filter(({ source, offset }) => source.syncedOffset < offset).map(({ source }) => source)
  }

  async #known(isOnDevice: Promise<void>): Promise<void> {
    try {
      await isOnDevice
    } catch (error) {
      this.#pending?.drop()
      this.#end(false)
      throw error
    }
  }

  #complete(): void {
    this.#ending.mark('commit', this.partitions, this.producer.epoch + 1)
    this.#pending?.apply()
    for (const [member, lanes] of this.#advanced) member.noteCommitted(entriesOf(lanes))
    this.#ending.note({ ...this.#record, status: 'CompleteCommit' })
    this.#end(true)
  }

  #commits(): Map<string, Commit[]> {
    const commits = new Map<string, Commit[]>()
    for (const [{ group }, lanes] of this.#advanced) {
      const ofGroup = [...lanes].map(([{ topic, partition }, offset]) => ({ topic, partition, offset }))
      commits.set(group, [...commits.get(group) ?? [], ...ofGroup])
    }
    return commits
  }

  // ---------------------------------------------------------------- abort

  /** Nothing of it was. From here on its batches are refused; without effect once it is decided. */
  abort(error: unknown): void {
    if (this.#state === 'decided' || this.#state === 'ended') return
    this.#doom ??= { error }
    this.#state = 'ended'
    const { partitions } = this
    this.#ending.mark('abort', partitions, this.producer.epoch + 1)
    this.#pending?.drop()
    if (partitions.length > 0 && this.producer.isSettled) this.#ending.note({ ...this.#record, status: 'CompleteAbort' })
    this.#end(true)
    this.#onAborted(error)
  }

  /** As if the process had died: not a word to the disk. */
  abandon(error: unknown): void {
    if (this.#state === 'ended') return
    this.#doom ??= { error }
    this.#state = 'ended'
    this.#timer.cancel()
    this.#onAborted(error)
    this.#onEnded()
  }

  // ---------------------------------------------------------------- the end

  #end(isSound: boolean): void {
    this.#state = 'ended'
    this.#timer.cancel()
    for (const lanes of this.#advanced.values()) for (const lane of lanes.keys()) lane.movedBy = undefined
    this.#parts.log.forget(this.#writer)
    this.producer.epoch++
    this.#parts.onEnded(this, isSound)
    this.#onEnded()
  }

  get #record() {
    return { producerId: this.producer.id, producerEpoch: this.producer.epoch + 1, clientTransactionVersion: RAISING_VERSION }
  }

  #checkOpen(): void {
    this.#parts.log.checkOpen()
    if (this.#state === 'open') return
    if (this.#doom !== undefined) throw this.#doom.error
    throw new UsageError('TRANSACTION_ENDED', `${nameOf(this.transactionalId)} has ended`, { hint: 'send and advance within the function that transaction() was given, and await what it starts' })
  }

  /** Batches are written while it commits, too. */
  #checkWriting(): void {
    if (this.#state === 'open' || this.#state === 'committing') return
    if (this.#doom !== undefined) throw this.#doom.error
    throw new ConflictError('TRANSACTION_ENDED', `${nameOf(this.transactionalId)} has ended`, { hint: 'await what it starts' })
  }

  #checkSound(): void {
    if (this.#doom !== undefined) throw this.#doom.error
  }
}

function entriesOf(lanes: ReadonlyMap<Lane, number>): { lane: Lane; offset: number }[] {
  return [...lanes].map(([lane, offset]) => ({ lane, offset }))
}

function alreadyMoved(group: string, label: string): ConflictError {
  return new ConflictError('POSITION_IN_TRANSACTION', `group '${group}': advance: another transaction that is open moves the position of ${label}`, {
    hint: 'of a partition one transaction at a time can move the position: await the first, or put both records into one', details: { group, partition: label },
  })
}

function timedOut(transactionalId: string | undefined, timeoutMs: number): TimeoutError {
  return new TimeoutError('TRANSACTION_TIMED_OUT', `${nameOf(transactionalId)} was still open after ${timeoutMs} ms, and was aborted`, {
    hint: 'readers wait for open transactions: do the slow work before, or allow a longer timeout', details: { transactionalId, timeoutMs },
  })
}
