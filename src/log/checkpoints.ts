// Kafka's two checkpoint files of a directory: how far each partition is known to be on the device, and where each
// begins. Rewritten whole, one write at a time; writers that come meanwhile share the next.
import { formatOffsets, parseOffsets } from '../format/checkpoint-file.ts'
import type { FileSystem } from '../platform/file-system.ts'
import { readTextFile, replaceFile } from '../storage/replace-file.ts'
import { SharedSync } from '../storage/shared-sync.ts'
import { parsePartitionDirectory, partitionDirectory } from './topic-name.ts'

export const RECOVERY_POINTS = 'recovery-point-offset-checkpoint'
export const START_OFFSETS = 'log-start-offset-checkpoint'

/** By partition directory: `orders-0`. */
export type Offsets = Map<string, number>

export class OffsetCheckpoint {
  readonly #fs: FileSystem
  readonly #directory: string
  readonly #name: string
  readonly #offsets: () => Offsets
  readonly #write = new SharedSync(() => this.#replace())
  #written: string | undefined

  /** `offsets` is asked when a write begins. */
  constructor(fs: FileSystem, directory: string, name: string, offsets: () => Offsets) {
    this.#fs = fs
    this.#directory = directory
    this.#name = name
    this.#offsets = offsets
  }

  /** Resolves once the offsets as of this call, or later ones, are on the device. */
  save(): Promise<void> {
    return this.#write.request()
  }

  async #replace(): Promise<void> {
    const entries = [...this.#offsets()].map(([label, offset]) => ({ ...parsePartitionDirectory(label)!, offset }))
    const text = formatOffsets(entries)
    if (text === this.#written) return
    this.#written = undefined
    await replaceFile(this.#fs, this.#directory, this.#name, text)
    this.#written = text
  }
}

export function readOffsets(fs: FileSystem, directory: string, name: string): Offsets {
  const text = readTextFile(fs, directory, name)
  const entries = text === undefined ? [] : parseOffsets(text)
  return new Map(entries.map(({ topic, partition, offset }) => [partitionDirectory(topic, partition), offset]))
}
