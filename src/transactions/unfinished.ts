// Transactions that have no marker in a partition, though nobody is at work on them: a crash came before it, or the disk
// was full. They are ended as it was decided, or else aborted.
//
// A record of __transaction_state speaks of one transaction alone. A decision of the same producer is replaced only once
// its markers are on the device (transactional-producer.ts), so an older one that is open has not been committed.
//
//   the record has        it decides about the open transaction of the same producer
//   version 2             of the epoch before its own: every end raises the epoch
//   an older version      of its own epoch. The next one has that epoch too, but is on record, Ongoing, before its first batch
//                         So its abort keeps the epoch too: of an Ongoing one its client is to hear (remote-transaction.ts)
import { LimitError, MillraceError } from '../base/errors.ts'
import type { EndMarker } from '../format/control-records.ts'
import type { StoredTransaction } from '../format/transaction-records.ts'
import type { OpenLog } from '../log/open-log.ts'
import type { OpenTransaction } from '../storage/producer-states.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { COORDINATOR_EPOCH, RAISING_VERSION } from './ending.ts'
import { ProducerIds } from './producer-ids.ts'
import type { TransactionLog } from './transaction-log.ts'
import type { TransactionalProducer } from './transactional-producer.ts'

/** Markers that found no room are tried again. */
const RETRY_MS = 1000

export interface Outcome extends EndMarker { readonly producerId: number; readonly producerEpoch: number }

/** `decided`: what is on record of the producer. */
export function outcomeOf({ producerId, producerEpoch }: OpenTransaction, decided: StoredTransaction | undefined): Outcome {
  const raises = decided?.clientTransactionVersion === RAISING_VERSION
  const isOfThis = decided !== undefined && (decided.previousProducerId === producerId || decided.producerEpoch === (raises ? producerEpoch + 1 : producerEpoch))
  const isCommitted = isOfThis && (decided.status === 'PrepareCommit' || decided.status === 'CompleteCommit')
  const keepsEpoch = isOfThis && !raises && decided.status !== 'Empty'
  return { type: isCommitted ? 'commit' : 'abort', producerId, producerEpoch: keepsEpoch ? producerEpoch : producerEpoch + 1, coordinatorEpoch: COORDINATOR_EPOCH }
}

export interface UnfinishedParts {
  readonly log: OpenLog
  readonly store: TransactionLog
  readonly producers: ReadonlyMap<string, TransactionalProducer>
  /** Whose transactions are left alone. */
  readonly atWork: () => ReadonlySet<number>
  /** No marker of its last transaction is owed any more. */
  readonly onFinished: (producer: TransactionalProducer) => void
}

export class Unfinished {
  readonly #parts: UnfinishedParts
  readonly #owed = new Set<WritablePartition>()
  #retry: { cancel(): void } | undefined
  #isClosed = false

  constructor(parts: UnfinishedParts) {
    this.#parts = parts
  }

  /** Ends what nobody is at work on. Where there is no room for a marker, it is tried again. */
  finish(partition: WritablePartition): void {
    const { log, store, producers } = this.#parts
    if (!store.isSound) return
    const atWork = this.#parts.atWork()
    for (const open of partition.openTransactions) {
      if (atWork.has(open.producerId)) continue
      const [transactionalId, state] = this.#decided(open.producerId)
      const producer = transactionalId === undefined ? undefined : producers.get(transactionalId)
      const outcome = outcomeOf(open, state)
      try {
        partition.endTransaction(outcome, outcome, log.settings.clock.now())
      } catch (error) {
        this.owe(partition, producer, error)
        return
      }
      if (outcome.type === 'commit' || outcome.producerEpoch === open.producerEpoch) producer?.wrote(partition)
    }
    this.#isFinished(partition)
  }

  /** A partition that was deleted owes nothing; one whose disk has failed is looked at when it has recovered. */
  owe(partition: WritablePartition, producer: TransactionalProducer | undefined, error: unknown): void {
    this.#owed.add(partition)
    producer?.owing.add(partition)
    if (error instanceof MillraceError) this.#parts.log.events.emit('error', { error })
    if (error instanceof LimitError) this.#retry ??= this.#parts.log.settings.clock.setTimeout(() => { this.#finishOwed() }, RETRY_MS)
  }

  close(): void {
    this.#isClosed = true
    this.#retry?.cancel()
  }

  #isFinished(partition: WritablePartition): void {
    this.#owed.delete(partition)
    for (const producer of this.#parts.producers.values()) if (producer.owing.delete(partition)) this.#parts.onFinished(producer)
  }

  #decided(producerId: number): [string, StoredTransaction] | [undefined, undefined] {
    for (const entry of this.#parts.store.states) {
      const [id, state] = entry
      if ((state.producerId === producerId || state.previousProducerId === producerId) && !ProducerIds.isRecord(id)) return entry
    }
    return [undefined, undefined]
  }

  #finishOwed(): void {
    this.#retry = undefined
    if (this.#isClosed) return
    for (const partition of [...this.#owed]) {
      if (partition.closed) this.#isFinished(partition)
      else if (partition.failure === undefined) this.finish(partition)
    }
  }
}
