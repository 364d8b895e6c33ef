// The fixtures that tools/kafka/make-segments.mjs made: partitions as a real broker left them, and what Kafka's Java
// consumer read there. Never written to: a test that changes files works on a copy.
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const segmentsDirectory = fileURLToPath(new URL('../../fixtures/kafka-segments', import.meta.url))

/** Base64; what is long is known by its hash; null is absent. */
export type StoredBytes = string | { readonly bytes: number, readonly sha256: string } | null

export interface ExpectedRecord {
  readonly offset: number
  readonly timestamp: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly leaderEpoch: number
  readonly key: StoredBytes
  readonly value: StoredBytes
  readonly headers: readonly (readonly [name: string, value: string | null])[]
}

export interface ExpectedPartition {
  readonly startOffset: number
  readonly stableOffset: number
  readonly endOffset: number
  /** Of read_committed. */
  readonly committedOffsets: readonly number[]
  /** Of read_uncommitted; control records are never among them. */
  readonly records: readonly ExpectedRecord[]
  /** Internal topics: keys and values as JSON by Kafka's own tool; '<DELETE>' is a tombstone. */
  readonly decoded?: readonly { readonly offset: number, readonly key: string | null, readonly value: string | null }[]
}

export interface SegmentsCase {
  readonly name: string
  readonly about: string
  /** By folder: <topic>-<partition>. */
  readonly partitions: Readonly<Record<string, ExpectedPartition>>
}

export function segmentsCases(): SegmentsCase[] {
  const folders = readdirSync(segmentsDirectory, { withFileTypes: true }).filter(entry => entry.isDirectory() && entry.name !== 'broker-files')
  return folders.map(({ name }) => ({ name, ...JSON.parse(readFileSync(join(segmentsDirectory, name, 'expected.json'), 'utf8')) }))
}

/** Brings bytes into the form of the expectations. */
export function storedAs(expected: StoredBytes, actual: Uint8Array | null): StoredBytes {
  if (actual === null) return null
  if (typeof expected !== 'object' || expected === null) return Buffer.from(actual).toString('base64')
  return { bytes: actual.length, sha256: createHash('sha256').update(actual).digest('hex') }
}
