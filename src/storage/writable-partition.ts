// One partition that this process writes. Disk first, memory second: offsets move only after the write succeeded.
//
//   syncedOffset ≤ endOffset          below it everything is on the device
//   a sealed segment is settled once its indexes are on the device too, or can't be got there
//   after a failed sync or write error: readableEnd = syncedOffset, and every write is refused until recover()
//
// A failed sync is believed once and never retried: the next one may return success while the data is gone.
import { ClosedError, LimitError, type MillraceError, StorageError } from '../base/errors.ts'
import { maxTimestamp } from '../format/record-batch.ts'
import { Slices } from '../platform/slices.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import { PartitionLog, checkOffset, type PartitionOptions } from './partition-log.ts'
import { recoverSegments, type RecoveryFacts, type RecoveryReport } from './recovery.ts'
import { rescueSegments } from './rescue.ts'
import { Segment } from './segment.ts'
import { SharedSync } from './shared-sync.ts'

/** What was written within so many bytes is read on the main thread: the page cache has it. */
const HOT_BYTES = 8 * 1024 * 1024
const LARGEST_RELATIVE_OFFSET = 2 ** 31 - 1

export interface WritableOptions extends PartitionOptions {
  readonly segmentBytes: () => number
  readonly segmentAgeMs: () => number
  /** The partition takes no more writes; called once for each failure. */
  readonly onFailed: (error: StorageError, syncedOffset: number) => void
  /** Something was written that no sync has been asked for: called once, until the next sync is. */
  readonly onDirty: () => void
  /** A background failure that lost nothing and will be tried again. */
  readonly onTrouble: (error: MillraceError) => void
  /** Resolves once the start offset is on the device. */
  readonly saveStartOffset: (offset: number) => Promise<void>
}

export class WritablePartition extends PartitionLog {
  readonly #options: WritableOptions
  readonly #epochs: LeaderEpochs
  readonly #sync = new SharedSync(() => this.#syncDirty())
  #synced = 0
  /** onDirty was called since a sync was last asked for. */
  #toldDirty = false
  /** Changes of names in the directory, and how many of them are on the device. */
  #nameChanges = 0
  #syncedNameChanges = 0
  #hotFrom: number
  /** The end offset at which the active segment's indexes are known to be on the device; -1: at none. */
  #settledEnd = -1
  /** A failed write may have left bytes behind the end of the active segment. */
  #hasRest = false
  #failure: StorageError | undefined
  /** Its files are not its own any more: deleted, or another partition's of that name. */
  #abandoned = false
  #recovering: Promise<RecoveryReport> | undefined
  /** Settles when the last truncation has: a later one never saves an earlier start. */
  #truncating: Promise<void> = Promise.resolve()

  private constructor(options: WritableOptions, epochs: LeaderEpochs, segments: Segment[], startOffset: number) {
    super(options)
    this.#options = options
    this.#epochs = epochs
    this.list = segments
    this.start = Math.max(startOffset, segments[0]!.baseOffset)
    this.end = this.#active.endOffset
    this.#hotFrom = this.#active.bytes
    this.#active.file.expectBytes(options.segmentBytes())
  }

  /** A new, empty partition in a directory that is there. Its files' names are on the device when it resolves. */
  static async create(options: WritableOptions): Promise<WritablePartition> {
    const segment = Segment.create(options.fs, options.directory, 0)
    segment.index.flush()
    await options.fs.syncDirectory(options.directory)
    return new WritablePartition(options, LeaderEpochs.read(options.fs, options.directory), [segment], 0)
  }

  static async open(options: WritableOptions, facts: RecoveryFacts): Promise<{ partition: WritablePartition; report: RecoveryReport }> {
    const epochs = LeaderEpochs.read(options.fs, options.directory)
    const report = facts.rescueFrom === undefined
      ? await recoverSegments(options, facts, epochs)
      : await rescueSegments(options, { ...facts, rescueFrom: facts.rescueFrom }, epochs)
    const partition = new WritablePartition(options, epochs, report.segments, facts.startOffset)
    partition.#synced = report.syncedOffset
    for (const segment of report.segments) if (facts.trust === 'clean' || segment.endOffset < facts.recoveryPoint) segment.settled = true
    if (facts.trust === 'page-cache') partition.#nameChanges++
    if (facts.trust === 'clean') partition.#settledEnd = partition.end
    return { partition, report }
  }

  get syncedOffset(): number { return this.#synced }
  get failure(): StorageError | undefined { return this.#failure }
  get #active(): Segment { return this.list.at(-1)! }

  override get readableEnd(): number {
    return this.#failure === undefined ? this.end : Math.min(this.end, this.#synced)
  }

  override failureAtEnd(): Error | undefined {
    return this.readableEnd < this.end ? this.#failure : undefined
  }

  override refresh(): void {}

  override isHot(segment: Segment, position: number): boolean {
    return segment === this.#active && position >= Math.max(this.#hotFrom, segment.bytes - HOT_BYTES)
  }

  /** Writes the sealed batch at the beginning of the buffer, and returns the offset that its first record got. */
  append(batch: Buffer, bytes = batch.length): number {
    this.checkWritable()
    if (this.#mustRoll(batch, bytes)) this.roll()
    const segment = this.#active
    const base = this.end
    try {
      this.#cutRest(segment)
      this.#hasRest = true
      segment.append(batch, bytes, base, this.#epochs.current)
      this.#hasRest = false
    } catch (error) {
      throw this.#afterFailedWrite(error)
    }
    this.end = segment.endOffset
    if (!this.#toldDirty) this.#tellDirty()
    this.#flushIndex(segment)
    this.wake()
    return base
  }

  checkWritable(): void {
    this.checkOpen()
    if (this.#failure !== undefined) throw this.#refusal(this.#failure)
  }

  /** Resolves once all that was appended before the call is on the device. */
  sync(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#refusal(this.#failure))
    this.#toldDirty = false
    if (this.#synced >= this.end && this.#syncedNameChanges === this.#nameChanges) return Promise.resolve()
    return this.#sync.request()
  }

  /** Seals the active segment and begins a new one. When it throws a LimitError, the active segment goes on. */
  roll(): void {
    const active = this.#active
    const next = this.#write(() => {
      this.#cutRest(active)
      active.seal()
      return Segment.create(this.#options.fs, this.#options.directory, this.end)
    })
    active.indexChecked = true
    this.options.indexes.adopt(active.index)
    next.file.expectBytes(this.#options.segmentBytes())
    this.list.push(next)
    this.#nameChanges++
    this.#tellDirty()
    this.#hotFrom = 0
    this.#sync.request().catch((error: unknown) => { if (error instanceof LimitError) this.#options.onTrouble(error) })
  }

  /** Records before the offset are gone once it resolves; whole segments of them are deleted. */
  async truncateBefore(offset: number): Promise<void> {
    checkOffset(offset, `${this.label}: truncateBefore`)
    const run = this.#truncating.then(() => this.#truncateBefore(offset))
    this.#truncating = run.catch(() => { /* its caller has it */ })
    await run
  }

  async #truncateBefore(offset: number): Promise<void> {
    this.checkWritable()
    if (offset > this.end) throw this.outOfRange(offset)
    if (offset <= this.start) return
    if (offset === this.end && this.#active.bytes > 0) this.roll()
    await this.#options.saveStartOffset(offset)
    if (this.#abandoned) this.checkOpen()
    this.start = offset
    const gone = this.list.filter((_, i) => (this.list[i + 1]?.baseOffset ?? Infinity) <= offset)
    this.list = this.list.slice(gone.length)
    await this.#remove(gone)
  }

  /** Reads the disk again as opening does, after a failed sync or write. A no-op on a sound partition. */
  async recover(): Promise<RecoveryReport | undefined> {
    this.checkOpen()
    if (this.#failure === undefined) return undefined
    this.#recovering ??= this.#rescue().finally(() => { this.#recovering = undefined })
    return await this.#recovering
  }

  async #rescue(): Promise<RecoveryReport> {
    await this.#sync.idle()
    for (const segment of this.list) segment.file.close()
    const facts = { startOffset: this.start, recoveryPoint: this.#synced, trust: 'page-cache', rescueFrom: this.#synced } as const
    const report = await rescueSegments(this.#options, facts, this.#epochs)
    for (const segment of this.list) {
      segment.removed = true
      this.options.indexes.forget(segment.index)
    }
    this.list = report.segments
    this.start = Math.max(this.start, this.list[0]!.baseOffset)
    this.end = report.endOffset
    this.#synced = report.syncedOffset
    this.#hotFrom = this.#active.bytes
    this.#active.file.expectBytes(this.#options.segmentBytes())
    this.#syncedNameChanges = this.#nameChanges
    this.#hasRest = false
    this.#failure = undefined
    this.#tellDirty() // a round may have passed it by meanwhile
    this.wake()
    return report
  }

  /** Indexes written, everything synced, descriptors given back. */
  async close(): Promise<void> {
    if (this.closed) return
    const reason = new ClosedError('LOG_CLOSED', `${this.label}: the log was closed`, { hint: 'open the log again' })
    this.markClosed(reason) // what would be appended from here on, nobody would sync
    await this.#truncating
    try {
      if (this.#failure === undefined) await this.#settle()
    } finally {
      this.abandon(reason)
    }
  }

  /** Indexes too, and their names: after a clean end nobody walks the segment. */
  async #settle(): Promise<void> {
    const active = this.#active
    if (this.end !== this.#settledEnd) {
      this.#write(() => {
        this.#cutRest(active)
        active.seal()
      })
      this.#nameChanges++
    }
    await this.sync()
    if (this.end !== this.#settledEnd) await active.index.sync()
  }

  /** Closed without another word to the disk: the topic is deleted, or the process pretends to have died. */
  abandon(reason: ClosedError): void {
    this.markClosed(reason)
    this.#abandoned = true
    for (const segment of this.list) {
      segment.file.close()
      this.options.indexes.forget(segment.index)
    }
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
      || this.end - active.baseOffset > LARGEST_RELATIVE_OFFSET - bytes
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
      if (!(cutError instanceof LimitError)) return this.#fail(cutError)
    }
    return error instanceof LimitError ? error : this.#fail(error)
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

  /**
   * Never twice side by side: where two syncs of a file meet a failing device, one is told and the other reports
   * success. Nor after a failure, for those that waited behind it. So it ends when the last of its syncs has ended.
   */
  async #syncDirty(): Promise<void> {
    if (this.#abandoned) this.checkOpen()
    if (this.#failure !== undefined) throw this.#refusal(this.#failure)
    const active = this.#active
    const target = this.end
    const dirty = this.list.filter(segment => segment.endOffset > this.#synced || segment.cutUnsynced)
    const unsettled = this.list.filter(segment => segment !== active && !segment.settled)
    const nameChanges = this.#nameChanges
    const results = await Promise.allSettled([
      ...dirty.map(segment => segment.syncLog().catch((error: unknown) => { if (!segment.removed) throw error })),
      ...(nameChanges > this.#syncedNameChanges ? [this.#options.fs.syncDirectory(this.#options.directory)] : []),
      ...unsettled.map(segment => this.#settleIndex(segment)),
    ])
    const errors = results.flatMap(result => result.status === 'rejected' ? [result.reason as unknown] : [])
    if (errors.length > 0 && this.#abandoned) this.checkOpen()
    const failed = errors.find(error => !(error instanceof LimitError))
    if (failed !== undefined) throw this.#fail(failed)
    if (errors.length > 0) throw errors[0] as LimitError // the sync was not tried
    this.#synced = Math.max(this.#synced, target)
    this.#syncedNameChanges = Math.max(this.#syncedNameChanges, nameChanges)
  }

  /** No record waits for an index or is lost with it: whether it is whole is seen again when it is used. */
  async #settleIndex(segment: Segment): Promise<void> {
    try {
      await segment.index.sync()
      segment.settled = true
    } catch (error) {
      segment.settled = !(error instanceof LimitError) // a second sync after one that failed proves nothing
      if (segment.settled && !segment.removed && !this.#abandoned) this.#options.onTrouble(error as MillraceError)
    }
  }

  #fail(error: unknown): StorageError {
    if (this.#failure !== undefined) return this.#failure
    const reason = error instanceof Error ? error.message : String(error)
    this.#failure = new StorageError('PARTITION_FAILED', `${this.label}: the disk failed: ${reason}`, {
      hint: `records from offset ${this.#synced} on may not be on the device; call partition.recover(), or open the log again, once the disk is well`,
      details: { partition: this.label, syncedOffset: this.#synced, endOffset: this.end },
      cause: error,
    })
    this.#options.onFailed(this.#failure, this.#synced)
    this.wake()
    return this.#failure
  }

  #refusal(failure: StorageError): StorageError {
    return new StorageError(failure.code, failure.message, { hint: failure.hint, details: failure.details, cause: failure.cause })
  }

  async #remove(segments: readonly Segment[]): Promise<void> {
    const slices = new Slices()
    for (const segment of segments) {
      if (this.#abandoned) return
      this.options.indexes.forget(segment.index)
      try {
        segment.remove()
      } catch (error) {
        this.#options.onTrouble(error as MillraceError)
      }
      if (slices.due()) await slices.pause()
    }
    this.#nameChanges++
    this.#tellDirty()
  }

  #tellDirty(): void {
    this.#toldDirty = true
    this.#options.onDirty()
  }
}
