// Which segments of a partition are to be compacted, decided from what is known of them; nothing is read.
//
//   clean: below dirtyFrom · dirty: from there to upTo
//   not yet: the active segment, one with a transaction whose end is open, what compactionLag still holds; and what is behind
import type { Segment } from './segment.ts'

const LARGEST_SPAN = 2 ** 31 - 1

export interface CleaningPolicy {
  readonly segmentBytes: number
  readonly minDirtyRatio: number
  readonly compactionLagMinMs: number
  readonly compactionLagMaxMs: number
}

export interface CleaningFacts {
  /** Up to where it was compacted before. */
  readonly cleanedTo: number
  readonly startOffset: number
  /** Below it every transaction has ended. */
  readonly stableOffset: number
  readonly now: number
  /** When the next tombstone or marker may go; Infinity: there is none. */
  readonly nextHorizon: number
  /** Somebody asked for it: whatever is dirty is cleaned. */
  readonly onDemand: boolean
}

export interface CleaningPlan {
  readonly dirtyFrom: number
  readonly upTo: number
  /** Neighbours that fit into one segment. */
  readonly groups: readonly (readonly Segment[])[]
}

/** Of sealed segments, in order. `timesOf`: the largest timestamp of a segment, and the first. */
export function planCleaning(sealed: readonly Segment[], policy: CleaningPolicy, facts: CleaningFacts, timesOf: (segment: Segment) => { largest: number; first: number }): CleaningPlan | undefined {
  const end = sealed.at(-1)?.endOffset ?? 0
  const dirtyFrom = facts.cleanedTo > end ? facts.startOffset : Math.max(facts.cleanedTo, facts.startOffset)
  const stable = sealed.filter(({ endOffset }) => endOffset <= facts.stableOffset)
  const cleanable = beforeLag(stable, dirtyFrom, facts.now - policy.compactionLagMinMs, policy, timesOf)
  if (cleanable.length === 0) return undefined
  const upTo = Math.max(dirtyFrom, cleanable.at(-1)!.endOffset)
  const dirty = cleanable.filter(segment => segment.endOffset > dirtyFrom)
  const isDue = facts.nextHorizon <= facts.now
    || (dirty.length > 0 && (facts.onDemand || isDirtyEnough(cleanable, dirty, policy) || timesOf(dirty[0]!).first <= facts.now - policy.compactionLagMaxMs))
  return isDue ? { dirtyFrom, upTo, groups: group(cleanable, policy.segmentBytes) } : undefined
}

/** What is clean stays cleanable; a dirty segment waits until all its records are old enough, and so do those behind it. */
function beforeLag(sealed: readonly Segment[], dirtyFrom: number, latest: number, { compactionLagMinMs }: CleaningPolicy, timesOf: (segment: Segment) => { largest: number }): readonly Segment[] {
  if (compactionLagMinMs === 0) return sealed
  const young = sealed.findIndex(segment => segment.endOffset > dirtyFrom && timesOf(segment).largest > latest)
  return young === -1 ? sealed : sealed.slice(0, young)
}

function isDirtyEnough(all: readonly Segment[], dirty: readonly Segment[], { minDirtyRatio }: CleaningPolicy): boolean {
  return sumOfBytes(dirty) >= minDirtyRatio * sumOfBytes(all)
}

function sumOfBytes(segments: readonly Segment[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0)
}

function group(segments: readonly Segment[], segmentBytes: number): Segment[][] {
  const groups: Segment[][] = []
  let bytes = 0
  for (const segment of segments) {
    const last = groups.at(-1)
    const fits = last !== undefined && bytes + segment.bytes <= segmentBytes && segment.endOffset - last[0]!.baseOffset <= LARGEST_SPAN
    if (fits) last.push(segment)
    else groups.push([segment])
    bytes = fits ? bytes + segment.bytes : segment.bytes
  }
  return groups
}
