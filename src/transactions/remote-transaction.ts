// One transaction of a client of another process, from its first partition to its markers. What may be done with it when is
// decided by remote-transactions.ts; here is what it touches, and how it ends.
//
//   open → ending → decided → ended       open → ended       open → doomed → ended
//
// Below transaction version 2 the next transaction of the producer has the same epoch. So that nobody takes one for the other
// it is on record, Ongoing, before its first batch: `isRecorded`. Where such a one is aborted behind its client's back, it stays
// doomed until the client has heard of it: else what the client sends from then on would be half a transaction. With
// version 2 the epoch tells, and the record of the abort is there for a client that asks.
import { StorageError } from '../base/errors.ts'
import type { Commit, Positions } from '../groups/positions.ts'
import type { OpenPositions } from '../groups/pending-positions.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { Ending, RAISING_VERSION, nameOf, type EndingParts } from './ending.ts'
import type { TransactionalProducer } from './transactional-producer.ts'

export interface RemoteParts extends Omit<EndingParts, 'durability' | 'startedAt'> {
  readonly positions: () => Positions
  readonly isRecorded: boolean
  /** It was open for too long. */
  readonly onTimeout: () => void
}

export interface CommitOptions {
  readonly durability: 'process' | 'power'
  /** The producer's epoch is raised; it is the client's transaction version. */
  readonly raises: boolean
  /** The id that the producer goes on with, its epochs being used up. */
  readonly nextId: number | undefined
}

export class RemoteTransaction {
  readonly startedAt: number
  readonly producer: TransactionalProducer
  readonly #parts: RemoteParts
  readonly #partitions = new Set<WritablePartition>()
  #positions: OpenPositions | undefined
  #timer: { cancel(): void }
  #state: 'open' | 'ending' | 'decided' | 'doomed' | 'ended' = 'open'

  constructor(parts: RemoteParts) {
    this.#parts = parts
    this.producer = parts.producer
    this.startedAt = parts.log.settings.clock.now()
    this.#timer = this.#startTimer()
  }

  /** One that an opening has found on record: all that is left of it is that its client does not know. */
  static doomed(parts: RemoteParts): RemoteTransaction {
    const transaction = new RemoteTransaction(parts)
    transaction.#state = 'doomed'
    return transaction
  }

  get state() { return this.#state }
  get isRecorded(): boolean { return this.#parts.isRecorded }
  get timeoutMs(): number { return this.#parts.timeoutMs }
  /** Those of topics that were deleted meanwhile take no part in its end. */
  get partitions(): readonly WritablePartition[] { return [...this.#partitions].filter(({ closed }) => !closed) }
  get transactionalId(): string { return this.producer.transactionalId }

  // ---------------------------------------------------------------- while it is open

  has(partition: WritablePartition): boolean {
    return this.#partitions.has(partition)
  }

  add(partition: WritablePartition): void {
    this.#partitions.add(partition)
  }

  /** The group's positions move with it. Their log is a partition of it. */
  move(group: string, commits: readonly Commit[], open: OpenPositions): void {
    this.#positions ??= open
    const { id, epoch } = this.producer
    this.#parts.positions().appendOpen(this.#positions, group, commits, { id, epoch })
  }

  /** Of a partition that was read again, and ends there: it has lost what it wrote to it, or what it has handled. */
  isHitBy(partition: WritablePartition): boolean {
    return this.#partitions.has(partition) || this.#sources().includes(partition)
  }

  /** What was handled, where that is not on the device yet: its effects must not outlive it. */
  #sources(): WritablePartition[] {
    return [...this.#positions?.entries ?? []].flatMap(({ topic, partition, offset = 0 }) => {
      const stored = this.#parts.log.topics.get(topic)
      if (stored === undefined || partition >= stored.partitions.length) return []
      const source = stored.writable(partition)
      return source.syncedOffset < offset ? [source] : []
    })
  }

  // ---------------------------------------------------------------- its end, as the client asks for it

  /** Rejects where it is not committed, and was interrupted; or where that is not known before the log is opened again. */
  async commit({ durability, raises, nextId }: CommitOptions): Promise<void> {
    const ending = this.#beginEnding(durability)
    const { producer } = this
    const record = { producerId: producer.id, producerEpoch: producer.epoch + (raises ? 1 : 0), ...raises ? { clientTransactionVersion: RAISING_VERSION } : {} }
    try {
      await this.#secure(ending)
      this.#checkEnding()
      ending.decide({ ...record, nextProducerId: nextId }, this.partitions)
    } catch (error) {
      if (this.#state === 'ending') this.interrupt()
      throw error
    }
    this.#state = 'decided'
    await ending.secureDecision()
    ending.mark('commit', this.partitions, record.producerEpoch)
    this.#end(raises, nextId)
    ending.note({ ...record, ...this.#identityAfter(record.producerId, nextId), status: 'CompleteCommit' })
    if (this.#positions !== undefined) await this.#parts.positions().applyOpen(this.#positions)
  }

  /** On record before its markers: whoever asks again is told the same. */
  async abort({ durability, raises, nextId }: CommitOptions): Promise<void> {
    const ending = this.#beginEnding(durability)
    const { producer } = this
    const markerEpoch = producer.epoch + (raises ? 1 : 0)
    const record = { producerId: producer.id, producerEpoch: markerEpoch, ...raises ? { clientTransactionVersion: RAISING_VERSION } : {} }
    try {
      await ending.secure([])
      this.#checkEnding()
      ending.put({ ...record, ...this.#identityAfter(producer.id, nextId), status: 'CompleteAbort' }, [])
    } catch (error) {
      this.#reopen()
      throw error
    }
    ending.mark('abort', this.partitions, markerEpoch)
    this.#drop()
    this.#end(raises, nextId)
    await ending.secureDecision()
  }

  async #secure(ending: Ending): Promise<void> {
    for (;;) {
      const written = [...this.partitions, ...this.#sources()]
      try {
        return void await ending.secure(written)
      } catch (error) {
        if (written.every(({ closed }) => !closed)) throw error // else a topic was deleted on the way
      }
    }
  }

  #identityAfter(producerId: number, nextId: number | undefined): { producerId: number; producerEpoch: number; previousProducerId: number } | undefined {
    return nextId === undefined ? undefined : { producerId: nextId, producerEpoch: 0, previousProducerId: producerId }
  }

  #beginEnding(durability: 'process' | 'power'): Ending {
    this.#state = 'ending'
    this.#timer.cancel()
    return this.#ending(durability)
  }

  /** Its end could not be written down, and nothing of it is. */
  #reopen(): void {
    if (this.#state !== 'ending') return
    this.#state = 'open'
    this.#timer = this.#startTimer()
  }

  #end(raises: boolean, nextId: number | undefined): void {
    const { producer } = this
    this.#state = 'ended'
    this.#timer.cancel()
    producer.previous = undefined
    if (nextId !== undefined) producer.goOnWith(nextId)
    else if (raises) producer.epoch++
  }

  #checkEnding(): void {
    this.#parts.log.checkOpen()
    if (this.#state !== 'ending') throw interrupted(this.transactionalId)
  }

  // ---------------------------------------------------------------- its end, behind the client's back

  /** Something of it was lost, or the log closes: its client may go on once it has aborted it, too. */
  interrupt(): void {
    const { producer } = this
    if (this.#state === 'doomed' || this.#state === 'decided' || this.#state === 'ended') return
    const ending = this.#ending('process')
    ending.mark('abort', this.partitions, producer.epoch + (this.isRecorded ? 0 : 1))
    this.#drop()
    if (this.isRecorded) {
      this.#state = 'doomed'
      this.#partitions.clear()
      return
    }
    this.#end(true, undefined)
    if (producer.isSettled) ending.note({ producerId: producer.id, producerEpoch: producer.epoch, status: 'CompleteAbort', clientTransactionVersion: RAISING_VERSION })
  }

  /** It was open for too long, or somebody else has its transactional id now: its client is refused from here on. */
  fence(): void {
    const { producer } = this
    if (this.#state === 'decided' || this.#state === 'ended') return
    const ending = this.#ending('process')
    ending.mark('abort', this.partitions, producer.epoch + 1)
    this.#drop()
    this.#end(true, undefined)
    if (producer.isSettled) ending.note({ producerId: producer.id, producerEpoch: producer.epoch, status: 'CompleteAbort' })
  }

  /** As if the process had died: not a word to the disk. */
  abandon(): void {
    this.#state = 'ended'
    this.#timer.cancel()
  }

  #drop(): void {
    if (this.#positions !== undefined) this.#parts.positions().dropOpen(this.#positions)
    this.#positions = undefined
  }

  #ending(durability: 'process' | 'power'): Ending {
    return new Ending({ ...this.#parts, startedAt: this.startedAt, durability })
  }

  #startTimer(): { cancel(): void } {
    const { log, timeoutMs, onTimeout } = this.#parts
    return log.settings.clock.setTimeout(onTimeout, timeoutMs)
  }
}

function interrupted(transactionalId: string): StorageError {
  return new StorageError('TRANSACTION_INTERRUPTED', `${nameOf(transactionalId)} was aborted: a disk that it wrote to has failed, or the log closes`, {
    hint: 'begin the transaction again', details: { transactionalId }, retriable: true,
  })
}
