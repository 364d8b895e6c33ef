// A chunk: whole, checked batches of one segment, copied out of it, in the order of their offsets.
// What a read returns, and the only form in which stored bytes leave storage/.
import type { AbortedTransaction } from '../format/aborted-transactions.ts'
import { HEADER_BYTES, LOG_OVERHEAD, baseOffset, batchBytes, batchFault, lastOffset } from '../format/record-batch.ts'
import type { BatchesRead } from '../platform/file-system.ts'

export interface Chunk {
  /** Whole batches and nothing else. Freshly copied: the receiver may keep it. */
  readonly bytes: Buffer
  readonly nextOffset: number
  /** Of read_committed: the transactions whose batches among these were aborted. */
  readonly aborted: readonly AbortedTransaction[]
}

/** What is wanted of the bytes that begin at some position of a segment. */
export interface Want {
  /** Batches that end before it are stepped over. */
  readonly from: number
  /** Batches that begin at or beyond it are not there yet. */
  readonly limit: number
  /** The base offset that the first batch must have; undefined where the walk began at an index entry. */
  readonly expected: number | undefined
  /** Then, the last offset that the first batch must have. */
  readonly named: number | undefined
  readonly gaps: boolean
  /** Batches that are stepped over are checked as the others are: a fault is where it seems to be. */
  readonly inFull: boolean
  /** Beyond the first batch, no more than fit into so many bytes. */
  readonly maxBytes: number
}

export type Taken =
  | { readonly kind: 'batches'; readonly start: number; readonly end: number; readonly nextOffset: number }
  /** The first wanted batch is larger than what was read: read so many bytes from `skipped` on. */
  | { readonly kind: 'more'; readonly skipped: number; readonly bytes: number; readonly expected: number | undefined }
  /** All of it was stepped over. */
  | { readonly kind: 'nothing'; readonly skipped: number; readonly expected: number | undefined }
  /** What follows is beyond the limit. */
  | { readonly kind: 'end' }
  | { readonly kind: 'fault'; readonly at: number; readonly offset: number; readonly reason: string }

export function takeBatches(bytes: Buffer, { filled, checked }: BatchesRead, want: Want): Taken {
  let start = 0
  let at = 0
  let expected = want.expected
  while (filled - at >= LOG_OVERHEAD) {
    const base = baseOffset(bytes, at)
    const size = batchBytes(bytes, at)
    const partial = at + size > filled
    const misled = expected === undefined && !partial && lastOffset(bytes, at) !== want.named
    const reason = misled ? 'it is not the one that the index names' : sizeOrPlaceFault(base, size, expected, want)
    // Without gaps each base offset vouches for the batch before: what is stepped over, or not there yet, needs no more.
    const inFull = want.inFull || want.gaps || at > start || (base < want.limit && !partial && lastOffset(bytes, at) >= want.from)
    const fault = reason ?? (inFull && !partial ? batchFault(bytes, at, filled, checked) : undefined)
    if (fault !== undefined) return at > start ? batches(start, at, expected!) : { kind: 'fault', at, offset: expected ?? base, reason: fault }
    if (base >= want.limit && !(inFull && partial)) return at > start ? batches(start, at, expected!) : { kind: 'end' }
    if (at > start && at + size - start > want.maxBytes) return batches(start, at, expected!)
    if (partial) return at > start ? batches(start, at, expected!) : { kind: 'more', skipped: at, bytes: size, expected }
    expected = lastOffset(bytes, at) + 1
    at += size
    if (expected <= want.from) start = at
  }
  return at > start ? batches(start, at, expected!) : { kind: 'nothing', skipped: at, expected }
}

function batches(start: number, end: number, nextOffset: number): Taken {
  return { kind: 'batches', start, end, nextOffset }
}

function sizeOrPlaceFault(base: number, size: number, expected: number | undefined, want: Want): string | undefined {
  if (size < HEADER_BYTES) return `a batch of ${size} bytes`
  if (expected === undefined) return base > want.from && !want.gaps ? `base offset ${base} where ${want.from} is expected` : undefined
  return (want.gaps ? base >= expected : base === expected) ? undefined : `base offset ${base} where ${expected} is expected`
}
