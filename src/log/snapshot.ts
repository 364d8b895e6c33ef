// A copy of the whole log as it is at one moment, while it goes on: `log.snapshot(directory)`.
//
// The moment is one synchronous block. Everything is appended on this thread, so what is noted in it of all partitions,
// the log's own among them, was true at the same time. What was noted is then linked and copied (storage/partition-copy.ts)
// into a directory beside the target, which gets the target's name once all of it is on the device:
//   - a directory of the target's name is the whole snapshot
//   - what a killed process leaves is called `<target>.partial-…`, and is no log: log.json comes last
// From before the moment on each partition is held, until its copy is made: truncation, compaction and recovery of it
// wait. Its log keeps directories from being deleted meanwhile (Snapshots.idle).
import { randomUUID } from 'node:crypto'
import { dirname, isAbsolute, relative, sep } from 'node:path'
import { ConflictError, UsageError } from '../base/errors.ts'
import { join, type FileSystem } from '../platform/file-system.ts'
import { BACKGROUND_MS, Slices } from '../platform/slices.ts'
import { copyPartition, noteMoment, type PartitionMoment } from '../storage/partition-copy.ts'
import { copyTextFile, createFile } from '../storage/replace-file.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { RECOVERY_POINTS, START_OFFSETS, formatCheckpoint, type Offsets } from './checkpoints.ts'
import { inParallel } from './in-parallel.ts'
import { makeClosedLog, type LogDirectory } from './log-directory.ts'
import { METADATA_FILE } from './partition-directories.ts'
import type { PartitionStore } from './partition-store.ts'

/** Partitions copied at a time. Each writes a chunk in a turn of the event loop. */
const SIDE_BY_SIDE = 4

/** The snapshots of a log. `checkOpen` throws once it is closed. */
export class Snapshots {
  readonly #log: LogDirectory
  readonly #store: PartitionStore
  readonly #checkOpen: () => void
  #copying: Promise<void> = Promise.resolve()

  constructor(log: LogDirectory, store: PartitionStore, checkOpen: () => void) {
    this.#log = log
    this.#store = store
    this.#checkOpen = checkOpen
  }

  /** Resolves once all copies are made that are being made: until then no directory of a partition goes. */
  get idle(): Promise<void> { return this.#copying }

  /** One of the changes of the catalog. Resolves once the moment has come, `copied` once all is done. */
  async begin(target: string, fs = this.#log.fs): Promise<{ readonly copied: Promise<void> }> {
    await this.#copying
    const directory = fs.realPath(target)
    // What is left of a full disk is kept for what ends that; a copy on another device takes nothing of it.
    const sharesRoom = fs === this.#log.fs && deviceOf(fs, directory) === deviceOf(fs, this.#log.path)
    const check = (): void => {
      this.#checkOpen()
      if (sharesRoom) this.#store.room.checkRoom('snapshot', { directory })
    }
    check()
    clearTarget(fs, directory, this.#log)
    const moment = await LogMoment.take(this.#store, check)
    const copied = moment.copyTo(fs, directory)
    this.#copying = copied.catch(() => { /* its caller has it */ })
    return { copied }
  }
}

/** The log at one moment, and its partitions held until their copies are made. */
class LogMoment {
  readonly #store: PartitionStore
  /** Throws where the copy is of no use any more, or in the way. */
  readonly #check: () => void
  readonly #releases: ReadonlyMap<WritablePartition, () => void>
  readonly #partitions: readonly PartitionMoment[]
  readonly #checkpoints: ReadonlyMap<string, Offsets>

  static async take(store: PartitionStore, check: () => void): Promise<LogMoment> {
    const releases = new Map<WritablePartition, () => void>()
    const missing = (): WritablePartition[] => store.partitions.filter(partition => !releases.has(partition))
    try {
      while (missing().length > 0) await Promise.all(missing().map(partition => hold(partition, releases))) // a state log may be made meanwhile
      return new LogMoment(store, check, releases)
    } catch (error) {
      for (const release of releases.values()) release()
      throw error
    }
  }

  /** Synchronous: this is the moment. */
  private constructor(store: PartitionStore, check: () => void, releases: Map<WritablePartition, () => void>) {
    this.#store = store
    this.#check = check
    this.#releases = releases
    this.#partitions = [...releases.keys()].map(noteMoment)
    this.#checkSound()
    this.#checkpoints = new Map([
      ...store.compaction,
      [START_OFFSETS, new Map(this.#partitions.map(({ partition, startOffset }) => [partition.label, startOffset]))],
      [RECOVERY_POINTS, new Map(this.#partitions.map(({ partition, endOffset }) => [partition.label, endOffset]))],
    ])
  }

  /** All of it is on the device when it resolves; where it rejects nothing is left. */
  async copyTo(fs: FileSystem, directory: string): Promise<void> {
    const partial = `${directory}.partial-${randomUUID()}`
    try {
      fs.makeDirectory(partial)
      await this.#copyPartitions(fs, partial)
      await this.#store.saveRecoveryPoints() // what is linked is cut by no recovery
      await this.#saveCheckpoints(fs, partial)
      await makeClosedLog(fs, partial)
      this.#checkSound()
      await moveIntoPlace(fs, partial, directory)
    } catch (error) {
      await removeTree(fs, partial).catch(() => { /* the first error counts; what is left is no log */ })
      throw error
    } finally {
      for (const release of this.#releases.values()) release()
    }
  }

  async #copyPartitions(fs: FileSystem, root: string): Promise<void> {
    const slices = new Slices(BACKGROUND_MS)
    await inParallel(this.#partitions, SIDE_BY_SIDE, async moment => {
      const { partition } = moment
      const directory = join(root, partition.label)
      const step = async (): Promise<void> => {
        this.#check()
        partition.checkWritable()
        if (slices.due()) await slices.pause()
      }
      fs.makeDirectory(directory, { sync: false })
      await copyTextFile(partition.options, { fs, directory }, METADATA_FILE)
      await copyPartition(moment, { fs, directory, step })
      this.#releases.get(partition)?.()
    })
  }

  async #saveCheckpoints(fs: FileSystem, root: string): Promise<void> {
    const labels = new Set(this.#partitions.map(({ partition }) => partition.label))
    for (const [name, offsets] of this.#checkpoints) {
      const ours = new Map([...offsets].filter(([label, offset]) => labels.has(label) && (offset > 0 || name === RECOVERY_POINTS)))
      if (ours.size > 0) await createFile(fs, join(root, name), Buffer.from(formatCheckpoint(ours)))
    }
  }

  /** Of a partition whose disk has failed nobody knows whether what was read of it is what the device has. */
  #checkSound(): void {
    this.#check()
    for (const { partition } of this.#partitions) partition.checkWritable()
  }
}

/** Resolves once nothing changes the partition's list of segments, until it is released. */
function hold(partition: WritablePartition, releases: Map<WritablePartition, () => void>): Promise<void> {
  const released = new Promise<void>(resolve => { releases.set(partition, resolve) })
  return new Promise((resolve, reject) => {
    partition.change(() => {
      resolve()
      return released
    }).catch(reject)
  })
}

/** Refuses a target that is in the way. An empty directory is removed: so it is known that it can be replaced. */
function clearTarget(fs: FileSystem, directory: string, log: LogDirectory): void {
  if (fs === log.fs && isWithin(directory, fs.realPath(log.path))) {
    throw new UsageError('SNAPSHOT_INSIDE_LOG', `snapshot: ${directory} is the log's own directory, or lies in it`, { hint: 'choose a directory beside it', details: { directory, log: log.path } })
  }
  const stat = fs.stat(directory)
  if (stat === undefined) return
  if (stat.kind !== 'directory') throw new UsageError('LOCATION_NOT_A_DIRECTORY', `snapshot: ${directory} is ${stat.kind === 'file' ? 'a file, not' : 'neither a file nor'} a directory`, { hint: 'give a directory that is not there yet', details: { path: directory } })
  const [found] = fs.list(directory)
  if (found !== undefined) throw new ConflictError('DIRECTORY_NOT_EMPTY', `snapshot: ${directory} is not empty: it holds '${found}'`, { hint: 'give a directory that is not there yet, or an empty one', details: { path: directory, found } })
  fs.removeDirectory(directory)
}

/** Of what is not there yet: where it would be made. */
function deviceOf(fs: FileSystem, path: string): number {
  return fs.stat(path)?.device ?? deviceOf(fs, dirname(path))
}

function isWithin(path: string, directory: string): boolean {
  const way = relative(directory, path)
  return !isAbsolute(way) && way.split(sep)[0] !== '..'
}

async function moveIntoPlace(fs: FileSystem, partial: string, directory: string): Promise<void> {
  fs.removeDirectory(directory) // somebody may have made it meanwhile
  fs.rename(partial, directory)
  try {
    await fs.syncDirectory(dirname(directory))
  } catch (error) {
    fs.rename(directory, partial)
    throw error
  }
}

async function removeTree(fs: FileSystem, path: string): Promise<void> {
  const slices = new Slices(BACKGROUND_MS)
  if (fs.stat(path) === undefined) return
  for (const name of fs.list(path)) {
    const inner = join(path, name)
    if (fs.stat(inner)?.kind === 'directory') await removeTree(fs, inner)
    else fs.remove(inner)
    if (slices.due()) await slices.pause()
  }
  fs.removeDirectory(path)
}
