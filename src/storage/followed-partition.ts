// One partition that another process writes, followed by looking: at the length of the last segment, and at the
// directory when a segment was rolled or deleted. A batch counts once its checksum and offset hold; an incomplete one
// is the end for now. Changes nothing on the disk.
import { ClosedError, NotFoundError } from '../base/errors.ts'
import { HEADER_BYTES, baseOffset, batchBytes, batchFault } from '../format/record-batch.ts'
import { PartitionLog, type PartitionOptions } from './partition-log.ts'
import { openSegments } from './recovery.ts'
import type { Segment } from './segment.ts'

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
      this.#followStart()
      this.#followEnd()
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error
      this.abandon(new ClosedError('TOPIC_DELETED', `${this.label}: the topic was deleted by the process that writes the log`, { hint: 'list the topics again' }))
    }
  }

  abandon(reason: ClosedError): void {
    this.markClosed(reason)
    for (const segment of this.list) segment.file.close()
  }

  async #load(): Promise<void> {
    this.list = openSegments(this.#options, this.#options.startOffset(), 'read')
    const last = this.list.at(-1)
    if (last !== undefined) await last.scan({ gaps: this.#options.gaps(), from: 'last-entry' })
    this.#settle()
  }

  #settle(): void {
    const first = this.list[0]
    this.start = Math.max(this.start, this.#options.startOffset(), first?.baseOffset ?? 0)
    this.end = Math.max(this.start, this.list.at(-1)?.endOffset ?? 0)
  }

  /** The writer moves the start first and deletes files after: so no file that is still needed goes unnoticed. */
  #followStart(): void {
    const start = this.#options.startOffset()
    if (start <= this.start) return
    this.start = start
    const gone = this.list.filter((_, i) => (this.list[i + 1]?.baseOffset ?? Infinity) <= start)
    for (const segment of gone) {
      segment.removed = true
      segment.file.close()
    }
    this.list = this.list.slice(gone.length)
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
    return segment.bytes > before
  }

  #follows(segment: Segment, buffer: Buffer, at: number, filled: number): boolean {
    const base = baseOffset(buffer, at)
    return (this.#options.gaps() ? base >= segment.endOffset : base === segment.endOffset) && batchFault(buffer, at, filled) === undefined
  }

  /** The writer begins a new segment where the last one ends. */
  #addRolled(last: Segment | undefined): boolean {
    const next = openSegments(this.#options, this.start, 'read').find(segment => last === undefined || segment.baseOffset > last.baseOffset)
    if (next === undefined || (last !== undefined && !this.#options.gaps() && next.baseOffset !== last.endOffset)) return false
    next.index.reset()
    next.bytes = 0
    next.endOffset = next.baseOffset
    this.list.push(next)
    return true
  }
}
