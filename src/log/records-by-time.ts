// Which record is the first of a time on, and which is the latest of all. Aborted ones count as the others: what became of
// a transaction is no question of time.
import { baseOffset, batchBytes, isControl, leaderEpoch, maxTimestamp, recordCount } from '../format/record-batch.ts'
import { Slices } from '../platform/slices.ts'
import { chunkAtTime } from '../storage/find-chunk.ts'
import { PartitionCursor } from '../storage/partition-cursor.ts'
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

/** undefined: no record is as late. Markers are none. */
export async function firstRecordSince(topic: StoredTopic, partition: number, timestamp: number): Promise<RecordPlace | undefined> {
  return await firstSince(topic, partition, timestamp, { markers: false })
}

/** The first of those with the greatest timestamp; it can be a marker, as in Kafka. undefined: there are no records. */
export async function latestRecord(topic: StoredTopic, partition: number): Promise<RecordPlace | undefined> {
  return await firstSince(topic, partition, await largestTimestamp(topic, partition), { markers: true })
}

/** A batch that is as late may have no such record: it is a marker, compaction emptied it, or the record lies before the start. */
async function firstSince(topic: StoredTopic, partition: number, timestamp: number, { markers }: { markers: boolean }): Promise<RecordPlace | undefined> {
  const log = topic.partitions[partition]!
  const { startOffset } = log
  for (let chunk = await chunkAtTime(log, timestamp); chunk !== undefined; chunk = await chunkAtTime(log, timestamp, chunk.nextOffset)) {
    if (isControl(chunk.bytes, 0) && !markers) continue
    for (const record of await recordsFrom(topic, partition, chunk.bytes, startOffset)) if (record.timestamp >= timestamp) return placeOf(record, chunk.bytes)
  }
  return undefined
}

/** What segments know goes for whole ones: the first is walked where it may have the largest one before the start. */
async function largestTimestamp(topic: StoredTopic, partition: number): Promise<number> {
  const log = topic.partitions[partition]!
  const { startOffset } = log
  let largest = -1
  for (const segment of log.segments.toReversed()) {
    if (!segment.removed) await log.prepareIndex(segment, Infinity)
    if (segment.removed || log.largestTimestamp(segment) <= largest) continue
    largest = segment.baseOffset >= startOffset ? log.largestTimestamp(segment) : Math.max(largest, await largestWalked(topic, partition, startOffset, segment.endOffset))
  }
  return largest
}

async function largestWalked(topic: StoredTopic, partition: number, from: number, end: number): Promise<number> {
  const cursor = new PartitionCursor(topic.partitions[partition]!, from, 'read_uncommitted')
  const slices = new Slices()
  let largest = -1
  while (cursor.offset < end) {
    const chunk = await cursor.next(WALK_BYTES)
    if (chunk === undefined) break
    for (const bytes of eachBatch(chunk.bytes)) {
      if (recordCount(bytes, 0) === 0) continue
      if (baseOffset(bytes, 0) >= from) largest = Math.max(largest, maxTimestamp(bytes, 0))
      else for (const { timestamp } of await recordsFrom(topic, partition, bytes, from)) largest = Math.max(largest, timestamp)
    }
    if (slices.due()) await slices.pause()
  }
  return largest
}

function* eachBatch(bytes: Buffer): Generator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += batchBytes(bytes, at)) yield bytes.subarray(at, at + batchBytes(bytes, at))
}

async function recordsFrom(topic: StoredTopic, partition: number, bytes: Buffer, from: number): Promise<RecordBatchView> {
  const batch = new RecordBatchView(topic.sources[partition]!, bytes, from, Infinity)
  await batch.inflated()
  return batch
}

function placeOf({ offset, timestamp }: LogRecord, batch: Buffer): RecordPlace {
  return { offset, timestamp, leaderEpoch: leaderEpoch(batch, 0) }
}
