// One partition that another process writes, followed by looking: behind the last batch of the last segment, and at the
// directory when a segment was rolled or deleted. A batch counts once its checksum and offset hold; an incomplete one
// is the end for now. Changes nothing on the disk.
import { ClosedError, NotFoundError } from '../base/errors.ts'
import { HEADER_BYTES, LOG_OVERHEAD, baseOffset, batchBytes, batchFault } from '../format/record-batch.ts'
import { PartitionLog, type PartitionOptions } from './partition-log.ts'
import { liveBases, openSegment, openSegments } from './recovery.ts'
import type { Segment } from './segment.ts'

const PIECE_BYTES = 256 * 1024
/** What look() takes in at most, so that the event loop is not held. */
const PIECES_A_LOOK = 16

export interface FollowedOptions extends PartitionOptions {
  /** What the writer's log-start-offset-checkpoint says. */
  readonly startOffset: () => number
  /** Whether the directory is still that of this partition, and not of another one of that name. */
  readonly isOurs: () => boolean
}

export class FollowedPartition extends PartitionLog {
  readonly #options: FollowedOptions

  private constructor(options: FollowedOptions) {
    super(options)
    this.#options = options
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

  /** Whether the writer has gone on since the partition had so many bytes. The file's length tells nothing: there may be room behind its batches. */
  hasGoneOnSince(bytes: number): boolean {
    const last = this.list.at(-1)
    return this.bytes > bytes || (last !== undefined && this.#nextBytes(last) > 0)
  }

  #take(pieces: number): void {
    if (this.closed) return
    if (!this.#options.isOurs()) return this.#abandonDeleted()
    try {
      this.start = Math.max(this.start, this.#options.startOffset())
      this.#dropBelowStart()
      this.#followEnd(pieces)
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error
      if (this.options.fs.stat(this.options.directory) !== undefined) return // a segment went while it was looked at: the next look tells
      this.#abandonDeleted()
    }
  }

  #abandonDeleted(): void {
    this.abandon(new ClosedError('TOPIC_DELETED', `${this.label}: the topic was deleted by the process that writes the log`, { hint: 'list the topics again' }))
  }

  abandon(reason: ClosedError): void {
    this.markClosed(reason)
    for (const segment of this.list) this.#giveBack(segment)
  }

  async #load(): Promise<void> {
    this.start = this.#options.startOffset()
    this.list = openSegments(this.#options, this.start, 'read')
    const last = this.list.at(-1)
    if (last !== undefined) await last.scan({ from: 'last-entry' })
    this.#settle()
  }

  #settle(): void {
    this.start = Math.max(this.start, this.list[0]?.baseOffset ?? 0)
    this.end = Math.max(this.start, this.list.at(-1)?.endOffset ?? 0)
  }

  /**
   * The writer moves the start first and deletes files after: so no file that is still needed goes unnoticed. Where it
   * has deleted the last one that was seen, the list begins anew.
   */
  #dropBelowStart(): void {
    let count = 0
    while ((this.list[count + 1]?.baseOffset ?? Infinity) <= this.start) count++
    const last = this.list.at(-1)
    if (last !== undefined && last.endOffset < this.start && this.options.fs.stat(last.file.path) === undefined) count = this.list.length
    for (const segment of this.list.slice(0, count)) {
      segment.removed = true
      this.#giveBack(segment)
    }
    this.list = this.list.slice(count)
  }

  #giveBack(segment: Segment): void {
    segment.file.close()
    this.options.indexes.forget(segment.index)
  }

  #followEnd(pieces: number): void {
    const before = this.end
    for (let taken = 0; taken < pieces; taken++) {
      const last = this.list.at(-1)
      if ((last === undefined || !this.#takeNew(last)) && !this.#addRolled(last)) break
    }
    this.#settle()
    if (this.end > before) this.wake()
  }

  /** Takes in the whole batches behind the known end of the last segment; false when there is none. */
  #takeNew(segment: Segment): boolean {
    if (this.#nextBytes(segment) < HEADER_BYTES) return false
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
      at += size
    }
    return segment.bytes > before
  }

  /** The size of the batch behind the known end, as its first bytes have it; 0 while they have not come. */
  #nextBytes(segment: Segment): number {
    if ((this.options.fs.stat(segment.file.path)?.bytes ?? 0) - segment.bytes < LOG_OVERHEAD) return 0
    const start = Buffer.alloc(LOG_OVERHEAD)
    const isWritten = (): boolean => segment.file.read(start, segment.bytes) === LOG_OVERHEAD && start.some(byte => byte !== 0)
    if (isWritten()) return batchBytes(start, 0)
    segment.file.close() // recover() puts a copy in the file's place: the name counts
    return isWritten() ? batchBytes(start, 0) : 0
  }

  #follows(segment: Segment, buffer: Buffer, at: number, filled: number): boolean {
    const base = baseOffset(buffer, at)
    return (segment.compacted ? base >= segment.endOffset : base === segment.endOffset) && batchFault(buffer, at, filled) === undefined
  }

  /** The writer begins a new segment where the last one ends: those before the newest are whole, and go by its word. */
  #addRolled(last: Segment | undefined): boolean {
    const bases = liveBases(this.#options, this.start).filter(base => last === undefined || base > last.baseOffset)
    const [first] = bases
    if (first === undefined) return false
    last?.sealedElsewhere(first)
    const added = bases.map(base => openSegment(this.#options, base, 'read'))
    for (const [i, segment] of added.entries()) segment.endOffset = bases[i + 1] ?? segment.baseOffset
    const newest = added.at(-1)!
    newest.index.reset()
    newest.bytes = 0
    this.list.push(...added)
    this.#dropBelowStart()
    return true
  }
}
