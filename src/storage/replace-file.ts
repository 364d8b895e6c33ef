// Replaces a small file so that a crash at any moment leaves the old content or the new, whole, and a power cut
// after it resolves leaves the new: temporary file, sync, rename, sync of the directory.
import { NotFoundError } from '../base/errors.ts'
import { join, type FileSystem } from '../platform/file-system.ts'

interface Place { readonly fs: FileSystem; readonly directory: string }

const LARGEST_BYTES = 64 * 1024 * 1024

export async function replaceFile(fs: FileSystem, directory: string, name: string, text: string): Promise<void> {
  removeUnfinished(fs, directory, name)
  await createFile(fs, unfinished(directory, name), Buffer.from(text))
  fs.rename(unfinished(directory, name), join(directory, name))
  await fs.syncDirectory(directory)
}

/** What a crash in the middle has left. */
export function removeUnfinished(fs: FileSystem, directory: string, name: string): void {
  fs.remove(unfinished(directory, name))
}

function unfinished(directory: string, name: string): string {
  return join(directory, `${name}.tmp`)
}

/** A new file whose content is on the device when it resolves; its name is for the caller to sync. */
export async function createFile(fs: FileSystem, path: string, content: Buffer): Promise<void> {
  const file = fs.open(path, 'create')
  try {
    file.write(content, 0)
    await file.sync()
  } finally {
    file.close()
  }
}

/** The same for a copy of a small file, if there is one. */
export async function copyTextFile(from: Place, to: Place, name: string): Promise<void> {
  const text = readTextFile(from.fs, from.directory, name)
  if (text !== undefined) await createFile(to.fs, join(to.directory, name), Buffer.from(text))
}

/** The file's text, or undefined where there is none. */
export function readTextFile(fs: FileSystem, directory: string, name: string): string | undefined {
  const path = join(directory, name)
  let file
  try {
    file = fs.open(path, 'read')
  } catch (error) {
    if (error instanceof NotFoundError) return undefined
    throw error
  }
  try {
    const bytes = Buffer.alloc(Math.min(file.bytes(), LARGEST_BYTES))
    return bytes.toString('utf8', 0, file.read(bytes, 0))
  } finally {
    file.close()
  }
}
