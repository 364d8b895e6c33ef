// Which record is the first of a time on, and which is the latest of all. Aborted ones count as the others: what became of
// a transaction is no question of time.
import { batchBytes, isControl, lastOffset, leaderEpoch, maxTimestamp, recordCount } from '../format/record-batch.ts'
import { Slices } from '../platform/slices.ts'
import { chunkAtTime } from '../storage/find-chunk.ts'
import { PartitionCursor } from '../storage/partition-cursor.ts'
import type { PartitionLog } from '../storage/partition-log.ts'
import type { LogRecord } from './log-record.ts'
import { RecordBatchView } from './record-batch-view.ts'
import type { StoredTopic } from './stored-topic.ts'

export interface RecordPlace {
  readonly offset: number
  readonly timestamp: number
  /** Of its batch. */
  readonly leaderEpoch: number
}

const WALK_BYTES = 512 * 1024

/**
 * undefined: no record is as late. A batch that is as late may have no such record: it is a marker, compaction emptied
 * it, or the record lies before the start.
 */
export async function firstRecordSince(topic: StoredTopic, partition: number, timestamp: number): Promise<RecordPlace | undefined> {
  const log = topic.partitions[partition]!
  const { startOffset } = log
  for (let chunk = await chunkAtTime(log, timestamp); chunk !== undefined; chunk = await chunkAtTime(log, timestamp, chunk.nextOffset)) {
    if (isControl(chunk.bytes, 0)) continue
    for (const record of await recordsFrom(topic, partition, chunk.bytes, startOffset)) if (record.timestamp >= timestamp) return placeOf(record, chunk.bytes)
  }
  return undefined
}

/** The first of those with the greatest timestamp; a marker, too, as in Kafka. undefined: there are no records. */
export async function latestRecord(topic: StoredTopic, partition: number): Promise<RecordPlace | undefined> {
  const log = topic.partitions[partition]!
  const chunk = await chunkAtTime(log, await largestTimestamp(log))
  if (chunk === undefined) return undefined
  let latest: LogRecord | undefined
  for (const record of await recordsFrom(topic, partition, chunk.bytes, log.startOffset)) if (latest === undefined || record.timestamp > latest.timestamp) latest = record
  return latest === undefined ? undefined : placeOf(latest, chunk.bytes)
}

/** Of all batches that end at the start offset or later. What segments know goes for whole ones: the first is walked where it may have the largest one before the start. */
async function largestTimestamp(log: PartitionLog): Promise<number> {
  let largest = -1
  for (const segment of [...log.segments].slice(1)) {
    if (!segment.removed) await log.prepareIndex(segment, Infinity)
    if (!segment.removed) largest = Math.max(largest, log.largestTimestamp(segment))
  }
  const [first] = log.segments
  if (first === undefined) return largest
  await log.prepareIndex(first, Infinity)
  if (first.baseOffset === log.startOffset || log.largestTimestamp(first) <= largest) return Math.max(largest, log.largestTimestamp(first))
  return Math.max(largest, await largestWalked(log, first.endOffset))
}

async function largestWalked(log: PartitionLog, end: number): Promise<number> {
  const cursor = new PartitionCursor(log, log.startOffset, 'read_uncommitted')
  const slices = new Slices()
  let largest = -1
  while (cursor.offset < end) {
    const chunk = await cursor.next(WALK_BYTES)
    if (chunk === undefined) break
    for (let at = 0; at < chunk.bytes.length; at += batchBytes(chunk.bytes, at)) {
      if (recordCount(chunk.bytes, at) > 0 && lastOffset(chunk.bytes, at) < end) largest = Math.max(largest, maxTimestamp(chunk.bytes, at))
    }
    if (slices.due()) await slices.pause()
  }
  return largest
}

async function recordsFrom(topic: StoredTopic, partition: number, bytes: Buffer, from: number): Promise<RecordBatchView> {
  const batch = new RecordBatchView(topic.sources[partition]!, bytes, from, Infinity)
  await batch.inflated()
  return batch
}

function placeOf({ offset, timestamp }: LogRecord, batch: Buffer): RecordPlace {
  return { offset, timestamp, leaderEpoch: leaderEpoch(batch, 0) }
}
