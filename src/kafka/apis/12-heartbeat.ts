// Heartbeat (12): a member of a classic group lives.
//
//   v0   group, generation, member
//   v1   the answer has the throttle time
//   v2   answers come before a client over its quota is held back, not after
//   v3   static members (group instance id)
//   v4   the first flexible version
import { defineApi } from '../protocol/api.ts'
import { int16, int32, string } from '../protocol/plain-fields.ts'

export const heartbeat = defineApi({
  key: 12,
  name: 'Heartbeat',
  versions: [0, 4],
  flexibleFrom: 4,
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ from: 3, nullable: true, default: null }),
  },
  response: {
    throttleTimeMs: int32({ from: 1 }),
    errorCode: int16(),
  },
})
