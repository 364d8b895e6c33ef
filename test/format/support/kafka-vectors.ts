// What Kafka's own classes made of known input (tools/kafka/Vectors.java).
import { readFileSync } from 'node:fs'
import type { Codec } from '../../../src/format/record-batch.ts'
import type { PlainRecord } from './plain-record.ts'

export interface BatchVector {
  readonly name: string
  readonly bytes: Buffer
  readonly header: {
    readonly baseOffset: number; readonly lastOffset: number; readonly sizeInBytes: number; readonly leaderEpoch: number; readonly magic: number
    readonly checksum: number; readonly codec: Codec; readonly logAppendTime: boolean; readonly transactional: boolean; readonly control: boolean
    readonly baseTimestamp: number; readonly maxTimestamp: number; readonly producerId: number; readonly producerEpoch: number
    readonly baseSequence: number; readonly count: number
  }
  /** null: not stated. */
  readonly records: readonly PlainRecord[] | null
}

interface Stored {
  murmur2: { key: string; hash: number; of7: number }[]
  batches: (Omit<BatchVector, 'bytes' | 'records'> & {
    bytes: string
    records: { timestamp: number; key: string | null; value: string | null; times: number; headers: [string, string | null][] }[] | null
  })[]
  files: { offsets: string; epochs: string; partitionMetadata: string; index: string; timeindex: string }
}

const stored = JSON.parse(readFileSync(new URL('../../fixtures/kafka-vectors.json', import.meta.url), 'utf8')) as Stored

export const files = { ...stored.files, index: bytes(stored.files.index), timeindex: bytes(stored.files.timeindex) }

export const hashes = stored.murmur2.map(({ key, hash, of7 }) => ({ key: bytes(key), hash, of7 }))

export const batches: readonly BatchVector[] = stored.batches.map(batch => ({
  ...batch,
  bytes: bytes(batch.bytes),
  records: batch.records?.map(record => ({
    timestamp: record.timestamp,
    key: nullable(record.key),
    value: record.value === null ? null : Buffer.concat(Array<Buffer>(record.times).fill(bytes(record.value))),
    headers: record.headers.map(([name, value]): [string, Buffer | null] => [name, nullable(value)]),
  })) ?? null,
}))

export function batchNamed(name: string): BatchVector {
  const found = batches.find(batch => batch.name === name)
  if (found === undefined) throw new Error(`no vector '${name}'`)
  return found
}

function bytes(base64: string): Buffer {
  return Buffer.from(base64, 'base64')
}

function nullable(base64: string | null): Buffer | null {
  return base64 === null ? null : bytes(base64)
}
