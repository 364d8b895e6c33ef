// Files that are read whole: indexes, and what is known of producers.
import { NotFoundError } from '../base/errors.ts'
import type { File, FileSystem } from '../platform/file-system.ts'

/** undefined: there is none of that name. */
export function readWhole(fs: FileSystem, path: string): Buffer | undefined {
  try {
    return readThere(fs, path)
  } catch (error) {
    if (error instanceof NotFoundError) return undefined
    throw error
  }
}

/** It was there a moment ago: a NotFoundError tells that it has gone. */
export function readThere(fs: FileSystem, path: string): Buffer {
  const file = fs.open(path, 'read')
  try {
    const bytes = Buffer.alloc(file.bytes())
    return bytes.subarray(0, file.read(bytes, 0))
  } finally {
    file.close()
  }
}

export function openOrCreate(fs: FileSystem, path: string): File {
  return fs.open(path, fs.stat(path) === undefined ? 'create' : 'write')
}
