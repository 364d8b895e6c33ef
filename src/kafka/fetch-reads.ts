// The reading part of a Fetch: an answer for each partition that is asked for, within the bytes that the request allows.
//
// Partitions are read in the order given, and each takes from what is left. The first that has records gives one batch at
// least, however large; behind it a batch that does not fit is left for the next request.
// What is in memory is read on the spot; other reads go on side by side, each counted as large as it may become.
import { Slices } from '../platform/slices.ts'
import type { Chunk } from '../storage/batch-chunk.ts'
import { PartitionCursor } from '../storage/partition-cursor.ts'
import type { Isolation } from '../storage/partition-log.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { fetch } from './apis/01-fetch.ts'
import type { AskedPartition, PartitionAnswer } from './fetch-sessions.ts'
import type { Call } from './handlers/handler.ts'
import { KAFKA_ERRORS, KafkaError, kafkaErrorOf } from './kafka-errors.ts'
import { epochOf } from './leader-epoch.ts'
import { ledPartition } from './led-partition.ts'
import { tellMistake } from './mistakes.ts'

/** Of one partition in one answer: copied and checked in one go, in a few milliseconds. */
export const MAX_PARTITION_BYTES = 8 * 1024 * 1024

const NO_RECORDS = Buffer.alloc(0)
/** In place of a batch that there is no room for. */
const LEFT_OUT: Chunk = { bytes: NO_RECORDS, nextOffset: -1, aborted: [] }
const FIRST_WITH_ZSTD = 10
const FIRST_WITH_STORAGE_ERROR = 6

export interface ReadLimits { readonly maxBytes: number; readonly isolation: Isolation }

/** What was read of one partition. */
export interface PartitionRead {
  readonly asked: AskedPartition
  readonly answer: PartitionAnswer
  /** undefined: it could not be read. */
  readonly log: WritablePartition | undefined
  /** Up to where it could be read, when that was begun. */
  readonly readableTo: number
  /** There was no room for its next batch. */
  readonly isCut?: boolean
}

/** Without a promise where all of it was in memory, and quickly done. */
export function readPartitions(partitions: readonly AskedPartition[], limits: ReadLimits, call: Call): readonly PartitionRead[] | Promise<readonly PartitionRead[]> {
  return new PartitionReads(partitions, limits, call).run()
}

class PartitionReads {
  readonly #partitions: readonly AskedPartition[]
  readonly #isolation: Isolation
  readonly #call: Call
  readonly #slices = new Slices()
  readonly #reads: (PartitionRead | Promise<PartitionRead>)[] = []
  #bytesLeft: number
  #hasRecords = false
  #isCold = false

  constructor(partitions: readonly AskedPartition[], { maxBytes, isolation }: ReadLimits, call: Call) {
    this.#partitions = partitions
    this.#isolation = isolation
    this.#call = call
    this.#bytesLeft = maxBytes
  }

  run(): readonly PartitionRead[] | Promise<readonly PartitionRead[]> {
    while (this.#reads.length < this.#partitions.length) {
      if (this.#slices.due()) return this.#slices.pause().then(() => this.run())
      const read = this.#read(this.#partitions[this.#reads.length]!)
      this.#isCold ||= read instanceof Promise
      this.#reads.push(read)
    }
    return this.#isCold ? Promise.all(this.#reads.map(read => Promise.resolve(read))) : this.#reads as PartitionRead[]
  }

  #read(asked: AskedPartition): PartitionRead | Promise<PartitionRead> {
    let log: WritablePartition | undefined
    try {
      log = this.#logOf(asked)
      const { fetchOffset, lastFetchedEpoch } = asked.wanted
      const readableTo = log.readableTo(this.#isolation)
      const parting = lastFetchedEpoch < 0 ? undefined : partingEpoch(log, lastFetchedEpoch, fetchOffset)
      if (parting !== undefined) return { asked, log, readableTo, answer: { ...this.#answer(log, asked, undefined), divergingEpoch: parting } }
      if (fetchOffset < log.startOffset || fetchOffset > log.endOffset) throw log.outOfRange(fetchOffset)
      const chunk = this.#chunk(log, asked, readableTo)
      if (!(chunk instanceof Promise)) return { asked, log, readableTo, isCut: chunk === LEFT_OUT, answer: this.#answer(log, asked, chunk) }
      const from = log
      return chunk.then(later => ({ asked, log: from, readableTo, isCut: later === LEFT_OUT, answer: this.#answer(from, asked, later) })).catch((error: unknown) => this.#failed(asked, from, error))
    } catch (error) {
      return this.#failed(asked, log, error)
    }
  }

  #logOf(asked: AskedPartition): WritablePartition {
    const { door, version } = this.#call
    const { partition, currentLeaderEpoch } = asked.wanted
    const topic = asked.isById ? door.topics.withId(asked.topicId) : door.topics.named(asked.topic)
    if (topic === undefined && asked.isById) {
      if (asked.name === undefined) throw new KafkaError('UNKNOWN_TOPIC_ID', `there is no topic of the id ${asked.topicId}`)
      if (door.topics.named(asked.name) !== undefined) throw new KafkaError('INCONSISTENT_TOPIC_ID', `topic '${asked.name}' was deleted and made anew: its id is another one`)
    }
    if (topic !== undefined) asked.name = topic.name
    const log = ledPartition(this.#call, topic, partition, currentLeaderEpoch)
    if (version < FIRST_WITH_ZSTD && topic?.settings.compression === 'zstd') throw new KafkaError('UNSUPPORTED_COMPRESSION_TYPE', `topic '${topic.name}' is compressed by zstd, which clients know that fetch by version ${FIRST_WITH_ZSTD}`)
    return log
  }

  #chunk(log: WritablePartition, { wanted }: AskedPartition, readableTo: number): Chunk | undefined | Promise<Chunk | undefined> {
    const mayExceed = !this.#hasRecords
    const maxBytes = Math.max(0, Math.min(wanted.partitionMaxBytes, this.#bytesLeft, MAX_PARTITION_BYTES))
    if (!mayExceed && maxBytes === 0 && wanted.fetchOffset < readableTo) return LEFT_OUT
    const chunk = new PartitionCursor(log, wanted.fetchOffset, this.#isolation).next(maxBytes)
    const fitting = (read: Chunk | undefined): Chunk | undefined => read === undefined || mayExceed || read.bytes.length <= maxBytes ? read : LEFT_OUT
    if (chunk instanceof Promise) {
      this.#count(maxBytes) // it has records: else it would not have to be waited for
      return chunk.then(fitting)
    }
    const read = fitting(chunk)
    if (read !== undefined && read !== LEFT_OUT) this.#count(read.bytes.length)
    return read
  }

  #count(bytes: number): void {
    this.#hasRecords = true
    this.#bytesLeft = Math.max(0, this.#bytesLeft - bytes)
  }

  #answer(log: WritablePartition, { wanted }: AskedPartition, chunk: Chunk | undefined): PartitionAnswer {
    return {
      partitionIndex: wanted.partition,
      errorCode: KAFKA_ERRORS.NONE,
      highWatermark: log.endOffset,
      lastStableOffset: log.stableOffset,
      logStartOffset: log.startOffset,
      abortedTransactions: this.#isolation === 'read_committed' ? (chunk?.aborted ?? []).map(({ producerId, firstOffset }) => ({ producerId, firstOffset })) : null,
      records: chunk?.bytes ?? NO_RECORDS,
    }
  }

  #failed(asked: AskedPartition, log: WritablePartition | undefined, error: unknown): PartitionRead {
    const { door, version } = this.#call
    const { partition, fetchOffset } = asked.wanted
    if (log !== undefined) door.fetches.tellDamage(door.log.events, error, log, asked.name ?? asked.topic, partition, fetchOffset)
    tellMistake(door.log, fetch, error)
    const name = kafkaErrorOf(error)
    const told = name === 'KAFKA_STORAGE_ERROR' && version < FIRST_WITH_STORAGE_ERROR ? 'NOT_LEADER_OR_FOLLOWER' : name
    const answer = { partitionIndex: partition, errorCode: KAFKA_ERRORS[told], highWatermark: -1, abortedTransactions: null, records: NO_RECORDS }
    const leader = name === 'NOT_LEADER_OR_FOLLOWER' || name === 'FENCED_LEADER_EPOCH' ? { currentLeader: this.#leaderOf(asked) } : {}
    return { asked, log: undefined, readableTo: 0, answer: { ...answer, ...leader } }
  }

  #leaderOf({ name = '', wanted: { partition } }: AskedPartition): { leaderId: number; leaderEpoch: number } {
    const { brokers, topics } = this.#call.door
    const log = topics.named(name)?.partitions[partition]
    return { leaderId: brokers.leaderOf(partition), leaderEpoch: log === undefined ? -1 : epochOf(log) }
  }
}

/**
 * Where the client's log and this one part, if the epoch that it read last ended before the offset it asks for: an unclean
 * end took what it has read there. The client goes back to that place.
 */
function partingEpoch(log: WritablePartition, lastFetchedEpoch: number, fetchOffset: number): { epoch: number; endOffset: number } | undefined {
  const end = log.epochs.endOf(lastFetchedEpoch, log.endOffset)
  if (end === undefined || fetchOffset < log.startOffset) throw log.outOfRange(fetchOffset)
  return end.epoch < lastFetchedEpoch || end.endOffset < fetchOffset ? end : undefined
}
