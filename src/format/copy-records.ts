// Takes some records of an open batch over into another: for a batch that has to go on without the rest of them.
import type { BatchEncoder } from './batch-encoder.ts'
import { RecordCursor, readHeaders } from './record-cursor.ts'

/** `keeps` says by its place in `from` whether a record is taken over. */
export function copyRecords(from: BatchEncoder, to: BatchEncoder, keeps: (index: number) => boolean): void {
  const body = from.body()
  const cursor = new RecordCursor(body, from.count)
  const bytesAt = (start: number, bytes: number): Buffer | null => bytes < 0 ? null : body.subarray(start, start + bytes)
  for (let index = 0; cursor.next(); index++) {
    if (!keeps(index)) continue
    const headers = readHeaders(body, cursor.headersStart, cursor.headerCount, cursor.end).map(([name, value]) => [Buffer.from(name), value] as const)
    to.append(from.firstTimestamp + cursor.timestampDelta, bytesAt(cursor.keyStart, cursor.keyBytes), bytesAt(cursor.valueStart, cursor.valueBytes), headers)
  }
}
