// What a compaction may leave of a partition, drawn: of each key below some batch the newest record stays, or goes if it is
// a tombstone; of batches that lose all records a header stays, or nothing; some carry a delete horizon. For tests of
// whoever replays such a partition, in forms that the cleaner itself leaves only after days.
import { formatOffsets } from '../../src/format/checkpoint-file.ts'
import { ATTRIBUTES_AT, BASE_TIMESTAMP_AT, DELETE_HORIZON, HEADER_BYTES, LOG_OVERHEAD, RECORD_COUNT_AT, attributes, baseOffset, batchBytes, lastOffset, leaderEpoch, recordCount, setBatchBytes } from '../../src/format/record-batch.ts'
import { RecordCursor } from '../../src/format/record-cursor.ts'
import { stampBatch } from '../../src/native/stamp.ts'
import { join, type FileSystem } from '../../src/platform/file-system.ts'
import type { SeededRandom } from '../../src/platform/seeded-random.ts'

interface Placed { readonly offset: number; readonly key: string; readonly isTombstone: boolean; readonly bytes: Buffer }

/** The partition must be closed, and its records uncompressed. It is one segment then. */
export function compactByHand(fs: FileSystem, root: string, topic: string, random: SeededRandom): void {
  const directory = join(root, `${topic}-0`)
  const segments = fs.list(directory).filter(name => name.endsWith('.log'))
  const batches = segments.flatMap(name => batchesIn(fs, join(directory, name)))
  const cut = random.below(batches.length + 1)
  const newest = new Map(batches.slice(0, cut).flatMap(recordsIn).map(({ key, offset }) => [key, offset]))
  const dropsTombstones = random.chance(0.5)
  const stays = ({ offset, key, isTombstone }: Placed): boolean => newest.get(key) === offset && !(isTombstone && dropsTombstones)
  const left = batches.flatMap((batch, i) => {
    if (i >= cut) return [batch]
    const records = recordsIn(batch).filter(stays)
    return records.length > 0 || i === batches.length - 1 || random.chance(0.3) ? [rebuilt(batch, records, random.chance(0.5))] : []
  })
  for (const name of fs.list(directory)) if (/\.(log|index|timeindex)$/.test(name)) fs.remove(join(directory, name))
  writeFile(fs, join(directory, segments[0]!), Buffer.concat(left))
  const cleanedTo = cut === 0 ? 0 : lastOffset(batches[cut - 1]!, 0) + 1
  fs.remove(join(root, 'cleaner-offset-checkpoint'))
  writeFile(fs, join(root, 'cleaner-offset-checkpoint'), Buffer.from(formatOffsets([{ topic, partition: 0, offset: cleanedTo }])))
}

function batchesIn(fs: FileSystem, path: string): Buffer[] {
  const file = fs.open(path, 'read')
  const bytes = Buffer.alloc(file.bytes())
  file.read(bytes, 0)
  file.close()
  const batches: Buffer[] = []
  for (let at = 0; at + HEADER_BYTES <= bytes.length && batchBytes(bytes, at) > LOG_OVERHEAD; at += batchBytes(bytes, at)) batches.push(bytes.subarray(at, at + batchBytes(bytes, at)))
  return batches
}

function recordsIn(batch: Buffer): Placed[] {
  const cursor = new RecordCursor(batch.subarray(HEADER_BYTES), recordCount(batch, 0))
  const records: Placed[] = []
  for (let start = 0; cursor.next(); start = cursor.end) {
    const key = cursor.body.toString('hex', cursor.keyStart, cursor.keyStart + cursor.keyBytes)
    records.push({ offset: baseOffset(batch, 0) + cursor.offsetDelta, key, isTombstone: cursor.valueBytes < 0, bytes: cursor.body.subarray(start, cursor.end) })
  }
  return records
}

/** With its offsets; the horizon stands where the base timestamp was. */
function rebuilt(batch: Buffer, records: readonly Placed[], withHorizon: boolean): Buffer {
  const next = Buffer.concat([batch.subarray(0, HEADER_BYTES), ...records.map(({ bytes }) => bytes)])
  setBatchBytes(next, 0, next.length)
  next.writeInt32BE(records.length, RECORD_COUNT_AT)
  if (withHorizon) {
    next.writeInt16BE(attributes(next, 0) | DELETE_HORIZON, ATTRIBUTES_AT)
    next.writeBigInt64BE(BigInt(Date.now()), BASE_TIMESTAMP_AT)
  }
  stampBatch(next, next.length, baseOffset(batch, 0), leaderEpoch(batch, 0))
  return next
}

function writeFile(fs: FileSystem, path: string, bytes: Buffer): void {
  const file = fs.open(path, 'create')
  file.write(bytes, 0)
  file.syncNow()
  file.close()
}
