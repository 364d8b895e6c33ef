// Mapped files or plain ones: decided when a log is opened to write, and told in words (`stats().storageReason`).
// 'auto' steps aside wherever mapping could harm the host; 'mapped' insists, and is refused where there is no way.
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { UsageError } from '../base/errors.ts'
import { nativeAbsence, nativePart } from '../native/load.ts'
import { GUARD_FOREIGN, type NativePart } from '../native/native-part.ts'
import { WindowLimit } from './append-window.ts'
import { DescriptorCache } from './descriptor-cache.ts'
import type { FileSystem } from './file-system.ts'
import { MappedFileSystem } from './mapped-file-system.ts'
import { NodeFileSystem } from './node-file-system.ts'
import { isSystemError, systemFailure } from './system-error.ts'

export type StorageWish = 'auto' | 'mapped' | 'file'

/** By the magic numbers of statfs(2): another machine may write their files, and a lost connection would be a signal. */
const REMOTE: Readonly<Record<number, string>> = {
  0x6969: 'NFS', 0x517b: 'SMB', 0xff534d42: 'CIFS', 0xfe534d42: 'SMB2', 0x01021997: '9p', 0x65735546: 'FUSE', 0x00c36400: 'Ceph',
  0x5346414f: 'AFS', 0x6b414653: 'AFS', 0x73757245: 'Coda', 0x0bd00bd0: 'Lustre', 0x47504653: 'GPFS', 0x19830326: 'BeeGFS',
  0x01161970: 'GFS2', 0x7461636f: 'OCFS2', 0x786f4256: 'VirtualBox', 0xbacbacbc: 'VMware', 0x7c7c6673: 'Parallels', 0x53464846: 'WSL',
}

// One cache of descriptors and one limit of windows for the process, whatever its logs use.
const descriptors = new DescriptorCache()
const windows = new WindowLimit()

export function chooseStorage(wish: StorageWish, directory: string): FileSystem {
  if (wish === 'file') return plainFiles("storage: 'file' was asked for")
  const native = process.platform === 'linux' ? nativePart : undefined
  if (native === undefined) return insteadOfMapped(wish, process.platform === 'linux' ? nativeAbsence : 'mapped files are for Linux so far')
  const caution = wish === 'auto' ? cautionFor(native, directory) : undefined
  if (caution !== undefined) return plainFiles(caution)
  if (native.installGuard() !== 0) return insteadOfMapped(wish, 'a handler for SIGBUS can\'t be installed')
  return new MappedFileSystem(descriptors, wish === 'auto' ? 'the native part is loaded, and nothing speaks against mapping' : "storage: 'mapped' was asked for", native, windows)
}

/** For a log that is only read. */
export function plainFiles(reason: string): FileSystem {
  return new NodeFileSystem(descriptors, reason)
}

function insteadOfMapped(wish: StorageWish, reason: string): FileSystem {
  if (wish === 'auto') return plainFiles(reason)
  throw new UsageError('STORAGE_UNAVAILABLE', `open: storage 'mapped' is not possible here: ${reason}`, { hint: "leave it out, or say 'file': what is stored is the same", details: { reason } })
}

/** Why mapping had better not be. */
function cautionFor(native: NativePart, directory: string): string | undefined {
  if (process.versions['electron'] !== undefined) return 'Electron reports crashes by signal handlers of its own'
  if (native.guardState() === GUARD_FOREIGN) return 'this process has a SIGBUS handler of its own'
  const remote = remoteFileSystem(directory)
  return remote === undefined ? undefined : `the directory is on ${remote}, which may be another machine`
}

/** The kind of a file system that another machine may hold, by the directory or the nearest one above it that exists. */
export function remoteFileSystem(directory: string, typeOf = (path: string): number => statfsSync(path).type): string | undefined {
  for (let path = directory; ; path = dirname(path)) {
    try {
      return REMOTE[typeOf(path) >>> 0]
    } catch (error) {
      if (!isSystemError(error) || error.code !== 'ENOENT' || path === dirname(path)) throw systemFailure(error, 'statfs', path)
    }
  }
}
