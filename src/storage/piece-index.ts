// Which batches are known by their pieces (batch-pieces.ts): the ones that were looked into last, up to a number of
// bytes for the whole log. It holds no bytes of the log, only where to find them and how to tell them.
//
// It may serve whatever stands in a segment that its partition still lists, and knows nothing of start and end offsets:
// whoever asks compares with those. Batches are kept under their segment's index, and dropped when that is forgotten:
// because the segment was removed, or the index had to be made anew. What else may happen to a file (cut by a rescue,
// damaged, replaced by the process that writes it) shows in the checksums; then the batch is dropped too.
import type { BatchPieces } from './batch-pieces.ts'
import type { SegmentIndex } from './segment-index.ts'

/** At most a thirty-second of the bytes of large batches: enough for 256 MiB of them. */
const PIECES_BYTES = 8 * 1024 * 1024

export class PieceIndex {
  readonly #limit: number
  /** By segment, in the order of their offsets. */
  readonly #batches = new Map<SegmentIndex, BatchPieces[]>()
  /** Whose each is, in the order of their use. */
  readonly #byUse = new Map<BatchPieces, SegmentIndex>()
  #bytes = 0

  constructor(limit = PIECES_BYTES) {
    this.#limit = limit
  }

  get bytes(): number { return this.#bytes }

  /** The batch that the offset belongs to, if it is known. */
  find(segment: SegmentIndex, offset: number): BatchPieces | undefined {
    const batches = this.#batches.get(segment)
    const found = batches?.[countUpTo(batches, offset) - 1]
    if (found === undefined || found.lastOffset < offset) return undefined
    this.#byUse.delete(found)
    this.#byUse.set(found, segment)
    return found
  }

  add(segment: SegmentIndex, batch: BatchPieces): void {
    const batches = this.#batches.get(segment) ?? []
    const at = countUpTo(batches, batch.baseOffset)
    if (batches[at - 1]?.baseOffset === batch.baseOffset) return // two have read it at the same time
    batches.splice(at, 0, batch)
    this.#batches.set(segment, batches)
    this.#byUse.set(batch, segment)
    this.#bytes += batch.bytes
    for (const longestUnused of this.#byUse.keys()) {
      if (this.#bytes <= this.#limit) break
      this.drop(longestUnused)
    }
  }

  drop(batch: BatchPieces): void {
    const segment = this.#byUse.get(batch)
    if (segment === undefined) return
    this.#byUse.delete(batch)
    this.#bytes -= batch.bytes
    const batches = this.#batches.get(segment)!
    batches.splice(batches.indexOf(batch), 1)
    if (batches.length === 0) this.#batches.delete(segment)
  }

  /** Everything of a segment. */
  forget(segment: SegmentIndex): void {
    for (const batch of this.#batches.get(segment) ?? []) {
      this.#byUse.delete(batch)
      this.#bytes -= batch.bytes
    }
    this.#batches.delete(segment)
  }
}

/** How many of them begin at or before the offset. */
function countUpTo(batches: readonly BatchPieces[], offset: number): number {
  let low = 0
  let high = batches.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (batches[middle]!.baseOffset <= offset) low = middle + 1
    else high = middle
  }
  return low
}
