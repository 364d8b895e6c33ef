// JoinGroup (11): a member comes into a classic group, or comes again; answered when the generation is complete.
//
//   v0   one time-out for session and rebalance
//   v1   a rebalance time-out of its own
//   v2   the answer has the throttle time
//   v3   answers come before a client over its quota is held back, not after
//   v4   who has no member id is given one with MEMBER_ID_REQUIRED, and comes again with it
//   v5   static members (group instance id)
//   v6   the first flexible version
//   v7   the answer has the protocol type; its protocol may be null
//   v8   the reason, for the log
//   v9   a static leader that comes again may be told to leave the assignment as it is
import { defineApi } from '../protocol/api.ts'
import { boolean, bytes, int16, int32, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const joinGroup = defineApi({
  key: 11,
  name: 'JoinGroup',
  versions: [0, 9],
  flexibleFrom: 6,
  request: {
    groupId: string(),
    sessionTimeoutMs: int32(),
    rebalanceTimeoutMs: int32({ from: 1, default: -1 }),
    memberId: string(),
    groupInstanceId: string({ from: 5, nullable: true, default: null }),
    protocolType: string(),
    protocols: array({
      name: string(),
      metadata: bytes(),
    }),
    reason: string({ from: 8, nullable: true, default: null }),
  },
  response: {
    throttleTimeMs: int32({ from: 2 }),
    errorCode: int16(),
    generationId: int32({ default: -1 }),
    protocolType: string({ from: 7, nullable: true, default: null }),
    protocolName: string({ nullable: 7 }),
    leader: string(),
    skipAssignment: boolean({ from: 9 }),
    memberId: string(),
    members: array({
      memberId: string(),
      groupInstanceId: string({ from: 5, nullable: true, default: null }),
      metadata: bytes(),
    }),
  },
})
