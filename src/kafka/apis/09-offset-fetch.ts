// OffsetFetch (9): the positions of a group, or of several.
//
//   v1   positions come from __consumer_offsets
//   v2   null: all topics; the answer has an error of its own
//   v3   the answer has the throttle time
//   v4   answers come before a client over its quota is held back, not after
//   v5   leader epochs
//   v6   the first flexible version
//   v7   only stable positions, if asked: UNSTABLE_OFFSET_COMMIT while a transaction holds one
//   v8   several groups at a time
//   v9   member id and epoch, for KIP-848 groups
//   v10  topics by id instead of by name
import { defineApi } from '../protocol/api.ts'
import { boolean, int16, int32, int64, string, uuid } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const offsetFetch = defineApi({
  key: 9,
  name: 'OffsetFetch',
  versions: [1, 10],
  flexibleFrom: 6,
  request: {
    groupId: string({ to: 7 }),
    topics: array({
      name: string(),
      partitionIndexes: array(int32()),
    }, { to: 7, nullable: 2 }),
    groups: array({
      groupId: string(),
      memberId: string({ from: 9, nullable: true, default: null }),
      memberEpoch: int32({ from: 9, default: -1 }),
      topics: array({
        name: string({ to: 9 }),
        topicId: uuid({ from: 10 }),
        partitionIndexes: array(int32()),
      }, { nullable: true }),
    }, { from: 8 }),
    requireStable: boolean({ from: 7 }),
  },
  response: {
    throttleTimeMs: int32({ from: 3 }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64(),
        committedLeaderEpoch: int32({ from: 5, default: -1 }),
        metadata: string({ nullable: true }),
        errorCode: int16(),
      }),
    }, { to: 7 }),
    errorCode: int16({ from: 2, to: 7, default: 0 }),
    groups: array({
      groupId: string(),
      topics: array({
        name: string({ to: 9 }),
        topicId: uuid({ from: 10 }),
        partitions: array({
          partitionIndex: int32(),
          committedOffset: int64(),
          committedLeaderEpoch: int32({ default: -1 }),
          metadata: string({ nullable: true }),
          errorCode: int16(),
        }),
      }),
      errorCode: int16({ default: 0 }),
    }, { from: 8 }),
  },
})
