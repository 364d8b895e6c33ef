// Real files through node:fs. What the page cache answers is done at once on the calling thread, which costs less
// than a trip through libuv's pool; syncs and cold reads go through the pool. Owns no policy: descriptors are
// bounded by descriptor-cache.ts, errors typed by system-error.ts, the lock file kept by directory-lock.ts.
import {
  closeSync, constants, fsyncSync, linkSync, lstatSync, mkdirSync, openSync, readFileSync, readdirSync, realpathSync, renameSync, rmdirSync, statSync, unlink, unlinkSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { CREATE_FLAGS, FileSlot, READ_FLAGS, WRITE_FLAGS, type DescriptorCache } from './descriptor-cache.ts'
import { lockDirectory } from './directory-lock.ts'
import type { DirectoryLock, File, FileStat, FileSystem } from './file-system.ts'
import { nodeJobs } from './jobs.ts'
import { NodeFile } from './node-file.ts'
import { isUnderPermissionModel, syncNames } from './sync.ts'
import { cannotLink, isSystemError, syncFailure, systemError, systemFailure } from './system-error.ts'

const onWindows = process.platform === 'win32'

export class NodeFileSystem implements FileSystem {
  readonly jobs = nodeJobs
  readonly bootId = readBootId()
  readonly capacityBytes = undefined
  readonly #descriptors: DescriptorCache
  readonly #reason: string
  /** Where nothing can be synced on the spot: synced with the next directory. */
  readonly #unsyncedParents = new Set<string>()

  constructor(descriptors: DescriptorCache, reason = 'plain files') {
    this.#descriptors = descriptors
    this.#reason = reason
  }

  get kind(): 'file' | 'mapped' { return 'file' }
  get reason(): string { return this.#reason }

  stat(path: string): FileStat | undefined {
    try {
      const found = lstatSync(path, { throwIfNoEntry: false })
      if (found === undefined) return undefined
      // A user may have put a directory elsewhere; files are never reached through a link.
      const isDirectory = found.isDirectory() || (found.isSymbolicLink() && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
      return { kind: isDirectory ? 'directory' : found.isFile() ? 'file' : 'other', bytes: found.size, modifiedMs: found.mtimeMs, id: found.ino, device: found.dev }
    } catch (error) {
      throw systemFailure(error, 'stat', path)
    }
  }

  realPath(path: string): string {
    try {
      return realpathSync.native(path)
    } catch (error) {
      const parent = dirname(path)
      if (!isSystemError(error) || error.code !== 'ENOENT' || parent === path) throw systemFailure(error, 'find the real path of', path)
      return join(this.realPath(parent), basename(path))
    }
  }

  list(directory: string): string[] {
    return this.#descriptors.attempt('list', directory, () => readdirSync(directory)).sort()
  }

  makeDirectory(path: string, { sync } = { sync: true }): void {
    const found = this.stat(path)
    if (found?.kind === 'directory') return
    if (found !== undefined) throw systemFailure(systemError('ENOTDIR', 'mkdir', path), 'makeDirectory', path)
    const parent = dirname(path)
    if (parent !== path) this.makeDirectory(parent, { sync })
    try {
      mkdirSync(path, 0o700)
    } catch (error) {
      // Another process may have made it meanwhile.
      if (this.stat(path)?.kind !== 'directory') throw systemFailure(error, 'makeDirectory', path)
    }
    if (isUnderPermissionModel) this.#unsyncedParents.add(parent)
    else if (sync) this.syncDirectoryNow(parent)
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

  removeLater(path: string): Promise<void> {
    this.#descriptors.forget(path)
    return new Promise((resolve, reject) => {
      unlink(path, error => {
        if (error === null || isAbsent(error)) resolve()
        else reject(systemFailure(error, 'remove', path))
      })
    })
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

  link(from: string, to: string): boolean {
    try {
      linkSync(from, to)
      return true
    } catch (error) {
      if (cannotLink(error)) return false
      throw systemFailure(error, 'link', to)
    }
  }

  open(path: string, mode: 'create' | 'write' | 'read'): File {
    const slot = new FileSlot(path, mode === 'read' ? READ_FLAGS : WRITE_FLAGS)
    this.#descriptors.open(slot, mode === 'create' ? CREATE_FLAGS : slot.flags)
    return this.fileOf(this.#descriptors, slot)
  }

  /** Windows has nothing of the kind: NTFS journals names by itself. */
  async syncDirectory(path: string): Promise<void> {
    if (onWindows) return
    for (const parent of this.#unsyncedParents) {
      this.#unsyncedParents.delete(parent)
      await this.syncDirectory(parent)
    }
    await this.#descriptors.withPermit(async () => {
      const fd = this.#openDirectory(path)
      try {
        await syncNames(fd, path)
      } catch (error) {
        if (!cannotSyncDirectories(error)) throw syncFailure(error, 'syncDirectory', path)
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

  protected fileOf(descriptors: DescriptorCache, slot: FileSlot): NodeFile {
    return new NodeFile(descriptors, slot)
  }

  #openDirectory(path: string): number {
    return this.#descriptors.attempt('open', path, () => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY))
  }
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
