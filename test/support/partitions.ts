// A partition on a simulated disk, for tests of storage/: batches of plain text records, nothing above.
import { BatchEncoder } from '../../src/format/batch-encoder.ts'
import { RecordCursor } from '../../src/format/record-cursor.ts'
import { HEADER_BYTES, baseOffset, batchBytes, recordCount } from '../../src/format/record-batch.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { DiskRoom } from '../../src/storage/disk-room.ts'
import { IndexCache } from '../../src/storage/index-cache.ts'
import { PartitionCursor } from '../../src/storage/partition-cursor.ts'
import type { PartitionLog } from '../../src/storage/partition-log.ts'
import type { RecoveryFacts } from '../../src/storage/recovery.ts'
import { RetiredFiles } from '../../src/storage/retired-files.ts'
import { WritablePartition, type WritableOptions } from '../../src/storage/writable-partition.ts'

export const DIRECTORY = '/log/t-0'

export function batchOf(values: readonly string[], timestamp = 1000): Buffer {
  const encoder = new BatchEncoder()
  for (const value of values) encoder.append(timestamp, null, Buffer.from(value), [])
  return encoder.seal({})
}

export function optionsOn(fs: SimulatedFileSystem, over: Partial<WritableOptions> = {}): WritableOptions {
  const room = new DiskRoom(fs, '/log', { clock: systemClock })
  return {
    fs, directory: DIRECTORY, label: 't-0', room: room.partition('t-0', { isInternal: false }), indexes: new IndexCache(), compactedBelow: () => 0,
    segmentBytes: () => 1024, segmentAgeMs: () => Infinity,
    retired: new RetiredFiles(fs, systemClock, error => { throw error }, room), cleaning: { cleanedTo: () => 0, saveCleanedTo: async () => {}, saveCompactedBelow: async () => {} },
    onDirty: () => {}, onFailed: () => {}, onTrouble: error => { throw error }, saveStartOffset: async () => {},
    ...over,
  }
}

export async function newPartition(fs = new SimulatedFileSystem(), over: Partial<WritableOptions> = {}): Promise<WritablePartition> {
  fs.makeDirectory(DIRECTORY)
  return await WritablePartition.create(optionsOn(fs, over))
}

export async function reopen(fs: SimulatedFileSystem, facts: Partial<RecoveryFacts> = {}, over: Partial<WritableOptions> = {}) {
  return await WritablePartition.open(optionsOn(fs, over), { startOffset: 0, recoveryPoint: 0, trust: 'page-cache', ...facts })
}

/** Everything from an offset on: offset and text. */
export async function recordsFrom(log: PartitionLog, offset: number, maxBytes = 1): Promise<[offset: number, text: string][]> {
  const cursor = new PartitionCursor(log, offset, 'read_uncommitted')
  const records: [number, string][] = []
  for (let chunk = await cursor.next(maxBytes); chunk !== undefined; chunk = await cursor.next(maxBytes)) records.push(...recordsIn(chunk.bytes))
  return records.filter(([at]) => at >= offset)
}

export function recordsIn(chunk: Buffer): [offset: number, text: string][] {
  const records: [number, string][] = []
  for (let at = 0; at < chunk.length; at += batchBytes(chunk, at)) {
    const cursor = new RecordCursor(chunk.subarray(at + HEADER_BYTES, at + batchBytes(chunk, at)), recordCount(chunk, at))
    while (cursor.next()) records.push([baseOffset(chunk, at) + cursor.offsetDelta, cursor.body.toString('utf8', cursor.valueStart, cursor.valueStart + cursor.valueBytes)])
  }
  return records
}

export function numbered(count: number, from = 0): [offset: number, text: string][] {
  return Array.from({ length: count }, (_, i) => [from + i, `value ${from + i}`])
}

/** Records 0 to count - 1 in batches of `perBatch`. */
export function fill(log: WritablePartition, count: number, perBatch = 3): void {
  for (let from = log.endOffset; from < count; from += perBatch) {
    const values = Array.from({ length: Math.min(perBatch, count - from) }, (_, i) => `value ${from + i}`)
    log.append(batchOf(values, 1000 + from))
  }
}
