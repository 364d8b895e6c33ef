// The producers of a partition that another process writes: which transactions are open, and which were aborted. It
// begins with the newest snapshot that the writer has left, reads the headers of the batches behind it, and from then
// on takes each batch as it comes. What it finds stays in memory.
//
//   in the states            every batch below the end of the partition
//   in a sealed segment      the .txnindex is whole: its writer has ended it before it began the next segment
//   in the last segment      entries below the snapshot come from its .txnindex, those behind it are found here
//
// A damaged stretch ends the walk over its segment: readers go no further there either, but for who steps over it.
import { NotFoundError } from '../base/errors.ts'
import { HEADER_BYTES, MAGIC, baseOffset, batchBytes, batchFault, hasProducer, isControl, lastOffset, magic } from '../format/record-batch.ts'
import type { PartitionOptions } from './partition-log.ts'
import { ProducerSnapshots, type ProducerSnapshot } from './producer-snapshots.ts'
import type { ProducerStates } from './producer-states.ts'
import type { Segment } from './segment.ts'

/** Room for the headers of many small batches; bodies of large ones are not read. */
const WALK_BYTES = 64 * 1024
/** Each is in vain only where the writer has taken a snapshot meanwhile. */
const MOST_LISTINGS = 100

export class FollowedProducers {
  readonly #options: PartitionOptions
  readonly #states: ProducerStates

  constructor(options: PartitionOptions, states: ProducerStates) {
    this.#options = options
    this.#states = states
  }

  /** Offset of the newest snapshot; 0 without any. */
  get snapshotOffset(): number {
    return this.#find().latest ?? 0
  }

  /**
   * What the batches of these segments come to, which end there. In pieces, each with the segment that is walked over:
   * who can't wait takes them all at once. A segment whose file has gone is passed over.
   */
  *replay(segments: readonly Segment[], end: number): Generator<Segment, void, undefined> {
    const { none, snapshot } = this.#newest(end)
    this.#states.load(snapshot?.entries ?? [])
    if (none && !segments.some(({ hasProducers }) => hasProducers)) return segments.at(-1)?.transactions.reset()
    const from = snapshot?.offset ?? 0
    for (const [i, segment] of segments.entries()) {
      if (segment.endOffset <= from && i < segments.length - 1) continue
      try {
        yield* this.#walk(segment, from)
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error
      }
    }
  }

  /** Notes a numbered batch of the last segment. */
  take(segment: Segment, bytes: Buffer, at: number): void {
    const aborted = this.#states.take(bytes, at, baseOffset(bytes, at))
    if (aborted !== undefined) segment.transactions.add(aborted)
  }

  #find(): ProducerSnapshots {
    return ProducerSnapshots.find(this.#options.fs, this.#options.directory)
  }

  /** The writer takes an old one away once there is a newer one. */
  #newest(end: number): { none: boolean; snapshot: ProducerSnapshot | undefined } {
    for (let tries = 1; ; tries++) {
      const snapshots = this.#find()
      try {
        return { none: snapshots.none, snapshot: snapshots.read(end) }
      } catch (error) {
        if (!(error instanceof NotFoundError) || tries === MOST_LISTINGS) throw error
      }
    }
  }

  *#walk(segment: Segment, from: number): Generator<Segment, void, undefined> {
    segment.transactions.truncate(from)
    let { position, baseOffset: expected } = segment.walkFrom(from)
    const buffer = Buffer.allocUnsafe(Math.min(WALK_BYTES, segment.bytes))
    while (position < segment.bytes) {
      yield segment
      const filled = segment.file.read(buffer, position)
      let at = 0
      while (at + HEADER_BYTES <= filled && isPlausible(buffer, at, expected)) {
        if (isControl(buffer, at) && batchFault(buffer, at, filled) !== undefined) break // perhaps it is not whole yet: then the next piece begins with it
        if (lastOffset(buffer, at) >= from && hasProducer(buffer, at)) this.take(segment, buffer, at)
        expected = lastOffset(buffer, at) + 1
        at += batchBytes(buffer, at)
      }
      if (at === 0) return
      position += at
    }
  }
}

function isPlausible(bytes: Buffer, at: number, expected: number): boolean {
  return magic(bytes, at) === MAGIC && batchBytes(bytes, at) >= HEADER_BYTES && baseOffset(bytes, at) >= expected
}
