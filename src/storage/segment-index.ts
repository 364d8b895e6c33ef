// The two sparse indexes of one segment, in memory and in its .index and .timeindex files.
//
//   offset index   (last offset of a batch → the batch's position), an entry for about every 4 KiB of log
//   time index     (largest timestamp so far → last offset of the batch that holds it), strictly rising
//
// The log is the truth and the indexes only shorten the way to a batch: a missing tail of entries costs a longer
// walk, entries that make no sense are thrown away and made again from the log. So they are written lazily, synced
// once their segment is sealed, and read with suspicion.
import {
  OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES, countValidOffsetEntries, countValidTimeEntries, entryOffset, entryPosition,
  timeEntryOffset, timeEntryTimestamp, writeOffsetEntry, writeTimeEntry,
} from '../format/index-entries.ts'
import { join, type FileSystem } from '../platform/file-system.ts'
import { segmentFile, type SegmentState } from './segment-files.ts'
import { openOrCreate, readWhole } from './small-file.ts'

const FIRST_ENTRIES = 32

export interface IndexEntry { readonly lastOffset: number; readonly position: number }

/** The entries as the files hold them. What is added later goes behind them. */
export interface IndexEntries { readonly offsets: Buffer; readonly times: Buffer }

export interface TimeEntry { readonly timestamp: number; readonly lastOffset: number }

export class SegmentIndex {
  readonly #fs: FileSystem
  readonly #directory: string
  readonly #baseOffset: number
  #offsetPath!: string
  #timePath!: string
  #offsets: Buffer = Buffer.alloc(0)
  #offsetCount = 0
  #times: Buffer = Buffer.alloc(0)
  #timeCount = 0
  #offsetsOnDisk = 0
  #timesOnDisk = 0
  #loaded = false

  constructor(fs: FileSystem, directory: string, baseOffset: number, state: SegmentState = 'live') {
    this.#fs = fs
    this.#directory = directory
    this.#baseOffset = baseOffset
    this.named(state)
  }

  /** Its files are called so, or will be. */
  named(state: SegmentState): void {
    this.#offsetPath = join(this.#directory, segmentFile(this.#baseOffset, '.index', state))
    this.#timePath = join(this.#directory, segmentFile(this.#baseOffset, '.timeindex', state))
  }

  get loaded(): boolean { return this.#loaded }
  get bytes(): number { return this.#offsets.length + this.#times.length }
  get largestTimestamp(): number { return this.#timeCount === 0 ? -1 : timeEntryTimestamp(this.#times, this.#timeCount - 1) }

  /** Starts with no entries, whatever the files hold: the next write replaces them. */
  reset(): void {
    this.#offsetCount = this.#timeCount = this.#offsetsOnDisk = this.#timesOnDisk = 0
    this.#loaded = true
  }

  /** Reads what is sound of both files. A file that is absent or makes no sense counts as empty. */
  load(logBytes: number): void {
    const offsets = readWhole(this.#fs, this.#offsetPath) ?? Buffer.alloc(0)
    this.#offsetCount = countValidOffsetEntries(offsets)
    while (this.#offsetCount > 0 && entryPosition(offsets, this.#offsetCount - 1) >= logBytes) this.#offsetCount--
    this.#offsetsOnDisk = this.#offsetCount
    this.#offsets = entriesAlone(offsets, this.#offsetCount * OFFSET_ENTRY_BYTES)
    const times = readWhole(this.#fs, this.#timePath) ?? Buffer.alloc(0)
    this.#timeCount = this.#timesOnDisk = countValidTimeEntries(times)
    this.#times = entriesAlone(times, this.#timeCount * TIME_ENTRY_BYTES)
    this.#loaded = true
  }

  /** Only of a sealed segment: everything must be in the files. */
  unload(): void {
    this.#offsets = this.#times = Buffer.alloc(0)
    this.#loaded = false
  }

  addOffset(lastOffset: number, position: number): void {
    this.#offsets = withRoom(this.#offsets, this.#offsetCount, OFFSET_ENTRY_BYTES)
    writeOffsetEntry(this.#offsets, this.#offsetCount++, lastOffset - this.#baseOffset, position)
  }

  /** Ignored unless the timestamp is later than the last entry's. */
  addTime(timestamp: number, lastOffset: number): void {
    if (timestamp <= this.largestTimestamp) return
    this.#times = withRoom(this.#times, this.#timeCount, TIME_ENTRY_BYTES)
    writeTimeEntry(this.#times, this.#timeCount++, timestamp, lastOffset - this.#baseOffset)
  }

  /** The last entry whose batch ends at or before the offset, or holds it: where a walk to the offset begins. */
  floor(offset: number): IndexEntry | undefined {
    return this.#entry(floor(this.#offsetCount, i => entryOffset(this.#offsets, i) <= offset - this.#baseOffset))
  }

  entries(): IndexEntries {
    return { offsets: this.#offsets.subarray(0, this.#offsetCount * OFFSET_ENTRY_BYTES), times: this.#times.subarray(0, this.#timeCount * TIME_ENTRY_BYTES) }
  }

  lastEntry(): IndexEntry | undefined {
    return this.#entry(this.#offsetCount - 1)
  }

  #entry(i: number): IndexEntry | undefined {
    return i < 0 ? undefined : { lastOffset: this.#baseOffset + entryOffset(this.#offsets, i), position: entryPosition(this.#offsets, i) }
  }

  /** The last entry that is not later: no batch before the one it names has a timestamp as late as this one. */
  floorTime(timestamp: number): TimeEntry | undefined {
    return this.#timeEntry(floor(this.#timeCount, i => timeEntryTimestamp(this.#times, i) <= timestamp))
  }

  /** The last entry for a batch that does not end behind the offset. */
  lastTime(offset: number): TimeEntry | undefined {
    return this.#timeEntry(floor(this.#timeCount, i => timeEntryOffset(this.#times, i) <= offset - this.#baseOffset))
  }

  #timeEntry(i: number): TimeEntry | undefined {
    return i < 0 ? undefined : { timestamp: timeEntryTimestamp(this.#times, i), lastOffset: this.#baseOffset + timeEntryOffset(this.#times, i) }
  }

  /** Forgets what points at or beyond a cut. */
  truncate(endOffset: number, endPosition: number): void {
    while (this.#offsetCount > 0) {
      const last = this.#offsetCount - 1
      if (entryPosition(this.#offsets, last) < endPosition && this.#baseOffset + entryOffset(this.#offsets, last) < endOffset) break
      this.#offsetCount--
    }
    while (this.#timeCount > 0 && this.#baseOffset + timeEntryOffset(this.#times, this.#timeCount - 1) >= endOffset) this.#timeCount--
    this.#offsetsOnDisk = Math.min(this.#offsetsOnDisk, this.#offsetCount)
    this.#timesOnDisk = Math.min(this.#timesOnDisk, this.#timeCount)
  }

  /**
   * Writes the entries that the files lack, and cuts what they have too much. Makes the files if absent. Times go
   * first: after a kill the walk begins at the last offset entry, and what lies before it must be in the time index.
   */
  flush(): void {
    this.#flushFile(this.#timePath, this.#times, this.#timesOnDisk, this.#timeCount, TIME_ENTRY_BYTES)
    this.#timesOnDisk = this.#timeCount
    this.#flushFile(this.#offsetPath, this.#offsets, this.#offsetsOnDisk, this.#offsetCount, OFFSET_ENTRY_BYTES)
    this.#offsetsOnDisk = this.#offsetCount
  }

  async sync(): Promise<void> {
    await Promise.all([this.#syncFile(this.#offsetPath), this.#syncFile(this.#timePath)])
  }

  removeFiles(): void {
    this.#fs.remove(this.#offsetPath)
    this.#fs.remove(this.#timePath)
  }

  async #syncFile(path: string): Promise<void> {
    const file = openOrCreate(this.#fs, path)
    await file.sync().finally(() => file.close())
  }

  /** One that begins anew is another file: a snapshot may share the one that was there. */
  #flushFile(path: string, entries: Buffer, onDisk: number, count: number, entryBytes: number): void {
    if (onDisk === 0 && (this.#fs.stat(path)?.bytes ?? 0) > 0) this.#fs.remove(path)
    const file = openOrCreate(this.#fs, path)
    try {
      if (file.bytes() !== onDisk * entryBytes) file.truncate(onDisk * entryBytes)
      if (count > onDisk) file.write(entries.subarray(onDisk * entryBytes, count * entryBytes), onDisk * entryBytes)
    } finally {
      file.close()
    }
  }
}

/** Kafka makes an active segment's index 10 MiB long: what is behind the entries is not kept in memory. */
function entriesAlone(file: Buffer, bytes: number): Buffer {
  return bytes === file.length ? file : Buffer.from(file.subarray(0, bytes))
}

function withRoom(entries: Buffer, count: number, entryBytes: number): Buffer {
  if ((count + 1) * entryBytes <= entries.length) return entries
  const grown = Buffer.alloc(Math.max(FIRST_ENTRIES, count * 2) * entryBytes)
  entries.copy(grown, 0, 0, count * entryBytes)
  return grown
}

/** The last index for which `holds` is true, given that it holds for a prefix; -1 if for none. */
function floor(count: number, holds: (index: number) => boolean): number {
  let low = -1
  let high = count - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (holds(middle)) low = middle
    else high = middle - 1
  }
  return low
}
