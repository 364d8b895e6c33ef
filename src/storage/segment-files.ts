// The names inside a partition's directory, as Kafka spells them: the base offset in twenty digits and a suffix.
// Files are only ever deleted when their name parses here.

export type SegmentSuffix = '.log' | '.index' | '.timeindex' | '.txnindex' | '.snapshot'

/**
 * 'cleaned': compaction writes it. 'swap': it is whole, and takes the live one's place (segment-swap.ts).
 * 'deleted': waits for removal. 'rescued': an unfinished copy of recover().
 */
export type SegmentState = 'live' | 'cleaned' | 'swap' | 'deleted' | 'rescued'

const NAME = /^(\d{20})(\.log|\.index|\.timeindex|\.txnindex|\.snapshot)(?:\.(cleaned|swap|deleted|rescued))?$/

export interface SegmentFile {
  readonly baseOffset: number
  readonly suffix: SegmentSuffix
  readonly state: SegmentState
}

export function segmentFile(baseOffset: number, suffix: SegmentSuffix, state: SegmentState = 'live'): string {
  return String(baseOffset).padStart(20, '0') + suffix + (state === 'live' ? '' : `.${state}`)
}

export function parseSegmentFile(name: string): SegmentFile | undefined {
  const match = NAME.exec(name)
  if (match === null) return undefined
  const baseOffset = Number(match[1])
  if (!Number.isSafeInteger(baseOffset)) return undefined
  return { baseOffset, suffix: match[2] as SegmentSuffix, state: (match[3] ?? 'live') as SegmentState }
}
