// What a topic of one partition must and may hold: all records that were ever sent, by offset, and the rules by which
// some of them go. Knows segments only where a rule does: by what the log tells of them.
//
//   gone        were seen to be missing; they never come back, and what supersedes them must outlive any crash
//   limit       a superseded record may be gone if the one that supersedes it lies below: no compaction has reached further
//   durable     a power cut takes nothing below it
import assert from 'node:assert/strict'
import type { SegmentStats, TopicSettings } from '../../../src/index.ts'

export interface KeptRecord {
  readonly number: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [string, string | null])[]
  readonly timestamp: number
}

interface Entry extends KeptRecord {
  readonly arrivedAt: number
  /** Of a tombstone: by then it may be dropped, by any cleaning. */
  horizonBy: number
}

export class KeptTopic {
  readonly name: string
  settings: Readonly<TopicSettings>
  readonly records = new Map<number, Entry>()
  readonly gone = new Set<number>()
  start = 0
  end = 0
  durable = 0
  limit = 0
  /** The least tombstoneRetention that ever held, and the largest. */
  #leastRetention: number
  #mostRetention: number
  /** Keys of sends that a crash has cut off, and where the log ended then: what they superseded is not known. */
  readonly #excused = new Map<string | null, number>()

  constructor(name: string, settings: Readonly<TopicSettings>) {
    this.name = name
    this.settings = settings
    this.#leastRetention = this.#mostRetention = settings.tombstoneRetentionMs
  }

  get isCompacted(): boolean { return this.settings.cleanup !== 'delete' }
  get isDeleted(): boolean { return this.settings.cleanup !== 'compact' }

  use(settings: Readonly<TopicSettings>): void {
    this.settings = settings
    this.#leastRetention = Math.min(this.#leastRetention, settings.tombstoneRetentionMs)
    this.#mostRetention = Math.max(this.#mostRetention, settings.tombstoneRetentionMs)
  }

  add(offset: number, record: KeptRecord, now: number): void {
    const known = this.records.get(offset)
    if (known !== undefined) return assert.equal(known.number, record.number, `${this.name}: two records were acknowledged at offset ${offset}`)
    this.records.set(offset, { ...record, arrivedAt: now, horizonBy: Infinity })
    this.end = Math.max(this.end, offset + 1)
  }

  excuse(key: string | null): void {
    this.#excused.set(key, Infinity)
  }

  /** What a power cut has taken: other records will have these offsets. */
  cutAt(end: number): void {
    for (const offset of [...this.records.keys(), ...this.gone]) {
      if (offset < end) continue
      this.records.delete(offset)
      this.gone.delete(offset)
    }
    this.end = end
    this.limit = Math.min(this.limit, end)
    for (const [key, to] of this.#excused) this.#excused.set(key, Math.min(to, end))
    for (const offset of this.gone) if (offset >= this.start) assert(this.mayBeGone(offset, Infinity), `${this.name}: what superseded offset ${offset} was lost`)
  }

  /** Looked at before and after each step: how far a compaction may have come. What is compacted is, however young. */
  noteLimit(segments: readonly SegmentStats[], now: number, settings = this.settings): void {
    if (settings.cleanup === 'delete') return
    this.limit = Math.max(this.limit, cleanableTo(segments.slice(0, -1).map(segment => segment.compacted ? { ...segment, largestTimestamp: -1 } : segment), settings, now))
  }

  newest(below: number): Map<string, number> {
    const newest = new Map<string, number>()
    for (const [offset, { key }] of this.records) if (key !== null && offset < below && offset > (newest.get(key) ?? -1)) newest.set(key, offset)
    return newest
  }

  mayBeGone(offset: number, now: number, newest = this.newest(this.limit)): boolean {
    const record = this.records.get(offset)
    if (record === undefined) return this.#excused.size > 0
    if (record.key === null) return false
    if (offset < (this.#excused.get(record.key) ?? 0)) return true
    if ((newest.get(record.key) ?? -1) > offset) return true
    return record.value === null && offset < this.limit && now >= record.arrivedAt + this.#leastRetention
  }

  /** A compaction that was asked for has reached `end`, at that time. */
  noteCompacted(end: number, stored: ReadonlySet<number>, now: number): void {
    const newest = this.newest(end)
    for (const offset of stored) {
      const record = this.records.get(offset)
      if (record === undefined || offset >= end || record.key === null) continue
      assert.equal(newest.get(record.key), offset, `${this.name}: offset ${offset} is superseded by ${newest.get(record.key)}, and still there after a compaction to ${end}`)
      if (record.value !== null) continue
      assert(now < record.horizonBy, `${this.name}: the tombstone at ${offset} is still there, its horizon was at most ${record.horizonBy}, it is ${now}`)
      record.horizonBy = Math.min(record.horizonBy, now + this.#mostRetention) // an earlier round may have set it, when more held
    }
  }

  /** After an opening the log has to guess when a tombstone may go. */
  noteReopened(now: number): void {
    for (const entry of this.records.values()) if (entry.horizonBy < Infinity) entry.horizonBy = Math.max(entry.horizonBy, now + this.#mostRetention)
  }
}

/** Where the first segment begins that compactionLag holds. */
export function cleanableTo(sealed: readonly SegmentStats[], { compactionLagMinMs }: Readonly<TopicSettings>, now: number): number {
  const young = sealed.find(({ largestTimestamp }) => compactionLagMinMs > 0 && largestTimestamp > now - compactionLagMinMs)
  return young?.baseOffset ?? sealed.at(-1)?.endOffset ?? 0
}

/** Where a topic is to begin by `retention` and `retentionBytes`; undefined: the log tells too little. */
export function beginByRetention(segments: readonly SegmentStats[], settings: Readonly<TopicSettings>, facts: { readonly now: number; readonly keepFrom: number; readonly rolls: boolean }): number | undefined {
  let begin = 0
  let excess = segments.reduce((sum, { bytes }) => sum + bytes, 0) - settings.retentionBytes
  for (const { active, bytes, endOffset, largestTimestamp } of segments) {
    if (bytes === 0) break
    if (largestTimestamp < 0) return undefined
    const isOld = (settings.retentionMs === 0 || largestTimestamp + settings.retentionMs < facts.now) && endOffset <= facts.keepFrom
    const isExcess = excess >= bytes && (!active || facts.rolls)
    if (!isOld && !isExcess) break
    begin = endOffset
    excess -= bytes
  }
  return begin
}
