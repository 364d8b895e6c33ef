// ListOffsets: where a partition begins and ends, the first record that is as late as a time, and the latest of all.
//
//   -1       the end; with read_committed the last stable offset
//   -2, -4   the start: all of it is on local disks
//   -3       the record with the greatest timestamp
//   -5, -6   of tiered storage, which there is none of: -1
//
// Where no record is as late, or it can't be read yet by the isolation level, the offset is -1, and that is no error.
// Unlike Kafka: a time never leads to the marker of a transaction.
import { firstRecordSince, latestRecord, type RecordPlace } from '../../log/records-by-time.ts'
import type { StoredTopic } from '../../log/stored-topic.ts'
import { Slices } from '../../platform/slices.ts'
import type { Isolation } from '../../storage/partition-log.ts'
import { listOffsets } from '../apis/02-list-offsets.ts'
import { duplicatesOf } from '../duplicates.ts'
import { KafkaError, errorCodeOf } from '../kafka-errors.ts'
import { epochAt } from '../leader-epoch.ts'
import { ledPartition } from '../led-partition.ts'
import { tellMistake } from '../mistakes.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import type { Call, Handler } from './handler.ts'

type Request = RequestOf<typeof listOffsets>
type PartitionRequest = Request['topics'][number]['partitions'][number]
type PartitionAnswer = ResponseOf<typeof listOffsets>['topics'][number]['partitions'][number]

const LATEST = -1
const EARLIEST = -2
const GREATEST_TIME = -3
const EARLIEST_LOCAL = -4
const LATEST_TIERED = -5
const EARLIEST_NOT_TIERED = -6

/** From which version on each may be asked for. */
const FIRST_VERSIONS: ReadonlyMap<number, number> = new Map([[LATEST, 1], [EARLIEST, 1], [GREATEST_TIME, 7], [EARLIEST_LOCAL, 8], [LATEST_TIERED, 9], [EARLIEST_NOT_TIERED, 11]])

/** What a client says instead of a broker's id. Others, tools among them, see what is not committed yet. */
const CONSUMER = -1
const NOWHERE: RecordPlace = { offset: -1, timestamp: -1, leaderEpoch: -1 }

export const listOffsetsHandler: Handler<typeof listOffsets> = {
  async handle({ topics, replicaId, isolationLevel }, call) {
    const twice = duplicatesOf(topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex }) => `${name}-${partitionIndex}`)))
    const isolation = isolationLevel === 1 && replicaId === CONSUMER ? 'read_committed' : 'read_uncommitted'
    const slices = new Slices()
    const answers = []
    for (const { name, partitions } of topics) {
      const found: PartitionAnswer[] = []
      for (const asked of partitions) {
        if (slices.due()) await slices.pause()
        found.push(await answerTo(name, asked, twice.has(`${name}-${asked.partitionIndex}`), isolation, call))
      }
      answers.push({ name, partitions: found })
    }
    return { topics: answers }
  },
  refuse: ({ topics }, errorCode) => ({ topics: topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })) })) }),
}

async function answerTo(name: string, { partitionIndex, timestamp, currentLeaderEpoch }: PartitionRequest, isTwice: boolean, isolation: Isolation, call: Call): Promise<PartitionAnswer> {
  try {
    if (isTwice) throw new KafkaError('INVALID_REQUEST', 'a partition may be named only once')
    if (timestamp < 0 && call.version < (FIRST_VERSIONS.get(timestamp) ?? Infinity)) throw new KafkaError('UNSUPPORTED_VERSION', `the timestamp ${timestamp} stands for nothing in version ${call.version}`)
    const topic = call.door.topics.named(name)
    ledPartition(call, topic, partitionIndex, currentLeaderEpoch)
    return { partitionIndex, errorCode: 0, ...await placeOf(topic!, partitionIndex, timestamp, isolation) }
  } catch (error) {
    tellMistake(call.door.log, listOffsets, error)
    return { partitionIndex, errorCode: errorCodeOf(error) }
  }
}

async function placeOf(topic: StoredTopic, partition: number, timestamp: number, isolation: Isolation): Promise<RecordPlace> {
  const log = topic.writable(partition)
  switch (timestamp) {
    case LATEST: return { ...NOWHERE, offset: log.endFor(isolation), leaderEpoch: log.leaderEpoch }
    case EARLIEST:
    case EARLIEST_LOCAL: return { ...NOWHERE, offset: log.startOffset, leaderEpoch: epochAt(log, log.startOffset) }
    case LATEST_TIERED:
    case EARLIEST_NOT_TIERED: return NOWHERE
  }
  const end = log.endFor(isolation)
  const found = timestamp === GREATEST_TIME ? await latestRecord(topic, partition) : await firstRecordSince(topic, partition, timestamp)
  return found === undefined || found.offset >= end ? NOWHERE : found
}
