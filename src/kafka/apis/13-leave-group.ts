// LeaveGroup (13): members go.
//
//   v0   one member
//   v1   the answer has the throttle time
//   v2   answers come before a client over its quota is held back, not after
//   v3   several members, by id or group instance id, each with an answer
//   v4   the first flexible version
//   v5   the reason, for the log
import { defineApi } from '../protocol/api.ts'
import { int16, int32, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const leaveGroup = defineApi({
  key: 13,
  name: 'LeaveGroup',
  versions: [0, 5],
  flexibleFrom: 4,
  request: {
    groupId: string(),
    memberId: string({ to: 2 }),
    members: array({
      memberId: string(),
      groupInstanceId: string({ nullable: true, default: null }),
      reason: string({ from: 5, nullable: true, default: null }),
    }, { from: 3 }),
  },
  response: {
    throttleTimeMs: int32({ from: 1 }),
    errorCode: int16(),
    members: array({
      memberId: string(),
      groupInstanceId: string({ nullable: true }),
      errorCode: int16(),
    }, { from: 3 }),
  },
})
