// Compacts one partition: plans, has the cleaner write, and swaps in what it wrote, pass by pass. What it relies on is on
// the device before anything is replaced: a record goes only after the newer one of its key can't be lost any more.
import type { Codec } from '../format/record-batch.ts'
import { clean, removeCleaned, type CleaningRequest, type CleaningResult, type Pauses } from './cleaner.ts'
import { planCleaning, type CleaningFacts, type CleaningPlan, type CleaningPolicy } from './cleaning-plan.ts'
import type { WritablePartition } from './writable-partition.ts'

/** Of the map of keys: 2.5 million of them in a pass. */
const MAP_BYTES = 64 * 1024 * 1024

export interface CleaningSettings extends CleaningPolicy {
  readonly tombstoneRetentionMs: number
  readonly codec: Codec
}

export interface CleaningEnvironment {
  readonly now: number
  readonly onDemand: boolean
  /** False while the clock is not to be trusted: no tombstone goes, and no marker. */
  readonly dropsTombstones: boolean
  /** Whether the settings still hold: asked before anything is replaced. */
  readonly holds: () => boolean
  readonly seeds: () => Uint8Array
  readonly pauses: Pauses
  /** Does the work on another thread; undefined: there is none. */
  readonly elsewhere: (request: CleaningRequest) => Promise<CleaningResult> | undefined
  readonly mapBytes?: number
}

export interface Cleaning { readonly segments: number; readonly bytesFreed: number }

/** undefined: there was nothing to do. */
export async function cleanPartition(partition: WritablePartition, settings: CleaningSettings, environment: CleaningEnvironment): Promise<Cleaning | undefined> {
  await partition.finishReplacing()
  let plan = planned(partition, settings, environment)
  if (plan === undefined) return undefined
  const { upTo } = plan
  const before = bytesBelow(partition, upTo)
  let segments = 0
  for (;;) {
    const { replaced, cleanedTo } = await pass(partition, plan, settings, environment)
    segments += replaced
    if (cleanedTo >= upTo || cleanedTo === plan.dirtyFrom) break
    plan = planned(partition, settings, { ...environment, onDemand: true })
    if (plan === undefined) break
  }
  return { segments, bytesFreed: Math.max(0, before - bytesBelow(partition, upTo)) }
}

/** When it may become due without another write: a record too young for compactionLag, one too old, a tombstone's or marker's horizon. */
export function cleaningTimes(partition: WritablePartition, { compactionLagMinMs, compactionLagMaxMs }: CleaningPolicy): number[] {
  const sealed = partition.segments.slice(0, -1)
  const dirty = sealed.find(({ endOffset }) => endOffset > partition.cleaning.cleanedTo())
  const active = partition.segments.at(-1)!
  const times = [partition.nextHorizon ?? Infinity, (active.firstTime() ?? Infinity) + compactionLagMaxMs]
  if (dirty !== undefined && compactionLagMinMs > 0) times.push(partition.largestTimestamp(dirty) + compactionLagMinMs + 1)
  if (dirty !== undefined) times.push((dirty.firstTime() ?? Infinity) + compactionLagMaxMs)
  return times
}

function planned(partition: WritablePartition, settings: CleaningSettings, { now, onDemand, dropsTombstones, holds }: CleaningEnvironment): CleaningPlan | undefined {
  if (!holds()) return undefined
  const nextHorizon = dropsTombstones ? partition.nextHorizon ??= horizonBound(partition, settings.tombstoneRetentionMs) : Infinity
  const facts: CleaningFacts = { cleanedTo: partition.cleaning.cleanedTo(), startOffset: partition.startOffset, stableOffset: partition.stableOffset, now, onDemand, nextHorizon }
  return planCleaning(partition.segments.slice(0, -1), settings, facts, segment => ({ largest: partition.largestTimestamp(segment), first: segment.firstTime() ?? 0 }))
}

async function pass(partition: WritablePartition, plan: CleaningPlan, settings: CleaningSettings, environment: CleaningEnvironment): Promise<{ replaced: number; cleanedTo: number }> {
  const { fs, directory } = partition.options
  const producers = partition.knownProducers
  const request: CleaningRequest = {
    directory,
    groups: plan.groups.map(group => group.map(({ baseOffset, endOffset, bytes, compacted }) => ({ baseOffset, endOffset, bytes, compacted }))),
    dirtyFrom: plan.dirtyFrom,
    upTo: plan.upTo,
    now: environment.now,
    tombstoneRetentionMs: settings.tombstoneRetentionMs,
    dropsTombstones: environment.dropsTombstones,
    codec: settings.codec,
    aborted: producers === undefined ? [] : partition.abortedIn(plan.groups[0]![0]!.baseOffset, plan.upTo),
    producers: producers ?? [],
    mapBytes: environment.mapBytes ?? MAP_BYTES,
    seeds: environment.seeds(),
  }
  await partition.sync()
  try {
    const result = await (environment.elsewhere(request) ?? clean(fs, request, environment.pauses)).catch((error: unknown) => {
      if (!isTruncated(plan)) throw error
    })
    return result === undefined ? { replaced: 0, cleanedTo: plan.dirtyFrom } : await take(partition, plan, result, environment.holds)
  } finally {
    if (!partition.closed) removeCleaned(fs, directory)
  }
}

async function take(partition: WritablePartition, plan: CleaningPlan, { segments, cleanedTo, nextHorizon }: CleaningResult, holds: () => boolean): Promise<{ replaced: number; cleanedTo: number }> {
  partition.checkOpen()
  const swaps = plan.groups.flatMap((old, i) => segments[i] === undefined ? [] : [{ old, cleaned: segments[i] }])
  if (swaps.length > 0) {
    await partition.cleaning.saveCompactedBelow(swaps.at(-1)!.old.at(-1)!.endOffset)
    if (!await partition.replace(swaps, holds)) return { replaced: 0, cleanedTo: plan.dirtyFrom } // truncated or altered meanwhile: the next time
  }
  await partition.cleaning.saveCleanedTo(cleanedTo)
  partition.nextHorizon = nextHorizon
  return { replaced: swaps.flatMap(({ old }) => old).length, cleanedTo }
}

/** While it was read: what is left of it comes the next time. */
function isTruncated({ groups }: CleaningPlan): boolean {
  return groups.flat().some(segment => segment.removed)
}

/** No horizon that a cleaning before the opening has set is later. Where there is none, the next cleaning finds out. */
function horizonBound(partition: WritablePartition, tombstoneRetentionMs: number): number {
  const { fs } = partition.options
  const written = partition.segments.filter(({ compacted }) => compacted).map(segment => fs.stat(segment.file.path)?.modifiedMs ?? 0)
  return written.length === 0 ? Infinity : Math.max(...written) + tombstoneRetentionMs
}

function bytesBelow(partition: WritablePartition, offset: number): number {
  return partition.segments.reduce((sum, { baseOffset, bytes }) => baseOffset < offset ? sum + bytes : sum, 0)
}
