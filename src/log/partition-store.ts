// The partitions of a log that this process writes, by directory name: opened with what the checkpoints know of them,
// synced in rounds, closed together. Owns the checkpoint files; the catalog decides which partitions there are.
import { type ClosedError, LimitError, MillraceError, StorageError } from '../base/errors.ts'
import { join } from '../platform/file-system.ts'
import type { Clock } from '../platform/clock.ts'
import { BACKGROUND_MS, Slices } from '../platform/slices.ts'
import { DiskRoom } from '../storage/disk-room.ts'
import { IndexCache } from '../storage/index-cache.ts'
import type { RecoveryReport } from '../storage/recovery.ts'
import { RetiredFiles } from '../storage/retired-files.ts'
import { WritablePartition, type WritableOptions } from '../storage/writable-partition.ts'
import { CLEANER_OFFSETS, COMPACTED_OFFSETS, OffsetCheckpoint, RECOVERY_POINTS, START_OFFSETS, readOffsets, type Offsets } from './checkpoints.ts'
import type { EventEmitter } from './event-emitter.ts'
import { inParallel } from './in-parallel.ts'
import type { LogDirectory } from './log-directory.ts'
import { clearPlace, deleteFolders, writeMetadata } from './partition-directories.ts'
import { isOwnTopic, partitionDirectory } from './topic-name.ts'
import type { TopicSettings } from './topic-settings.ts'

/** Partitions opened, made or synced at a time. */
export const SIDE_BY_SIDE = 8

/** What a partition follows as its topic is altered. */
export type Policies = () => Readonly<TopicSettings>

/** A partition, and what it follows: other settings are another object. */
export interface Kept { readonly topic: string; readonly index: number; readonly partition: WritablePartition; readonly settings: Policies }

export class PartitionStore {
  readonly room: DiskRoom
  readonly #directory: LogDirectory
  readonly #events: EventEmitter
  readonly #onDirty: () => void
  readonly #indexes = new IndexCache()
  readonly #retired: RetiredFiles
  readonly #open = new Map<string, WritablePartition>()
  readonly #places = new Map<string, Omit<Kept, 'partition'>>()
  readonly #recoveryPoints: OffsetCheckpoint
  readonly #startOffsets: OffsetCheckpoint
  readonly #cleanerOffsets: OffsetCheckpoint
  readonly #compactedOffsets: OffsetCheckpoint
  /** As they are in the files: of partitions that are not open yet, and starts that are about to move. */
  readonly #storedPoints: Offsets
  readonly #storedStarts: Offsets
  readonly #cleaned: Offsets
  readonly #compacted: Offsets
  /** Deleted since the checkpoints were written: an entry there would be believed of a new partition of that name. */
  readonly #stale = new Set<string>()
  #hasUnremoved = false

  /** `onDirty`: a partition or a checkpoint is behind what is in memory, and stays so until the next round. */
  constructor(directory: LogDirectory, events: EventEmitter, { clock, maxDiskBytes }: { readonly clock: Clock; readonly maxDiskBytes: number }, onDirty: () => void) {
    const { fs, path } = directory
    const room = this.room = new DiskRoom(fs, path, { clock, maxBytes: maxDiskBytes })
    this.#retired = new RetiredFiles(fs, clock, error => { events.emit('error', { error }) }, room)
    this.#directory = directory
    this.#events = events
    this.#onDirty = onDirty
    this.#storedPoints = readOffsets(fs, path, RECOVERY_POINTS)
    this.#storedStarts = readOffsets(fs, path, START_OFFSETS)
    this.#cleaned = readOffsets(fs, path, CLEANER_OFFSETS)
    this.#compacted = readOffsets(fs, path, COMPACTED_OFFSETS)
    for (const [label, offset] of this.#cleaned) this.#compacted.set(label, Math.max(offset, this.#compacted.get(label) ?? 0)) // a broker keeps the first alone
    this.#recoveryPoints = new OffsetCheckpoint(fs, path, RECOVERY_POINTS, () => new Map([...this.#open].map(([label, partition]) => [label, partition.syncedOffset])), room)
    const ofOpen = (offsets: Offsets) => () => new Map([...offsets].filter(([label, offset]) => offset > 0 && this.#open.has(label)))
    this.#startOffsets = new OffsetCheckpoint(fs, path, START_OFFSETS, ofOpen(this.#storedStarts), room)
    this.#cleanerOffsets = new OffsetCheckpoint(fs, path, CLEANER_OFFSETS, ofOpen(this.#cleaned), room)
    this.#compactedOffsets = new OffsetCheckpoint(fs, path, COMPACTED_OFFSETS, ofOpen(this.#compacted), room)
  }

  exists(topic: string, index: number): boolean {
    return this.#directory.fs.stat(this.#path(partitionDirectory(topic, index))) !== undefined
  }

  /** Directories could not be removed with their topic: the next opening has to. */
  get hasUnremoved(): boolean { return this.#hasUnremoved }

  get partitions(): readonly WritablePartition[] { return [...this.#open.values()] }

  /** Those that come while somebody goes through them are among them. */
  *kept(): Iterable<Kept> {
    for (const [label, partition] of this.#open) yield { ...this.#places.get(label)!, partition }
  }

  /** What compaction knows of them, by the name of its checkpoint. */
  get compaction(): ReadonlyMap<string, Offsets> { return new Map([[CLEANER_OFFSETS, new Map(this.#cleaned)], [COMPACTED_OFFSETS, new Map(this.#compacted)]]) }

  /** When the log was last open, by its checkpoint. */
  wasThere(topic: string, index: number): boolean {
    return this.#storedPoints.has(partitionDirectory(topic, index))
  }

  /** Durable, its name in the log's directory included, when it resolves. */
  async create(topic: string, index: number, topicId: string, policies: Policies): Promise<WritablePartition> {
    if (isOwnTopic(topic)) return await this.room.insist(() => this.#create(topic, index, topicId, policies))
    this.room.checkRoom(partitionDirectory(topic, index))
    return await this.#create(topic, index, topicId, policies)
  }

  /** It clears away what was left of an earlier try. */
  async #create(topic: string, index: number, topicId: string, policies: Policies): Promise<WritablePartition> {
    const { fs } = this.#directory
    const options = this.#options(topic, index, policies)
    clearPlace(fs, options.directory)
    this.#forgetStored(options.label) // of a partition of that name whose deletion was cut short by a crash
    if (this.#stale.has(options.label)) await this.saveCheckpoints()
    fs.makeDirectory(options.directory)
    await writeMetadata(fs, options.directory, topicId)
    const partition = await WritablePartition.create(options)
    this.#open.set(options.label, partition)
    return partition
  }

  async open(topic: string, index: number, policies: Policies): Promise<WritablePartition> {
    const options = this.#options(topic, index, policies)
    const recoveryPoint = this.#storedPoints.get(options.label) ?? 0
    const rescueFrom = this.#directory.failedAt(options.label)
    const facts = { startOffset: this.#storedStarts.get(options.label) ?? 0, recoveryPoint, trust: this.#directory.trust, rescueFrom }
    const { partition, report } = await WritablePartition.open(options, facts).catch((error: unknown) => {
      // A sync may have failed: the next opening must not believe the page cache either.
      if (error instanceof StorageError) this.#directory.noteFailed(options.label, Math.min(recoveryPoint, rescueFrom ?? Infinity))
      throw error
    })
    this.#open.set(options.label, partition)
    this.#report(topic, index, report)
    return partition
  }

  /** Readers and writers in progress end with the reason; the files go. What stays of them goes at the next opening. */
  async delete(topic: string, indexes: Iterable<number>, topicId: string, reason: ClosedError): Promise<void> {
    const { fs, path } = this.#directory
    const labels = [...indexes].map(index => partitionDirectory(topic, index))
    for (const label of labels) {
      this.#open.get(label)?.abandon(reason)
      this.#open.delete(label)
      this.#places.delete(label)
      this.#forgetStored(label)
      this.#stale.add(label)
    }
    this.#onDirty() // the recovery points still speak of them
    try {
      for (const label of labels) this.#directory.noteRecovered(label)
      await this.room.insist(() => deleteFolders(fs, path, labels.map(name => ({ name, topicId }))))
      this.room.forget(labels)
    } catch (error) {
      this.#hasUnremoved = true
      if (!(error instanceof MillraceError)) throw error
      this.#events.emit('error', { error, topic })
    }
  }

  /** Resolves with where the partition ends now; undefined: there was nothing to recover from. */
  async recover(partition: WritablePartition, topic: string, index: number): Promise<number | undefined> {
    const report = await partition.recover()
    if (report === undefined) return undefined
    this.#directory.noteRecovered(partition.label)
    this.#report(topic, index, report)
    return report.endOffset
  }

  /** One round: every partition to the device, then the recovery points. What fails is told, and keeps no other from its turn. */
  async syncAll(): Promise<void> {
    const slices = new Slices(BACKGROUND_MS)
    await inParallel([...this.#open.values()], SIDE_BY_SIDE, async partition => {
      if (slices.due()) await slices.pause()
      if (partition.closed || partition.failure !== undefined) return
      await partition.sync().catch((error: unknown) => {
        if (!(error instanceof LimitError)) return // onFailed has told
        this.#events.emit('error', { error })
        this.#onDirty()
      })
    })
    await this.#recoveryPoints.save()
    this.room.restore()
  }

  saveRecoveryPoints(): Promise<void> {
    return this.#recoveryPoints.save()
  }

  /** All files, with the open partitions and no others. */
  async saveCheckpoints(): Promise<void> {
    const stale = [...this.#stale]
    await this.#startOffsets.save()
    await this.#compactedOffsets.save()
    await this.#cleanerOffsets.save()
    await this.#recoveryPoints.save()
    for (const label of stale) this.#stale.delete(label)
  }

  /** Closes every partition, then throws the first error there was. */
  async closeAll(): Promise<void> {
    const failures: unknown[] = []
    await inParallel([...this.#open.values()], SIDE_BY_SIDE, partition => partition.close().catch((error: unknown) => { failures.push(error) }))
    await this.#retired.removeAll()
    await this.room.close()
    if (failures.length > 0) throw failures[0]
    await this.saveCheckpoints()
  }

  /** Without a word to the disk. */
  abandonAll(reason: ClosedError): void {
    this.#retired.abandon()
    for (const partition of this.#open.values()) partition.abandon(reason)
  }

  #forgetStored(label: string): void {
    this.#storedStarts.delete(label)
    this.#storedPoints.delete(label)
    this.#cleaned.delete(label)
    this.#compacted.delete(label)
  }

  #path(label: string): string {
    return join(this.#directory.path, label)
  }

  #options(topic: string, index: number, policies: Policies): WritableOptions {
    const label = partitionDirectory(topic, index)
    this.#places.set(label, { topic, index, settings: policies })
    return {
      fs: this.#directory.fs,
      directory: this.#path(label),
      label,
      room: this.room.partition(label, { isInternal: isOwnTopic(topic) }),
      indexes: this.#indexes,
      compactedBelow: () => this.#compacted.get(label) ?? 0,
      segmentBytes: () => policies().segmentBytes,
      segmentAgeMs: () => policies().segmentAgeMs,
      saveStartOffset: offset => this.#saveOffset(this.#storedStarts, this.#startOffsets, label, offset),
      retired: this.#retired,
      cleaning: {
        cleanedTo: () => this.#cleaned.get(label) ?? 0,
        saveCleanedTo: offset => this.#saveOffset(this.#cleaned, this.#cleanerOffsets, label, offset),
        saveCompactedBelow: offset => this.#saveOffset(this.#compacted, this.#compactedOffsets, label, Math.max(offset, this.#compacted.get(label) ?? 0)),
      },
      onDirty: this.#onDirty,
      onFailed: (error, syncedOffset) => { this.#failed(topic, index, error, syncedOffset) },
      onTrouble: error => { this.#events.emit('error', { error, topic, partition: index }) },
    }
  }

  async #saveOffset(offsets: Offsets, checkpoint: OffsetCheckpoint, label: string, offset: number): Promise<void> {
    const before = offsets.get(label) ?? 0
    offsets.set(label, offset)
    try {
      await checkpoint.save()
    } catch (error) {
      offsets.set(label, before) // or another partition's change would save it after all
      throw error
    }
  }

  #failed(topic: string, index: number, error: StorageError, syncedOffset: number): void {
    try {
      this.#directory.noteFailed(partitionDirectory(topic, index), syncedOffset)
    } catch (noteError) {
      if (noteError instanceof MillraceError) this.#events.emit('error', { error: noteError, topic, partition: index })
    }
    this.#events.emit('error', { error, topic, partition: index })
  }

  #report(topic: string, index: number, report: RecoveryReport): void {
    for (const error of report.damage) this.#events.emit('error', { error, topic, partition: index })
    if (report.cutBytes > 0) this.#events.emit('recovered', { topic, partition: index, cutBytes: report.cutBytes, endOffset: report.endOffset })
  }
}
