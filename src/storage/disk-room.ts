// What a log takes of its disk, and who gets what is left of it when that runs out. One for a log, and one
// PartitionRoom in it for each partition.
//
//   usedBytes = the sum of what the partitions hold: logs of segments, and of replaced ones that wait for removal
//   a user's append: usedBytes + its bytes ≤ maxBytes, and the disk is not known to be full
//
// The log's own partitions (positions, the catalog) and housekeeping go on where users' records are refused: from them
// comes the room that ends it. On a full disk they take the reserve. Until it could be made again users are refused
// outright, or they would use up the room that it gave.
import { LimitError, MillraceError } from '../base/errors.ts'
import type { Clock } from '../platform/clock.ts'
import type { FileSystem } from '../platform/file-system.ts'
import { Reserve, removeReserve } from './reserve.ts'

/** Refused appends try to make the reserve again, but no more often than this. */
const RETRY_MS = 1000

export class DiskRoom {
  /** Removes something that only waits for it, the oldest; false: nothing does. */
  makeRoom: () => boolean = () => false
  /** A user's append found no room. */
  onRefused: () => void = () => {}
  readonly #maxBytes: number
  readonly #clock: Clock
  readonly #reserve: Reserve
  readonly #partitions = new Map<string, PartitionRoom>()
  #usedBytes = 0
  /** Where users' appends end: maxBytes, or below everything while the disk is full. */
  #limitBytes: number
  /** Why there is no reserve; undefined: there is, or none is needed. */
  #lack: MillraceError | undefined
  #triedAt = -Infinity
  /** How often the reserve was released. */
  #releases = 0

  constructor(fs: FileSystem, directory: string, { clock, maxBytes = Infinity }: { readonly clock: Clock; readonly maxBytes?: number }) {
    this.#maxBytes = this.#limitBytes = maxBytes
    this.#clock = clock
    this.#reserve = new Reserve(fs, directory, error => { this.#runShort(error) })
  }

  get usedBytes(): number { return this.#usedBytes }

  /** There is no reserve, and no room for one. */
  get isShort(): boolean { return this.#lack !== undefined }

  /** Finds or makes the reserve. A disk that is full keeps no log from being opened. */
  async open(): Promise<void> {
    this.#reserve.find()
    if (this.#reserve.held || this.#reserve.bytes === 0) return
    try {
      this.#reserve.make()
    } catch (error) {
      if (isWantOfRoom(error)) this.#runShort(error)
      else if (!(error instanceof LimitError)) throw error // too few descriptors, or no file may be as large: it does without
    }
    await this.#reserve.settled
  }

  async close(): Promise<void> {
    await this.#reserve.settled
  }

  partition(label: string, { isInternal }: { readonly isInternal: boolean }): PartitionRoom {
    const room = new PartitionRoom(this, label, isInternal)
    this.#partitions.set(label, room)
    return room
  }

  /** Their files are gone. */
  forget(labels: Iterable<string>): void {
    for (const label of labels) {
      this.#partitions.get(label)?.end()
      this.#partitions.delete(label)
    }
    this.restore()
  }

  /** Throws a LimitError while the disk is full: for what users add to the log. */
  checkRoom(what: string, details: Readonly<Record<string, unknown>> = { partition: what }): void {
    if (this.#lack !== undefined && Math.abs(this.#clock.now() - this.#triedAt) >= RETRY_MS) this.restore()
    if (this.#lack === undefined) return
    this.onRefused()
    throw diskFull(what, details, this.#lack)
  }

  /** Does work that has to be done on a full disk as well. What it left when it failed is in nobody's way the second time. */
  async insist<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      const releases = this.#releases
      try {
        return await work()
      } catch (error) {
        if (!isWantOfRoom(error) || !this.makesWay(error) && this.#releases === releases) throw error
      }
    }
  }

  insistNow<T>(work: () => T): T {
    for (;;) {
      try {
        return work()
      } catch (error) {
        if (!this.makesWay(error)) throw error
      }
    }
  }

  /** Whether there is room now that was not there when this error came about. */
  makesWay(error: unknown, { withReserve = true }: { readonly withReserve?: boolean } = {}): boolean {
    if (!isWantOfRoom(error)) return false
    if (this.makeRoom()) return true
    if (!withReserve) this.onRefused()
    if (!withReserve || !this.#reserve.held) return false
    this.#reserve.release()
    this.#releases++
    this.#runShort(error)
    return true
  }

  /** Makes the reserve again where it is gone and there is room for it: called when some may have come free. */
  restore(): void {
    if (this.#lack === undefined) return
    this.#triedAt = this.#clock.now()
    try {
      this.#reserve.make()
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      this.#lack = error
      return
    }
    this.#lack = undefined
    this.#limitBytes = this.#maxBytes
    this.#tellPartitions()
  }

  /** @internal */
  admit(bytes: number, label: string): void {
    if (this.#usedBytes + bytes > this.#limitBytes) this.#lookCloser(bytes, label)
  }

  /** So many bytes more are on the disk; less, if negative. */
  add(bytes: number): void {
    this.#usedBytes += bytes
  }

  #lookCloser(bytes: number, label: string): void {
    this.checkRoom(label)
    while (this.#usedBytes + bytes > this.#maxBytes && this.makeRoom());
    if (this.#usedBytes + bytes <= this.#maxBytes) return
    this.onRefused()
    throw allowanceUsed(label, { bytes, usedBytes: this.#usedBytes, maxDiskBytes: this.#maxBytes })
  }

  #runShort(error: unknown): void {
    if (!(error instanceof MillraceError)) throw error
    this.#lack = error
    this.#limitBytes = -1
    this.#tellPartitions()
  }

  #tellPartitions(): void {
    for (const room of this.#partitions.values()) room.onChange()
  }
}

/** A partition's part in it. */
export class PartitionRoom {
  /** The disk is full now, or is not any more. */
  onChange: () => void = () => {}
  readonly #disk: DiskRoom
  readonly #label: string
  readonly #isInternal: boolean
  #bytes = 0
  #ended = false

  constructor(disk: DiskRoom, label: string, isInternal: boolean) {
    this.#disk = disk
    this.#label = label
    this.#isInternal = isInternal
  }

  get isShort(): boolean { return this.#disk.isShort }

  /** Throws a LimitError where so many bytes more are not to be appended. */
  admit(bytes: number): void {
    if (!this.#isInternal) this.#disk.admit(bytes, this.#label)
  }

  /** So many more than before; less, if negative. */
  add(bytes: number): void {
    if (this.#ended) return
    this.#bytes += bytes
    this.#disk.add(bytes)
  }

  /** Counted anew: segments came or went. */
  count(bytes: number): void {
    this.add(bytes - this.#bytes)
  }

  end(): void {
    this.add(-this.#bytes)
    this.#ended = true
  }

  /** Of an append that failed: whether there is room for it now. */
  makesWay(error: unknown): boolean {
    return this.#disk.makesWay(error, { withReserve: this.#isInternal })
  }

  /** For what keeps the partition in order, whosever it is. */
  insistNow<T>(work: () => T): T {
    return this.#disk.insistNow(work)
  }
}

/** A full disk refuses to open a log too: there what an earlier process has left of the reserve makes way. */
export async function openInsisting<T>(fs: FileSystem, directory: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    if (!isWantOfRoom(error) || !removeReserve(fs, directory)) throw error
    return await open()
  }
}

function isWantOfRoom(error: unknown): boolean {
  return error instanceof LimitError && (error.code === 'DISK_FULL' || error.code === 'QUOTA_EXCEEDED')
}

function diskFull(what: string, details: Readonly<Record<string, unknown>>, cause: MillraceError): LimitError {
  return new LimitError('DISK_FULL', `${what}: the disk is full: what may be left of it is kept for positions, deletions and housekeeping`, {
    hint: 'make room: keep less (retention, retentionBytes), delete topics, truncate partitions (truncateBefore), or remove other files; sends go on by themselves', details, cause, retriable: true,
  })
}

function allowanceUsed(label: string, details: { readonly bytes: number; readonly usedBytes: number; readonly maxDiskBytes: number }): LimitError {
  if (details.bytes > details.maxDiskBytes) {
    return new LimitError('DISK_ALLOWANCE_USED', `${label}: a batch of ${details.bytes} bytes is larger than all that the log may hold: ${details.maxDiskBytes} bytes (maxDiskBytes)`, {
      hint: 'open the log with a larger maxDiskBytes, or send smaller records', details: { partition: label, ...details },
    })
  }
  return new LimitError('DISK_ALLOWANCE_USED', `${label}: a batch of ${details.bytes} bytes does not fit: the log holds ${details.usedBytes} of ${details.maxDiskBytes} bytes (maxDiskBytes)`, {
    hint: 'keep less (retention, retentionBytes): housekeeping makes that room within a second, log.housekeep() at once; or delete topics, truncate partitions (truncateBefore), open the log with a larger maxDiskBytes', details: { partition: label, ...details }, retriable: true,
  })
}
