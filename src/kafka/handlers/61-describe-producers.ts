// DescribeProducers: who has written numbered batches to a partition within a day, and where its open transaction begins.
import type { describeProducers } from '../apis/61-describe-producers.ts'
import { KAFKA_ERRORS, errorCodeOf, messageOf, KafkaError } from '../kafka-errors.ts'
import type { ResponseOf } from '../protocol/api.ts'
import type { Call, Handler } from './handler.ts'

type PartitionAnswer = ResponseOf<typeof describeProducers>['topics'][number]['partitions'][number]

export const describeProducersHandler: Handler<typeof describeProducers> = {
  handle: ({ topics }, call) => ({ throttleTimeMs: 0, topics: topics.map(({ name, partitionIndexes }) => ({ name, partitions: partitionIndexes.map(index => describe(name, index, call)) })) }),
  refuse: ({ topics }, errorCode, errorMessage) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitionIndexes }) => ({ name, partitions: partitionIndexes.map(partitionIndex => ({ partitionIndex, errorCode, errorMessage, activeProducers: [] })) })),
  }),
}

function describe(name: string, partitionIndex: number, { door, node }: Call): PartitionAnswer {
  const topic = door.topics.named(name)
  if (topic?.partitions[partitionIndex] === undefined) return failed(partitionIndex, new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no partition ${name}-${partitionIndex}`))
  if (!door.brokers.isLeader(node, partitionIndex)) return failed(partitionIndex, new KafkaError('NOT_LEADER_OR_FOLLOWER', `another broker leads ${name}-${partitionIndex}`))
  return {
    partitionIndex, errorCode: KAFKA_ERRORS.NONE,
    activeProducers: (topic.writable(partitionIndex).knownProducers ?? []).map(({ producerId, producerEpoch, lastSequence, timestamp, coordinatorEpoch, currentTransactionFirstOffset }) => ({
      producerId, producerEpoch, lastSequence, lastTimestamp: timestamp, coordinatorEpoch, currentTxnStartOffset: currentTransactionFirstOffset ?? -1,
    })),
  }
}

function failed(partitionIndex: number, error: KafkaError): PartitionAnswer {
  return { partitionIndex, errorCode: errorCodeOf(error), errorMessage: messageOf(error), activeProducers: [] }
}
