// What opening does with a partition's directory: finds its segments, checks as much as may be damaged, and decides
// where the log ends.
//
// How far the bytes are to be trusted:
//   clean        closed in order: the last batches are looked at, nothing else
//   page-cache   same boot, so the operating system still has every byte: the last segment from its last index entry
//   device       another boot, or an unknown one: every segment from the one that holds the recovery point on
//
// The log ends before the first batch that can't be believed; what lies behind is cut, durably, before anything is
// appended (or old batches with sound checksums would come back). Never cut, but reported as damage: a bad batch
// below the recovery point, and one that sound batches follow though the machine never went down. A segment ends where
// the next one begins: what it has behind that is the rest of a failed write, whose cut a power cut has taken back.
import { CorruptionError } from '../base/errors.ts'
import { join } from '../platform/file-system.ts'
import { findBatchAfter, writtenBytes, type ScanFault } from './batch-scan.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { PartitionOptions } from './partition-log.ts'
import { parseSegmentFile } from './segment-files.ts'
import { Segment } from './segment.ts'

export interface RecoveryFacts {
  readonly startOffset: number
  /** All before it is known to be on the device. */
  readonly recoveryPoint: number
  readonly trust: 'clean' | 'page-cache' | 'device'
  /** A sync failed on this boot: above this offset the page cache may hold what the device does not. */
  readonly rescueFrom?: number | undefined
}

export interface RecoveryReport {
  readonly segments: Segment[]
  readonly endOffset: number
  readonly syncedOffset: number
  /** Of records, or what was to become some: room that was made ahead does not count. */
  readonly cutBytes: number
  /** Where the first segment begins that was looked at whole; Infinity: on the same boot, files are what they were. */
  readonly believedBelow: number
  readonly damage: readonly CorruptionError[]
}

export async function recoverSegments(options: PartitionOptions, facts: RecoveryFacts, epochs: LeaderEpochs): Promise<RecoveryReport> {
  const recovery = new Recovery(options, facts, epochs)
  try {
    return await recovery.run()
  } catch (error) {
    recovery.giveBack()
    throw error
  }
}

/** The live segments of a directory in order, their ends as the neighbours tell them. Changes nothing on the disk. */
export function openSegments(options: PartitionOptions, startOffset: number, mode: 'read' | 'write'): Segment[] {
  const segments = liveBases(options, startOffset).map(base => openSegment(options, base, mode))
  segments.forEach((segment, i) => { segment.endOffset = segments[i + 1]?.baseOffset ?? segment.baseOffset })
  return segments
}

/** Its end is not known yet. */
export function openSegment(options: PartitionOptions, base: number, mode: 'read' | 'write'): Segment {
  const segment = Segment.open(options.fs, options.directory, base, mode)
  segment.compacted = base < options.compactedBelow()
  return segment
}

/** Of the segments that hold, or will, something from the start offset on; in order. */
export function liveBases(options: PartitionOptions, startOffset: number): number[] {
  return options.fs.list(options.directory)
    .map(parseSegmentFile)
    .filter(file => file?.state === 'live' && file.suffix === '.log')
    .map(file => file!.baseOffset)
    .sort((a, b) => a - b)
    .filter((_, i, all) => (all[i + 1] ?? Infinity) > startOffset)
}

/** Removes what no live segment owns: indexes without a log, deleted and unfinished files, segments below the start. */
export function removeLeftovers(options: PartitionOptions, startOffset: number): void {
  const live = new Set(liveBases(options, startOffset))
  for (const name of options.fs.list(options.directory)) {
    const file = parseSegmentFile(name)
    const leftover = file !== undefined && (file.state !== 'live' || (file.suffix !== '.snapshot' && !live.has(file.baseOffset)))
    if (leftover || name.endsWith('.tmp')) options.fs.remove(join(options.directory, name))
  }
}

class Recovery {
  readonly #options: PartitionOptions
  readonly #facts: RecoveryFacts
  readonly #epochs: LeaderEpochs
  readonly #damage: CorruptionError[] = []
  #segments: Segment[] = []
  #hasCut = false
  #cutBytes = 0

  constructor(options: PartitionOptions, facts: RecoveryFacts, epochs: LeaderEpochs) {
    this.#options = options
    this.#facts = facts
    this.#epochs = epochs
  }

  async run(): Promise<RecoveryReport> {
    const { trust, startOffset, recoveryPoint } = this.#facts
    if (trust !== 'clean') removeLeftovers(this.#options, startOffset)
    this.#segments = openSegments(this.#options, startOffset, 'write')
    this.#lookForStart()
    const scanned = await this.#check()
    const endOffset = this.#beginAt(Math.max(this.#lostFrom(), startOffset))
    this.#removeBelow(startOffset)
    if (trust === 'device' || this.#hasCut) await this.#makeDurable(scanned)
    if (trust !== 'clean' && (endOffset > 0 || this.#epochs.current > 0)) await this.#epochs.raise(endOffset)
    const syncedOffset = trust === 'page-cache' ? Math.min(recoveryPoint, endOffset) : endOffset
    const believedBelow = trust === 'device' ? scanned[0]?.baseOffset ?? 0 : Infinity
    return { segments: this.#segments, endOffset, syncedOffset, cutBytes: this.#cutBytes, believedBelow, damage: this.#damage }
  }

  /** Descriptors, where nobody gets the segments. */
  giveBack(): void {
    for (const segment of this.#segments) segment.file.close()
  }

  /**
   * Without the first segments the partition begins where the next one does. But where a truncation has made its way to
   * the device and what it left had not, a power cut took the beginning of that: what follows is a tail behind a gap.
   */
  #lookForStart(): void {
    const { startOffset, recoveryPoint, trust } = this.#facts
    const first = this.#segments[0]?.baseOffset ?? startOffset
    if (first <= startOffset) return
    if (trust === 'device' && startOffset > 0 && recoveryPoint <= startOffset) return this.#cutAll()
    this.#damage.push(new CorruptionError('OFFSETS_MISSING', `${this.#options.label}: offsets ${startOffset} to ${first} (exclusive) are missing before the first segment`, {
      hint: 'restore the segment files from a copy; if they were deleted on purpose, as a Kafka broker does, say so in log-start-offset-checkpoint while the log is closed',
      details: { partition: this.#options.label, from: startOffset, to: first },
    }))
  }

  /** Scans the segments that may be damaged, and returns them. */
  async #check(): Promise<Segment[]> {
    const suspects = this.#suspects()
    for (const [i, segment] of suspects.entries()) {
      const epochAt = (offset: number) => this.#epochs.at(offset)
      const from = this.#facts.trust === 'device' ? 'beginning' : 'last-entry' // an active segment's indexes are not synced
      const follower = suspects[i + 1]
      let result = await segment.scan({ from, until: follower?.baseOffset ?? Infinity, epochAt })
      while (result.fault !== undefined && segment.endOffset !== follower?.baseOffset) {
        const next = await findBatchAfter(segment.file, result.fault.position, result.fault.offset)
        if (this.#mayCut(result.fault, next !== undefined)) return await this.#cut(segment, suspects.slice(0, i + 1))
        this.#damage.push(segment.corruption(result.fault, next?.baseOffset ?? segment.endOffset))
        if (next === undefined) break
        result = await segment.scanOn(next)
      }
      if (follower !== undefined && follower.baseOffset !== segment.endOffset && !segment.compacted) {
        if (this.#mayCut({ position: 0, offset: segment.endOffset, reason: '' }, false)) return await this.#cut(segment, suspects.slice(0, i + 1))
        segment.endOffset = follower.baseOffset
      }
      if (follower === undefined) continue
      if (segment.file.bytes() > segment.bytes) segment.cutFileTo(segment.bytes)
      segment.seal()
    }
    return suspects
  }

  #suspects(): Segment[] {
    if (this.#facts.trust !== 'device') return this.#segments.slice(-1)
    // Where the recovery point is a segment's end, it may have been the active one then: its indexes are not synced.
    const from = this.#segments.findLastIndex(segment => segment.baseOffset < this.#facts.recoveryPoint)
    return this.#segments.slice(Math.max(0, from))
  }

  #mayCut(fault: ScanFault, followed: boolean): boolean {
    if (fault.offset < this.#facts.recoveryPoint) return false
    return this.#facts.trust === 'device' || !followed
  }

  /** The log ends in this segment: its tail is cut and all later segments go. */
  async #cut(segment: Segment, kept: Segment[]): Promise<Segment[]> {
    const later = this.#segments.slice(this.#segments.indexOf(segment) + 1)
    this.#cutBytes = await writtenBytes(segment.file, segment.bytes) + later.reduce((sum, gone) => sum + gone.bytes, 0)
    this.#hasCut = true
    segment.cutFileTo(segment.bytes)
    for (const gone of later) gone.remove()
    this.#segments = this.#segments.slice(0, this.#segments.length - later.length)
    return kept
  }

  #cutAll(): void {
    this.#cutBytes = this.#segments.reduce((sum, gone) => sum + gone.bytes, 0)
    this.#hasCut = true
    for (const gone of this.#segments) gone.remove()
    this.#segments = []
  }

  /** Where the files end below what was once synced, records are gone: their offsets are never given again. */
  #lostFrom(): number {
    const end = this.#segments.at(-1)?.endOffset ?? this.#facts.startOffset
    const { recoveryPoint } = this.#facts
    if (end >= recoveryPoint) return end
    this.#damage.push(new CorruptionError('SYNCED_RECORDS_MISSING', `${this.#options.label}: offsets ${end} to ${recoveryPoint} (exclusive) were on the device and are gone`, {
      hint: 'segment files were cut or removed from outside; restore them from a copy',
      details: { partition: this.#options.label, from: end, to: recoveryPoint },
    }))
    return recoveryPoint
  }

  /** The end offset; a new segment is begun where the last one can't be appended to at that offset. */
  #beginAt(endOffset: number): number {
    const last = this.#segments.at(-1)
    const damagedTail = last !== undefined && last.file.bytes() > last.bytes
    if (last !== undefined && last.endOffset === endOffset && !damagedTail) return endOffset
    last?.seal()
    this.#segments.push(Segment.create(this.#options.fs, this.#options.directory, endOffset))
    return endOffset
  }

  /** What a cut has left of a segment may lie below the start. */
  #removeBelow(startOffset: number): void {
    const gone = this.#segments.filter((_, i) => (this.#segments[i + 1]?.baseOffset ?? Infinity) <= startOffset)
    for (const segment of gone) segment.remove()
    this.#segments = this.#segments.slice(gone.length)
  }

  async #makeDurable(scanned: readonly Segment[]): Promise<void> {
    const active = this.#segments.at(-1)
    for (const segment of scanned) if (!segment.removed) await segment.sync(segment !== active)
    await this.#options.fs.syncDirectory(this.#options.directory)
  }
}
