// What a partition keeps: which of its oldest segments have outlived `retention`, or lie beyond `retentionBytes`. Whole
// segments go, and only from the front. A segment is as old as its newest record. One with a transaction whose end is
// open stays, and so does what is behind it.
import { BACKGROUND_MS, Slices } from '../platform/slices.ts'
import type { PartitionLog } from './partition-log.ts'
import type { Segment } from './segment.ts'

export interface RetentionPolicy {
  readonly retentionMs: number
  readonly retentionBytes: number
  /** Nothing from here on goes for its age: somebody has not read it yet. */
  readonly keepFrom: number
}

/** Where the partition is to begin. `now`: undefined while the clock is not to be trusted; a retention of 0 asks for none. */
export async function planRetention(partition: PartitionLog, { retentionMs, retentionBytes, keepFrom }: RetentionPolicy, now: number | undefined): Promise<number> {
  const slices = new Slices(BACKGROUND_MS)
  let begin = partition.startOffset
  let excessBytes = partition.bytes - retentionBytes
  for (const segment of partition.segments) {
    if (segment.bytes === 0 || segment.endOffset > partition.stableOffset) break
    if (retentionMs < Infinity) await learnNewestTime(partition, segment)
    const isOld = segment.endOffset <= keepFrom && (retentionMs === 0 || now !== undefined && ageOf(partition, segment, now) > retentionMs)
    if (!isOld && (excessBytes < segment.bytes || partition.isActive(segment))) break
    begin = Math.max(begin, segment.endOffset)
    excessBytes -= segment.bytes
    if (slices.due()) await slices.pause()
  }
  return begin
}

/** An index that misleads must not make a segment look old. */
async function learnNewestTime(partition: PartitionLog, segment: Segment): Promise<void> {
  if (segment.largestTimestamp >= 0 || partition.isActive(segment)) return
  await partition.prepareIndex(segment, Infinity)
  segment.largestTimestamp = partition.largestTimestamp(segment)
}

/** When the oldest segment has outlived its age. */
export function nextExpiry(partition: PartitionLog, retentionMs: number): number {
  const first = partition.segments[0]
  return first === undefined || first.bytes === 0 || retentionMs === Infinity ? Infinity : newestTime(partition, first) + retentionMs + 1
}

function ageOf(partition: PartitionLog, segment: Segment, now: number): number {
  return now - newestTime(partition, segment)
}

/** A segment without records, or whose records have no time, is as old as its file. */
function newestTime(partition: PartitionLog, segment: Segment): number {
  const newest = partition.largestTimestamp(segment)
  return newest >= 0 ? newest : partition.options.fs.stat(segment.file.path)?.modifiedMs ?? 0
}
