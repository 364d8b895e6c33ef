// The checkpoint files of a directory, in Kafka's form: an offset for each partition. Rewritten whole, one write at a
// time; writers that come meanwhile share the next. None is made before there is something to say.
//
//   compacted offset ≥ cleaner offset: it is written before the first segment is replaced, that after the last
import { formatOffsets, parseOffsets } from '../format/checkpoint-file.ts'
import { join, type FileSystem } from '../platform/file-system.ts'
import type { DiskRoom } from '../storage/disk-room.ts'
import { readTextFile, removeUnfinished, replaceFile } from '../storage/replace-file.ts'
import { SharedSync } from '../storage/shared-sync.ts'
import { WatchedPath } from '../storage/watched-path.ts'
import { parsePartitionDirectory, partitionDirectory } from './topic-name.ts'

/** How far each partition is known to be on the device. */
export const RECOVERY_POINTS = 'recovery-point-offset-checkpoint'
/** Where each begins. */
export const START_OFFSETS = 'log-start-offset-checkpoint'
/** Up to where each was compacted. */
export const CLEANER_OFFSETS = 'cleaner-offset-checkpoint'
/** Segments that begin before it may have gaps; ours alone. */
export const COMPACTED_OFFSETS = 'compacted-offset-checkpoint'

/** By partition directory: `orders-0`. */
export type Offsets = Map<string, number>

export class OffsetCheckpoint {
  readonly #fs: FileSystem
  readonly #directory: string
  readonly #name: string
  readonly #offsets: () => Offsets
  readonly #room: DiskRoom
  readonly #write = new SharedSync(() => this.#replace())
  #written: string | undefined
  /** What a crash has left of an earlier write. */
  #mayHaveRest = true

  /** `offsets` is asked when a write begins. */
  constructor(fs: FileSystem, directory: string, name: string, offsets: () => Offsets, room: DiskRoom) {
    this.#fs = fs
    this.#directory = directory
    this.#name = name
    this.#offsets = offsets
    this.#room = room
  }

  /** Resolves once the offsets as of this call, or later ones, are on the device. */
  save(): Promise<void> {
    return this.#write.request()
  }

  async #replace(): Promise<void> {
    const offsets = this.#offsets()
    const text = formatCheckpoint(offsets)
    if (text === this.#written) return
    if (offsets.size === 0 && this.#fs.stat(join(this.#directory, this.#name)) === undefined) return this.#removeRest()
    this.#written = undefined
    await this.#room.insist(() => replaceFile(this.#fs, this.#directory, this.#name, text))
    this.#written = text
  }

  /** Nothing is written over it where there is nothing to write. */
  #removeRest(): void {
    if (!this.#mayHaveRest) return
    this.#mayHaveRest = false
    removeUnfinished(this.#fs, this.#directory, this.#name)
  }
}

/** A checkpoint that another process writes: read again when the file is another one. */
export class WatchedOffsets {
  readonly #fs: FileSystem
  readonly #directory: string
  readonly #name: string
  readonly #path: WatchedPath
  #offsets: Offsets = new Map()

  constructor(fs: FileSystem, directory: string, name: string) {
    this.#fs = fs
    this.#directory = directory
    this.#name = name
    this.#path = new WatchedPath(fs, join(directory, name))
  }

  get(label: string): number {
    if (this.#path.mayHaveChanged) {
      this.#path.note()
      this.#offsets = readOffsets(this.#fs, this.#directory, this.#name)
    }
    return this.#offsets.get(label) ?? 0
  }
}

export function formatCheckpoint(offsets: ReadonlyMap<string, number>): string {
  return formatOffsets(Array.from(offsets, ([label, offset]) => ({ ...parsePartitionDirectory(label)!, offset })))
}

export function readOffsets(fs: FileSystem, directory: string, name: string): Offsets {
  const text = readTextFile(fs, directory, name)
  const entries = text === undefined ? [] : parseOffsets(text)
  return new Map(entries.map(({ topic, partition, offset }) => [partitionDirectory(topic, partition), offset]))
}
