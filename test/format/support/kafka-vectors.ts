// What Kafka's own classes made of known input (tools/kafka/Vectors.java).
import { readFileSync } from 'node:fs'
import type { Assignment, Subscription } from '../../../src/format/consumer-protocol.ts'
import type { CommittedOffset, GroupRecordKey, StoredGroup, StoredMember } from '../../../src/format/group-records.ts'
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

/** A record of __consumer_offsets, and what Kafka reads from it: -1 or null for what a version lacks. */
export interface GroupRecordVector<T> {
  readonly name: string
  readonly key: Buffer
  readonly keyFields: GroupRecordKey
  /** Of the value. */
  readonly version: number
  readonly value: Buffer
  readonly fields: T
}

/** A subscription or an assignment, and what Kafka's consumer reads from it. */
export interface ConsumerProtocolVector<T> { readonly name: string; readonly version: number; readonly bytes: Buffer; readonly fields: T }

/** As it stands in the file. */
type Base64<T> = { readonly [K in keyof T]: T[K] extends Buffer ? string : T[K] extends Buffer | null ? string | null : T[K] }

interface Stored {
  murmur2: { key: string; hash: number; of7: number }[]
  batches: (Omit<BatchVector, 'bytes' | 'records'> & {
    bytes: string
    records: { timestamp: number; key: string | null; value: string | null; times: number; headers: [string, string | null][] }[] | null
  })[]
  files: { offsets: string; epochs: string; partitionMetadata: string; index: string; timeindex: string }
  committedOffsets: Base64<GroupRecordVector<CommittedOffset>>[]
  groups: Base64<GroupRecordVector<Base64<Omit<StoredGroup, 'members'>> & { members: Base64<StoredMember>[] }>>[]
  keyOfAnotherKind: string
  subscriptions: Base64<ConsumerProtocolVector<Base64<Subscription>>>[]
  assignments: Base64<ConsumerProtocolVector<Base64<Assignment>>>[]
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

export const committedOffsets: readonly GroupRecordVector<CommittedOffset>[] = stored.committedOffsets.map(vector => ({ ...vector, key: bytes(vector.key), value: bytes(vector.value) }))

export const groups: readonly GroupRecordVector<StoredGroup>[] = stored.groups.map(vector => ({
  ...vector,
  key: bytes(vector.key),
  value: bytes(vector.value),
  fields: { ...vector.fields, members: vector.fields.members.map(member => ({ ...member, subscription: bytes(member.subscription), assignment: bytes(member.assignment) })) },
}))

export const keyOfAnotherKind = bytes(stored.keyOfAnotherKind)

export const subscriptions: readonly ConsumerProtocolVector<Subscription>[] = stored.subscriptions.map(withUserData)
export const assignments: readonly ConsumerProtocolVector<Assignment>[] = stored.assignments.map(withUserData)

export function batchNamed(name: string): BatchVector {
  const found = batches.find(batch => batch.name === name)
  if (found === undefined) throw new Error(`no vector '${name}'`)
  return found
}

function withUserData<T extends { readonly userData: string | null }>(vector: { readonly name: string; readonly version: number; readonly bytes: string; readonly fields: T }): ConsumerProtocolVector<Omit<T, 'userData'> & { readonly userData: Buffer | null }> {
  return { ...vector, bytes: bytes(vector.bytes), fields: { ...vector.fields, userData: nullable(vector.fields.userData) } }
}

function bytes(base64: string): Buffer {
  return Buffer.from(base64, 'base64')
}

function nullable(base64: string | null): Buffer | null {
  return base64 === null ? null : bytes(base64)
}
