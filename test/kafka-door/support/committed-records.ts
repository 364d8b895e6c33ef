// What a consumer with read_committed makes of a Fetch answer: all batches come, and it leaves out what was aborted, by the
// list in the answer and by the markers. Written from the protocol, not from what this project's own readers do.
import { HEADER_BYTES, baseOffset, batchBytes, isControl, isTransactional, lastOffset, producerId, recordCount } from '../../../src/format/record-batch.ts'
import { RecordCursor } from '../../../src/format/record-cursor.ts'
import type { FetchedPartition } from './fetching.ts'

const ABORT_MARKER = 0

interface Entry { readonly offset: number; readonly key: Buffer | null; readonly value: Buffer }

/** From the offset on that was asked for, as 'offset: value', and where to go on. Batches are uncompressed. */
export function committedRecords({ records: sent, abortedTransactions }: FetchedPartition, from: number): { records: string[]; next: number } {
  const records = sent ?? Buffer.alloc(0)
  const begins = [...abortedTransactions ?? []].sort((a, b) => a.firstOffset - b.firstOffset)
  const aborted = new Set<number>()
  const kept: string[] = []
  let next = from
  for (let at = 0; at < records.length; at += batchBytes(records, at)) {
    while (begins.length > 0 && begins[0]!.firstOffset <= lastOffset(records, at)) aborted.add(begins.shift()!.producerId)
    const producer = producerId(records, at)
    const entries = entriesOf(records, at)
    next = Math.max(next, lastOffset(records, at) + 1)
    if (isControl(records, at)) {
      if (entries[0]!.key!.readInt16BE(2) === ABORT_MARKER) aborted.delete(producer)
    } else if (!isTransactional(records, at) || !aborted.has(producer)) {
      for (const { offset, value } of entries) if (offset >= from) kept.push(`${offset}: ${value.toString()}`)
    }
  }
  return { records: kept, next }
}

function entriesOf(records: Buffer, at: number): Entry[] {
  const cursor = new RecordCursor(records.subarray(at + HEADER_BYTES, at + batchBytes(records, at)), recordCount(records, at))
  const entries: Entry[] = []
  while (cursor.next()) {
    const { body, keyStart, keyBytes, valueStart, valueBytes, offsetDelta } = cursor
    entries.push({ offset: baseOffset(records, at) + offsetDelta, key: keyBytes < 0 ? null : body.subarray(keyStart, keyStart + keyBytes), value: body.subarray(valueStart, valueStart + valueBytes) })
  }
  return entries
}
