// CreateTopics (19): new topics, each with its partitions and settings.
//
//   v2   validateOnly; the answer has messages and the throttle time
//   v3   answers come before a client over its quota is held back, not after
//   v4   -1 partitions or replicas: the default
//   v5   flexible; the answer has the settings the topic got
//   v6   THROTTLING_QUOTA_EXCEEDED may be answered
//   v7   the answer has the id of the topic
import { defineApi } from '../protocol/api.ts'
import { boolean, int16, int32, int8, string, uuid } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const createTopics = defineApi({
  key: 19,
  name: 'CreateTopics',
  versions: [2, 7],
  flexibleFrom: 5,
  request: {
    topics: array({
      name: string(),
      numPartitions: int32(),
      replicationFactor: int16(),
      assignments: array({
        partitionIndex: int32(),
        brokerIds: array(int32()),
      }),
      configs: array({
        name: string(),
        value: string({ nullable: true }),
      }),
    }),
    timeoutMs: int32({ default: 60000 }),
    validateOnly: boolean(),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      topicId: uuid({ from: 7 }),
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      topicConfigErrorCode: int16({ from: 5, tag: 0 }),
      numPartitions: int32({ from: 5, default: -1 }),
      replicationFactor: int16({ from: 5, default: -1 }),
      configs: array({
        name: string(),
        value: string({ nullable: true }),
        readOnly: boolean(),
        configSource: int8({ default: -1 }),
        isSensitive: boolean(),
      }, { from: 5, nullable: true }),
    }),
  },
})
