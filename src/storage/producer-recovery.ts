// What opening does with what is known of a partition's producers: begins with a snapshot, reads the log from there on,
// and writes the .txnindex files anew as far as that goes.
//
// Which snapshot is believed follows from how far the bytes are to be trusted (recovery.ts): on the same boot the newest;
// after a power cut one that lies below every segment that was looked at, since it is on the device as long as those
// below are. Without any, no batch below has a producer id; where there are only damaged ones, the log is read from its start.
import { batchBytes, baseOffset, hasProducer, lastOffset } from '../format/record-batch.ts'
import { findBatchAfter, scanBatches } from './batch-scan.ts'
import type { PartitionOptions } from './partition-log.ts'
import type { ProducerSnapshots } from './producer-snapshots.ts'
import type { ProducerStates } from './producer-states.ts'
import type { RecoveryReport } from './recovery.ts'
import type { Segment } from './segment.ts'

export async function recoverProducers(options: PartitionOptions, { segments, endOffset, believedBelow }: RecoveryReport, snapshots: ProducerSnapshots, states: ProducerStates): Promise<void> {
  states.load([])
  if (snapshots.none && !segments.some(({ hasProducers }) => hasProducers)) return
  const limit = Math.min(believedBelow, endOffset)
  snapshots.removeAfter(limit)
  const hadNone = snapshots.none
  const snapshot = snapshots.read(limit)
  states.load(snapshot?.entries ?? [])
  if (snapshot?.offset === endOffset) return
  const from = snapshot?.offset ?? (hadNone && believedBelow < Infinity ? limit : segments[0]!.baseOffset)
  for (const segment of segments.filter(({ endOffset: end }, i) => end > from || i === segments.length - 1)) {
    if (segment.baseOffset > from || hadNone) snapshots.write(segment.baseOffset, states.entries())
    await replay(segment, from, states)
  }
  await snapshots.sync(segments.at(-1)!.baseOffset)
  await options.fs.syncDirectory(options.directory)
}

/** Damaged stretches are stepped over: a transaction that has lost its marker there is ended by whoever opens the log. */
async function replay(segment: Segment, from: number, states: ProducerStates): Promise<void> {
  segment.transactions.truncate(from)
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
  segment.transactions.flush()
  await segment.transactions.sync()
}

function takeBatch(segment: Segment, bytes: Buffer, at: number, states: ProducerStates): void {
  const aborted = states.take(bytes, at, baseOffset(bytes, at))
  if (aborted !== undefined) segment.transactions.add(aborted)
}
