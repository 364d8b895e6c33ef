// ConsumerGroupDescribe (69): state, members and assignments of KIP-848 groups.
//
//   v0   flexible from the beginning
//   v1   the answer has each member's type: consumer or classic
import { defineApi } from '../protocol/api.ts'
import { boolean, int16, int32, int8, string, uuid } from '../protocol/plain-fields.ts'
import { array, struct } from '../protocol/struct-fields.ts'

const topicPartitions = {
  topicId: uuid(),
  topicName: string(),
  partitions: array(int32()),
}

const assignment = {
  topicPartitions: array(topicPartitions),
}

export const consumerGroupDescribe = defineApi({
  key: 69,
  name: 'ConsumerGroupDescribe',
  versions: [0, 1],
  flexibleFrom: 0,
  request: {
    groupIds: array(string()),
    includeAuthorizedOperations: boolean(),
  },
  response: {
    throttleTimeMs: int32(),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true, default: null }),
      groupId: string(),
      groupState: string(),
      groupEpoch: int32(),
      assignmentEpoch: int32(),
      assignorName: string(),
      members: array({
        memberId: string(),
        instanceId: string({ nullable: true, default: null }),
        rackId: string({ nullable: true, default: null }),
        memberEpoch: int32(),
        clientId: string(),
        clientHost: string(),
        subscribedTopicNames: array(string()),
        subscribedTopicRegex: string({ nullable: true, default: null }),
        assignment: struct(assignment),
        targetAssignment: struct(assignment),
        memberType: int8({ from: 1, default: -1 }),
      }),
      authorizedOperations: int32({ default: -2147483648 }),
    }),
  },
})
