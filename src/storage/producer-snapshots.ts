// The `.snapshot` files of a partition: what was known of its producers at an offset, as Kafka keeps it. A log is then
// read again from there and not from its beginning.
//
//   no file        no batch of the partition has a producer id: the first such batch waits until there is one
//   X.snapshot     all batches below X are in it, none behind; the aborted transactions below X are in the .txnindex files
//
// Written when a segment is rolled, every few MiB of a segment, and on closing. A file is believed if its checksum holds.
import { CorruptionError } from '../base/errors.ts'
import { encodeProducerSnapshot, parseProducerSnapshot, type ProducerSnapshotEntry } from '../format/producer-snapshot.ts'
import { join, type FileSystem } from '../platform/file-system.ts'
import { parseSegmentFile, segmentFile } from './segment-files.ts'
import { openOrCreate, readThere } from './small-file.ts'

export interface ProducerSnapshot { readonly offset: number; readonly entries: readonly ProducerSnapshotEntry[] }

export class ProducerSnapshots {
  readonly #fs: FileSystem
  readonly #directory: string
  /** Offsets of the files, ascending. */
  #offsets: number[]
  /** Those that are on the device. */
  readonly #synced = new Set<number>()

  private constructor(fs: FileSystem, directory: string, offsets: number[]) {
    this.#fs = fs
    this.#directory = directory
    this.#offsets = offsets
  }

  static find(fs: FileSystem, directory: string): ProducerSnapshots {
    const files = fs.list(directory).map(parseSegmentFile).filter(file => file?.suffix === '.snapshot' && file.state === 'live')
    return new ProducerSnapshots(fs, directory, files.map(file => file!.baseOffset).sort((a, b) => a - b))
  }

  get none(): boolean { return this.#offsets.length === 0 }
  get latest(): number | undefined { return this.#offsets.at(-1) }

  /** The newest at or before the offset that can be believed. */
  read(offset: number): ProducerSnapshot | undefined {
    for (const candidate of this.#offsets.filter(at => at <= offset).reverse()) {
      try {
        return { offset: candidate, entries: parseProducerSnapshot(readThere(this.#fs, this.#path(candidate))) }
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error
      }
    }
    return undefined
  }

  /** What is on the device already stays as it is. */
  write(offset: number, entries: readonly ProducerSnapshotEntry[]): void {
    if (this.#synced.has(offset)) return
    const file = openOrCreate(this.#fs, this.#path(offset))
    try {
      const bytes = encodeProducerSnapshot(entries)
      if (file.bytes() > bytes.length) file.truncate(bytes.length)
      file.write(bytes, 0)
    } finally {
      file.close()
    }
    if (!this.#offsets.includes(offset)) this.#offsets = [...this.#offsets, offset].sort((a, b) => a - b)
  }

  /** The newest at or before the offset is on the device when it resolves. Whether its name is, is the directory's to know. */
  async sync(offset: number): Promise<void> {
    const newest = this.#offsets.findLast(at => at <= offset)
    if (newest === undefined || this.#synced.has(newest)) return
    const file = this.#fs.open(this.#path(newest), 'write')
    await file.sync().finally(() => { file.close() })
    this.#synced.add(newest)
  }

  /** All but the newest and those where a segment begins, as Kafka keeps them. */
  prune(isBase: (offset: number) => boolean): void {
    const { latest } = this
    this.#remove(offset => offset !== latest && !isBase(offset))
  }

  /** The log does not go so far any more, or not as it did. Returns whether there were any. */
  removeAfter(offset: number): boolean {
    return this.#remove(at => at > offset)
  }

  #remove(isMeant: (offset: number) => boolean): boolean {
    const meant = this.#offsets.filter(isMeant)
    for (const offset of meant) {
      this.#fs.remove(this.#path(offset))
      this.#synced.delete(offset)
    }
    this.#offsets = this.#offsets.filter(offset => !isMeant(offset))
    return meant.length > 0
  }

  #path(offset: number): string {
    return join(this.#directory, segmentFile(offset, '.snapshot'))
  }
}
