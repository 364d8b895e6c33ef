// What the cleaner knows of transactions and of producers while it walks a partition from its beginning, and what of them
// may go, as Kafka's cleaner decides it:
//
//   data of an aborted transaction     goes
//   a marker                           goes once a walk has met no batch of its transaction, and a horizon has passed since
//   the last batch of a producer       stays as a header: of its sequence, or of its epoch, there is no other witness
//
// A header that stays counts as a batch of its transaction: whoever reads the log again begins the transaction with it,
// and needs the marker that ends it. So does what this very walk takes away, until the next one finds it gone.
import type { AbortedTransaction } from '../format/aborted-transactions.ts'
import { parseMarkerBatch } from '../format/control-records.ts'
import type { ProducerSnapshotEntry } from '../format/producer-snapshot.ts'
import { baseOffset, isControl, isTransactional, lastOffset, producerEpoch, producerId } from '../format/record-batch.ts'

export class CleanedTransactions {
  /** By producer id, in the order of their markers. */
  readonly #aborted = new Map<number, AbortedTransaction[]>()
  readonly #producers: ReadonlyMap<number, ProducerSnapshotEntry>
  /** Ids of producers of whom a transactional batch was met, and no marker since. */
  readonly #met = new Set<number>()
  #left: AbortedTransaction[] = []

  /** `aborted`: all that have batches in the range of the walk. `producers`: those that are not forgotten. */
  constructor(aborted: readonly AbortedTransaction[], producers: readonly ProducerSnapshotEntry[]) {
    for (const transaction of [...aborted].sort((a, b) => a.lastOffset - b.lastOffset)) {
      const sameProducer = this.#aborted.get(transaction.producerId)
      if (sameProducer === undefined) this.#aborted.set(transaction.producerId, [transaction])
      else sameProducer.push(transaction)
    }
    this.#producers = new Map(producers.map(producer => [producer.producerId, producer]))
  }

  isAborted(batch: Buffer): boolean {
    if (!isTransactional(batch, 0) || isControl(batch, 0)) return false
    return (this.#endedFrom(producerId(batch, 0), baseOffset(batch, 0))?.firstOffset ?? Infinity) <= baseOffset(batch, 0)
  }

  /** The next batch of the walk. True: its records are of no use any more, of a marker none but to tell that of whoever is behind. */
  meet(batch: Buffer): boolean {
    if (!isTransactional(batch, 0)) return false
    if (isControl(batch, 0)) return this.#meetMarker(batch)
    this.#met.add(producerId(batch, 0))
    return this.isAborted(batch)
  }

  /** The aborted transactions of which something was met before the markers that were, since this was asked before. */
  takeLeft(): readonly AbortedTransaction[] {
    const left = this.#left
    this.#left = []
    return left
  }

  /** Nothing behind it tells as much of its producer. */
  isLastOfProducer(batch: Buffer): boolean {
    const last = this.#producers.get(producerId(batch, 0))
    if (last === undefined) return false
    return last.lastOffset >= 0 ? lastOffset(batch, 0) === last.lastOffset : isControl(batch, 0) && producerEpoch(batch, 0) === last.producerEpoch
  }

  #meetMarker(batch: Buffer): boolean {
    const marker = parseMarkerBatch(batch, 0)
    if (marker === undefined) return true // nothing was left of its transaction when it was emptied
    if (marker.type === 'other') return false
    const id = producerId(batch, 0)
    if (!this.#met.delete(id)) return true
    const ended = this.#endedFrom(id, baseOffset(batch, 0))
    if (marker.type === 'abort' && ended?.lastOffset === baseOffset(batch, 0)) this.#left.push(ended)
    return false
  }

  /** The producer's first aborted transaction whose marker stands at the offset or behind it. */
  #endedFrom(id: number, offset: number): AbortedTransaction | undefined {
    const transactions = this.#aborted.get(id)
    if (transactions === undefined) return undefined
    let low = 0
    let high = transactions.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (transactions[middle]!.lastOffset < offset) low = middle + 1
      else high = middle
    }
    return transactions[low]
  }
}
