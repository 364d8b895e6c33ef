// One partition that another process writes, followed by looking: at the length of the last segment, and at the
// directory when a segment was rolled or deleted. A batch counts once its checksum and offset hold; an incomplete one
// is the end for now. Changes nothing on the disk.
import { ClosedError, NotFoundError } from '../base/errors.ts'
import { HEADER_BYTES, baseOffset, batchBytes, batchFault } from '../format/record-batch.ts'
import { PartitionLog, type PartitionOptions } from './partition-log.ts'
import { liveBases, openSegments } from './recovery.ts'
import { Segment } from './segment.ts'

const LOOK_BYTES = 256 * 1024
/** One look takes in at most so many pieces, so that the event loop is not held; the next look goes on. */
const LOOKS = 16

export interface FollowedOptions extends PartitionOptions {
  /** What the writer's log-start-offset-checkpoint says. */
  readonly startOffset: () => number
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

  override refresh(): void {
    if (this.closed) return
    try {
      this.start = Math.max(this.start, this.#options.startOffset())
      this.#dropBelowStart()
      this.#followEnd()
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error
      if (this.options.fs.stat(this.options.directory) !== undefined) return // a segment went while it was looked at: the next look tells
      this.abandon(new ClosedError('TOPIC_DELETED', `${this.label}: the topic was deleted by the process that writes the log`, { hint: 'list the topics again' }))
    }
  }

  abandon(reason: ClosedError): void {
    this.markClosed(reason)
    for (const segment of this.list) this.#giveBack(segment)
  }

  async #load(): Promise<void> {
    this.start = this.#options.startOffset()
    this.list = openSegments(this.#options, this.start, 'read')
    const last = this.list.at(-1)
    if (last !== undefined) await last.scan({ gaps: this.#options.gaps(), from: 'last-entry' })
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

  #followEnd(): void {
    const before = this.end
    for (let looks = 0; looks < LOOKS; looks++) {
      const last = this.list.at(-1)
      if ((last === undefined || !this.#takeNew(last)) && !this.#addRolled(last)) break
    }
    this.#settle()
    if (this.end > before) this.wake()
  }

  /** Takes in the whole batches behind the known end of the last segment; false when there is none. */
  #takeNew(segment: Segment): boolean {
    const left = (this.options.fs.stat(segment.file.path)?.bytes ?? 0) - segment.bytes
    if (left < HEADER_BYTES) return false
    let buffer = Buffer.allocUnsafe(Math.min(LOOK_BYTES, left))
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
    if (segment.bytes === before) segment.file.close() // recover() puts a copy into its place: the next look goes by the name
    return segment.bytes > before
  }

  #follows(segment: Segment, buffer: Buffer, at: number, filled: number): boolean {
    const base = baseOffset(buffer, at)
    return (this.#options.gaps() ? base >= segment.endOffset : base === segment.endOffset) && batchFault(buffer, at, filled) === undefined
  }

  /** The writer begins a new segment where the last one ends: what is not there by then never comes. */
  #addRolled(last: Segment | undefined): boolean {
    const base = liveBases(this.#options, this.start).find(base => last === undefined || base > last.baseOffset)
    if (base === undefined) return false
    if (last !== undefined && base !== last.endOffset && this.#takeNew(last)) return true
    const next = Segment.open(this.#options.fs, this.#options.directory, base, 'read')
    next.index.reset()
    next.bytes = 0
    next.endOffset = base
    this.list.push(next)
    last?.leaveToCache()
    this.#dropBelowStart()
    return true
  }
}
