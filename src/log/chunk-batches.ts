// What readers see of a chunk: markers are no records, and what was aborted never happened.
import { baseOffset, batchBytes, isControl, isTransactional, producerId } from '../format/record-batch.ts'
import type { Chunk } from '../storage/batch-chunk.ts'

/** The batches of records, as views of the chunk. */
export function* batchesOf({ bytes, aborted }: Chunk): Generator<Buffer, void, undefined> {
  const walk = aborted.length > 0 ? new AbortedWalk(aborted) : undefined
  for (let at = 0; at < bytes.length;) {
    const end = at + batchBytes(bytes, at)
    if (!isControl(bytes, at) && walk?.covers(bytes, at) !== true) yield bytes.subarray(at, end)
    at = end
  }
}

/** A chunk of small batches may hold thousands of aborted transactions: each is looked at once, where it begins. */
class AbortedWalk {
  readonly #inOrder: Chunk['aborted']
  #next = 0
  /** By producer: where the transaction ends that is the last to have begun. */
  readonly #ends = new Map<number, number>()

  constructor(aborted: Chunk['aborted']) {
    this.#inOrder = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Batches are asked about in the order of their offsets. */
  covers(bytes: Buffer, at: number): boolean {
    if (!isTransactional(bytes, at)) return false
    const offset = baseOffset(bytes, at)
    for (let next = this.#inOrder[this.#next]; next !== undefined && next.firstOffset <= offset; next = this.#inOrder[++this.#next]) this.#ends.set(next.producerId, next.lastOffset)
    return (this.#ends.get(producerId(bytes, at)) ?? -1) > offset
  }
}
