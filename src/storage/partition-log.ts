// What there is to read of one partition: its segments in order; partition-cursor.ts walks them. Base of the two that change it:
// WritablePartition (this process writes) and FollowedPartition (another process does).
//
//   segments[i].endOffset ≤ segments[i + 1].baseOffset      (equal unless the first is compacted, or damaged)
//   segments[0].baseOffset ≤ startOffset ≤ stableOffset, readableEnd ≤ endOffset
import { describe } from '../base/describe.ts'
import { type ClosedError, CorruptionError, OutOfRangeError, UsageError } from '../base/errors.ts'
import type { AbortedTransaction } from '../format/aborted-transactions.ts'
import type { FileSystem } from '../platform/file-system.ts'
import type { IndexCache } from './index-cache.ts'
import { ProducerStates } from './producer-states.ts'
import type { Segment } from './segment.ts'

export interface PartitionOptions {
  readonly fs: FileSystem
  readonly directory: string
  /** For messages: `orders-0`. */
  readonly label: string
  readonly indexes: IndexCache
  /** Segments that begin before it were compacted, or may have been: offsets are missing in them. */
  readonly compactedBelow: () => number
}

/** read_committed ends where the first open transaction begins, and leaves aborted ones out. */
export type Isolation = 'read_committed' | 'read_uncommitted'

export interface SegmentStats {
  baseOffset: number
  endOffset: number
  bytes: number
  createdAt: number
  /** -1: it has no records, or its index was lost and is not made anew yet. */
  largestTimestamp: number
  active: boolean
  compacted: boolean
}

export abstract class PartitionLog {
  readonly options: PartitionOptions
  readonly label: string
  protected list: Segment[] = []
  protected start = 0
  protected end = 0
  protected readonly producers: ProducerStates
  #closed: ClosedError | undefined
  readonly #waiters = new Set<() => void>()

  constructor(options: PartitionOptions) {
    this.options = options
    this.label = options.label
    this.producers = new ProducerStates(options.label)
  }

  get startOffset(): number { return this.start }
  get endOffset(): number { return this.end }
  get closed(): boolean { return this.#closed !== undefined }
  get segmentCount(): number { return this.list.length }
  get bytes(): number { return this.list.reduce((sum, segment) => sum + segment.bytes, 0) }

  /** Batches that begin here or later are not served. */
  get readableEnd(): number { return this.end }

  /** Below it every transaction has ended. */
  get stableOffset(): number {
    return Math.max(this.start, Math.min(this.end, this.producers.firstUnstable))
  }

  /** What the next batch of a producer that numbers its batches here is to begin with. */
  nextSequence(producerId: number, epoch: number): number {
    return this.producers.nextSequence(producerId, epoch)
  }

  /** Where a reader of that isolation has read everything. */
  endFor(isolation: Isolation): number {
    return isolation === 'read_committed' ? this.stableOffset : this.end
  }

  /** How far it is served: less than that after a failure. */
  readableTo(isolation: Isolation): number {
    return Math.min(this.readableEnd, this.endFor(isolation))
  }

  /** Why reading can't go beyond readableEnd though there is more; undefined when there is not. */
  abstract failureAtEnd(): Error | undefined

  /** Where no write happens for a while: looks whether somebody else wrote. */
  abstract refresh(): void

  /**
   * Whether a segment is still listed, and its file the one that it was made from. Asked where what was read does not
   * follow, before that is believed: where another process writes, it may have put another file in its place.
   */
  confirm(segment: Segment): boolean {
    return !segment.removed && !this.closed
  }

  /** The page cache is sure to have it: written by this process, not long ago. */
  abstract isHot(segment: Segment, position: number): boolean

  /**
   * What memory has of a segment from a position on, and never by waiting for a device on the main thread: fills the
   * target from its beginning and returns how far. A limit of time would be no way to it: a read that has begun can't
   * be taken back, and a disk may take seconds. So the system is asked (File.readCached); what it can't tell is cold.
   */
  readHot(segment: Segment, target: Buffer, position: number): number {
    return this.isHot(segment, position) ? segment.file.read(target, position) : segment.file.readCached(target, position)
  }

  get segments(): readonly Segment[] { return this.list }

  /** The segment that holds the offset, or would: the last one that begins at or before it. */
  segmentOf(offset: number): Segment | undefined {
    let low = 0
    let high = this.list.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.list[middle]!.baseOffset <= offset) low = middle + 1
      else high = middle
    }
    return this.list[low - 1] ?? this.list[0]
  }

  segmentAfter(segment: Segment): Segment | undefined {
    return this.list[this.list.indexOf(segment) + 1]
  }

  isActive(segment: Segment): boolean {
    return segment === this.list.at(-1)
  }

  /** Loads the segment's index and makes it anew if it misleads. Synchronous once that is known. */
  prepareIndex(segment: Segment, offset: number): Promise<void> | undefined {
    if (segment.indexChecked && segment.index.loaded) return undefined
    if (this.isActive(segment) && segment.index.loaded) return undefined
    this.options.indexes.use(segment.index, segment.bytes)
    if (segment.indexIsSound(offset)) { // looked at after each loading: a follower's files stay as bad as they were
      segment.indexChecked = true
      return undefined
    }
    return this.rebuildIndex(segment)
  }

  /** Also where a time index turns out to mislead. */
  async rebuildIndex(segment: Segment): Promise<void> {
    this.options.indexes.forget(segment.index)
    await segment.rebuildIndex()
    if (!segment.removed && !this.isActive(segment)) this.options.indexes.adopt(segment.index)
  }

  /**
   * The aborted transactions that have batches in a range of offsets. Their markers may stand in later segments; one that
   * left nothing open below the range's end is the last that matters.
   */
  abortedIn(from: number, end: number): AbortedTransaction[] {
    const found: AbortedTransaction[] = []
    const list = this.list
    for (let i = list.indexOf(this.segmentOf(from)!); i < list.length; i++) {
      const entries = this.#abortedOf(list[i]!)
      if (this.list !== list) return this.abortedIn(from, end)
      for (let at = firstEndingAt(entries, from); at < entries.length; at++) {
        const aborted = entries[at]!
        if (aborted.firstOffset < end) found.push(aborted)
        if (aborted.lastStableOffset >= end && aborted.lastOffset >= end) return found
      }
    }
    return found
  }

  /** Where another process writes, the file may have gone with its segment, and then it is no answer that there is none. */
  #abortedOf(segment: Segment): readonly AbortedTransaction[] {
    const { transactions } = segment
    const isNew = !transactions.loaded
    const { entries } = transactions
    if (isNew && !this.confirm(segment)) this.checkOpen()
    if (entries.length > 0 && !this.isActive(segment)) this.options.indexes.useTransactions(transactions)
    return entries
  }

  /** Calls back once when there is more to read than there was, or when the partition is closed. */
  onMore(callback: () => void): () => void {
    this.#waiters.add(callback)
    return () => this.#waiters.delete(callback)
  }

  /** Somebody waits for more. */
  get awaited(): boolean { return this.#waiters.size > 0 }

  protected wake(): void {
    if (this.#waiters.size === 0) return
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const callback of waiters) callback()
  }

  /** Loaded from the time index where the segment is not the active one. */
  largestTimestamp(segment: Segment): number {
    if (segment.largestTimestamp >= 0 || this.isActive(segment)) return segment.largestTimestamp
    this.options.indexes.use(segment.index, segment.bytes)
    return segment.index.largestTimestamp
  }

  segmentStats(): SegmentStats[] {
    return this.list.map(segment => ({
      baseOffset: segment.baseOffset,
      endOffset: segment.endOffset,
      bytes: segment.bytes,
      createdAt: segment.firstTime() ?? Math.trunc(this.options.fs.stat(segment.file.path)?.modifiedMs ?? 0),
      largestTimestamp: this.largestTimestamp(segment),
      active: this.isActive(segment),
      compacted: segment.compacted,
    }))
  }

  checkOpen(): void {
    if (this.#closed !== undefined) throw this.#closed
  }

  /** Readers end with this error. Idempotent. */
  protected markClosed(reason: ClosedError): void {
    this.#closed ??= reason
    this.wake()
  }

  outOfRange(offset: number, hint = "begin at 'earliest', or at an offset in that range"): OutOfRangeError {
    return new OutOfRangeError('OFFSET_OUT_OF_RANGE', `${this.label}: offset ${offset} is not stored: there are offsets ${this.start} to ${this.end} (exclusive)`, {
      hint,
      details: { partition: this.label, offset, startOffset: this.start, endOffset: this.end },
    })
  }

  missing(from: number, to: number): CorruptionError {
    return new CorruptionError('OFFSETS_MISSING', `${this.label}: offsets ${from} to ${to} (exclusive) are missing between two segments`, {
      hint: `a segment file was lost or cut; reading can go on at offset ${to}`,
      details: { partition: this.label, from, to },
    })
  }
}

/** Of entries in the order of their markers: the first whose marker has that offset or a later one. */
function firstEndingAt(entries: readonly AbortedTransaction[], offset: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (entries[middle]!.lastOffset < offset) low = middle + 1
    else high = middle
  }
  return low
}

/** Offsets come from callers and checkpoints alike. */
export function checkOffset(offset: unknown, what: string): asserts offset is number {
  if (typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0) return
  throw new UsageError('OFFSET_INVALID', `${what}: ${describe(offset)} is no offset`, { hint: 'offsets are whole numbers from 0 on', details: { offset } })
}
