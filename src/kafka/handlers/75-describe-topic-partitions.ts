// DescribeTopicPartitions: partitions of topics, by name, in pages. None named: all topics. A page ends at the limit
// (2000, or the client's, if that is less), and its cursor is where the next begins. Nothing is made by asking.
import type { describeTopicPartitions } from '../apis/75-describe-topic-partitions.ts'
import { TOPIC_OPERATIONS } from '../authorized-operations.ts'
import { describePartitions } from '../described-partitions.ts'
import { KafkaError, errorCodeOf } from '../kafka-errors.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import { ZERO_UUID } from '../protocol/plain-fields.ts'
import type { Call, Handler } from './handler.ts'

type Request = RequestOf<typeof describeTopicPartitions>
type Response = ResponseOf<typeof describeTopicPartitions>

/** Kafka's max.request.partition.size.limit. */
const LARGEST_PAGE = 2000

export const describeTopicPartitionsHandler: Handler<typeof describeTopicPartitions> = {
  handle(request, { door }) {
    const names = namesFrom(request, door)
    const topics: Response['topics'][number][] = []
    let left = Math.max(1, Math.min(LARGEST_PAGE, request.responsePartitionLimit))
    for (const name of names) {
      if (left === 0) return { throttleTimeMs: 0, topics, nextCursor: { topicName: name, partitionIndex: 0 } }
      const first = name === request.cursor?.topicName ? request.cursor.partitionIndex : 0
      const topic = describe(name, first, first + left, door)
      topics.push(topic)
      left -= topic.partitions.length
      const next = first + topic.partitions.length
      if (next < (door.topics.named(name)?.partitions.length ?? 0)) return { throttleTimeMs: 0, topics, nextCursor: { topicName: name, partitionIndex: next } }
    }
    return { throttleTimeMs: 0, topics }
  },
  refuse: ({ topics }, errorCode) => ({ throttleTimeMs: 0, topics: topics.map(({ name }) => ({ errorCode, name, topicId: ZERO_UUID, isInternal: false, partitions: [] })) }),
}

function namesFrom({ topics, cursor }: Request, door: Call['door']): string[] {
  const all = topics.length === 0 ? [...door.topics.all()] : topics
  const names = [...new Set(all.map(({ name }) => name))].filter(name => name >= (cursor?.topicName ?? '')).sort()
  if (cursor === null) return names
  if (topics.length > 0 && !names.includes(cursor.topicName)) throw new KafkaError('INVALID_REQUEST', `the cursor is at topic '${cursor.topicName}', which is not among those that are asked for`)
  if (cursor.partitionIndex < 0) throw new KafkaError('INVALID_REQUEST', `the cursor is at partition ${cursor.partitionIndex}`)
  return names
}

function describe(name: string, firstPartition: number, endPartition: number, { topics, brokers }: Call['door']): Response['topics'][number] {
  try {
    const topic = topics.existing(name)
    const partitions = describePartitions(topic, brokers, firstPartition, endPartition).map(partition => ({ ...partition, eligibleLeaderReplicas: [], lastKnownElr: [] }))
    return { errorCode: 0, name, topicId: topic.id, isInternal: false, partitions, topicAuthorizedOperations: TOPIC_OPERATIONS }
  } catch (error) {
    return { errorCode: errorCodeOf(error), name, topicId: ZERO_UUID, isInternal: false, partitions: [] }
  }
}
