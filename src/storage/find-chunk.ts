// Looking one place up in a partition: by offset, by time. What is found comes as a chunk of whole batches.
import { batchBytes, baseOffset, lastOffset, maxTimestamp } from '../format/record-batch.ts'
import type { Chunk } from './batch-chunk.ts'
import { PartitionCursor } from './partition-cursor.ts'
import type { Isolation, PartitionLog } from './partition-log.ts'
import type { Segment } from './segment.ts'

const SEARCH_BYTES = 64 * 1024

/** Begins with the batch that holds the offset or, where compaction took it, the next one. */
export async function chunkAt(log: PartitionLog, offset: number, maxBytes: number, isolation: Isolation): Promise<Chunk | undefined> {
  return await new PartitionCursor(log, offset, isolation).next(maxBytes)
}

/** The first batch from an offset on that may hold a record as late as the timestamp, whatever became of its transaction; undefined when there is none. */
export async function chunkAtTime(log: PartitionLog, timestamp: number, from = log.startOffset): Promise<Chunk | undefined> {
  log.checkOpen()
  for (const segment of [...log.segments]) {
    if (!segment.removed && segment.endOffset <= from) continue
    if (!segment.removed) await log.prepareIndex(segment, Infinity)
    if (segment.removed) return await chunkAtTime(log, timestamp, from) // what came in its place may be in the list where this loop has been
    if (log.largestTimestamp(segment) < timestamp) continue
    const cursor = new PartitionCursor(log, Math.max(from, await timeFloor(log, segment, timestamp)), 'read_uncommitted')
    for (let chunk = await cursor.next(SEARCH_BYTES); chunk !== undefined; chunk = await cursor.next(SEARCH_BYTES)) {
      const at = firstBatchSince(chunk.bytes, timestamp)
      if (at !== undefined) return { bytes: chunk.bytes.subarray(at, at + batchBytes(chunk.bytes, at)), nextOffset: lastOffset(chunk.bytes, at) + 1, aborted: [] }
    }
  }
  return undefined
}

/** The time index's answer, if the batch it names has the timestamp it says; else the index is made anew. */
async function timeFloor(log: PartitionLog, segment: Segment, timestamp: number): Promise<number> {
  const entry = segment.index.floorTime(timestamp)
  if (entry === undefined || entry.lastOffset < log.startOffset) return segment.baseOffset
  const chunk = await chunkAt(log, entry.lastOffset, 1, 'read_uncommitted')
  if (chunk !== undefined && maxTimestamp(chunk.bytes, 0) === entry.timestamp) return baseOffset(chunk.bytes, 0)
  if (log.confirm(segment)) await log.rebuildIndex(segment)
  return segment.baseOffset
}

function firstBatchSince(bytes: Buffer, timestamp: number): number | undefined {
  for (let at = 0; at < bytes.length; at += batchBytes(bytes, at)) if (maxTimestamp(bytes, at) >= timestamp) return at
  return undefined
}
