// leader-epoch-checkpoint: which epoch a batch at some offset was written in. The epoch lies outside a batch's
// checksum, so recovery believes this file and not the batch. It rises by one after an unclean end, and is on the
// device before a batch of the new epoch is appended. Entries rise in both columns; without the file the epoch is 0.
import { formatEpochs, parseEpochs, type EpochEntry } from '../format/checkpoint-file.ts'
import type { FileSystem } from '../platform/file-system.ts'
import { readTextFile, replaceFile } from './replace-file.ts'

export const LEADER_EPOCHS_FILE = 'leader-epoch-checkpoint'

export class LeaderEpochs {
  readonly #fs: FileSystem
  readonly #directory: string
  #entries: readonly EpochEntry[]

  private constructor(fs: FileSystem, directory: string, entries: readonly EpochEntry[]) {
    this.#fs = fs
    this.#directory = directory
    this.#entries = entries
  }

  static read(fs: FileSystem, directory: string): LeaderEpochs {
    const text = readTextFile(fs, directory, LEADER_EPOCHS_FILE)
    return new LeaderEpochs(fs, directory, text === undefined ? [] : parseEpochs(text))
  }

  get current(): number {
    return this.#entries.at(-1)?.epoch ?? 0
  }

  /** The epoch of the batch at this offset; undefined where the file does not say. */
  at(offset: number): number | undefined {
    return this.#entries.findLast(entry => entry.startOffset <= offset)?.epoch
  }

  /**
   * Where an epoch ends, or where the last one before it does if no batch was written in it; undefined: there is no such
   * epoch, not even an older one. What an entry does not say was written before all of them: that is of the epoch asked for.
   */
  endOf(epoch: number, endOffset: number): { readonly epoch: number; readonly endOffset: number } | undefined {
    if (epoch === this.current) return { epoch, endOffset }
    const next = this.#entries.find(entry => entry.epoch > epoch)
    if (next === undefined || epoch < 0) return undefined
    const last = this.#entries.findLast(entry => entry.epoch <= epoch)
    return { epoch: last?.epoch ?? epoch, endOffset: next.startOffset }
  }

  /** Entries that begin at or beyond a cut are forgotten: what they spoke of is gone. */
  async raise(startOffset: number): Promise<void> {
    const kept = this.#entries.filter(entry => entry.startOffset < startOffset)
    const entries = [...kept, { epoch: this.current + 1, startOffset }]
    await replaceFile(this.#fs, this.#directory, LEADER_EPOCHS_FILE, formatEpochs(entries))
    this.#entries = entries
  }
}
