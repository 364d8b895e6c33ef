// SyncGroup (14): the leader's assignment comes in, each member's goes out.
//
//   v0   group, generation, member, assignments
//   v1   the answer has the throttle time
//   v2   answers come before a client over its quota is held back, not after
//   v3   static members (group instance id)
//   v4   the first flexible version
//   v5   protocol type and name, in both
import { defineApi } from '../protocol/api.ts'
import { bytes, int16, int32, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const syncGroup = defineApi({
  key: 14,
  name: 'SyncGroup',
  versions: [0, 5],
  flexibleFrom: 4,
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ from: 3, nullable: true, default: null }),
    protocolType: string({ from: 5, nullable: true, default: null }),
    protocolName: string({ from: 5, nullable: true, default: null }),
    assignments: array({
      memberId: string(),
      assignment: bytes(),
    }),
  },
  response: {
    throttleTimeMs: int32({ from: 1 }),
    errorCode: int16(),
    protocolType: string({ from: 5, nullable: true, default: null }),
    protocolName: string({ from: 5, nullable: true, default: null }),
    assignment: bytes(),
  },
})
