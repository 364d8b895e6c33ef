// Produce (0): batches to be appended, for each partition. With acks 0 there is no answer.
//
//   v3   transactional ids, batches of format 2. Versions 0 to 2 are advertised, since old librdkafka looks for them, and refused
//   v4   KAFKA_STORAGE_ERROR may be answered
//   v5   the answer has where the partition's log begins
//   v6   nothing new
//   v7   batches may be compressed by zstd
//   v8   the answer says which records a batch was refused for, and why
//   v9   the first flexible version
//   v10  the answer has the current leader and its address, if it is another (KIP-951)
//   v11  TRANSACTION_ABORTABLE may be answered
//   v12  in a transaction: the partition is added to it (KIP-890); a client whose transaction.version is below 2 stays at 11
//   v13  topics by id instead of by name; UNKNOWN_TOPIC_ID may be answered
import { defineApi } from '../protocol/api.ts'
import { int16, int32, int64, records, string, uuid } from '../protocol/plain-fields.ts'
import { array, struct } from '../protocol/struct-fields.ts'

export const produce = defineApi({
  key: 0,
  name: 'Produce',
  versions: [3, 13],
  advertised: [0, 13],
  flexibleFrom: 9,
  request: {
    transactionalId: string({ nullable: true, default: null }),
    acks: int16(),
    timeoutMs: int32(),
    topicData: array({
      name: string({ to: 12 }),
      topicId: uuid({ from: 13 }),
      partitionData: array({
        index: int32(),
        records: records(),
      }),
    }),
  },
  response: {
    responses: array({
      name: string({ to: 12 }),
      topicId: uuid({ from: 13 }),
      partitionResponses: array({
        index: int32(),
        errorCode: int16(),
        baseOffset: int64(),
        logAppendTimeMs: int64({ default: -1 }),
        logStartOffset: int64({ from: 5, default: -1 }),
        recordErrors: array({
          batchIndex: int32(),
          batchIndexErrorMessage: string({ nullable: true, default: null }),
        }, { from: 8 }),
        errorMessage: string({ from: 8, nullable: true, default: null }),
        currentLeader: struct({
          leaderId: int32({ default: -1 }),
          leaderEpoch: int32({ default: -1 }),
        }, { from: 10, tag: 0 }),
      }),
    }),
    throttleTimeMs: int32({ default: 0 }),
    nodeEndpoints: array({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: string({ nullable: true, default: null }),
    }, { from: 10, tag: 0 }),
  },
})
