// AddPartitionsToTxn (24): partitions that a transaction is about to write to.
//
//   v0   one transaction
//   v1   answers come before a client over its quota is held back, not after
//   v2   PRODUCER_FENCED may be answered
//   v3   the first flexible version
//   v4   several transactions, or only to see whether the partitions are in them: between brokers. Clients stay at 3
//   v5   TRANSACTION_ABORTABLE may be answered
import { defineApi } from '../protocol/api.ts'
import { boolean, int16, int32, int64, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

const addPartitionsToTxnTopic = {
  name: string(),
  partitions: array(int32()),
}

const addPartitionsToTxnPartitionResult = {
  partitionIndex: int32(),
  partitionErrorCode: int16(),
}

const addPartitionsToTxnTopicResult = {
  name: string(),
  resultsByPartition: array(addPartitionsToTxnPartitionResult),
}

export const addPartitionsToTxn = defineApi({
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: [0, 5],
  flexibleFrom: 3,
  request: {
    transactions: array({
      transactionalId: string(),
      producerId: int64(),
      producerEpoch: int16(),
      verifyOnly: boolean(),
      topics: array(addPartitionsToTxnTopic),
    }, { from: 4 }),
    v3AndBelowTransactionalId: string({ to: 3 }),
    v3AndBelowProducerId: int64({ to: 3 }),
    v3AndBelowProducerEpoch: int16({ to: 3 }),
    v3AndBelowTopics: array(addPartitionsToTxnTopic, { to: 3 }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16({ from: 4 }),
    resultsByTransaction: array({
      transactionalId: string(),
      topicResults: array(addPartitionsToTxnTopicResult),
    }, { from: 4 }),
    resultsByTopicV3AndBelow: array(addPartitionsToTxnTopicResult, { to: 3 }),
  },
})
