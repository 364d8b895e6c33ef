// What the log does for itself: rolls segments that are old, deletes what retention lets go, compacts, and forgets producers
// and groups.
// A round looks at every partition, one after the other; nothing of it holds up sends or reads. A round comes an interval
// after something was written, or when something grows too old; while neither happens none does.
import { randomBytes } from 'node:crypto'
import { type ClosedError, CorruptionError, MillraceError, StorageError } from '../base/errors.ts'
import type { Clock } from '../platform/clock.ts'
import { ClockAgreement } from '../platform/clock-agreement.ts'
import type { Jobs, TaskThread } from '../platform/file-system.ts'
import { BACKGROUND_MS, Slices } from '../platform/slices.ts'
import { StallMeter } from '../platform/stall-meter.ts'
import type { CleaningRequest, CleaningResult, Pauses } from '../storage/cleaner.ts'
import { cleanPartition, cleaningTimes, type CleaningEnvironment } from '../storage/cleaning.ts'
import { nextExpiry, planRetention } from '../storage/retention.ts'
import type { Segment } from '../storage/segment.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import type { HousekeepingReport } from './event-emitter.ts'
import type { TopicObserver } from './open-log.ts'
import type { Kept } from './partition-store.ts'
import { Rounds } from './rounds.ts'
import { isOwnTopic } from './topic-name.ts'
import type { TopicSettings } from './topic-settings.ts'

/** What is smaller is compacted here, in slices: less work than to ask another thread. */
const SMALL_BYTES = 1024 * 1024
/** Kafka's producer.id.expiration.ms. */
const PRODUCER_EXPIRY_MS = 24 * 60 * 60 * 1000

export interface HousekeepingParts {
  readonly clock: Clock
  /** undefined: on demand alone. */
  readonly intervalMs: number | undefined
  readonly groupExpiryMs: number
  readonly jobs: Jobs
  readonly kept: () => Iterable<Kept>
  /** What room is left is for what makes more of it: nothing is compacted. */
  readonly isShortOfRoom: () => boolean
  readonly observer: () => TopicObserver | undefined
  readonly syncAll: () => Promise<void>
  readonly onRound: (report: HousekeepingReport) => void
  readonly onFailure: (error: MillraceError, kept: Kept | undefined) => void
}

export class Housekeeping {
  readonly #parts: HousekeepingParts
  readonly #agreement: ClockAgreement
  readonly #rounds: Rounds | undefined
  /** Where compaction met damage, which is told once: for as long as the segment is there, neither replaced nor deleted nor read anew. */
  readonly #damaged = new WeakMap<WritablePartition, Segment>()
  #running: Promise<unknown> = Promise.resolve()
  #thread: TaskThread | undefined
  #stopped: ClosedError | undefined

  constructor(parts: HousekeepingParts) {
    this.#parts = parts
    this.#agreement = new ClockAgreement(parts.clock)
    this.#rounds = parts.intervalMs === undefined ? undefined : new Rounds(parts.clock, parts.intervalMs, () => this.#inBackground())
  }

  /** Something was written, or altered. */
  needed(): void {
    this.#rounds?.needed()
  }

  /** A send was refused for want of room: what retention lets go makes some. */
  roomNeeded(): void {
    this.#rounds?.urgent()
  }

  /** Now, and whatever is dirty is compacted. */
  async onDemand(): Promise<HousekeepingReport> {
    return await this.#next(true)
  }

  /** Resolves once nothing of it is under way. */
  async stop(reason: ClosedError): Promise<void> {
    this.abandon(reason)
    await this.#running
  }

  abandon(reason: ClosedError): void {
    this.#stopped = reason
    this.#rounds?.stop()
    this.#thread?.end()
  }

  async #inBackground(): Promise<void> {
    try {
      await this.#parts.jobs.run(() => this.#next(false))
    } catch (error) {
      if (this.#stopped === undefined) this.#parts.onFailure(unexpected(error, undefined), undefined)
    }
  }

  /** One round at a time. */
  #next(onDemand: boolean): Promise<HousekeepingReport> {
    const run = this.#running.then(() => this.#round(onDemand))
    this.#running = run.catch(() => { /* its caller has it */ })
    return run
  }

  async #round(onDemand: boolean): Promise<HousekeepingReport> {
    const { clock, observer, groupExpiryMs, onRound } = this.#parts
    if (onDemand && this.#stopped !== undefined) throw this.#stopped
    const seen = this.#isTimeTrusted ? clock.now() : -Infinity
    const report: HousekeepingReport = { segmentsDeleted: 0, segmentsCompacted: 0, bytesFreed: 0, durationMs: 0, longestStallMs: 0, failures: [] }
    const meter = new StallMeter()
    let forgotten = 0
    try {
      if (onDemand) await this.#parts.syncAll()
      const slices = new Slices(BACKGROUND_MS)
      for (const kept of this.#parts.kept()) {
        if (this.#stopped !== undefined) break
        await this.#keep(kept, onDemand, report)
        if (slices.due()) await slices.pause()
      }
      if (this.#isTimeTrusted && groupExpiryMs < Infinity) forgotten = await this.#attempt(async () => await observer()?.expireGroups(clock.now() - groupExpiryMs), undefined, report) ?? 0
    } finally {
      Object.assign(report, meter.end())
      this.#thread?.end()
      this.#thread = undefined
    }
    await this.#scheduleNext(seen)
    if (report.segmentsDeleted + report.segmentsCompacted + report.failures.length + forgotten > 0) onRound(report)
    return report
  }

  async #keep(kept: Kept, onDemand: boolean, report: HousekeepingReport): Promise<void> {
    const { partition } = kept
    if (partition.closed || partition.failure !== undefined) return
    if (this.#isTimeTrusted) partition.expireProducers(this.#parts.clock.now() - PRODUCER_EXPIRY_MS)
    await this.#attempt(async () => {
      this.#roll(kept, onDemand)
      await this.#expire(kept, report)
      await this.#compact(kept, onDemand, report)
    }, kept, report)
  }

  /** Compaction leaves the active segment alone: one that is old, or asked for, ends here. */
  #roll({ partition, settings: policies }: Kept, onDemand: boolean): void {
    const settings = policies()
    if (!isCompacted(settings)) return
    const active = partition.segments.at(-1)!
    const age = this.#parts.clock.now() - (active.firstTime() ?? Infinity)
    const isOld = age >= Math.min(settings.segmentAgeMs, settings.compactionLagMaxMs)
    if (active.bytes > 0 && (onDemand || isOld)) partition.roll()
  }

  async #expire(kept: Kept, report: HousekeepingReport): Promise<void> {
    const { partition } = kept
    const settings = kept.settings()
    if (settings.cleanup === 'compact') return
    const now = this.#isTimeTrusted ? this.#parts.clock.now() : undefined
    const keepFrom = await this.#consumedBelow(kept)
    const begin = await planRetention(partition, { retentionMs: settings.retentionMs, retentionBytes: settings.retentionBytes, keepFrom }, now)
    if (begin <= partition.startOffset) return
    const { segments } = partition
    const holds = (): boolean => kept.settings() === settings && this.#committedBelow(kept) >= keepFrom
    if (!await partition.truncateBefore(begin, holds)) return await this.#expire(kept, report) // altered meanwhile, or a group was moved back
    // Where it was all there was, an empty segment takes its place.
    const gone = segments.filter(({ baseOffset, bytes }) => bytes > 0 && baseOffset < partition.segments[0]!.baseOffset)
    report.segmentsDeleted += gone.length
    report.bytesFreed += gone.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** The report is for users: of the log's own topics it says nothing. */
  async #compact(kept: Kept, onDemand: boolean, report: HousekeepingReport): Promise<void> {
    const { topic, partition } = kept
    const settings = kept.settings()
    if (!isCompacted(settings) || this.#parts.isShortOfRoom() || (this.#isDamaged(partition) && !onDemand)) return
    const cleaning = await cleanPartition(partition, cleaningSettings(settings), this.#environment(partition, onDemand, () => kept.settings() === settings))
    if (isOwnTopic(topic)) return
    report.segmentsCompacted += cleaning?.segments ?? 0
    report.bytesFreed += cleaning?.bytesFreed ?? 0
  }

  #environment(partition: WritablePartition, onDemand: boolean, holds: () => boolean): CleaningEnvironment {
    return {
      holds,
      now: this.#parts.clock.now(),
      onDemand,
      dropsTombstones: this.#isTimeTrusted,
      seeds: () => randomBytes(16),
      pauses: this.#pauses(partition),
      elsewhere: request => this.#elsewhere(request),
    }
  }

  #elsewhere(request: CleaningRequest): Promise<CleaningResult> | undefined {
    const bytes = request.groups.flat().reduce((sum, input) => sum + input.bytes, 0)
    if (bytes < SMALL_BYTES) return undefined
    this.#thread ??= this.#parts.jobs.thread()
    return this.#thread?.run('clean', request) as Promise<CleaningResult> | undefined
  }

  /** Ends the work where its partition is gone. */
  #pauses(partition: WritablePartition): Pauses {
    const slices = new Slices(BACKGROUND_MS)
    return {
      due: () => slices.due(),
      pause: async () => {
        await slices.pause()
        partition.checkOpen()
        if (this.#stopped !== undefined) throw this.#stopped
      },
    }
  }

  /** What fails is told, and keeps no other partition from its turn. */
  async #attempt<T>(work: () => Promise<T>, kept: Kept | undefined, report: HousekeepingReport): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      if (this.#stopped !== undefined || kept?.partition.closed === true) return undefined
      const failure = error instanceof MillraceError ? error : unexpected(error, kept)
      if (failure instanceof CorruptionError && kept !== undefined) this.#noteDamage(kept.partition, failure)
      report.failures.push(failure)
      if (kept?.partition.failure === undefined) this.#parts.onFailure(failure, kept) // a failed partition has told
      this.needed()
      return undefined
    }
  }

  /** The same, on the device: what a power cut may take back does not count, or the group would stand before what was deleted. */
  async #consumedBelow(kept: Kept): Promise<number> {
    const offset = this.#committedBelow(kept)
    if (offset === 0 || offset === Infinity) return offset
    return await this.#parts.observer()!.syncCommits().then(() => offset, () => 0)
  }

  /** Below it every group of `retainUntilConsumedBy` has committed all there is. */
  #committedBelow({ topic, index, settings }: Kept): number {
    const observer = this.#parts.observer()
    return settings().retainUntilConsumedBy.reduce((least, group) => Math.min(least, observer?.committedBelow(group, topic, index) ?? 0), Infinity)
  }

  #noteDamage(partition: WritablePartition, { details }: CorruptionError): void {
    const { segments } = partition
    this.#damaged.set(partition, segments.find(({ file }) => file.path === details['file']) ?? segments[0]!)
  }

  #isDamaged(partition: WritablePartition): boolean {
    const segment = this.#damaged.get(partition)
    return segment !== undefined && partition.segments.includes(segment)
  }

  get #isTimeTrusted(): boolean { return this.#agreement.remainingMs() === 0 }

  /** `seen`: up to when the round has looked; what was due then and is there still waits for a write, or a commit. */
  async #scheduleNext(seen: number): Promise<void> {
    if (this.#rounds === undefined) return
    const { clock, groupExpiryMs } = this.#parts
    const slices = new Slices(BACKGROUND_MS)
    const groups = groupExpiryMs === Infinity ? Infinity : this.#parts.observer()?.nextExpiry(groupExpiryMs) ?? Infinity
    let first = groups > seen ? groups : Infinity
    for (const kept of this.#parts.kept()) {
      for (const time of this.#dueTimes(kept)) if (time > seen) first = Math.min(first, time)
      if (slices.due()) await slices.pause()
    }
    if (first < Infinity && this.#stopped === undefined) this.#rounds.needed(Math.max(first - clock.now(), this.#agreement.remainingMs()))
  }

  #dueTimes({ partition, settings: policies }: Kept): readonly number[] {
    if (partition.closed || partition.failure !== undefined) return []
    const settings = policies()
    return [
      partition.oldestProducerTime + PRODUCER_EXPIRY_MS + 1,
      ...(settings.cleanup === 'compact' ? [] : [nextExpiry(partition, settings.retentionMs)]),
      ...(isCompacted(settings) && !this.#isDamaged(partition) ? cleaningTimes(partition, settings) : []),
    ]
  }
}

/** Our own mistake ends no process. */
function unexpected(cause: unknown, kept: Kept | undefined): StorageError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new StorageError('HOUSEKEEPING_FAILED', `${kept === undefined ? '' : `${kept.partition.label}: `}housekeeping failed: ${reason}`, { hint: 'it is tried again; please report it', cause })
}

function isCompacted(settings: Readonly<TopicSettings>): boolean {
  return settings.cleanup !== 'delete'
}

function cleaningSettings({ segmentBytes, minDirtyRatio, compactionLagMinMs, compactionLagMaxMs, tombstoneRetentionMs, compression }: Readonly<TopicSettings>) {
  return { segmentBytes, minDirtyRatio, compactionLagMinMs, compactionLagMaxMs, tombstoneRetentionMs, codec: compression }
}
