// How what was written gets to the device, off the main thread. Node's permission model disables fsync and fdatasync,
// which take a bare descriptor, but not those of a FileHandle: under it a file is opened once more, by its name, to be
// synced. A failed write-back that nobody was told of yet is reported to whoever opens the file next.
import { fdatasync, fsync, promises } from 'node:fs'
import { promisify } from 'node:util'

export const isUnderPermissionModel = 'permission' in process

const syncAll = promisify(fsync)
// Data and length. On macOS only fsync reaches the device: Node asks for F_FULLFSYNC there.
const syncData = process.platform === 'darwin' ? syncAll : promisify(fdatasync)

export async function syncFile(fd: number, path: string): Promise<void> {
  await (isUnderPermissionModel ? syncByName(path, 'r+') : syncData(fd))
}

export async function syncNames(fd: number, path: string): Promise<void> {
  await (isUnderPermissionModel ? syncByName(path, 'r') : syncAll(fd))
}

async function syncByName(path: string, flags: 'r' | 'r+'): Promise<void> {
  const handle = await promises.open(path, flags)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
