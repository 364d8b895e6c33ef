// The entries of a segment's .txnindex: the transactions whose abort marker stands in the segment. A reader of committed
// records leaves out what they wrote.
//
//   .txnindex  34 bytes   int16 version 0 · int64 producer id · int64 first offset · int64 last offset
//                         int64 last stable offset
//
// First offset is that of the transaction's first record, which may stand in an earlier segment; last offset is that of
// the marker; last stable offset is where the partition's stood once the marker was written. Offsets are absolute.
// Invariants: first offset < last offset, and last offsets rise from entry to entry. What does not hold them is no entry,
// nor is anything behind it: a tail that was torn, or a page of zeros.
import { readInt64 } from './integers.ts'
import { PrimitiveWriter } from './primitives.ts'

export const ABORTED_ENTRY_BYTES = 34

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly lastStableOffset: number
}

const VERSION = 0

export function encodeAbortedTransaction({ producerId, firstOffset, lastOffset, lastStableOffset }: AbortedTransaction): Buffer {
  const writer = new PrimitiveWriter(ABORTED_ENTRY_BYTES)
  writer.int16(VERSION)
  writer.int64(producerId)
  writer.int64(firstOffset)
  writer.int64(lastOffset)
  writer.int64(lastStableOffset)
  return writer.finish()
}

/** The entries that hold the invariants, up to the first that doesn't. `bytes`: how much of the file they are. */
export function parseAbortedTransactions(file: Buffer): { entries: AbortedTransaction[]; bytes: number } {
  const entries: AbortedTransaction[] = []
  let lastOffset = -1
  let bytes = 0
  for (; bytes + ABORTED_ENTRY_BYTES <= file.length; bytes += ABORTED_ENTRY_BYTES) {
    const entry = entryAt(file, bytes)
    if (file.readInt16BE(bytes) !== VERSION || !isSound(entry) || entry.lastOffset <= lastOffset) break
    entries.push(entry)
    lastOffset = entry.lastOffset
  }
  return { entries, bytes }
}

function entryAt(file: Buffer, at: number): AbortedTransaction {
  return { producerId: readInt64(file, at + 2), firstOffset: readInt64(file, at + 10), lastOffset: readInt64(file, at + 18), lastStableOffset: readInt64(file, at + 26) }
}

function isSound({ producerId, firstOffset, lastOffset, lastStableOffset }: AbortedTransaction): boolean {
  return [producerId, firstOffset, lastOffset, lastStableOffset].every(isOffset) && firstOffset < lastOffset
}

/** As are producer ids. */
function isOffset(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
