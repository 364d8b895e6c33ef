// What consumers of a classic group tell each other through the coordinator, which only passes it on: each what it wants
// to read, the leader what each gets. Every client of Kafka speaks it, so our members and Kafka's can share a group.
//
//   subscription   int16 3 · array of string topic · bytes user data · array of owned · int32 generation · string rack
//   assignment     int16 3 · array of assigned · bytes user data
//   owned, assigned   string topic · array of int32 partition
//
// User data and rack may be null. Written is version 3, as by Kafka's Java client of today, the rack always null. Read is
// every version: 0 ends before what is owned, 1 before the generation. Kafka promises that newer versions only add
// at the end and reads them as the newest it knows; so do we, and as Kafka's own clients leave alone what follows.
import { CorruptionError } from '../base/errors.ts'
import { PrimitiveReader, PrimitiveWriter } from './primitives.ts'

export interface TopicPartition { readonly topic: string; readonly partition: number }

export interface Subscription {
  readonly topics: readonly string[]
  /** What the assignor wants to be told of this member. Once parsed, a view. */
  readonly userData: Buffer | null
  /** What the member holds, as of `generation`; members of version 0 don't say. */
  readonly owned: readonly TopicPartition[]
  /** -1: the member is new, or doesn't say. */
  readonly generation: number
}

export interface Assignment {
  readonly partitions: readonly TopicPartition[]
  /** What the assignor tells this member. Once parsed, a view. */
  readonly userData: Buffer | null
}

const WRITTEN_VERSION = 3
const NO_RACK = null

/** Topics and partitions stand as they are given: sorted, equal subscriptions are equal bytes. */
export function encodeSubscription({ topics, userData, owned, generation }: Subscription): Buffer {
  const writer = new PrimitiveWriter(128)
  writer.int16(WRITTEN_VERSION)
  writer.array(topics, topic => { writer.string(topic) })
  writer.nullableBytes(userData)
  writePartitions(writer, owned)
  writer.int32(generation)
  writer.nullableString(NO_RACK)
  return writer.finish()
}

export function parseSubscription(bytes: Uint8Array): Subscription {
  const reader = new PrimitiveReader(bytes, subscriptionMalformed)
  const version = readVersion(reader, 'subscription')
  const topics = readTopics(reader)
  const userData = reader.nullableBytes('user data')
  const owned = version >= 1 ? readPartitions(reader) : []
  const generation = version >= 2 ? reader.int32('generation') : -1
  return { topics, userData, owned, generation }
}

/** What every version begins with, for whoever asks no more: some clients name a version and leave out what it added. */
export function parseSubscribedTopics(bytes: Uint8Array): string[] {
  const reader = new PrimitiveReader(bytes, subscriptionMalformed)
  readVersion(reader, 'subscription')
  return readTopics(reader)
}

export function encodeAssignment({ partitions, userData }: Assignment): Buffer {
  const writer = new PrimitiveWriter(128)
  writer.int16(WRITTEN_VERSION)
  writePartitions(writer, partitions)
  writer.nullableBytes(userData)
  return writer.finish()
}

export function parseAssignment(bytes: Uint8Array): Assignment {
  const reader = new PrimitiveReader(bytes, assignmentMalformed)
  readVersion(reader, 'assignment')
  const partitions = readPartitions(reader)
  const userData = reader.nullableBytes('user data')
  return { partitions, userData }
}

/** Each topic once, where it is named first. */
function writePartitions(writer: PrimitiveWriter, partitions: readonly TopicPartition[]): void {
  const byTopic = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    const ofTopic = byTopic.get(topic)
    if (ofTopic === undefined) byTopic.set(topic, [partition])
    else ofTopic.push(partition)
  }
  writer.array([...byTopic], ([topic, ofTopic]) => {
    writer.string(topic)
    writer.array(ofTopic, partition => { writer.int32(partition) })
  })
}

function readTopics(reader: PrimitiveReader): string[] {
  return reader.array('topics', () => reader.string('topic'))
}

function readPartitions(reader: PrimitiveReader): TopicPartition[] {
  return reader.array('topics with partitions', () => {
    const topic = reader.string('topic')
    return reader.array('partitions', () => ({ topic, partition: reader.int32('partition') }))
  }).flat()
}

function readVersion(reader: PrimitiveReader, what: string): number {
  const version = reader.int16('version')
  if (version < 0) throw malformed(what, `its version is ${version}`, 0)
  return version
}

function subscriptionMalformed(what: string, at: number): CorruptionError {
  return malformed('subscription', what, at)
}

function assignmentMalformed(what: string, at: number): CorruptionError {
  return malformed('assignment', what, at)
}

function malformed(which: string, what: string, at: number): CorruptionError {
  return new CorruptionError('CONSUMER_PROTOCOL_MALFORMED', `a member's ${which} is malformed: ${what} (byte ${at})`, {
    hint: 'A client of the group made it that way, or it was damaged where it is stored.', details: { at },
  })
}
