// A partition of keyed records on a simulated disk, beside what it must hold: an array of all that was appended, and
// what rounds of compaction, truncation and time leave of it.
import assert from 'node:assert/strict'
import { compressLater, ensureCodec } from '../../../src/format/compression.ts'
import { BatchEncoder } from '../../../src/format/batch-encoder.ts'
import { baseOffset, baseTimestamp, batchBytes, hasDeleteHorizon, isLogAppendTime, maxTimestamp, recordCount, type Codec } from '../../../src/format/record-batch.ts'
import { RecordCursor } from '../../../src/format/record-cursor.ts'
import { SimulatedFileSystem } from '../../../src/platform/simulated-file-system.ts'
import { bodyOf } from '../../../src/storage/batch-filter.ts'
import { clean } from '../../../src/storage/cleaner.ts'
import { cleanPartition, type Cleaning, type CleaningEnvironment, type CleaningSettings } from '../../../src/storage/cleaning.ts'
import type { KeyHash } from '../../../src/storage/offset-map.ts'
import { PartitionCursor } from '../../../src/storage/partition-cursor.ts'
import type { RecoveryFacts } from '../../../src/storage/recovery.ts'
import type { WritableOptions, WritablePartition } from '../../../src/storage/writable-partition.ts'
import { newPartition, reopen } from '../../support/partitions.ts'

export interface Keyed {
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number
}

interface Appended extends Keyed {
  readonly offset: number
  /** Of the batch it came in: tombstones of a batch go together. */
  readonly batch: { horizon: number }
}

export interface Round {
  readonly now: number
  readonly tombstoneRetentionMs?: number
  readonly dropsTombstones?: boolean
  readonly codec?: Codec
  readonly segmentBytes?: number
  readonly mapBytes?: number
  readonly compactionLagMinMs?: number
  readonly onDemand?: boolean
  /** In place of the cleaner's own. */
  readonly hash?: KeyHash
}

const NO_PAUSES = { due: () => false, pause: async () => {} }

export class KeyedPartition {
  fs: SimulatedFileSystem
  partition!: WritablePartition
  /** What it must hold, in order. */
  expected: Appended[] = []
  readonly sent: Keyed[] = []
  segmentBytes = 1024
  cleanedTo = 0
  compactedBelow = 0

  private constructor(fs: SimulatedFileSystem) {
    this.fs = fs
  }

  static async start(fs = new SimulatedFileSystem()): Promise<KeyedPartition> {
    const keyed = new KeyedPartition(fs)
    keyed.partition = await newPartition(fs, keyed.#options())
    return keyed
  }

  /** Appends one batch. */
  async append(records: readonly Keyed[], codec: Codec = 'none', appendTime?: number): Promise<void> {
    await ensureCodec(codec)
    const encoder = new BatchEncoder()
    for (const { key, value, timestamp } of records) encoder.append(timestamp, key === null ? null : Buffer.from(key), value === null ? null : Buffer.from(value), [[Buffer.from('h'), Buffer.from(String(timestamp))]])
    const compressed = codec === 'none' ? undefined : { codec, body: await compressLater(codec, encoder.body()) }
    const base = this.partition.append(Buffer.from(encoder.seal({ compressed, appendTime })))
    const batch = { horizon: Infinity }
    this.sent.push(...records)
    this.expected.push(...records.map(({ key, value, timestamp }, i) => ({ key, value, timestamp: appendTime ?? timestamp, offset: base + i, batch })))
  }

  roll(): void {
    this.partition.roll()
  }

  /** A round that somebody asked for: the array is brought to what it must leave, if it does its work. */
  async clean(round: Round): Promise<Cleaning | undefined> {
    const { now, tombstoneRetentionMs = 1000, dropsTombstones = true, compactionLagMinMs = 0, onDemand = true } = round
    const upTo = this.partition.segments.at(-1)!.baseOffset
    const settings: CleaningSettings = { segmentBytes: round.segmentBytes ?? this.segmentBytes, minDirtyRatio: 0.5, compactionLagMinMs, compactionLagMaxMs: Infinity, tombstoneRetentionMs, codec: round.codec ?? 'none' }
    const cleaning = await cleanPartition(this.partition, settings, this.#environment(round, now, onDemand, dropsTombstones))
    if (cleaning !== undefined) this.#compact(upTo, now, tombstoneRetentionMs, dropsTombstones)
    return cleaning
  }

  async truncateBefore(offset: number): Promise<void> {
    await this.partition.truncateBefore(offset)
    this.expected = this.expected.filter(record => record.offset >= offset)
  }

  async reopen(facts: Partial<RecoveryFacts> = {}, fs = this.fs): Promise<void> {
    this.fs = fs
    const { partition, report } = await reopen(fs, { startOffset: this.partition.startOffset, recoveryPoint: 0, ...facts }, this.#options())
    assert.deepEqual(report.damage, [])
    this.partition = partition
  }

  /** Both, from an offset on. */
  async compare(from = this.partition.startOffset): Promise<void> {
    const found = await this.stored(from)
    assert.deepEqual(found, this.expected.filter(({ offset }) => offset >= from).map(({ key, value, timestamp, offset }) => ({ offset, key, value, timestamp })))
    const { segments } = this.partition
    for (const [i, segment] of segments.entries()) if (i > 0) assert.equal(segment.baseOffset, segments[i - 1]!.endOffset)
    assert.deepEqual(this.fs.list(this.partition.options.directory).filter(name => name.endsWith('.log')).length, segments.length)
  }

  async stored(from = this.partition.startOffset): Promise<(Keyed & { offset: number })[]> {
    const found: (Keyed & { offset: number })[] = []
    const cursor = new PartitionCursor(this.partition, from, 'read_uncommitted')
    for (let chunk = await cursor.next(1000); chunk !== undefined; chunk = await cursor.next(1000)) {
      for (let at = 0; at < chunk.bytes.length; at += batchBytes(chunk.bytes, at)) found.push(...await recordsOf(chunk.bytes.subarray(at, at + batchBytes(chunk.bytes, at))))
    }
    return found.filter(({ offset }) => offset >= from)
  }

  #environment(round: Round, now: number, onDemand: boolean, dropsTombstones: boolean): CleaningEnvironment {
    const { hash, mapBytes } = round
    return {
      now, onDemand, dropsTombstones, holds: () => true, seeds: () => Buffer.alloc(16, 7), pauses: NO_PAUSES,
      elsewhere: request => hash === undefined ? undefined : clean(this.fs, request, NO_PAUSES, hash),
      ...(mapBytes === undefined ? {} : { mapBytes }),
    }
  }

  #compact(upTo: number, now: number, tombstoneRetentionMs: number, dropsTombstones: boolean): void {
    const newest = new Map<string, number>()
    for (const { key, offset } of this.expected) if (key !== null && offset < upTo) newest.set(key, offset)
    const isOver = ({ key, value, batch }: Appended): boolean => dropsTombstones && key !== null && value === null && batch.horizon <= now
    this.expected = this.expected.filter(record => record.offset >= upTo || record.key === null || (newest.get(record.key) === record.offset && !isOver(record)))
    for (const { key, value, batch, offset } of this.expected) if (offset < upTo && key !== null && value === null && batch.horizon === Infinity) batch.horizon = now + tombstoneRetentionMs
  }

  #options(): Partial<WritableOptions> {
    return {
      onTrouble: () => {},
      segmentBytes: () => this.segmentBytes,
      compactedBelow: () => this.compactedBelow,
      cleaning: {
        cleanedTo: () => this.cleanedTo,
        saveCleanedTo: async offset => { this.cleanedTo = offset },
        saveCompactedBelow: async offset => { this.compactedBelow = Math.max(this.compactedBelow, offset) },
      },
    }
  }
}

async function recordsOf(batch: Buffer): Promise<(Keyed & { offset: number })[]> {
  const body = await bodyOf(batch)
  const found: (Keyed & { offset: number })[] = []
  const cursor = new RecordCursor(body, recordCount(batch, 0))
  while (cursor.next()) {
    const timestamp = isLogAppendTime(batch, 0) ? maxTimestamp(batch, 0) : baseTimestamp(batch, 0) + cursor.timestampDelta
    assert(timestamp <= maxTimestamp(batch, 0) && (hasDeleteHorizon(batch, 0) || timestamp >= 0))
    const text = (start: number, bytes: number): string | null => bytes < 0 ? null : body.toString('utf8', start, start + bytes)
    found.push({ offset: baseOffset(batch, 0) + cursor.offsetDelta, key: text(cursor.keyStart, cursor.keyBytes), value: text(cursor.valueStart, cursor.valueBytes), timestamp })
  }
  return found
}
