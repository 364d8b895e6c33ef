// A copy of a partition as it was at one moment, made while the partition goes on.
//
// Sealed segments are linked: the copy's files are second names of the same bytes. That is safe because neither log
// ever changes those bytes in place, whatever happens to it:
//   - nobody appends: the segment is never the last one again, for the name of the one behind it is on the device
//     before the link is made, in both logs
//   - nobody cuts: it lies below the recovery point of both logs (log/snapshot.ts saves the older one's)
//   - deletion, compaction and rescue take names away or put other files in their place
//   - an index that is made anew is a new file (SegmentIndex)
// The last segment is copied up to its length at the moment. So is everything where links can't be had, and what is small
// and may be written anew in place: transaction indexes, and what was known of producers where segments begin.
//
// While a copy is made nothing may take segments out of the list: its maker holds the partition (WritablePartition.change).
import { assert } from '../base/assert.ts'
import { encodeAbortedTransaction, type AbortedTransaction } from '../format/aborted-transactions.ts'
import { encodeProducerSnapshot, type ProducerSnapshotEntry } from '../format/producer-snapshot.ts'
import { join, type File, type FileSystem } from '../platform/file-system.ts'
import { fileCut } from '../platform/system-error.ts'
import { LEADER_EPOCHS_FILE } from './leader-epochs.ts'
import { copyTextFile, createFile } from './replace-file.ts'
import { segmentFile, type SegmentSuffix } from './segment-files.ts'
import type { IndexEntries } from './segment-index.ts'
import type { Segment } from './segment.ts'
import type { WritablePartition } from './writable-partition.ts'

/** Written at once: a fraction of a millisecond. */
const CHUNK_BYTES = 256 * 1024
/** Synced so often: a system that has too many unsynced pages makes whoever writes wait. */
const SYNC_BYTES = 16 * 1024 * 1024

/** How a partition is at one moment; as much as has to be noted of what goes on changing. */
export interface PartitionMoment {
  readonly partition: WritablePartition
  readonly startOffset: number
  readonly endOffset: number
  readonly sealed: readonly Segment[]
  readonly last: { readonly segment: Segment; readonly bytes: number; readonly index: IndexEntries; readonly transactions: readonly AbortedTransaction[] }
  /** undefined: no batch has a producer id. */
  readonly producers: readonly ProducerSnapshotEntry[] | undefined
}

export interface CopyPlace {
  readonly fs: FileSystem
  /** Of the partition; there, and empty but for what the caller has put in it. */
  readonly directory: string
  /** Between two steps: gives way to others, and throws where the copy is of no use any more. */
  readonly step: () => Promise<void>
}

export function noteMoment(partition: WritablePartition): PartitionMoment {
  const last = partition.segments.at(-1)!
  const producers = partition.knownProducers
  return {
    partition,
    startOffset: partition.startOffset,
    endOffset: partition.endOffset,
    sealed: partition.segments.slice(0, -1),
    last: { segment: last, bytes: last.bytes, index: last.index.entries(), transactions: producers === undefined ? [] : [...last.transactions.entries] },
    producers,
  }
}

/** Files and names are on the device when it resolves, and the partition is, as far as it was at the moment. */
export async function copyPartition(moment: PartitionMoment, place: CopyPlace): Promise<void> {
  const { partition, sealed, last } = moment
  await partition.sync()
  for (const segment of sealed) {
    assert(segment.endOffset <= partition.syncedOffset && !segment.cutUnsynced, `${segment.file.path} is not on the device`)
    await placeSegment(segment, partition.options.fs, place)
  }
  await copyLast(last, place)
  await copyProducers(moment, place)
  await copyTextFile(partition.options, place, LEADER_EPOCHS_FILE)
  await place.fs.syncDirectory(place.directory)
}

async function placeSegment({ baseOffset, bytes, directory }: Segment, source: FileSystem, place: CopyPlace): Promise<void> {
  for (const suffix of ['.log', '.index', '.timeindex', '.txnindex'] as const) {
    const from = join(directory, segmentFile(baseOffset, suffix))
    const to = join(place.directory, segmentFile(baseOffset, suffix))
    await place.step()
    if (suffix !== '.log' && source.stat(from) === undefined) continue // it is made anew where it is needed, or was empty
    if (suffix !== '.txnindex' && source === place.fs && source.link(from, to)) continue
    await copyNamed(source, from, to, place, suffix === '.log' ? bytes : undefined)
  }
}

/** Where segments begin, for an opening after a power cut; and at the end, for the first. */
async function copyProducers({ partition, sealed, last, endOffset, producers }: PartitionMoment, place: CopyPlace): Promise<void> {
  if (producers === undefined) return
  const { fs, directory } = partition.options
  for (const { baseOffset } of [...sealed, last.segment]) {
    const from = join(directory, segmentFile(baseOffset, '.snapshot'))
    if (baseOffset === endOffset || fs.stat(from) === undefined) continue
    await copyNamed(fs, from, join(place.directory, segmentFile(baseOffset, '.snapshot')), place)
  }
  await createFile(place.fs, join(place.directory, segmentFile(endOffset, '.snapshot')), encodeProducerSnapshot(producers))
}

async function copyLast({ segment, bytes, index, transactions }: PartitionMoment['last'], place: CopyPlace): Promise<void> {
  const path = (suffix: SegmentSuffix): string => join(place.directory, segmentFile(segment.baseOffset, suffix))
  await copyFile(segment.file, bytes, path('.log'), place)
  await createFile(place.fs, path('.index'), index.offsets)
  await createFile(place.fs, path('.timeindex'), index.times)
  if (transactions.length > 0) await createFile(place.fs, path('.txnindex'), Buffer.concat(transactions.map(encodeAbortedTransaction)))
}

async function copyNamed(source: FileSystem, from: string, to: string, place: CopyPlace, bytes?: number): Promise<void> {
  const file = source.open(from, 'read')
  try {
    await copyFile(file, bytes ?? file.bytes(), to, place)
  } finally {
    file.close()
  }
}

async function copyFile(from: File, bytes: number, path: string, { fs, step }: CopyPlace): Promise<void> {
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, bytes))
  const copy = fs.open(path, 'create')
  try {
    for (let position = 0, synced = 0; position < bytes; position += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, bytes - position))
      const filled = await from.readLater(part, position)
      if (filled < part.length) throw fileCut('copy', from.path, bytes, position + filled)
      await step()
      copy.write(part, position)
      if (position - synced < SYNC_BYTES) continue
      await copy.sync()
      synced = position
    }
    await copy.sync()
  } finally {
    copy.close()
  }
}
