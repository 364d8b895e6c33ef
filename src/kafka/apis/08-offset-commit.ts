// OffsetCommit (8): the positions of a group.
//
//   v2   member, generation and how long to keep the positions
//   v3   the answer has the throttle time
//   v4   answers come before a client over its quota is held back, not after
//   v5   how long positions are kept is no longer in it
//   v6   leader epochs
//   v7   static members (group instance id)
//   v8   the first flexible version
//   v9   may be sent by members of KIP-848 groups; STALE_MEMBER_EPOCH and GROUP_ID_NOT_FOUND may be answered
//   v10  topics by id instead of by name
import { defineApi } from '../protocol/api.ts'
import { int16, int32, int64, string, uuid } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const offsetCommit = defineApi({
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 10],
  flexibleFrom: 8,
  request: {
    groupId: string(),
    generationIdOrMemberEpoch: int32({ default: -1 }),
    memberId: string(),
    groupInstanceId: string({ from: 7, nullable: true, default: null }),
    retentionTimeMs: int64({ to: 4, default: -1 }),
    topics: array({
      name: string({ to: 9 }),
      topicId: uuid({ from: 10 }),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64(),
        committedLeaderEpoch: int32({ from: 6, default: -1 }),
        committedMetadata: string({ nullable: true }),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32({ from: 3 }),
    topics: array({
      name: string({ to: 9 }),
      topicId: uuid({ from: 10 }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
      }),
    }),
  },
})
