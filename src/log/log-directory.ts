// The directory around the partitions: who may write it, which format it has, how it was left, and what of it may be
// trusted. Owns .lock, log.json, meta.properties and .kafka_cleanshutdown.
//
// How it was left decides what is checked. The boot id in .lock is the earlier writer's until recovery has ended and is
// on the device: so a crash during recovery takes the same path again.
import { randomUUID } from 'node:crypto'
import { CorruptionError, NotFoundError, UsageError } from '../base/errors.ts'
import { join, type DirectoryLock, type FileSystem } from '../platform/file-system.ts'
import { readTextFile, replaceFile } from '../storage/replace-file.ts'

/** Rises with each change of what is stored; docs/format.md tells what each was. */
export const FORMAT_VERSION = 1

const LOG_FILE = 'log.json'
const META_FILE = 'meta.properties'
const CLEAN_FILE = '.kafka_cleanshutdown'
const CLEAN_TEXT = '{"version":0,"brokerEpoch":-1}\n'

/** What .lock carries to the next opening. */
interface FailedNote { readonly boot: string | null; readonly failed: Readonly<Record<string, number>> }

export type Trust = 'clean' | 'page-cache' | 'device'

export class LogDirectory {
  readonly fs: FileSystem
  readonly path: string
  readonly id: string
  readonly trust: Trust
  readonly #lock: DirectoryLock | undefined
  /** Partitions whose sync failed on this boot, with their last synced offset. */
  readonly #failed: Map<string, number>
  #writing = false

  private constructor(fs: FileSystem, path: string, id: string, lock: DirectoryLock | undefined, trust: Trust, failed: Map<string, number>) {
    this.fs = fs
    this.path = path
    this.id = id
    this.trust = trust
    this.#lock = lock
    this.#failed = failed
  }

  static async openToWrite(fs: FileSystem, path: string, create: boolean): Promise<LogDirectory> {
    checkPlace(fs, path, create)
    fs.makeDirectory(path)
    const lock = fs.lock(path)
    try {
      const id = readIdentity(fs, path) ?? await makeIdentity(fs, path)
      const sameBoot = fs.bootId !== null && lock.earlierBootId === fs.bootId
      const clean = fs.stat(join(path, CLEAN_FILE)) !== undefined
      const trust = clean ? 'clean' : sameBoot ? 'page-cache' : 'device'
      return new LogDirectory(fs, path, id, lock, trust, parseFailed(lock.earlierNote, fs.bootId))
    } catch (error) {
      lock.release()
      throw error
    }
  }

  static openToRead(fs: FileSystem, path: string): LogDirectory {
    checkPlace(fs, path, false)
    const id = readIdentity(fs, path)
    if (id === undefined) throw notFound(path)
    return new LogDirectory(fs, path, id, undefined, 'clean', new Map())
  }

  failedAt(label: string): number | undefined {
    return this.#failed.get(label)
  }

  /** After it the next opening checks: called when recovery is on the device, and before the first write. */
  async beginWriting(): Promise<void> {
    this.fs.remove(join(this.path, CLEAN_FILE))
    await this.fs.syncDirectory(this.path)
    this.#failed.clear()
    this.#writing = true
    this.#writeLock()
  }

  noteFailed(label: string, syncedOffset: number): void {
    this.#failed.set(label, syncedOffset)
    this.#writeLock()
  }

  noteRecovered(label: string): void {
    if (this.#failed.delete(label)) this.#writeLock()
  }

  get hasFailed(): boolean { return this.#failed.size > 0 }

  /** Everything is on the device: the next opening has nothing to check. */
  async markClean(): Promise<void> {
    await replaceFile(this.fs, this.path, CLEAN_FILE, CLEAN_TEXT)
  }

  release(): void {
    this.#lock?.release()
  }

  #writeLock(): void {
    const note: FailedNote = { boot: this.fs.bootId, failed: Object.fromEntries(this.#failed) }
    this.#lock?.write(JSON.stringify(note), { claimBoot: this.#writing })
  }
}

function checkPlace(fs: FileSystem, path: string, create: boolean): void {
  const stat = fs.stat(path)
  if (stat === undefined && !create) throw notFound(path)
  if (stat === undefined || stat.kind === 'directory') return checkContent(fs, path, create)
  throw new UsageError('LOCATION_NOT_A_DIRECTORY', `open: ${path} is a ${stat.kind}, not a directory`, { hint: 'give the directory that the log lives in', details: { path } })
}

/** Somebody else's directory is not filled with ours. */
function checkContent(fs: FileSystem, path: string, create: boolean): void {
  if (fs.stat(path) === undefined || fs.stat(join(path, LOG_FILE)) !== undefined) return
  if (!create) throw notFound(path)
  const foreign = fs.list(path).find(name => !name.startsWith('.lock') && !name.startsWith(`${LOG_FILE}.`) && !name.startsWith(META_FILE) && name !== 'lost+found')
  if (foreign === undefined) return
  throw new UsageError('DIRECTORY_NOT_A_LOG', `open: ${path} holds other files ('${foreign}') and no log`, { hint: 'give an empty or a new directory', details: { path, found: foreign } })
}

function notFound(path: string): NotFoundError {
  return new NotFoundError('LOG_NOT_FOUND', `open: there is no log in ${path}`, { hint: 'look at the path; a log is made by opening it without readOnly and without create: false', details: { path } })
}

function readIdentity(fs: FileSystem, path: string): string | undefined {
  const text = readTextFile(fs, path, LOG_FILE)
  if (text === undefined) return undefined
  const { format, id } = parseIdentity(text, path)
  if (format > FORMAT_VERSION) {
    throw new UsageError('FORMAT_TOO_NEW', `open: ${path} has format ${format}, this version of millrace knows formats up to ${FORMAT_VERSION}`, { hint: 'open it with the newer version of millrace that wrote it', details: { path, format, known: FORMAT_VERSION } })
  }
  return id
}

function parseIdentity(text: string, path: string): { format: number; id: string } {
  try {
    const { format, id } = JSON.parse(text) as { format?: unknown; id?: unknown }
    if (Number.isSafeInteger(format) && (format as number) >= 1 && typeof id === 'string') return { format: format as number, id }
  } catch { /* told below, with the place */ }
  throw new CorruptionError('LOG_FILE_MALFORMED', `${join(path, LOG_FILE)} is not what millrace wrote`, { hint: `it reads {"format":${FORMAT_VERSION},"id":"…"}; restore it from a copy`, details: { path, text: text.slice(0, 200) } })
}

/** Makes a directory that holds partitions and checkpoints, all on the device, a log of its own that was closed in order. */
export async function makeClosedLog(fs: FileSystem, path: string): Promise<void> {
  await replaceFile(fs, path, CLEAN_FILE, CLEAN_TEXT)
  await makeIdentity(fs, path)
}

/** log.json comes last: with it the directory is a log. */
async function makeIdentity(fs: FileSystem, path: string): Promise<string> {
  const id = randomUUID()
  await replaceFile(fs, path, META_FILE, `version=1\nnode.id=0\ncluster.id=${id}\n`)
  await replaceFile(fs, path, LOG_FILE, `${JSON.stringify({ format: FORMAT_VERSION, id })}\n`)
  return id
}

/** Counts on the boot that it was written on; where boots can't be told apart, on any. */
function parseFailed(text: string, bootId: string | null): Map<string, number> {
  if (text === '') return new Map()
  try {
    const { boot, failed } = JSON.parse(text) as FailedNote
    return new Map(boot === bootId ? Object.entries(failed) : [])
  } catch (cause) {
    throw new CorruptionError('LOCK_MALFORMED', `.lock: its note is not what millrace wrote: ${text.slice(0, 200)}`, { hint: 'after a failed sync it says which partitions to mend: look at it before you remove it', cause })
  }
}
