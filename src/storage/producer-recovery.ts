// What opening does with what is known of a partition's producers: begins with a snapshot, reads the log from there on,
// and makes the .txnindex files anew as far as that goes.
//
// Which snapshot is believed follows from how far the bytes are to be trusted (recovery.ts):
//   same boot         the newest: files are what they were
//   after a power cut the newest at or below the first segment that was looked at whole. What it says is of batches that
//                     are on the device, and so is its name: both were synced before the recovery point went beyond.
//                     Its bytes may not be, but then its checksum tells, and an older one does
// Those behind are removed, and the removal is on the device before anything is appended: they may speak of batches
// that a power cut took, and would be believed again once the log has gone that far with others.
//
// Where none lies that low, the first batch with a producer id came later, for a segment that begins behind one begins
// with a snapshot. Where there is no file at all though such a batch was met, or only bad ones, the log is read from its start.
import { batchBytes, baseOffset, hasProducer, lastOffset } from '../format/record-batch.ts'
import { findBatchAfter, scanBatches } from './batch-scan.ts'
import type { PartitionOptions } from './partition-log.ts'
import type { ProducerSnapshot, ProducerSnapshots } from './producer-snapshots.ts'
import { ProducerStates } from './producer-states.ts'
import type { RecoveryReport } from './recovery.ts'
import type { Segment } from './segment.ts'

/** What was known before is known until all is read: readers go on meanwhile where a partition recovers. */
export async function recoverProducers(options: PartitionOptions, report: RecoveryReport, snapshots: ProducerSnapshots, states: ProducerStates): Promise<void> {
  const found = new ProducerStates(options.label)
  if (!snapshots.none || report.segments.some(({ hasProducers }) => hasProducers)) await recover(options, report, snapshots, found)
  else await forgetTransactions(options, report)
  states.replaceWith(found)
}

/** A power cut may have left the index and taken all that it is of. */
async function forgetTransactions({ fs, directory }: PartitionOptions, { segments, believedBelow }: RecoveryReport): Promise<void> {
  const removed = segments.filter(({ baseOffset: base, transactions }) => {
    if (base < believedBelow) return false
    transactions.reset()
    return transactions.flush()
  })
  if (removed.length > 0) await fs.syncDirectory(directory)
}

async function recover({ fs, directory }: PartitionOptions, { segments, endOffset, believedBelow }: RecoveryReport, snapshots: ProducerSnapshots, states: ProducerStates): Promise<void> {
  const limit = Math.min(believedBelow, endOffset)
  const removed = snapshots.removeAfter(limit)
  const isNoneBelow = removed && snapshots.none
  const snapshot = newestBelieved(segments, snapshots, limit)
  states.load(snapshot?.entries ?? [])
  const wrote = await replay(segments, snapshot?.offset ?? (isNoneBelow ? limit : segments[0]!.baseOffset), snapshots, states)
  if (wrote) await snapshots.sync(segments.at(-1)!.baseOffset)
  if (removed || wrote) await fs.syncDirectory(directory)
}

/** What was aborted before a snapshot within a segment, only that segment's index knows: one that makes no sense is made anew. */
function newestBelieved(segments: readonly Segment[], snapshots: ProducerSnapshots, limit: number): ProducerSnapshot | undefined {
  let snapshot = snapshots.read(limit)
  while (snapshot !== undefined && !isIndexSound(segments, snapshot.offset)) snapshot = snapshots.read(snapshot.offset - 1)
  return snapshot
}

function isIndexSound(segments: readonly Segment[], offset: number): boolean {
  const segment = segments.findLast(({ baseOffset: base }) => base <= offset)
  return segment === undefined || segment.baseOffset === offset || segment.transactions.isSound
}

/** Returns whether it changed any file. */
async function replay(segments: readonly Segment[], from: number, snapshots: ProducerSnapshots, states: ProducerStates): Promise<boolean> {
  let wrote = false
  for (const segment of segments.filter(({ endOffset: end }, i) => end > from || i === segments.length - 1)) {
    if (segment.baseOffset > from || snapshots.none) {
      snapshots.write(segment.baseOffset, states.entries())
      wrote = true
    }
    const { transactions } = segment
    if (segment.baseOffset >= from) transactions.reset()
    else transactions.truncate(from)
    if (segment.endOffset > from) await takeBatches(segment, from, states)
    if (!transactions.flush()) continue
    await transactions.sync()
    wrote = true
  }
  return wrote
}

/** Damaged stretches are stepped over: a transaction that has lost its marker there is ended by whoever opens the log. */
async function takeBatches(segment: Segment, from: number, states: ProducerStates): Promise<void> {
  let start: { position: number; baseOffset: number } | undefined = segment.walkFrom(from)
  while (start !== undefined && start.position < segment.bytes) {
    const { fault, endPosition, nextOffset } = await scanBatches(segment.file, {
      position: start.position, nextOffset: start.baseOffset, gaps: segment.compacted,
      onBatch: (bytes, at, position) => {
        if (position + batchBytes(bytes, at) > segment.bytes) return 'stop'
        if (lastOffset(bytes, at) >= from && hasProducer(bytes, at)) takeBatch(segment, bytes, at, states)
        return undefined
      },
    })
    if (fault === undefined) break
    start = fault.position >= segment.bytes ? undefined : await findBatchAfter(segment.file, Math.max(fault.position, endPosition), nextOffset)
  }
}

function takeBatch(segment: Segment, bytes: Buffer, at: number, states: ProducerStates): void {
  const aborted = states.take(bytes, at, baseOffset(bytes, at))
  if (aborted !== undefined) segment.transactions.add(aborted)
}
