// The records of __consumer_offsets, as Kafka's coordinator of classic groups writes and reads them: what a group has
// committed on a partition, and who its members are. A tombstone takes either back. Every key and value begins with a
// number that says how to read on.
//
//   offset key     int16 1 · string group · string topic · int32 partition                       (0 reads as 1)
//   offset value   int16 3 · int64 offset · int32 leader epoch · string metadata · int64 timestamp
//   group key      int16 2 · string group
//   group value    int16 3 · string protocol type · int32 generation · string protocol · string leader · int64 timestamp
//                  array of members
//   member         string id · string instance id · string client id · string client host · int32 rebalance timeout
//                  int32 session timeout · bytes subscription · bytes assignment
//
// Protocol, leader and instance id may be null. Written is value version 3, which any Kafka from 2.3 on reads; read are 0
// to 4. Older versions lack the leader epoch (below 3), the instance id (below 3), the group's timestamp (below 2) and the
// rebalance timeout (0). Not kept are the expiry of version 1, since groups expire as a whole, and the tagged fields of
// version 4, the topic's id among them. Subscription and assignment are consumer-protocol.ts.
//
// Keys of other kinds (Kafka's groups of the newer protocol, share groups, …) are 'unknown' and left to their owners. A
// broker's partition also has control records, whose keys are none of these: callers pass over control batches.
// Hot: 100,000 groups are replayed at start-up.
import { CorruptionError } from '../base/errors.ts'
import { PrimitiveReader, PrimitiveWriter } from './primitives.ts'

export type GroupRecordKey =
  | { readonly kind: 'offset'; readonly group: string; readonly topic: string; readonly partition: number }
  | { readonly kind: 'group'; readonly group: string }
  | { readonly kind: 'unknown'; readonly version: number }

export interface CommittedOffset {
  /** As it was committed: any int64 that is a safe integer, since Kafka doesn't check it either. */
  readonly offset: number
  /** Of the last record that was handled; -1: not known. */
  readonly leaderEpoch: number
  /** What the committer wants to be told again. */
  readonly metadata: string
  readonly timestamp: number
}

export interface StoredGroup {
  /** 'consumer' for groups of consumers, '' before the first member came. */
  readonly protocolType: string
  readonly generation: number
  /** The assignor's name; null while there are no members, as is the leader. */
  readonly protocol: string | null
  readonly leader: string | null
  /** Since when the group has been in its state; -1: not known. */
  readonly timestamp: number
  readonly members: readonly StoredMember[]
}

export interface StoredMember {
  readonly id: string
  /** Of a static member. */
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly subscription: Buffer
  readonly assignment: Buffer
}

const LEGACY_OFFSET_KEY = 0
const OFFSET_KEY = 1
const GROUP_KEY = 2
const WRITTEN_VALUE = 3
const NEWEST_VALUE = 4
const FIRST_FLEXIBLE_VALUE = 4

export function encodeOffsetKey(group: string, topic: string, partition: number): Buffer {
  const writer = new PrimitiveWriter(10 + group.length + topic.length)
  writer.int16(OFFSET_KEY)
  writer.string(group)
  writer.string(topic)
  writer.int32(partition)
  return writer.finish()
}

export function encodeGroupKey(group: string): Buffer {
  const writer = new PrimitiveWriter(4 + group.length)
  writer.int16(GROUP_KEY)
  writer.string(group)
  return writer.finish()
}

export function parseGroupRecordKey(bytes: Uint8Array): GroupRecordKey {
  const reader = new PrimitiveReader(bytes, keyMalformed)
  const version = reader.int16('version')
  if (version === OFFSET_KEY || version === LEGACY_OFFSET_KEY) {
    const group = reader.string('group')
    const topic = reader.string('topic')
    const partition = reader.int32('partition')
    reader.expectEnd()
    return { kind: 'offset', group, topic, partition }
  }
  if (version !== GROUP_KEY) return { kind: 'unknown', version }
  const group = reader.string('group')
  reader.expectEnd()
  return { kind: 'group', group }
}

export function encodeOffsetValue({ offset, leaderEpoch, metadata, timestamp }: CommittedOffset): Buffer {
  const writer = new PrimitiveWriter(24 + metadata.length)
  writer.int16(WRITTEN_VALUE)
  writer.int64(offset)
  writer.int32(leaderEpoch)
  writer.string(metadata)
  writer.int64(timestamp)
  return writer.finish()
}

export function parseOffsetValue(bytes: Uint8Array): CommittedOffset {
  const reader = new PrimitiveReader(bytes, offsetMalformed)
  const version = readVersion(reader, 'a committed offset')
  const offset = reader.int64('offset')
  const leaderEpoch = version >= 3 ? reader.int32('leader epoch') : -1
  const metadata = reader.string('metadata')
  const timestamp = reader.int64('timestamp')
  if (version === 1) reader.int64('expiry')
  reader.skipTaggedFields()
  reader.expectEnd()
  return { offset, leaderEpoch, metadata, timestamp }
}

export function encodeGroupValue({ protocolType, generation, protocol, leader, timestamp, members }: StoredGroup): Buffer {
  const writer = new PrimitiveWriter(256)
  writer.int16(WRITTEN_VALUE)
  writer.string(protocolType)
  writer.int32(generation)
  writer.nullableString(protocol)
  writer.nullableString(leader)
  writer.int64(timestamp)
  writer.array(members, member => {
    writer.string(member.id)
    writer.nullableString(member.instanceId)
    writer.string(member.clientId)
    writer.string(member.clientHost)
    writer.int32(member.rebalanceTimeoutMs)
    writer.int32(member.sessionTimeoutMs)
    writer.bytes(member.subscription)
    writer.bytes(member.assignment)
  })
  return writer.finish()
}

/** Nothing in it is a view of `bytes`: a group outlives what it was read from. */
export function parseGroupValue(bytes: Uint8Array): StoredGroup {
  const reader = new PrimitiveReader(bytes, groupMalformed)
  const version = readVersion(reader, 'a group')
  const group = {
    protocolType: reader.string('protocol type'),
    generation: reader.int32('generation'),
    protocol: reader.nullableString('protocol'),
    leader: reader.nullableString('leader'),
    timestamp: version >= 2 ? reader.int64('timestamp') : -1,
    members: reader.array('members', () => readMember(reader, version)),
  }
  reader.skipTaggedFields()
  reader.expectEnd()
  return group
}

function readMember(reader: PrimitiveReader, version: number): StoredMember {
  const id = reader.string('member id')
  const instanceId = version >= 3 ? reader.nullableString('instance id') : null
  const clientId = reader.string('client id')
  const clientHost = reader.string('client host')
  const rebalanceTimeoutMs = version >= 1 ? reader.int32('rebalance timeout') : -1
  const sessionTimeoutMs = reader.int32('session timeout')
  const subscription = Buffer.from(reader.bytes('subscription'))
  const assignment = Buffer.from(reader.bytes('assignment'))
  reader.skipTaggedFields()
  // Kafka does the same: once there was one timeout for both.
  return { id, instanceId, clientId, clientHost, rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? sessionTimeoutMs : rebalanceTimeoutMs, sessionTimeoutMs, subscription, assignment }
}

function readVersion(reader: PrimitiveReader, what: string): number {
  const version = reader.int16('version')
  if (version < 0 || version > NEWEST_VALUE) {
    throw new CorruptionError('GROUP_RECORD_UNSUPPORTED', `${what} in __consumer_offsets has version ${version}, supported are 0 to ${NEWEST_VALUE} (byte 0 of the value)`, {
      hint: 'it was written by something newer, or the record is damaged', details: { version, newest: NEWEST_VALUE, at: 0 },
    })
  }
  reader.flexible = version >= FIRST_FLEXIBLE_VALUE
  return version
}

function keyMalformed(what: string, at: number): CorruptionError {
  return malformed('a key', what, at)
}

function offsetMalformed(what: string, at: number): CorruptionError {
  return malformed('a committed offset', what, at)
}

function groupMalformed(what: string, at: number): CorruptionError {
  return malformed('a group', what, at)
}

function malformed(which: string, what: string, at: number): CorruptionError {
  return new CorruptionError('GROUP_RECORD_MALFORMED', `${which} in __consumer_offsets is malformed: ${what} (byte ${at})`, {
    hint: 'The record passed its checksum, so its writer produced it that way.', details: { at },
  })
}
