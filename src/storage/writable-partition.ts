// One partition that this process writes. Disk first, memory second: offsets move only after the write succeeded. What of
// it is on the device, and what a failing disk means, is synced-partition.ts.
import { ClosedError, LimitError, type MillraceError } from '../base/errors.ts'
import { encodeMarkerBatch, type EndMarker } from '../format/control-records.ts'
import type { ProducerSnapshotEntry } from '../format/producer-snapshot.ts'
import { hasProducer, lastOffsetDelta, maxTimestamp } from '../format/record-batch.ts'
import type { PartitionRoom } from './disk-room.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import { checkOffset } from './partition-log.ts'
import type { OpenTransaction } from './producer-states.ts'
import { recoverSegments, type RecoveryFacts, type RecoveryReport } from './recovery.ts'
import { rescueSegments } from './rescue.ts'
import type { RetiredFiles } from './retired-files.ts'
import { SegmentSwaps, finishSwaps, type Swap } from './segment-swap.ts'
import { Segment } from './segment.ts'
import { SyncedPartition, type SyncedOptions } from './synced-partition.ts'
import { WrittenProducers, type WrittenProducersOptions } from './written-producers.ts'

/** What was written within so many bytes is read on the main thread: the page cache has it. */
const HOT_BYTES = 8 * 1024 * 1024
const LARGEST_RELATIVE_OFFSET = 2 ** 31 - 1

/** What is kept of compaction beside the segments; what is saved is on the device. */
export interface CleaningCheckpoint {
  /** Below it the newest record of each key is the only one. */
  cleanedTo(): number
  saveCleanedTo(offset: number): Promise<void>
  /** Segments that begin before the offset may have gaps from here on. */
  saveCompactedBelow(offset: number): Promise<void>
}

export interface WritableOptions extends SyncedOptions, WrittenProducersOptions {
  readonly room: PartitionRoom
  readonly segmentBytes: () => number
  readonly segmentAgeMs: () => number
  readonly cleaning: CleaningCheckpoint
  /** Where the files of segments go that are no longer its own. */
  readonly retired: RetiredFiles
  /** Resolves once the start offset is on the device. */
  readonly saveStartOffset: (offset: number) => Promise<void>
}

export class WritablePartition extends SyncedPartition {
  readonly #options: WritableOptions
  readonly epochs: LeaderEpochs
  /** When the next tombstone may be compacted away; undefined: not known since the opening. */
  nextHorizon: number | undefined
  readonly #swaps = new SegmentSwaps({
    options: this.options,
    syncNames: () => this.syncNames(),
    setAside: old => { this.#options.retired.retireLog(old) },
    takeBack: old => { this.#options.retired.takeBack(old) },
    exchange: (old, next) => { this.#exchange(old, next) },
    retire: old => this.#retire(old),
    fail: error => this.abandoned ? error as Error : this.fail(error),
  })
  readonly #written: WrittenProducers
  #hotFrom: number
  /** The end offset at which the active segment's indexes are known to be on the device; -1: at none. */
  #settledEnd = -1
  /** A failed write may have left bytes behind the end of the active segment. */
  #hasRest = false
  #recovering: Promise<RecoveryReport> | undefined
  /** Settles when the last change of the segment list has. */
  #changing: Promise<unknown> = Promise.resolve()

  private constructor(options: WritableOptions, epochs: LeaderEpochs, segments: Segment[], startOffset: number) {
    super(options)
    this.#written = new WrittenProducers(options, this.producers, () => this.list)
    this.#options = options
    this.epochs = epochs
    this.list = segments
    this.start = Math.max(startOffset, segments[0]!.baseOffset)
    this.end = this.#active.endOffset
    this.#hotFrom = this.#active.bytes
    this.#expectBytes()
    this.#countBytes()
    options.room.onChange = () => { this.#expectBytes() }
  }

  /** A new, empty partition in a directory that is there. Its files' names are on the device when it resolves. */
  static async create(options: WritableOptions): Promise<WritablePartition> {
    const segment = Segment.create(options.fs, options.directory, 0)
    segment.index.flush()
    await options.fs.syncDirectory(options.directory)
    return new WritablePartition(options, LeaderEpochs.read(options.fs, options.directory), [segment], 0)
  }

  static async open(options: WritableOptions, facts: RecoveryFacts): Promise<{ partition: WritablePartition; report: RecoveryReport }> {
    await finishSwaps(options)
    const epochs = LeaderEpochs.read(options.fs, options.directory)
    const report = facts.rescueFrom === undefined
      ? await recoverSegments(options, facts, epochs)
      : await rescueSegments(options, { ...facts, rescueFrom: facts.rescueFrom }, epochs)
    const partition = new WritablePartition(options, epochs, report.segments, facts.startOffset)
    await partition.#written.recover(report)
    partition.beginSynced(report.syncedOffset)
    for (const segment of report.segments) if (facts.trust === 'clean' || segment.endOffset < facts.recoveryPoint) segment.settled = true
    if (facts.trust === 'page-cache') partition.noteNames()
    if (facts.trust === 'clean') partition.#settledEnd = partition.end
    return { partition, report }
  }

  get cleaning(): CleaningCheckpoint { return this.#options.cleaning }
  get leaderEpoch(): number { return this.epochs.current }
  get #active(): Segment { return this.list.at(-1)! }

  override refresh(): void {}

  override isHot(segment: Segment, position: number): boolean {
    return segment === this.#active && position >= Math.max(this.#hotFrom, segment.bytes - HOT_BYTES)
  }

  /** Transactions that have written here and have no marker yet. */
  get openTransactions(): readonly OpenTransaction[] { return this.producers.openTransactions }
  /** The newest epoch of each producer that is known here. */
  get producerEpochs(): ReadonlyMap<number, number> { return this.producers.epochs }

  /** What is known of producers, as a snapshot keeps it; undefined: no batch of the partition ever had a producer id. */
  get knownProducers(): readonly ProducerSnapshotEntry[] | undefined { return this.#written.known }

  /** Of the last batch of the producer that has not written for longest, those with an open transaction aside; Infinity: there is none. */
  get oldestProducerTime(): number { return this.producers.oldestTimestamp }

  /** Forgets producers that last wrote before that time, and have no transaction open. */
  expireProducers(before: number): void {
    this.producers.expire(before)
  }

  /**
   * Writes the sealed batch at the beginning of the buffer, and returns the offset that its first record got; of a
   * producer's batch that is one of its last and stored already, the one it has. A batch that does not follow its
   * producer's last one, or is of an older epoch, is refused with a ConflictError.
   */
  append(batch: Buffer, bytes = batch.length): number {
    this.checkWritable()
    const known = hasProducer(batch, 0) ? this.#written.place(batch) : undefined
    if (known !== undefined) return known.lastOffset - known.offsetDelta
    const { room } = this.#options
    room.admit(bytes)
    for (;;) {
      try {
        return this.#append(batch, bytes)
      } catch (error) {
        if (!room.makesWay(error)) throw error
      }
    }
  }

  /** Ends the producer's transaction here. On a full disk as well: nobody reads on before. */
  endTransaction(producer: { readonly producerId: number; readonly producerEpoch: number }, marker: EndMarker, timestamp: number): void {
    this.checkWritable()
    const batch = encodeMarkerBatch({ ...producer, ...marker, timestamp })
    this.#written.place(batch)
    this.#options.room.insistNow(() => this.#append(batch, batch.length))
  }

  #append(batch: Buffer, bytes: number): number {
    if (this.#mustRoll(batch, bytes)) this.#roll()
    const isNumbered = hasProducer(batch, 0)
    if (isNumbered && this.#write(() => this.#written.expect(this.end))) this.noteNames()
    const segment = this.#active
    const base = this.end
    try {
      this.#cutRest(segment)
      this.#hasRest = true
      segment.append(batch, bytes, base, this.epochs.current)
      this.#hasRest = false
    } catch (error) {
      throw this.#afterFailedWrite(error)
    }
    this.end = segment.endOffset
    if (isNumbered) this.#written.take(segment, batch, base)
    this.#options.room.add(bytes)
    if (!this.toldDirty) this.tellDirty()
    this.#flushIndex(segment)
    this.#written.wrote(segment, bytes, this.end)
    this.wake()
    return base
  }

  protected override syncProducers(offset: number): Promise<void> {
    return this.#written.sync(offset)
  }

  /** Seals the active segment and begins a new one. When it throws a LimitError, the active segment goes on. */
  roll(): void {
    if (this.#active.bytes === 0) return
    this.#options.room.insistNow(() => { this.#roll() })
  }

  #roll(): void {
    const active = this.#active
    const next = this.#write(() => {
      this.#cutRest(active)
      active.seal()
      this.#written.save(this.end)
      return Segment.create(this.#options.fs, this.#options.directory, this.end)
    })
    active.indexChecked = true
    this.options.indexes.adopt(active.index)
    this.list.push(next)
    this.#settledEnd = -1 // of the new one nothing is
    this.#expectBytes()
    this.noteNames()
    this.tellDirty()
    this.#hotFrom = 0
    this.syncInBackground()
  }

  /** One change of the segment list after the other; appends and rolls go on meanwhile. */
  change<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#changing.then(work)
    this.#changing = run.catch(() => { /* its caller has it */ })
    return run
  }

  /** Records before the offset are gone once it resolves; whole segments of them are deleted. `holds` is asked when its turn has come: false, and nothing is done. */
  async truncateBefore(offset: number, holds = () => true): Promise<boolean> {
    checkOffset(offset, `${this.label}: truncateBefore`)
    return await this.change(() => this.#truncateBefore(offset, holds))
  }

  /** What an earlier replace() could not end for want of room. */
  async finishReplacing(): Promise<void> {
    await this.change(() => this.#swaps.finish())
  }

  /** Cleaned segments, on the device, take the place of those they were made from; false where one of those is gone, or `holds` says no when its turn has come. */
  async replace(swaps: readonly Swap[], holds = () => true): Promise<boolean> {
    return await this.change(async () => {
      this.checkWritable()
      await this.#swaps.finish()
      if (!holds() || swaps.some(({ old }) => old.some(segment => segment.removed))) return false
      await this.#swaps.run(swaps)
      return true
    })
  }

  #exchange(old: readonly Segment[], next: Segment): void {
    for (const segment of old) {
      segment.removed = true
      segment.file.close()
      this.options.indexes.forget(segment.index)
    }
    this.list = this.list.toSpliced(this.list.indexOf(old[0]!), old.length, next)
    this.#options.room.add(old.reduce((bytes, segment) => bytes - segment.bytes, next.bytes)) // not counted anew: there may be thousands of swaps
    this.options.indexes.adopt(next.index)
  }

  async #truncateBefore(offset: number, holds: () => boolean): Promise<boolean> {
    this.checkWritable()
    await this.#swaps.finish()
    if (!holds()) return false
    if (offset > this.end) throw this.outOfRange(offset, "the offset to begin at is the end offset at most: with that one, partition.endOffset, all that is stored goes")
    if (offset <= this.start) return true
    if (offset === this.end && this.#active.bytes > 0) this.roll()
    await this.#options.saveStartOffset(offset)
    if (this.abandoned) this.checkOpen()
    this.start = offset
    const gone = this.list.filter((_, i) => (this.list[i + 1]?.baseOffset ?? Infinity) <= offset)
    this.list = this.list.slice(gone.length)
    this.#countBytes()
    await this.#retire(gone).catch((error: unknown) => { this.#options.onTrouble(error as MillraceError) }) // what stays below the start goes at the next opening
    this.noteNames()
    this.tellDirty()
    return true
  }

  /** Reads the disk again as opening does, after a failed sync or write. A no-op on a sound partition. */
  async recover(): Promise<RecoveryReport | undefined> {
    this.checkOpen()
    if (this.failure === undefined) return undefined
    this.#recovering ??= this.change(() => this.#rescue()).finally(() => { this.#recovering = undefined })
    return await this.#recovering
  }

  async #rescue(): Promise<RecoveryReport> {
    await this.syncIdle()
    for (const segment of this.list) segment.file.close()
    const facts = { startOffset: this.start, recoveryPoint: this.synced, trust: 'page-cache', rescueFrom: this.synced } as const
    const report = await rescueSegments(this.#options, facts, this.epochs)
    await this.#written.recover(report)
    for (const segment of this.list) {
      segment.removed = true
      this.options.indexes.forget(segment.index)
    }
    this.#swaps.reset()
    this.list = report.segments
    this.start = Math.max(this.start, this.list[0]!.baseOffset)
    this.end = report.endOffset
    this.#hotFrom = this.#active.bytes
    this.#expectBytes()
    this.#countBytes()
    this.#hasRest = false
    this.mend(report.syncedOffset)
    this.tellDirty() // a round may have passed it by meanwhile
    this.wake()
    return report
  }

  /** Indexes written, everything synced, descriptors given back. */
  async close(): Promise<void> {
    if (this.closed) return
    const reason = new ClosedError('LOG_CLOSED', `${this.label}: the log was closed`, { hint: 'open the log again' })
    this.markClosed(reason) // what would be appended from here on, nobody would sync
    await this.#changing
    try {
      if (this.failure === undefined) await this.#settle()
    } finally {
      this.abandon(reason)
    }
  }

  /** Indexes too, and their names: after a clean end nobody walks the segment. */
  async #settle(): Promise<void> {
    const active = this.#active
    if (this.end !== this.#settledEnd) {
      this.#options.room.insistNow(() => this.#write(() => {
        this.#cutRest(active)
        active.seal()
        this.#written.save(this.end)
      }))
      this.noteNames()
    }
    await this.sync()
    if (this.end !== this.#settledEnd) await Promise.all([active.index.sync(), active.transactions.sync(), this.#written.sync(this.end)])
  }

  /** An index that finds no room on the disk stays in memory: reads go on. */
  override async rebuildIndex(segment: Segment): Promise<void> {
    await super.rebuildIndex(segment)
    if (segment.removed) return
    segment.settled = false
    try {
      segment.index.flush()
    } catch (error) {
      this.#options.onTrouble(error as MillraceError)
    }
  }

  #mustRoll(batch: Buffer, bytes: number): boolean {
    const active = this.#active
    if (active.bytes === 0) return false
    return active.bytes + bytes > this.#options.segmentBytes()
      || this.end + lastOffsetDelta(batch, 0) - active.baseOffset > LARGEST_RELATIVE_OFFSET
      || maxTimestamp(batch, 0) - (active.firstTime() ?? Infinity) >= this.#options.segmentAgeMs()
  }

  #write<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw this.#afterFailedWrite(error)
    }
  }

  /** What ends with a LimitError has changed nothing; any other error fails the partition. Returns what to throw. */
  #afterFailedWrite(error: unknown): Error {
    try {
      this.#cutRest(this.#active)
    } catch (cutError) {
      if (!(cutError instanceof LimitError)) return this.fail(cutError)
    }
    return error instanceof LimitError ? error : this.fail(error)
  }

  /** Where that is not possible for want of a descriptor, the next write begins with it. */
  #cutRest(active: Segment): void {
    if (!this.#hasRest) return
    active.cutFileTo(active.bytes)
    this.#hasRest = false
  }

  #flushIndex(segment: Segment): void {
    try {
      segment.flushIndexIfDue()
    } catch (error) {
      this.#options.onTrouble(error as MillraceError)
    }
  }

  async #retire(segments: readonly Segment[]): Promise<void> {
    for (const segment of segments) this.options.indexes.forget(segment.index)
    await this.#options.retired.retireAll(segments, () => this.abandoned)
  }

  /** On a full disk no room is made ahead: what is left is for others as well. */
  #expectBytes(): void {
    const { room, segmentBytes } = this.#options
    this.#active.file.expectBytes(room.isShort ? 0 : segmentBytes())
  }

  #countBytes(): void {
    this.#options.room.count(this.list.reduce((sum, segment) => sum + segment.bytes, 0))
  }
}
