// Keeps the indexes of sealed segments in memory while they are used, up to a number of bytes for the whole log.
// Active segments' indexes are not in here: they stay loaded. What is known of batches inside a segment goes with its index.
import { PieceIndex } from './piece-index.ts'
import type { SegmentIndex } from './segment-index.ts'
import type { TransactionIndex } from './transaction-index.ts'

const CACHE_BYTES = 16 * 1024 * 1024
/** Of sealed segments that have any; a few dozen bytes each. */
const TRANSACTION_INDEXES = 256

export class IndexCache {
  readonly pieces = new PieceIndex()
  readonly #byUse = new Set<SegmentIndex>()
  readonly #transactions = new Set<TransactionIndex>()
  #bytes = 0

  /** Loads the index if need be and marks it as the one used last. */
  use(index: SegmentIndex, logBytes: number): void {
    if (this.#byUse.delete(index)) this.#byUse.add(index)
    else {
      index.load(logBytes)
      this.adopt(index)
    }
  }

  /** Marks it as the one used last; the one that was not used for longest is read again when it is needed. */
  useTransactions(index: TransactionIndex): void {
    this.#transactions.delete(index)
    this.#transactions.add(index)
    if (this.#transactions.size <= TRANSACTION_INDEXES) return
    const [oldest] = this.#transactions
    this.#transactions.delete(oldest!)
    oldest!.unload()
  }

  /** Takes in a loaded index: one that was read or written, or can be made again. */
  adopt(index: SegmentIndex): void {
    this.#byUse.add(index)
    this.#bytes += index.bytes
    this.#evict()
  }

  forget(index: SegmentIndex): void {
    this.pieces.forget(index)
    if (this.#byUse.delete(index)) this.#bytes -= index.bytes
  }

  #evict(): void {
    for (const index of this.#byUse) {
      if (this.#bytes <= CACHE_BYTES || this.#byUse.size === 1) return
      this.#byUse.delete(index)
      this.#bytes -= index.bytes
      index.unload()
    }
  }
}
