// Tells by one call to the file system whether a file was replaced, or the names in a directory have changed, where
// another process writes. What was changed within the grain of the file system's times may be changed again without a
// trace: so it counts as changed until it is older.
import { systemClock } from '../platform/clock.ts'
import type { FileStat, FileSystem } from '../platform/file-system.ts'

/** File systems tell times apart that differ by so much. */
const TIMESTAMP_GRAIN_MS = 20

export class WatchedPath {
  readonly #fs: FileSystem
  readonly #path: string
  #noted: string | undefined
  #isNew = true

  constructor(fs: FileSystem, path: string) {
    this.#fs = fs
    this.#path = path
  }

  /** To be called before it is read. */
  note(): void {
    const stat = this.#fs.stat(this.#path)
    this.#noted = marksOf(stat)
    this.#isNew = stat !== undefined && Math.abs(systemClock.now() - stat.modifiedMs) < TIMESTAMP_GRAIN_MS
  }

  /** Since it was noted, for sure. */
  get hasChanged(): boolean {
    return this.#noted !== marksOf(this.#fs.stat(this.#path))
  }

  /** … or it can't be told. */
  get mayHaveChanged(): boolean {
    return this.#isNew || this.hasChanged
  }

  /** What was noted was not read after all. */
  forget(): void {
    this.#noted = undefined
  }
}

/** Differs between two of a name, and before and after a change. */
export function marksOf(stat: FileStat | undefined): string {
  return stat === undefined ? '' : `${stat.id}/${stat.modifiedMs}/${stat.bytes}`
}
