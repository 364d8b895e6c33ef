// Records as plain values, and batches made of and taken apart into them: what the tests of format/ compare.
import { BatchEncoder } from '../../../src/format/batch-encoder.ts'
import { inflate } from '../../../src/format/compression.ts'
import { HEADER_BYTES, baseTimestamp, batchBytes, codecOf, recordCount } from '../../../src/format/record-batch.ts'
import { stampBatch } from '../../../src/native/stamp.ts'
import { RecordCursor, readHeaders } from '../../../src/format/record-cursor.ts'

export interface PlainRecord {
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [string, Buffer | null])[]
}

export const LIMIT_BYTES = 8 * 1024 * 1024

export function appendAll(encoder: BatchEncoder, records: readonly PlainRecord[]): void {
  for (const { timestamp, key, value, headers } of records) encoder.append(timestamp, key, value, headers.map(([name, bytes]) => [Buffer.from(name), bytes] as const))
}

export function encoded(records: readonly PlainRecord[]): Buffer {
  const encoder = new BatchEncoder()
  appendAll(encoder, records)
  return stamped(encoder.seal({}))
}

/** As it enters the log at offset 0. */
export function stamped(batch: Buffer): Buffer {
  stampBatch(batch, batch.length, 0, 0)
  return batch
}

/** The body of the batch at 0, uncompressed. Its codec is loaded. */
export function bodyOf(batch: Buffer): Buffer {
  return inflate(codecOf(batch, 0), batch.subarray(HEADER_BYTES, batchBytes(batch, 0)), LIMIT_BYTES)
}

/** Times are create times, whatever the batch's attributes say. */
export function decoded(batch: Buffer): PlainRecord[] {
  return recordsIn(bodyOf(batch), recordCount(batch, 0), baseTimestamp(batch, 0))
}

export function recordsIn(body: Buffer, count: number, base = 0): PlainRecord[] {
  const cursor = new RecordCursor(body, count)
  const records: PlainRecord[] = []
  while (cursor.next()) {
    records.push({
      timestamp: base + cursor.timestampDelta,
      key: cursor.keyBytes < 0 ? null : body.subarray(cursor.keyStart, cursor.keyStart + cursor.keyBytes),
      value: cursor.valueBytes < 0 ? null : body.subarray(cursor.valueStart, cursor.valueStart + cursor.valueBytes),
      headers: readHeaders(body, cursor.headersStart, cursor.headerCount, cursor.end),
    })
  }
  return records
}
