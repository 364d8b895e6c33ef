// The directories of partitions: made before their topic is in the catalog, removed after it is not. A crash between
// leaves directories that no topic owns; what may be removed of them is decided here.
import { ConflictError, CorruptionError } from '../base/errors.ts'
import { formatPartitionMetadata, parsePartitionMetadata } from '../format/checkpoint-file.ts'
import { join, type FileSystem } from '../platform/file-system.ts'
import { parseSegmentFile } from '../storage/segment-files.ts'
import { createFile, readTextFile } from '../storage/replace-file.ts'
import type { Catalog } from './catalog.ts'
import { CATALOG_TOPIC } from './catalog.ts'
import { isInternalTopic } from './internal-topics.ts'
import { parsePartitionDirectory } from './topic-name.ts'

export const METADATA_FILE = 'partition.metadata'
/** What else than segments' files may be removed with a directory. */
const OWN_FILE = /^(partition\.metadata|leader-epoch-checkpoint)(\.tmp)?$/
const DELETED_DIRECTORY = /\.[A-Za-z0-9_-]{22}-delete$/

/** A partition's directory, and the topic that owns it. */
interface Folder { readonly name: string; readonly topicId: string }

/** Kafka's partition.metadata: whose directory this is. The caller syncs the directory. */
export async function writeMetadata(fs: FileSystem, directory: string, topicId: string): Promise<void> {
  await createFile(fs, join(directory, METADATA_FILE), Buffer.from(formatPartitionMetadata(topicId)))
}

/** Before a new partition is made: what an unfinished creation left behind goes, anything else is in the way. */
export function clearPlace(fs: FileSystem, directory: string): void {
  if (fs.stat(directory) === undefined) return
  if (isUnfinished(fs, directory)) return removeFolder(fs, directory)
  throw new ConflictError('PARTITION_DIRECTORY_EXISTS', `${directory} is in the way: it belongs to no topic of the catalog, and is not empty`, {
    hint: 'move the directory away, or remove it if what it holds is not needed', details: { directory },
  })
}

/**
 * Deleted partitions' directories get other names at once, and are emptied once those are on the device: what a power
 * cut leaves of a directory that was being emptied can't be told from records of a stranger.
 */
export async function deleteFolders(fs: FileSystem, root: string, folders: readonly Folder[]): Promise<void> {
  const graves = folders.map(({ name, topicId }) => `${name}.${topicId}-delete`)
  for (const [i, { name }] of folders.entries()) {
    if (fs.stat(join(root, name)) !== undefined) fs.rename(join(root, name), join(root, graves[i]!)) // or an earlier try has
  }
  await fs.syncDirectory(root)
  await removeFolders(fs, root, graves)
}

/** At opening, when deletions were cut short. */
export async function removeDeleted(fs: FileSystem, root: string): Promise<void> {
  await removeFolders(fs, root, fs.list(root).filter(name => DELETED_DIRECTORY.test(name)))
}

/** After an unclean end. Returns the directories that belong to no topic and hold something: they are left alone. */
export async function removeOrphans(fs: FileSystem, root: string, catalog: Catalog): Promise<string[]> {
  const deleted: Folder[] = []
  const strangers: string[] = []
  for (const name of fs.list(root)) {
    const directory = join(root, name)
    const parsed = parsePartitionDirectory(name)
    if (parsed === undefined || parsed.topic === CATALOG_TOPIC || isInternalTopic(parsed.topic) || fs.stat(directory)?.kind !== 'directory') continue
    const owner = ownerOf(fs, directory)
    const entry = catalog.entries.get(parsed.topic)
    if (entry !== undefined && parsed.partition < entry.settings.partitions && (owner ?? entry.id) === entry.id) continue
    if (isUnfinished(fs, directory)) removeFolder(fs, directory)
    else if (owner !== undefined && catalog.wasDeleted(owner)) deleted.push({ name, topicId: owner })
    else strangers.push(name)
  }
  if (deleted.length > 0) await deleteFolders(fs, root, deleted)
  return strangers
}

/** A directory that some topic's partition was made in: where there is one, there was a catalog. */
export function findPartition(fs: FileSystem, root: string): string | undefined {
  return fs.list(root).find(name => {
    const parsed = parsePartitionDirectory(name)
    return parsed !== undefined && parsed.topic !== CATALOG_TOPIC && fs.stat(join(root, name, METADATA_FILE)) !== undefined
  })
}

/** undefined where it can't be told: a power cut may have torn the file while the partition was made. */
export function ownerOf(fs: FileSystem, directory: string): string | undefined {
  const text = readTextFile(fs, directory, METADATA_FILE)
  try {
    return text === undefined ? undefined : parsePartitionMetadata(text)
  } catch (error) {
    if (error instanceof CorruptionError) return undefined
    throw error
  }
}

/** Holds nothing but what a creation begins with: no records, and no files of somebody else. */
function isUnfinished(fs: FileSystem, directory: string): boolean {
  return fs.list(directory).every(name => {
    const file = parseSegmentFile(name)
    if (file === undefined) return OWN_FILE.test(name)
    return file.suffix !== '.log' || (fs.stat(join(directory, name))?.bytes ?? 0) === 0
  })
}

async function removeFolders(fs: FileSystem, root: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const directory = join(root, name)
    if (fs.stat(directory) === undefined) continue
    for (const file of fs.list(directory)) await fs.removeLater(join(directory, file))
    fs.removeDirectory(directory)
  }
}

function removeFolder(fs: FileSystem, directory: string): void {
  if (fs.stat(directory) === undefined) return
  for (const name of fs.list(directory)) fs.remove(join(directory, name))
  fs.removeDirectory(directory)
}
