// The third index of a segment: the transactions whose abort marker stands in it, in `.txnindex`. Unlike the other two
// it can't be made anew from its segment alone, for a transaction may begin in an earlier one. So what stands in it
// and what a snapshot of the producers knows never leave a gap: entries are in the file before a snapshot is taken that
// is behind their marker, and whoever begins with a snapshot reads the markers behind it again (producer-recovery.ts).
//
//   entries[i].lastOffset < entries[i + 1].lastOffset      (the offset of the marker, within the segment)
//
// Most segments have none, and then there is no file.
import { CorruptionError } from '../base/errors.ts'
import { ABORTED_ENTRY_BYTES, encodeAbortedTransaction, parseAbortedTransactions, type AbortedTransaction } from '../format/aborted-transactions.ts'
import { join, type FileSystem } from '../platform/file-system.ts'
import { segmentFile, type SegmentState } from './segment-files.ts'
import { openOrCreate, readWhole } from './small-file.ts'

export class TransactionIndex {
  readonly #fs: FileSystem
  readonly #directory: string
  readonly #baseOffset: number
  #path!: string
  #entries: AbortedTransaction[] | undefined
  /** So many are in the file; and perhaps something behind them. */
  #onDisk = 0
  #mayHaveRest = false

  constructor(fs: FileSystem, directory: string, baseOffset: number, state: SegmentState = 'live') {
    this.#fs = fs
    this.#directory = directory
    this.#baseOffset = baseOffset
    this.named(state)
  }

  /** Its file is called so, or will be. */
  named(state: SegmentState): void {
    this.#path = join(this.#directory, segmentFile(this.#baseOffset, '.txnindex', state))
  }

  get bytes(): number { return (this.#entries?.length ?? 0) * ABORTED_ENTRY_BYTES }

  get loaded(): boolean { return this.#entries !== undefined }

  /** In the order of their markers. Read from the file the first time. */
  get entries(): readonly AbortedTransaction[] {
    return this.#entries ??= this.#load()
  }

  /** Whether there are entries to be had: a damaged file throws. */
  get isSound(): boolean {
    try {
      return this.entries.length >= 0
    } catch (error) {
      if (error instanceof CorruptionError) return false
      throw error
    }
  }

  /** Begins without entries, whatever the file holds: the next write replaces it. */
  reset(): void {
    this.#entries = []
    this.#onDisk = 0
    this.#mayHaveRest = true
  }

  /** Only where everything is in the file. */
  unload(): void {
    if (this.#entries?.length === this.#onDisk && !this.#mayHaveRest) this.#entries = undefined
  }

  /** In memory: flush() writes it. */
  add(aborted: AbortedTransaction): void {
    (this.entries as AbortedTransaction[]).push(aborted)
  }

  /** Takes back those whose marker has that offset, or a later one. */
  truncate(offset: number): void {
    const kept = this.entries.filter(({ lastOffset }) => lastOffset < offset)
    if (kept.length < this.#onDisk) this.#mayHaveRest = true
    this.#entries = kept
    this.#onDisk = Math.min(this.#onDisk, kept.length)
  }

  /**
   * Writes the entries that the file lacks, and cuts what it has too much; returns whether it had to. One that begins
   * anew is another file: a snapshot may share the one that was there.
   */
  flush(): boolean {
    const entries = this.#entries
    if (entries === undefined || (entries.length === this.#onDisk && !this.#mayHaveRest)) return false
    const had = this.#fs.stat(this.#path) !== undefined
    if (had && this.#onDisk === 0) this.#fs.remove(this.#path)
    if (entries.length > 0) this.#write(entries)
    this.#onDisk = entries.length
    this.#mayHaveRest = false
    return had || entries.length > 0
  }

  #write(entries: readonly AbortedTransaction[]): void {
    const file = openOrCreate(this.#fs, this.#path)
    try {
      const end = this.#onDisk * ABORTED_ENTRY_BYTES
      if (file.bytes() !== end) file.truncate(end)
      if (entries.length > this.#onDisk) file.write(Buffer.concat(entries.slice(this.#onDisk).map(encodeAbortedTransaction)), end)
    } finally {
      file.close()
    }
  }

  /** What is in the file is on the device when it resolves; where there is no file there is nothing to do. */
  async sync(): Promise<void> {
    if (this.#fs.stat(this.#path) === undefined) return
    const file = this.#fs.open(this.#path, 'write')
    await file.sync().finally(() => { file.close() })
  }

  removeFile(): void {
    this.#fs.remove(this.#path)
  }

  #load(): AbortedTransaction[] {
    const bytes = readWhole(this.#fs, this.#path) ?? Buffer.alloc(0)
    const { entries, bytes: sound } = parseAbortedTransactions(bytes)
    if (bytes.length - sound >= ABORTED_ENTRY_BYTES) throw this.#corrupt(sound)
    this.#onDisk = entries.length
    this.#mayHaveRest = sound < bytes.length
    return [...entries]
  }

  #corrupt(position: number): CorruptionError {
    return new CorruptionError('TRANSACTION_INDEX_CORRUPT', `${this.#path}: the entry at position ${position} makes no sense`, {
      hint: "which records were aborted is not known there: restore the file from a copy, or read with isolation 'read_uncommitted'", details: { file: this.#path, position },
    })
  }
}
