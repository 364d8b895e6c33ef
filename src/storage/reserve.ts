// A file at the log's root whose bytes mean nothing. On a full disk it is removed, and then there is room for what must
// still be written. Written byte for byte, with bytes that don't compress: only then has the file system set room aside.
//
//   held ⇒ the file is there and whole; one of another length is what a crash left of making it
import { randomBytes } from 'node:crypto'
import { join, type File, type FileSystem } from '../platform/file-system.ts'

const RESERVE_FILE = '.reserve'
const RESERVE_BYTES = 1024 * 1024
/** Of a simulated disk, which may be smaller than that. */
const LARGEST_PART_OF_DISK = 1 / 8

export class Reserve {
  /** 0: there is none, and none is needed. */
  readonly bytes: number
  readonly #fs: FileSystem
  readonly #path: string
  readonly #onLost: (error: unknown) => void
  #held = false
  /** While it is being synced. */
  #unsynced: File | undefined
  #settled: Promise<void> = Promise.resolve()

  /** `onLost`: it was made, and then its room could not be had after all. */
  constructor(fs: FileSystem, directory: string, onLost: (error: unknown) => void) {
    this.bytes = reserveBytes(fs.capacityBytes)
    this.#fs = fs
    this.#path = join(directory, RESERVE_FILE)
    this.#onLost = onLost
  }

  get held(): boolean { return this.#held }

  /** Resolves once what was made is on the device, or lost. */
  get settled(): Promise<void> { return this.#settled }

  /** Looks whether an earlier process has left one. */
  find(): void {
    this.#held = this.bytes > 0 && this.#fs.stat(this.#path)?.bytes === this.bytes
  }

  /** Its room is taken when it returns. When it throws, it has taken none. */
  make(): void {
    this.#fs.remove(this.#path)
    const file = this.#fs.open(this.#path, 'create')
    try {
      file.write(randomBytes(this.bytes), 0)
    } catch (error) {
      file.close()
      this.#fs.remove(this.#path)
      throw error
    }
    this.#held = true
    this.#settled = this.#sync(file)
    this.#settled.catch(() => { /* whoever waits for it has it */ })
  }

  /** Its room is free when it returns. */
  release(): void {
    this.#held = false
    this.#unsynced?.truncate(0) // a sync under way has it open: without a name it would keep its room
    this.#unsynced = undefined
    this.#fs.remove(this.#path)
  }

  /** Some file systems find out no sooner that there is no room. */
  async #sync(file: File): Promise<void> {
    this.#unsynced = file
    const error = await file.sync().then(() => undefined, (reason: unknown) => reason)
    file.close()
    if (this.#unsynced !== file) return // released meanwhile
    this.#unsynced = undefined
    if (error === undefined) return
    this.#held = false
    this.#onLost(error)
  }
}

/** Before the log is open: removes what an earlier process has left, and tells whether there was anything. */
export function removeReserve(fs: FileSystem, directory: string): boolean {
  const path = join(directory, RESERVE_FILE)
  if (fs.stat(path) === undefined) return false
  fs.remove(path)
  return true
}

/** A disk in memory without a limit is never full. */
function reserveBytes(capacityBytes: number | undefined): number {
  if (capacityBytes === undefined) return RESERVE_BYTES
  return capacityBytes === Infinity ? 0 : Math.min(RESERVE_BYTES, Math.floor(capacityBytes * LARGEST_PART_OF_DISK))
}
