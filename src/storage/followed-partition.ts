// One partition that another process writes, followed by looking: behind the last batch of the last segment, and at the
// directory when its names have changed. A batch counts once its checksum and offset hold; an incomplete one is the end
// for now. Changes nothing on the disk.
//
// The writer puts other files in the place of sealed ones while they are read here: compaction renames a cleaned X over
// X, which covers the segments behind it too, and takes those away afterwards. What is known of X (its length, where
// its batches stand) is wrong from then on, but only for those who open the name again: a descriptor still reads the
// old one. So each segment goes with the marks of the file that it was made from, taken before anything else was; who
// reads what does not follow asks confirm(), and where the marks are others a new segment takes its place. Names that
// are still there though X covers them hold the same records, or more.
//
// Of transactions it knows what the batches up to its end tell (followed-producers.ts). Where the last segment becomes
// another one, that begins anew with the snapshot which the writer has left at its base.
import { ClosedError, NotFoundError } from '../base/errors.ts'
import { HEADER_BYTES, LOG_OVERHEAD, baseOffset, batchBytes, batchFault, hasProducer } from '../format/record-batch.ts'
import { join, type FileStat } from '../platform/file-system.ts'
import { BACKGROUND_MS, Slices } from '../platform/slices.ts'
import { FollowedProducers } from './followed-producers.ts'
import { PartitionLog, type PartitionOptions, type SegmentStats } from './partition-log.ts'
import { liveBases, openSegment } from './recovery.ts'
import { segmentFile } from './segment-files.ts'
import type { Segment } from './segment.ts'
import { WatchedPath, marksOf } from './watched-path.ts'

const PIECE_BYTES = 256 * 1024
/** What look() takes in at most, so that the event loop is not held. */
const PIECES_A_LOOK = 16
/** Each is in vain only where the writer has changed names meanwhile. */
const MOST_LISTINGS = 100

export interface FollowedOptions extends PartitionOptions {
  /** What the writer's log-start-offset-checkpoint says. */
  readonly startOffset: () => number
  /** Whether the directory is still that of this partition, and not of another one of that name. */
  readonly isOurs: () => boolean
}

export class FollowedPartition extends PartitionLog {
  readonly #options: FollowedOptions
  readonly #names: WatchedPath
  readonly #producers: FollowedProducers
  readonly #madeFrom = new WeakMap<Segment, FileStat | undefined>()

  private constructor(options: FollowedOptions) {
    super(options)
    this.#options = options
    this.#names = new WatchedPath(options.fs, options.directory)
    this.#producers = new FollowedProducers(options, this.producers)
  }

  static async open(options: FollowedOptions): Promise<FollowedPartition> {
    const partition = new FollowedPartition(options)
    await partition.#load()
    return partition
  }

  override failureAtEnd(): undefined { return undefined }
  override isHot(): boolean { return false }

  /** Takes in all that is stored: whoever asks is answered with no less than the writer has acknowledged. */
  override refresh(): void {
    this.#take(Infinity)
  }

  /** Takes in a part of it, if there is much: for who looks again and again. */
  look(): void {
    this.#take(PIECES_A_LOOK)
  }

  /** Whether the writer has gone on since the partition ended there. The file's length tells nothing: there may be room behind its batches. */
  hasGoneOnSince(endOffset: number): boolean {
    if (this.end > endOffset || this.#names.mayHaveChanged) return true
    const last = this.list.at(-1)
    if (last === undefined) return false
    const found = this.options.fs.stat(last.file.path)
    return this.#isAnother(last, found) || this.#nextBytes(last, found) > 0
  }

  override confirm(segment: Segment): boolean {
    if (!super.confirm(segment)) return false
    this.#unlessGone(() => {
      if (this.isActive(segment) && !this.#isUnchanged(segment)) this.#takeAnew(segment)
      else if (!this.#isUnchanged(segment)) this.#listAnew(segment)
      else if (this.isActive(segment) && this.#names.mayHaveChanged) this.#listAnew()
    })
    return super.confirm(segment)
  }

  /** Where the file was replaced or has gone, resolves for the segment to be looked for again. */
  override prepareIndex(segment: Segment, offset: number): Promise<void> | undefined {
    try {
      return super.prepareIndex(segment, offset)
    } catch (error) {
      if (this.confirm(segment)) throw error
      return Promise.resolve()
    }
  }

  override async rebuildIndex(segment: Segment): Promise<void> {
    if (!this.confirm(segment)) return
    try {
      await super.rebuildIndex(segment)
    } catch (error) {
      if (this.confirm(segment)) throw error
    }
    this.confirm(segment) // else the index may be of two files
  }

  override segmentStats(): SegmentStats[] {
    for (let tries = 1; ; tries++) {
      for (const segment of [...this.list]) this.confirm(segment)
      try {
        return super.segmentStats()
      } catch (error) {
        if (!(error instanceof NotFoundError) || tries === MOST_LISTINGS) throw error
      }
    }
  }

  abandon(reason: ClosedError): void {
    this.markClosed(reason)
    for (const segment of this.list) this.#giveBack(segment)
  }

  // ---------------------------------------------------------------- looking

  #take(pieces: number): void {
    if (this.closed) return
    if (!this.#options.isOurs()) return this.#abandonDeleted()
    this.#unlessGone(() => {
      this.start = Math.max(this.start, this.#options.startOffset())
      this.#dropBelowStart()
      this.#followEnd(pieces)
    })
  }

  #unlessGone(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error
      if (this.options.fs.stat(this.options.directory) !== undefined) return // a segment went while it was looked at: the next look tells
      this.#abandonDeleted()
    }
  }

  #abandonDeleted(): void {
    this.abandon(new ClosedError('TOPIC_DELETED', `${this.label}: the topic was deleted by the process that writes the log`, { hint: 'list the topics again' }))
  }

  async #load(): Promise<void> {
    for (let tries = 1; ; tries++) {
      this.#list()
      try {
        await this.list.at(-1)?.scan({ from: 'last-entry' })
        this.#settle()
        this.refresh()
        if (this.closed || await this.#replayProducers() || tries === MOST_LISTINGS) return
      } catch (error) {
        if (!(error instanceof NotFoundError) || tries === MOST_LISTINGS) throw error
      }
    }
  }

  /** False: a file that was walked over is another one by now. */
  async #replayProducers(): Promise<boolean> {
    if (this.#producers.snapshotOffset > this.end) this.refresh() // written since
    const slices = new Slices(BACKGROUND_MS)
    const walked = new Set<Segment>()
    for (const segment of this.#producers.replay(this.list, this.end)) {
      walked.add(segment)
      if (slices.due()) await slices.pause()
    }
    return [...walked].every(segment => this.#isUnchanged(segment))
  }

  #settle(): void {
    const before = this.end
    this.start = Math.max(this.start, this.list[0]?.baseOffset ?? 0)
    this.end = Math.max(this.start, this.list.at(-1)?.endOffset ?? 0)
    if (this.end > before) this.wake()
  }

  /** The writer moves the start first and deletes files after: so no file that is still needed goes unnoticed. */
  #dropBelowStart(): void {
    let count = 0
    while ((this.list[count + 1]?.baseOffset ?? Infinity) <= this.start) count++
    if (count > 0) this.#replaceList(this.list.slice(count))
  }

  #giveBack(segment: Segment): void {
    segment.file.close()
    this.options.indexes.forget(segment.index)
  }

  // ---------------------------------------------------------------- the end

  #followEnd(pieces: number): void {
    if (this.#names.mayHaveChanged) this.#listAnew()
    for (let taken = 0; taken < pieces; taken++) {
      const last = this.list.at(-1)
      if (last !== undefined && this.#takeNew(last)) continue
      if (!this.#names.mayHaveChanged || !this.#listAnew()) break
    }
    this.#settle()
  }

  /** Takes in the whole batches behind the known end of the last segment; false when there is none. */
  #takeNew(segment: Segment): boolean {
    const found = this.options.fs.stat(segment.file.path)
    if (this.#isAnother(segment, found)) return this.#takeAnew(segment)
    if (this.#nextBytes(segment, found) < HEADER_BYTES) return false
    const left = segment.file.bytes() - segment.bytes
    let buffer = Buffer.allocUnsafe(Math.min(PIECE_BYTES, left))
    let filled = segment.file.read(buffer, segment.bytes)
    const firstBytes = filled < HEADER_BYTES ? 0 : batchBytes(buffer, 0)
    if (firstBytes > filled && firstBytes <= left) {
      buffer = Buffer.allocUnsafe(firstBytes)
      filled = segment.file.read(buffer, segment.bytes)
    }
    const before = segment.bytes
    for (let at = 0; filled - at >= HEADER_BYTES && this.#follows(segment, buffer, at, filled);) {
      const size = batchBytes(buffer, at)
      segment.noteBatch(buffer, at, segment.bytes)
      if (hasProducer(buffer, at)) this.#producers.take(segment, buffer, at)
      at += size
    }
    return segment.bytes > before
  }

  /** recover() puts a copy in the place of the last file, and what could not be read is not in it: the end may have moved back. */
  #takeAnew(segment: Segment): boolean {
    this.#listAnew(segment)
    for (let last = this.list.at(-1); last !== undefined && this.#takeNew(last); last = this.list.at(-1)) { /* whole, or it would end early for a while */ }
    this.#settle()
    return true
  }

  /** The size of the batch behind the known end, as its first bytes have it; 0 while they have not come. */
  #nextBytes(segment: Segment, found: FileStat | undefined): number {
    if (found === undefined || found.bytes - segment.bytes < LOG_OVERHEAD) return 0
    const start = Buffer.alloc(LOG_OVERHEAD)
    const isWritten = segment.file.read(start, segment.bytes) === LOG_OVERHEAD && start.some(byte => byte !== 0)
    return isWritten ? batchBytes(start, 0) : 0
  }

  /** What is appended leaves no gap. Where a segment that was compacted is the last one, it has some: if it still is the last one. */
  #follows(segment: Segment, buffer: Buffer, at: number, filled: number): boolean {
    const base = baseOffset(buffer, at)
    if (batchFault(buffer, at, filled) !== undefined) return false
    return base === segment.endOffset || (segment.compacted && base > segment.endOffset && this.confirm(segment) && this.isActive(segment))
  }

  // ---------------------------------------------------------------- the directory

  /** True where the last segment is another one: it is to be taken in from its beginning. */
  #listAnew(doubted?: Segment): boolean {
    const before = this.list.at(-1)
    this.#list(doubted)
    const last = this.list.at(-1)
    const isAnother = last !== before && last !== undefined
    if (isAnother) {
      last.index.reset()
      last.bytes = 0
      for (const _ of this.#producers.replay(this.list, last.baseOffset)) { /* seldom more than a snapshot */ }
    }
    this.#settle()
    return isAnother
  }

  /** Makes the list what the directory has. Segments whose file is another one, or has gone, are replaced. */
  #list(doubted?: Segment): void {
    const known = new Map(this.list.map(segment => [segment.baseOffset, segment]))
    for (let tries = 1; ; tries++) {
      this.start = Math.max(this.start, this.#options.startOffset())
      const bases = this.#listedBases()
      const compactedBelow = this.options.compactedBelow()
      const opened: Segment[] = []
      try {
        const list = bases.map((base, i) => {
          const old = known.get(base)
          if (old !== undefined && this.#stays(old, bases[i + 1], { isDoubted: old === doubted, mayBeReplaced: base < compactedBelow })) return old
          return opened[opened.push(this.#open(base)) - 1]!
        })
        if (!this.#options.isOurs()) return this.#abandonDeleted()
        return this.#replaceList(list)
      } catch (error) {
        for (const segment of opened) segment.file.close()
        this.#names.forget()
        if (!(error instanceof NotFoundError) || tries === MOST_LISTINGS) throw error
      }
    }
  }

  /** The end of the last one is not known yet. */
  #open(base: number): Segment {
    const stat = this.options.fs.stat(join(this.options.directory, segmentFile(base, '.log')))
    const segment = openSegment(this.options, base, 'read')
    this.#madeFrom.set(segment, stat)
    return segment
  }

  /** Names may be passed over that are renamed while they are listed. */
  #listedBases(): number[] {
    for (let tries = 1; ; tries++) {
      this.#names.note()
      const bases = liveBases(this.options, this.start)
      if (!this.#names.hasChanged || tries === MOST_LISTINGS) return bases
    }
  }

  /** The last one grows; once others follow it, it is made anew: nobody has watched what became of it. */
  #stays(segment: Segment, nextBase: number | undefined, { isDoubted, mayBeReplaced }: { isDoubted: boolean; mayBeReplaced: boolean }): boolean {
    if (this.isActive(segment)) return nextBase === undefined && (!isDoubted || this.#isUnchanged(segment))
    return segment.endOffset === nextBase && (!(isDoubted || mayBeReplaced) || this.#isUnchanged(segment))
  }

  #isUnchanged(segment: Segment): boolean {
    const stat = this.options.fs.stat(segment.file.path)
    const madeFrom = this.#madeFrom.get(segment)
    if (stat === undefined || madeFrom === undefined) return false
    return this.isActive(segment) ? stat.id === madeFrom.id : marksOf(stat) === marksOf(madeFrom)
  }

  #isAnother(last: Segment, found: FileStat | undefined): boolean {
    return found !== undefined && found.id !== this.#madeFrom.get(last)?.id
  }

  #replaceList(list: Segment[]): void {
    const kept = new Set(list)
    for (const segment of this.list) {
      if (kept.has(segment)) continue
      segment.removed = true
      this.#giveBack(segment)
    }
    for (const [i, segment] of list.entries()) segment.endOffset = list[i + 1]?.baseOffset ?? segment.endOffset
    this.list = list
  }
}
