// Real files through node:fs. What the page cache answers is done at once on the calling thread, which costs less
// than a trip through libuv's pool; syncs and cold reads go through the pool. Owns no policy: descriptors are
// bounded by descriptor-cache.ts, errors typed by system-error.ts, the lock file kept by directory-lock.ts.
import {
  constants, fdatasync, fstatSync, fsync, fsyncSync, fdatasyncSync, ftruncateSync, lstatSync, mkdirSync, openSync,
  closeSync, read, readFileSync, readSync, readdirSync, renameSync, rmdirSync, statSync, unlinkSync, writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { CREATE_FLAGS, DescriptorCache, FileSlot, READ_FLAGS, WRITE_FLAGS } from './descriptor-cache.ts'
import { lockDirectory } from './directory-lock.ts'
import type { DirectoryLock, File, FileStat, FileSystem } from './file-system.ts'
import { directJobs } from './jobs.ts'
import { isSystemError, syncFailure, systemError, systemFailure } from './system-error.ts'

const onWindows = process.platform === 'win32'

// Data and length. On macOS only fsync reaches the device: Node asks for F_FULLFSYNC there.
const syncData = process.platform === 'darwin' ? fsync : fdatasync
const syncDataNow = process.platform === 'darwin' ? fsyncSync : fdatasyncSync

export class NodeFileSystem implements FileSystem {
  readonly kind = 'file'
  readonly jobs = directJobs
  readonly bootId = readBootId()
  readonly #descriptors: DescriptorCache

  constructor(descriptors: DescriptorCache) {
    this.#descriptors = descriptors
  }

  stat(path: string): FileStat | undefined {
    try {
      const found = lstatSync(path, { throwIfNoEntry: false })
      if (found === undefined) return undefined
      // A user may have put a directory elsewhere; files are never reached through a link.
      const isDirectory = found.isDirectory() || (found.isSymbolicLink() && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
      return { kind: isDirectory ? 'directory' : found.isFile() ? 'file' : 'other', bytes: found.size, modifiedMs: found.mtimeMs }
    } catch (error) {
      throw systemFailure(error, 'stat', path)
    }
  }

  list(directory: string): string[] {
    return this.#descriptors.attempt('list', directory, () => readdirSync(directory)).sort()
  }

  makeDirectory(path: string): void {
    const found = this.stat(path)
    if (found?.kind === 'directory') return
    if (found !== undefined) throw systemFailure(systemError('ENOTDIR', 'mkdir', path), 'makeDirectory', path)
    const parent = dirname(path)
    if (parent !== path) this.makeDirectory(parent)
    try {
      mkdirSync(path, 0o700)
    } catch (error) {
      // Another process may have made it meanwhile.
      if (this.stat(path)?.kind !== 'directory') throw systemFailure(error, 'makeDirectory', path)
    }
    this.syncDirectoryNow(parent)
  }

  removeDirectory(path: string): void {
    try {
      rmdirSync(path)
    } catch (error) {
      if (!isAbsent(error)) throw systemFailure(error, 'removeDirectory', path)
    }
  }

  remove(path: string): void {
    this.#descriptors.forget(path)
    try {
      unlinkSync(path)
    } catch (error) {
      if (!isAbsent(error)) throw systemFailure(error, 'remove', path)
    }
  }

  rename(from: string, to: string): void {
    this.#descriptors.forget(from)
    this.#descriptors.forget(to)
    try {
      renameSync(from, to)
    } catch (error) {
      throw systemFailure(error, 'rename', from)
    }
  }

  open(path: string, mode: 'create' | 'write' | 'read'): File {
    const slot = new FileSlot(path, mode === 'read' ? READ_FLAGS : WRITE_FLAGS)
    this.#descriptors.open(slot, mode === 'create' ? CREATE_FLAGS : slot.flags)
    return new NodeFile(this.#descriptors, slot)
  }

  /** Windows has nothing of the kind: NTFS journals names by itself. */
  async syncDirectory(path: string): Promise<void> {
    if (onWindows) return
    await this.#descriptors.withPermit(async () => {
      const fd = this.#openDirectory(path)
      try {
        await new Promise<void>((resolve, reject) => { fsync(fd, error => { if (error === null || cannotSyncDirectories(error)) resolve(); else reject(error) }) })
      } catch (error) {
        throw syncFailure(error, 'syncDirectory', path)
      } finally {
        closeSync(fd)
      }
    })
  }

  syncDirectoryNow(path: string): void {
    if (onWindows) return
    const fd = this.#openDirectory(path)
    try {
      fsyncSync(fd)
    } catch (error) {
      if (!cannotSyncDirectories(error)) throw syncFailure(error, 'syncDirectoryNow', path)
    } finally {
      closeSync(fd)
    }
  }

  lock(directory: string): DirectoryLock {
    return this.#descriptors.attempt('lock', directory, () => lockDirectory(directory, this.bootId))
  }

  #openDirectory(path: string): number {
    return this.#descriptors.attempt('open', path, () => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY))
  }
}

class NodeFile implements File {
  readonly path: string
  readonly #descriptors: DescriptorCache
  readonly #slot: FileSlot

  constructor(descriptors: DescriptorCache, slot: FileSlot) {
    this.path = slot.path
    this.#descriptors = descriptors
    this.#slot = slot
  }

  bytes(): number {
    const fd = this.#descriptors.use(this.#slot)
    try {
      return fstatSync(fd).size
    } catch (error) {
      throw systemFailure(error, 'stat', this.path)
    }
  }

  read(target: Uint8Array, position: number): number {
    const fd = this.#descriptors.use(this.#slot)
    let filled = 0
    try {
      while (filled < target.length) {
        const count = readSync(fd, target, filled, target.length - filled, position + filled)
        if (count === 0) break
        filled += count
      }
    } catch (error) {
      throw systemFailure(error, 'read', this.path)
    }
    return filled
  }

  async readLater(target: Uint8Array, position: number): Promise<number> {
    return this.#descriptors.borrow(this.#slot, async fd => {
      let filled = 0
      try {
        while (filled < target.length) {
          const count = await readOnce(fd, target, filled, position + filled)
          if (count === 0) break
          filled += count
        }
      } catch (error) {
        throw systemFailure(error, 'readLater', this.path)
      }
      return filled
    })
  }

  write(source: Uint8Array, position: number): void {
    const fd = this.#descriptors.use(this.#slot)
    this.#slot.unsynced = true
    let written = 0
    try {
      while (written < source.length) written += writeSync(fd, source, written, source.length - written, position + written)
    } catch (error) {
      throw systemFailure(error, 'write', this.path)
    }
  }

  truncate(bytes: number): void {
    const fd = this.#descriptors.use(this.#slot)
    this.#slot.unsynced = true
    try {
      ftruncateSync(fd, bytes)
    } catch (error) {
      throw systemFailure(error, 'truncate', this.path)
    }
  }

  async sync(): Promise<void> {
    return this.#descriptors.borrow(this.#slot, async fd => {
      this.#slot.unsynced = false
      try {
        await new Promise<void>((resolve, reject) => { syncData(fd, error => { if (error === null) resolve(); else reject(error) }) })
      } catch (error) {
        this.#slot.unsynced = true
        throw syncFailure(error, 'sync', this.path)
      }
    })
  }

  syncNow(): void {
    const fd = this.#descriptors.use(this.#slot)
    try {
      syncDataNow(fd)
      this.#slot.unsynced = false
    } catch (error) {
      throw syncFailure(error, 'syncNow', this.path)
    }
  }

  close(): void {
    this.#descriptors.close(this.#slot)
  }
}

/** The real files of this process, behind one cache of descriptors. */
export const nodeFileSystem: FileSystem = new NodeFileSystem(new DescriptorCache())

function readOnce(fd: number, target: Uint8Array, filled: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, target, filled, target.length - filled, position, (error, count) => { if (error === null) resolve(count); else reject(error) })
  })
}

function isAbsent(error: unknown): boolean {
  return isSystemError(error) && error.code === 'ENOENT'
}

/** Some network and FUSE file systems have no sync of directories and say so; there is nothing to be had from them. */
function cannotSyncDirectories(error: unknown): boolean {
  return isSystemError(error) && (error.code === 'EINVAL' || error.code === 'EBADF')
}

function readBootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return null // not Linux: another boot can't be told from this one
  }
}
