// One segment: a .log file of record batches with offsets in [baseOffset, endOffset), and its three indexes.
// Only the last segment of a partition is appended to. Owned by its partition, which decides when to roll, seal and
// remove it; a segment knows nothing of its neighbours.
//
//   0 ≤ bytes ≤ the file's length       (in-process readers go by bytes, never by the file)
//   baseOffset ≤ endOffset
import { CorruptionError } from '../base/errors.ts'
import { HEADER_BYTES, MAGIC, baseOffset, batchBytes, hasProducer, lastOffset, magic, maxTimestamp, recordCount } from '../format/record-batch.ts'
import { join, type File, type FileSystem } from '../platform/file-system.ts'
import { findBatchAfter, scanBatches, type ScanFault, type ScanResult } from './batch-scan.ts'
import { segmentFile, type SegmentState } from './segment-files.ts'
import { SegmentIndex, type IndexEntry } from './segment-index.ts'
import { TransactionIndex } from './transaction-index.ts'

/** Kafka's index.interval.bytes. */
const INDEX_INTERVAL_BYTES = 4096
/** So many batches are looked at to compare the time index with them; an index that takes more is made anew. */
const TIME_CHECK_BATCHES = 1024
/** Index entries are written behind the log by at most this much of it: what a reopening after a kill walks again. */
const INDEX_FLUSH_BYTES = 1024 * 1024

export class Segment {
  readonly baseOffset: number
  readonly directory: string
  readonly file: File
  index: SegmentIndex
  readonly transactions: TransactionIndex
  endOffset: number
  bytes: number
  /** Of all records, and the last offset of the batch that holds it; -1 while there is none or it is not known yet. */
  largestTimestamp = -1
  /** Largest timestamp of the first batch: what the segment's age counts from. */
  firstTimestamp: number | undefined
  /** Deleted by truncation: cursors find their place anew. */
  removed = false
  /** Positions of bad batches that a walk over the segment has met: the index leads round them. */
  damagedAt: ReadonlySet<number> = new Set()
  /** The index was compared with the log since this process opened it. */
  indexChecked = false
  /** Offsets may be missing in it: compaction took records out, or may have. */
  compacted = false
  /** Sealed, and nothing more is to be done for its indexes. */
  settled = false
  /** A batch with a producer id was written to it, or met by a walk. */
  hasProducers = false
  #cutUnsynced = false
  #offsetOfLargest = -1
  #bytesSinceEntry = 0
  #bytesSinceFlush = 0
  readonly #fs: FileSystem

  constructor(fs: FileSystem, directory: string, base: number, file: File, state: SegmentState = 'live') {
    this.#fs = fs
    this.baseOffset = this.endOffset = base
    this.directory = directory
    this.file = file
    this.bytes = 0
    this.index = new SegmentIndex(fs, directory, base, state)
    this.transactions = new TransactionIndex(fs, directory, base, state)
  }

  static create(fs: FileSystem, directory: string, base: number, state: SegmentState = 'live'): Segment {
    const segment = new Segment(fs, directory, base, fs.open(join(directory, segmentFile(base, '.log', state)), 'create'), state)
    segment.index.reset()
    segment.transactions.reset()
    segment.indexChecked = true
    return segment
  }

  /** An existing one, with its length as the file has it. The caller knows, or finds out, where its offsets end. */
  static open(fs: FileSystem, directory: string, base: number, mode: 'read' | 'write'): Segment {
    const segment = new Segment(fs, directory, base, fs.open(join(directory, segmentFile(base, '.log')), mode))
    segment.bytes = segment.file.bytes()
    return segment
  }

  /** Disk first: when the write throws, nothing here has changed. */
  append(batch: Buffer, bytes: number, baseOffset: number, leaderEpoch: number): void {
    this.file.append(batch, bytes, this.bytes, baseOffset, leaderEpoch)
    this.noteBatch(batch, 0, this.bytes)
    this.#bytesSinceFlush += bytes
  }

  /** Called after appends: a failure here is no failure of the append, and the next call tries again. */
  flushIndexIfDue(): void {
    if (this.#bytesSinceFlush <= INDEX_FLUSH_BYTES) return
    this.index.flush()
    this.#bytesSinceFlush = 0
  }

  /** Takes in a batch that is in the file at `position`, which is where the batches known so far end. */
  noteBatch(bytes: Buffer, at: number, position: number): void {
    const last = lastOffset(bytes, at)
    const size = batchBytes(bytes, at)
    const timestamp = maxTimestamp(bytes, at)
    if (timestamp > this.largestTimestamp && recordCount(bytes, at) > 0) {
      this.largestTimestamp = timestamp
      this.#offsetOfLargest = last
    }
    this.firstTimestamp ??= timestamp
    if (this.#bytesSinceEntry > INDEX_INTERVAL_BYTES) this.#addEntry(last, position)
    this.#bytesSinceEntry += size
    if (hasProducer(bytes, at)) this.hasProducers = true
    this.endOffset = last + 1
    this.bytes = position + size
  }

  #addEntry(last: number, position: number): void {
    this.index.addOffset(last, position)
    this.#addLastTime()
    this.#bytesSinceEntry = 0
  }

  /** Cuts what a failed write, or recovery, left behind the last believed batch. */
  cutFileTo(bytes: number): void {
    this.#cutUnsynced = true
    this.file.truncate(bytes)
  }

  /** What was cut off may be back after a power cut: until the next sync, though all records are on the device. */
  get cutUnsynced(): boolean { return this.#cutUnsynced }

  async syncLog(): Promise<void> {
    const cut = this.#cutUnsynced
    this.#cutUnsynced = false
    try {
      await this.file.sync()
    } catch (error) {
      this.#cutUnsynced ||= cut
      throw error
    }
  }

  /** Writes the indexes whole, with the entry of the largest timestamp: nothing is appended any more, or not soon. */
  seal(): void {
    this.settled = false
    if (this.file.trim(this.bytes)) this.#cutUnsynced = true
    this.#addLastTime()
    this.index.flush()
    this.transactions.flush()
  }

  /**
   * Walks the file from its last sound index entry, or from the beginning, and takes in every batch that can be
   * believed and begins before the offset `until`. Returns where that ends and why; `bytes` and `endOffset` stand there too.
   */
  async scan(options: { from: 'last-entry' | 'beginning'; until?: number; epochAt?: (offset: number) => number | undefined }): Promise<ScanResult> {
    this.index.load(this.bytes)
    const start = options.from === 'beginning' ? undefined : this.#scanStart()
    if (start === undefined) this.index.reset()
    this.firstTime()
    this.endOffset = start?.baseOffset ?? this.baseOffset
    this.bytes = start?.position ?? 0
    this.index.truncate(this.endOffset, this.bytes)
    this.largestTimestamp = this.index.largestTimestamp
    this.#offsetOfLargest = -1
    this.#bytesSinceEntry = start === undefined ? 0 : INDEX_INTERVAL_BYTES + 1
    this.indexChecked = true
    return await scanBatches(this.file, {
      position: this.bytes, nextOffset: this.endOffset, gaps: this.compacted,
      ...(options.epochAt === undefined ? {} : { epochAt: options.epochAt }),
      onBatch: (bytes, at, position) => baseOffset(bytes, at) < (options.until ?? Infinity) ? this.noteBatch(bytes, at, position) : 'stop',
    })
  }

  /** Goes on behind a damaged stretch. The batch there gets an entry of its own, so that readers can step over. */
  async scanOn(from: { position: number; baseOffset: number }): Promise<ScanResult> {
    this.#bytesSinceEntry = from.position === 0 ? 0 : INDEX_INTERVAL_BYTES + 1
    return await scanBatches(this.file, {
      position: from.position, nextOffset: from.baseOffset, gaps: this.compacted,
      onBatch: (bytes, at, position) => this.noteBatch(bytes, at, position),
    })
  }

  /** With its indexes once it is sealed, so that they need not be made anew after a power cut. */
  async sync(sealed: boolean): Promise<void> {
    await Promise.all([this.syncLog(), ...(sealed ? [this.index.sync(), this.transactions.sync()] : [])])
    this.settled ||= sealed
  }

  /** Deletes the files, the log first: an index alone is thrown away at the next opening. */
  remove(): void {
    this.removed = true
    this.file.close()
    this.#fs.remove(this.file.path)
    this.index.removeFiles()
    this.transactions.removeFile()
  }

  /** Makes the indexes anew from the log, damaged stretches left out. Readers go on meanwhile with the old ones. */
  async rebuildIndex(): Promise<void> {
    const copy = new Segment(this.#fs, this.directory, this.baseOffset, this.file)
    const damagedAt = new Set<number>()
    copy.compacted = this.compacted
    copy.index.reset()
    let from: { position: number; baseOffset: number } | undefined = { position: 0, baseOffset: this.baseOffset }
    while (from !== undefined && from.position < this.bytes) {
      const { fault, endPosition, nextOffset }: ScanResult = await copy.scanOn(from)
      if (fault !== undefined) damagedAt.add(fault.position)
      else if (endPosition === from.position) break // the file is shorter than it was
      from = fault === undefined ? { position: endPosition, baseOffset: nextOffset } : await findBatchAfter(this.file, fault.position, fault.offset)
    }
    copy.#addLastTime()
    this.damagedAt = damagedAt
    this.largestTimestamp = copy.largestTimestamp
    this.index = copy.index
    this.indexChecked = true
  }

  #addLastTime(): void {
    if (this.#offsetOfLargest >= 0) this.index.addTime(this.largestTimestamp, this.#offsetOfLargest)
  }

  /** The largest timestamp of the first batch, read from the file the first time. */
  firstTime(): number | undefined {
    if (this.firstTimestamp === undefined && this.bytes > 0) {
      const header = this.#readHeader(0)
      this.firstTimestamp = header === undefined ? undefined : maxTimestamp(header, 0)
    }
    return this.firstTimestamp
  }

  /** Where a walk to the offset begins. The index must be loaded. */
  floorPosition(offset: number): number {
    return this.index.floor(offset)?.position ?? 0
  }

  /** Of a sealed segment: whether the loaded indexes lead near this offset and near the end, and know the largest timestamp. */
  indexIsSound(offset: number): boolean {
    const last = this.index.lastEntry()
    const entry = this.index.floor(offset)
    return (last === undefined || this.#names(last)) && (entry === undefined || this.#names(entry))
      && this.#endIsNear(last?.position ?? 0) && this.#timesReach(Infinity, this.bytes)
  }

  /** The last time entry up to an offset tells its batch's timestamp, and none of the batches from there to `end` has a later one. */
  #timesReach(offset: number, end: number): boolean {
    const entry = this.index.lastTime(offset)
    if (entry === undefined || entry.lastOffset < this.baseOffset) return end === 0
    let found = false
    for (let at = this.floorPosition(entry.lastOffset), seen = 0; at < end; seen++) {
      const header = this.#readHeader(at)
      if (header === undefined || seen === TIME_CHECK_BATCHES) return false
      const timestamp = recordCount(header, 0) > 0 ? maxTimestamp(header, 0) : -1
      if (lastOffset(header, 0) === entry.lastOffset) found = timestamp === entry.timestamp
      else if (lastOffset(header, 0) > entry.lastOffset && (!found || timestamp > entry.timestamp)) return false
      at += batchBytes(header, 0)
    }
    return found
  }

  /** No index entry is missing behind this position: the batches up to the last begin within one interval. */
  #endIsNear(position: number): boolean {
    const start = this.#readHeader(position)
    let at = start === undefined ? this.bytes : position + batchBytes(start, 0)
    const behind = at
    for (let last = at; at < this.bytes; last = at) {
      const header = this.#readHeader(at)
      if (header === undefined || last - behind > INDEX_INTERVAL_BYTES) return false
      at += batchBytes(header, 0)
    }
    return at === this.bytes
  }

  #names(entry: IndexEntry): boolean {
    const header = this.#readHeader(entry.position)
    return header !== undefined && lastOffset(header, 0) === entry.lastOffset
  }

  /** Where a walk begins that is to meet every batch from the offset on. */
  walkFrom(offset: number): { position: number; baseOffset: number } {
    const entry = this.index.loaded ? this.index.floor(offset) : undefined
    const header = entry === undefined ? undefined : this.#readHeader(entry.position)
    if (entry === undefined || header === undefined || lastOffset(header, 0) !== entry.lastOffset) return { position: 0, baseOffset: this.baseOffset }
    return { position: entry.position, baseOffset: baseOffset(header, 0) }
  }

  #scanStart(): { position: number; baseOffset: number } | undefined {
    const entry = this.index.lastEntry()
    const header = entry === undefined ? undefined : this.#readHeader(entry.position)
    if (entry === undefined || header === undefined || lastOffset(header, 0) !== entry.lastOffset) return undefined
    if (!this.#timesReach(entry.lastOffset, entry.position + batchBytes(header, 0))) return undefined
    return { position: entry.position, baseOffset: baseOffset(header, 0) }
  }

  /** Of something that may be a batch. */
  #readHeader(position: number): Buffer | undefined {
    const header = Buffer.alloc(HEADER_BYTES)
    const whole = this.file.read(header, position) === HEADER_BYTES && magic(header, 0) === MAGIC && batchBytes(header, 0) >= HEADER_BYTES
    return whole ? header : undefined
  }

  corruption({ position, offset, reason }: ScanFault, nextOffset: number): CorruptionError {
    return new CorruptionError('BATCH_CORRUPT', `${this.file.path}: the batch at position ${position} (offset ${offset}) can't be believed: ${reason}`, {
      hint: `reading can go on at offset ${nextOffset}; restore the file from a copy to get back what is damaged`,
      details: { file: this.file.path, position, offset, nextOffset, reason },
    })
  }
}
