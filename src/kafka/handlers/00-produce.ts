// Produce: batches are checked and then stored as they came. What is answered when follows from acks: 0, nothing; 1, once
// the operating system has them; -1, once they are as durable as the door's option says.
// The next request of the connection begins once these batches are in the log, so that what waits for a sync shares it.
import type { produce } from '../apis/00-produce.ts'
import { batchFault } from '../../format/record-batch.ts'
import { KAFKA_ERRORS, KafkaError, errorCodeOf, messageOf } from '../kafka-errors.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import type { Call, Handler } from './handler.ts'
import type { StoredTopic } from '../../log/stored-topic.ts'
import type { WritablePartition } from '../../storage/writable-partition.ts'

type TopicRequest = RequestOf<typeof produce>['topicData'][number]
type PartitionRequest = TopicRequest['partitionData'][number]
type PartitionAnswer = ResponseOf<typeof produce>['responses'][number]['partitionResponses'][number]

export const produceHandler: Handler<typeof produce> = {
  async handle(request, call) {
    const written: WritablePartition[] = []
    const responses = request.topicData.map(({ name, topicId, partitionData }) => {
      const topic = call.door.topics.find({ name, topicId })
      return { name, topicId, partitionResponses: partitionData.map(partition => write(topic, partition, call, written)) }
    })
    if (request.acks === 0) return undefined
    if (request.acks === -1 && call.door.settings.durability === 'power') {
      call.proceed()
      await Promise.all(written.map(partition => partition.sync()))
    }
    return { responses }
  },
  refuse: ({ topicData }, errorCode, errorMessage) => ({
    responses: topicData.map(({ name, topicId, partitionData }) => ({ name, topicId, partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, errorMessage, baseOffset: -1 })) })),
  }),
}

function write(topic: StoredTopic | undefined, { index, records }: PartitionRequest, { door, node }: Call, written: WritablePartition[]): PartitionAnswer {
  try {
    if (topic === undefined || index < 0 || index >= topic.partitions.length) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'no such partition')
    if (!door.brokers.isLeader(node, index)) throw new KafkaError('NOT_LEADER_OR_FOLLOWER', 'another broker leads it')
    const log = topic.writable(index)
    if (records === null || batchFault(records, 0, records.length) !== undefined) throw new KafkaError('CORRUPT_MESSAGE', 'not a batch')
    const baseOffset = log.append(records)
    written.push(log)
    return { index, errorCode: KAFKA_ERRORS.NONE, baseOffset, logStartOffset: log.startOffset }
  } catch (error) {
    return { index, errorCode: errorCodeOf(error), errorMessage: messageOf(error), baseOffset: -1 }
  }
}
