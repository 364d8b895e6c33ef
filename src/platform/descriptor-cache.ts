// The descriptors behind all Files of this process: opened when first used, the longest unused closed when the
// limit is reached, so that thousands of files work where a process may open 256.
//   open ≤ limit; borrowed (in use off the main thread) ≤ MAX_BORROWED < limit, so there is always one to close
// Files without unsynced writes go first. Where one with unsynced writes has to go, Linux still reports a failed
// write-back to the next descriptor that syncs, unless memory pressure has dropped the inode in between.
import { closeSync, constants, openSync } from 'node:fs'
import { isSystemError, systemFailure } from './system-error.ts'

const MAX_OPEN_FILES = 128
const MAX_BORROWED = 64
/** How many descriptors are given back at once when the operating system has none left. */
const EVICTED_WHEN_NONE_LEFT = 16

interface Descriptor {
  readonly fd: number
  usedAt: number
  borrowers: number
  /** No longer its file's descriptor: closed by the last borrower. */
  dropped: boolean
}

/** One File's place in the cache. */
export class FileSlot {
  readonly path: string
  readonly flags: number
  unsynced = false
  descriptor: Descriptor | undefined
  pending = 0
  closing = false
  closeFailure: Error | undefined

  constructor(path: string, flags: number) {
    this.path = path
    this.flags = flags
  }

  get writable(): boolean { return this.flags === WRITE_FLAGS }
}

export class DescriptorCache {
  readonly #limit: number
  readonly #open = new Set<FileSlot>()
  #uses = 0
  #borrowed = 0
  readonly #waiting: (() => void)[] = []

  constructor(limit = MAX_OPEN_FILES) {
    this.#limit = limit
  }

  get openCount(): number { return this.#open.size }

  /** The file's descriptor, good until the next call of the cache. */
  use(slot: FileSlot): number {
    const descriptor = slot.descriptor ?? this.open(slot, slot.flags)
    descriptor.usedAt = ++this.#uses
    return descriptor.fd
  }

  open(slot: FileSlot, flags: number): Descriptor {
    if (slot.closeFailure !== undefined) throw slot.closeFailure
    if (this.#open.size >= this.#limit) this.#evict(this.#open.size - this.#limit + 1)
    const fd = this.attempt('open', slot.path, () => openSync(slot.path, flags, 0o600))
    slot.descriptor = { fd, usedAt: ++this.#uses, borrowers: 0, dropped: false }
    this.#open.add(slot)
    return slot.descriptor
  }

  /** Lends the descriptor to work off the main thread; nobody closes it before that ends. */
  async borrow<T>(slot: FileSlot, work: (fd: number) => Promise<T>): Promise<T> {
    slot.pending++
    try {
      return await this.withPermit(() => this.#lend(slot, work))
    } finally {
      if (--slot.pending === 0 && slot.closing) this.drop(slot)
    }
  }

  /** Keeps the count of descriptors in use off the main thread bounded; later callers wait their turn. */
  async withPermit<T>(work: () => Promise<T>): Promise<T> {
    if (this.#borrowed < this.#maxBorrowed) this.#borrowed++
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#borrowed--
      else next()
    }
  }

  /** Closes the file's descriptor, once its pending operations have ended. */
  close(slot: FileSlot): void {
    if (slot.pending > 0) slot.closing = true
    else this.drop(slot)
    if (slot.closeFailure !== undefined) throw slot.closeFailure
  }

  /** The name now stands for something else, or nothing: Files follow their names, not their descriptors. */
  forget(path: string): void {
    for (const slot of this.#open) {
      if (slot.path === path || slot.path.startsWith(`${path}/`)) this.drop(slot)
    }
  }

  drop(slot: FileSlot): void {
    const descriptor = slot.descriptor
    slot.closing = false
    if (descriptor === undefined) return
    slot.descriptor = undefined
    this.#open.delete(slot)
    if (descriptor.borrowers > 0) descriptor.dropped = true
    else closeDescriptor(slot, descriptor)
  }

  /** Calls what needs a descriptor, and once more after some were closed if the operating system has none left. */
  attempt<T>(operation: string, path: string, work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (!isOutOfDescriptors(error) || this.#evict(EVICTED_WHEN_NONE_LEFT) === 0) throw systemFailure(error, operation, path)
    }
    try {
      return work()
    } catch (error) {
      throw systemFailure(error, operation, path)
    }
  }

  get #maxBorrowed(): number { return Math.min(MAX_BORROWED, this.#limit >> 1) }

  async #lend<T>(slot: FileSlot, work: (fd: number) => Promise<T>): Promise<T> {
    const descriptor = slot.descriptor ?? this.open(slot, slot.flags)
    descriptor.usedAt = ++this.#uses
    descriptor.borrowers++
    try {
      return await work(descriptor.fd)
    } finally {
      if (--descriptor.borrowers === 0 && descriptor.dropped) closeDescriptor(slot, descriptor)
    }
  }

  /** Closes up to `count` files that nobody has borrowed; returns how many. */
  #evict(count: number): number {
    for (let evicted = 0; evicted < count; evicted++) {
      const victim = this.#leastNeeded()
      if (victim === undefined) return evicted
      this.drop(victim)
    }
    return count
  }

  /** The longest unused, of those without unsynced writes if there are any. */
  #leastNeeded(): FileSlot | undefined {
    let found: FileSlot | undefined
    let foundUsedAt = 0
    for (const slot of this.#open) {
      if (slot.descriptor === undefined || slot.descriptor.borrowers > 0) continue
      const { usedAt } = slot.descriptor
      if (found === undefined || (found.unsynced && !slot.unsynced) || (found.unsynced === slot.unsynced && usedAt < foundUsedAt)) {
        found = slot
        foundUsedAt = usedAt
      }
    }
    return found
  }
}

/** A failure is kept for the file's own next call: whoever caused the closing has nothing to do with it. */
function closeDescriptor(slot: FileSlot, descriptor: Descriptor): void {
  try {
    closeSync(descriptor.fd)
  } catch (error) {
    slot.closeFailure = systemFailure(error, 'close', slot.path)
  }
}

function isOutOfDescriptors(error: unknown): boolean {
  return isSystemError(error) && (error.code === 'EMFILE' || error.code === 'ENFILE')
}

/** Never through a symbolic link; Windows has no such flag and no such links without privilege. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- absent on Windows, whatever the types say
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0

export const READ_FLAGS = constants.O_RDONLY | NO_FOLLOW
export const WRITE_FLAGS = constants.O_RDWR | NO_FOLLOW
export const CREATE_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW
