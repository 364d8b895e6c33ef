// ConsumerGroupHeartbeat (68): a member of a KIP-848 group joins, lives, gives up what it was asked for, or leaves (epoch -1, static: -2).
//
//   v0   flexible from the beginning
//   v1   topics by a regular expression; the member makes its own id
import { defineApi } from '../protocol/api.ts'
import { int16, int32, string, uuid } from '../protocol/plain-fields.ts'
import { array, struct } from '../protocol/struct-fields.ts'

const topicPartitions = {
  topicId: uuid(),
  partitions: array(int32()),
}

export const consumerGroupHeartbeat = defineApi({
  key: 68,
  name: 'ConsumerGroupHeartbeat',
  versions: [0, 1],
  flexibleFrom: 0,
  request: {
    groupId: string(),
    memberId: string(),
    memberEpoch: int32(),
    instanceId: string({ nullable: true, default: null }),
    rackId: string({ nullable: true, default: null }),
    rebalanceTimeoutMs: int32({ default: -1 }),
    subscribedTopicNames: array(string(), { nullable: true, default: null }),
    subscribedTopicRegex: string({ from: 1, nullable: true, default: null }),
    serverAssignor: string({ nullable: true, default: null }),
    topicPartitions: array({
      topicId: uuid(),
      partitions: array(int32()),
    }, { nullable: true, default: null }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    memberId: string({ nullable: true, default: null }),
    memberEpoch: int32(),
    heartbeatIntervalMs: int32(),
    assignment: struct({
      topicPartitions: array(topicPartitions),
    }, { nullable: true, default: null }),
  },
})
