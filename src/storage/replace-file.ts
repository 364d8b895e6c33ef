// Replaces a small file so that a crash at any moment leaves the old content or the new, whole, and a power cut
// after it resolves leaves the new: temporary file, sync, rename, sync of the directory.
import { NotFoundError } from '../base/errors.ts'
import { join, type FileSystem } from '../platform/file-system.ts'

const LARGEST_BYTES = 64 * 1024 * 1024

export async function replaceFile(fs: FileSystem, directory: string, name: string, text: string): Promise<void> {
  const temporary = join(directory, `${name}.tmp`)
  fs.remove(temporary)
  const file = fs.open(temporary, 'create')
  try {
    file.write(Buffer.from(text), 0)
    await file.sync()
  } finally {
    file.close()
  }
  fs.rename(temporary, join(directory, name))
  await fs.syncDirectory(directory)
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
