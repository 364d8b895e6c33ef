// TxnOffsetCommit (28): the positions of a group, as part of a transaction.
//
//   v0   positions
//   v1   answers come before a client over its quota is held back, not after
//   v2   leader epochs
//   v3   flexible; generation, member and group instance id, so that a member that was fenced is refused
//   v4   TRANSACTION_ABORTABLE may be answered
//   v5   the group is added to the transaction too (KIP-890); a client whose transaction.version is below 2 stays at 4
import { defineApi } from '../protocol/api.ts'
import { int16, int32, int64, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const txnOffsetCommit = defineApi({
  key: 28,
  name: 'TxnOffsetCommit',
  versions: [0, 5],
  flexibleFrom: 3,
  request: {
    transactionalId: string(),
    groupId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    generationId: int32({ from: 3, default: -1 }),
    memberId: string({ from: 3, default: '' }),
    groupInstanceId: string({ from: 3, nullable: true, default: null }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64(),
        committedLeaderEpoch: int32({ from: 2, default: -1 }),
        committedMetadata: string({ nullable: true }),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
      }),
    }),
  },
})
