// The directories of partitions: made before their topic is in the catalog, removed after it is not. A crash between
// leaves directories that no topic owns; what may be removed of them is decided here.
import { ConflictError } from '../base/errors.ts'
import { formatPartitionMetadata, parsePartitionMetadata } from '../format/checkpoint-file.ts'
import { join, type FileSystem } from '../platform/file-system.ts'
import { parseSegmentFile } from '../storage/segment-files.ts'
import { readTextFile } from '../storage/replace-file.ts'
import type { Catalog } from './catalog.ts'
import { CATALOG_TOPIC } from './catalog.ts'
import { parsePartitionDirectory, partitionDirectory } from './topic-name.ts'

const METADATA_FILE = 'partition.metadata'
const DELETED_DIRECTORY = /\.[A-Za-z0-9_-]{22}-delete$/

/** Kafka's partition.metadata: whose directory this is. The caller syncs the directory. */
export async function writeMetadata(fs: FileSystem, directory: string, topicId: string): Promise<void> {
  const file = fs.open(join(directory, METADATA_FILE), 'create')
  try {
    file.write(Buffer.from(formatPartitionMetadata(topicId)), 0)
    await file.sync()
  } finally {
    file.close()
  }
}

/** Before a new partition is made: what an unfinished creation left behind goes, anything else is in the way. */
export function clearPlace(fs: FileSystem, directory: string): void {
  if (fs.stat(directory) === undefined) return
  if (holdsNoRecords(fs, directory)) return removeFolder(fs, directory)
  throw new ConflictError('PARTITION_DIRECTORY_EXISTS', `${directory} holds records of a topic that the catalog does not know`, {
    hint: 'move the directory away, or remove it if its records are not needed', details: { directory },
  })
}

/** A deleted partition's directory gets another name at once, and is emptied then. */
export function deleteFolder(fs: FileSystem, directory: string, topicId: string): void {
  const grave = `${directory}.${topicId}-delete`
  fs.rename(directory, grave)
  removeFolder(fs, grave)
}

/** At opening. Returns the directories with records that belong to no topic: they are left alone. */
export function removeOrphans(fs: FileSystem, root: string, catalog: Catalog): string[] {
  const strangers: string[] = []
  for (const name of fs.list(root)) {
    const directory = join(root, name)
    if (DELETED_DIRECTORY.test(name)) removeFolder(fs, directory)
    const parsed = parsePartitionDirectory(name)
    if (parsed === undefined || parsed.topic === CATALOG_TOPIC || fs.stat(directory)?.kind !== 'directory') continue
    if (parsed.partition < (catalog.entries.get(parsed.topic)?.settings.partitions ?? 0) && ownerOf(fs, directory) === catalog.entries.get(parsed.topic)!.id) continue
    if (holdsNoRecords(fs, directory) || catalog.wasDeleted(ownerOf(fs, directory) ?? '')) removeFolder(fs, directory)
    else strangers.push(partitionDirectory(parsed.topic, parsed.partition))
  }
  return strangers
}

function ownerOf(fs: FileSystem, directory: string): string | undefined {
  const text = readTextFile(fs, directory, METADATA_FILE)
  return text === undefined || text === '' ? undefined : parsePartitionMetadata(text)
}

function holdsNoRecords(fs: FileSystem, directory: string): boolean {
  return fs.list(directory).every(name => {
    const file = parseSegmentFile(name)
    return file === undefined || file.suffix !== '.log' || (fs.stat(join(directory, name))?.bytes ?? 0) === 0
  })
}

function removeFolder(fs: FileSystem, directory: string): void {
  for (const name of fs.list(directory)) fs.remove(join(directory, name))
  fs.removeDirectory(directory)
}
