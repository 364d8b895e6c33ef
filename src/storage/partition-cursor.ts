// A place in a partition that moves forward, a chunk at a time. It remembers the byte where it stands, so that only
// the first chunk of a segment needs the index. Any number of cursors may stand on a partition; they hold nothing
// open, and find their place anew when their segment is gone. Bytes that were read ahead are no more than bytes: what
// they mean is decided when their turn comes.
import type { AbortedTransaction } from '../format/aborted-transactions.ts'
import { baseOffset, batchBytes, isTransactional } from '../format/record-batch.ts'
import type { BatchesRead } from '../platform/file-system.ts'
import { takeBatches, type Chunk, type Taken, type Want } from './batch-chunk.ts'
import { findBatchAfter, type ScanFault } from './batch-scan.ts'
import type { Isolation, PartitionLog } from './partition-log.ts'
import type { Segment } from './segment.ts'

/** At least so much is read at a time: an index entry leads to about 4 KiB before the batch. */
const FIRST_READ_BYTES = 6 * 1024
/** Small reads on the spot go here, and what is wanted of them is copied out: a lookup wants a batch of many (the benchmark 'get'). */
const scratch = Buffer.allocUnsafeSlow(FIRST_READ_BYTES)

const NONE: readonly AbortedTransaction[] = []

/** Bytes of a segment from a position on, on their way into a buffer. */
interface Read { readonly segment: Segment; readonly position: number; readonly buffer: Buffer; readonly done: Promise<BatchesRead> }

export class PartitionCursor {
  readonly #log: PartitionLog
  readonly #isolation: Isolation
  #offset: number
  #segment: Segment | undefined
  #position = 0
  /** Offset of the batch at #position; undefined after a jump through the index. */
  #expected: number | undefined
  /** Then, its last offset as the index has it. */
  #named: number | undefined
  /** A fault was met in it. */
  #doubted: Segment | undefined
  #ahead: Read | undefined

  constructor(log: PartitionLog, offset: number, isolation: Isolation) {
    this.#log = log
    this.#isolation = isolation
    this.#offset = offset
  }

  /** What the next chunk begins with, or before which it ends. */
  get offset(): number { return this.#offset }
  /** Where it stands: in which segment, if it has found one yet, and at which of its bytes. */
  get segment(): Segment | undefined { return this.#segment }
  get position(): number { return this.#position }

  /**
   * The next whole batches, at least one and otherwise at most maxBytes; undefined at the end. Answers without a
   * promise when the bytes are sure to be in memory.
   */
  next(maxBytes: number): Chunk | undefined | Promise<Chunk | undefined> {
    const log = this.#log
    log.checkOpen()
    if (this.#offset < log.startOffset) throw log.outOfRange(this.#offset)
    if (this.#offset >= this.#limit) {
      const failure = log.failureAtEnd()
      if (failure !== undefined) throw failure
      return undefined
    }
    const waiting = this.#enter()
    if (waiting !== undefined) return waiting.then(() => this.next(maxBytes))
    const segment = this.#segment!
    if (this.#position >= segment.bytes) return this.#leave(maxBytes)
    const ahead = this.#takeAhead(segment)
    return ahead === undefined ? this.#readNow(segment, maxBytes) : this.#readLater(ahead, maxBytes)
  }

  get #limit(): number { return this.#log.readableTo(this.#isolation) }

  /** Begins to read what next(maxBytes) will want, where that would have to wait for it. One read at most is under way. */
  readAhead(maxBytes: number): void {
    const segment = this.#segment
    if (this.#ahead !== undefined || segment === undefined || segment.removed || this.#log.closed) return
    if (this.#offset >= this.#limit || this.#position >= segment.bytes || this.#log.isHot(segment, this.#position)) return
    this.#ahead = this.#beginRead(segment, Buffer.allocUnsafeSlow(this.#firstRead(segment, maxBytes)))
    this.#ahead.done.catch(() => { /* told when its turn comes, if it comes */ })
  }

  /** Finds the segment and the position for the offset, if not standing there already. */
  #enter(): Promise<void> | undefined {
    if (this.#segment !== undefined && !this.#segment.removed) return undefined
    const segment = this.#log.segmentOf(this.#offset)!
    if (this.#offset > segment.baseOffset) {
      const waiting = this.#log.prepareIndex(segment, this.#offset)
      if (waiting !== undefined) return waiting
    }
    const entry = this.#offset > segment.baseOffset ? segment.index.floor(this.#offset) : undefined
    this.#segment = segment
    this.#position = entry?.position ?? 0
    this.#named = entry?.lastOffset
    this.#expected = entry === undefined ? segment.baseOffset : undefined
    return undefined
  }

  /** To the next segment. Offsets that lie between two are missing, unless compaction took them. */
  #leave(maxBytes: number): Chunk | undefined | Promise<Chunk | undefined> {
    const segment = this.#segment!
    if (this.#log.segmentAfter(segment)?.baseOffset !== this.#offset) {
      this.#log.refresh()
      if (!this.#log.confirm(segment)) return this.next(maxBytes)
    }
    const next = this.#log.segmentAfter(segment)
    if (next !== undefined && next.baseOffset < this.#offset) return this.#jump(maxBytes)
    if (next === undefined && segment.compacted) return undefined
    if (next === undefined) return this.#doubt(segment, { position: segment.bytes, offset: this.#offset, reason: 'the segment ends before it' }, maxBytes)
    const missingFrom = Math.max(this.#offset, this.#log.startOffset)
    if (next.baseOffset > missingFrom && !segment.compacted) throw this.#log.missing(missingFrom, next.baseOffset)
    this.#segment = next
    this.#position = 0
    this.#expected = next.baseOffset
    this.#offset = Math.max(this.#offset, next.baseOffset)
    return this.next(maxBytes)
  }

  /** Over segments that the one before covers: compaction has replaced them, but not taken their names away yet. */
  #jump(maxBytes: number): Chunk | undefined | Promise<Chunk | undefined> {
    this.#segment = undefined
    return this.next(maxBytes)
  }

  #readNow(segment: Segment, maxBytes: number): Chunk | undefined | Promise<Chunk | undefined> {
    for (let bytes = this.#firstRead(segment, maxBytes); bytes > 0;) {
      const buffer = bytes <= scratch.length ? scratch.subarray(0, bytes) : Buffer.allocUnsafeSlow(bytes)
      const filled = this.#log.readHot(segment, buffer, this.#position)
      if (filled < bytes) return this.#readLater(this.#beginRead(segment, bytes <= scratch.length ? Buffer.allocUnsafeSlow(bytes) : buffer), maxBytes)
      const outcome = this.#take(segment, buffer, { filled, checked: 0 }, maxBytes)
      if (typeof outcome !== 'number') return outcome
      bytes = outcome
    }
    return this.next(maxBytes)
  }

  async #readLater(begun: Read, maxBytes: number): Promise<Chunk | undefined> {
    const { segment } = begun
    for (let read = begun; ;) {
      const done = await this.#endRead(read)
      if (segment.removed || this.#log.closed) break
      const outcome = this.#take(segment, read.buffer, done, maxBytes)
      if (typeof outcome !== 'number') return outcome
      if (outcome === 0) break
      read = this.#beginRead(segment, Buffer.allocUnsafeSlow(outcome))
    }
    return await this.next(maxBytes)
  }

  #beginRead(segment: Segment, buffer: Buffer): Read {
    return { segment, position: this.#position, buffer, done: segment.file.readBatches(buffer, this.#position) }
  }

  #takeAhead(segment: Segment): Read | undefined {
    const ahead = this.#ahead
    this.#ahead = undefined
    return ahead?.segment === segment && ahead.position === this.#position ? ahead : undefined
  }

  /** Another process may have deleted the file. */
  async #endRead({ segment, done }: Read): Promise<BatchesRead> {
    try {
      return await done
    } catch (error) {
      if (this.#log.confirm(segment)) throw error
      return { filled: 0, checked: 0 }
    }
  }

  #firstRead(segment: Segment, maxBytes: number): number {
    return Math.min(Math.max(maxBytes, FIRST_READ_BYTES), segment.bytes - this.#position)
  }

  /** Moves over what was read. A number asks to read so many bytes from where it stands now; 0: its place is elsewhere. */
  #take(segment: Segment, buffer: Buffer, read: BatchesRead, maxBytes: number): Chunk | undefined | number | Promise<Chunk | undefined> {
    const want: Want = { from: this.#offset, limit: this.#limit, expected: this.#expected, named: this.#named, gaps: segment.compacted, inFull: this.#doubted === segment, maxBytes }
    const taken = takeBatches(buffer, read, want)
    switch (taken.kind) {
      case 'batches':
        if (taken.start === 0 && baseOffset(buffer, 0) > this.#offset && !this.#log.confirm(segment)) return 0
        this.#position += taken.end
        this.#offset = this.#expected = taken.nextOffset
        return this.#chunk(owned(buffer.subarray(taken.start, taken.end)))
      case 'end':
        return this.#log.confirm(segment) ? undefined : 0
      case 'fault':
        return this.#doubt(segment, { position: this.#position + taken.at, offset: taken.offset, reason: taken.reason }, maxBytes)
      case 'more':
      case 'nothing':
        return this.#moveOver(segment, taken, read.filled < buffer.length, maxBytes)
    }
  }

  #chunk(bytes: Buffer): Chunk {
    const nextOffset = this.#offset
    const aborted = this.#isolation === 'read_committed' && hasTransactions(bytes) ? this.#log.abortedIn(baseOffset(bytes, 0), nextOffset) : NONE
    return { bytes, nextOffset, aborted }
  }

  #moveOver(segment: Segment, taken: Extract<Taken, { kind: 'more' | 'nothing' }>, cut: boolean, maxBytes: number): number | Promise<Chunk | undefined> {
    this.#position += taken.skipped
    this.#expected = taken.expected
    const left = segment.bytes - this.#position
    const bytes = taken.kind === 'more' ? taken.bytes : Math.min(left, FIRST_READ_BYTES)
    const stuck = taken.kind === 'nothing' && taken.skipped === 0
    if (cut || stuck || bytes > left) {
      return this.#doubt(segment, { position: this.#position, offset: this.#expected ?? this.#offset, reason: cut ? 'the file is shorter than it was' : `${left} bytes are left of the segment` }, maxBytes)
    }
    return bytes
  }

  /**
   * Damage before what is wanted must not keep it back, and an index may have misled: the first fault in a segment has
   * its index made anew and everything looked at in full; then what lies before the wanted offset is stepped over.
   */
  async #doubt(segment: Segment, fault: ScanFault, maxBytes: number): Promise<Chunk | undefined> {
    if (!this.#log.confirm(segment)) return await this.next(maxBytes)
    if (this.#doubted !== segment) {
      this.#doubted = segment
      if (!segment.damagedAt.has(fault.position)) await this.#log.rebuildIndex(segment)
      this.#segment = undefined
      return await this.next(maxBytes)
    }
    const next = await findBatchAfter(segment.file, fault.position, fault.offset).catch((error: unknown) => {
      if (this.#log.confirm(segment)) throw error
    })
    if (!this.#log.confirm(segment)) return await this.next(maxBytes)
    if (next === undefined || next.baseOffset > this.#offset) throw segment.corruption(fault, next?.baseOffset ?? segment.endOffset)
    this.#position = next.position
    this.#expected = next.baseOffset
    return await this.next(maxBytes)
  }
}

function hasTransactions(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += batchBytes(bytes, at)) if (isTransactional(bytes, at)) return true
  return false
}

/** For the receiver to keep. */
function owned(bytes: Buffer): Buffer {
  return bytes.buffer === scratch.buffer ? Buffer.from(bytes) : bytes
}
