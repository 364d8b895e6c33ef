// ListOffsets: where a partition begins and ends, and the first record that is as late as a time.
import type { listOffsets } from '../apis/02-list-offsets.ts'
import { offsetAtTime } from '../../log/positions.ts'
import type { StoredTopic } from '../../log/stored-topic.ts'
import { KafkaError, errorCodeOf } from '../kafka-errors.ts'
import { epochOf } from '../leader-epoch.ts'
import type { Handler } from './handler.ts'

const LATEST = -1
const EARLIEST = -2

export const listOffsetsHandler: Handler<typeof listOffsets> = {
  async handle({ topics, isolationLevel }, { door, node }) {
    const answers = []
    for (const { name, partitions } of topics) {
      const topic = door.topics.named(name)
      const found = []
      for (const { partitionIndex, timestamp } of partitions) {
        try {
          if (topic?.partitions[partitionIndex] === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'no such partition')
          if (!door.brokers.isLeader(node, partitionIndex)) throw new KafkaError('NOT_LEADER_OR_FOLLOWER', 'another broker leads it')
          const offset = await offsetFor(topic, partitionIndex, timestamp, isolationLevel === 1)
          found.push({ partitionIndex, errorCode: 0, timestamp: -1, offset, leaderEpoch: epochOf(topic.partitions[partitionIndex]) })
        } catch (error) {
          found.push({ partitionIndex, errorCode: errorCodeOf(error) })
        }
      }
      answers.push({ name, partitions: found })
    }
    return { topics: answers }
  },
  refuse: ({ topics }, errorCode) => ({ topics: topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })) })) }),
}

async function offsetFor(topic: StoredTopic, partition: number, timestamp: number, committed: boolean): Promise<number> {
  const log = topic.partitions[partition]!
  if (timestamp === LATEST) return log.endFor(committed ? 'read_committed' : 'read_uncommitted')
  if (timestamp === EARLIEST) return log.startOffset
  const offset = await offsetAtTime(topic, partition, timestamp)
  return offset === log.endOffset ? -1 : offset
}
