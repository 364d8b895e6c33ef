// DescribeGroups (15): state and members of classic groups.
//
//   v0   groups by name
//   v1   the answer has the throttle time
//   v2   answers come before a client over its quota is held back, not after
//   v3   authorized operations, if asked for
//   v4   group instance ids
//   v5   the first flexible version
//   v6   an error message; a group that does not exist is GROUP_ID_NOT_FOUND instead of Dead
import { defineApi } from '../protocol/api.ts'
import { boolean, bytes, int16, int32, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const describeGroups = defineApi({
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 6],
  flexibleFrom: 5,
  request: {
    groups: array(string()),
    includeAuthorizedOperations: boolean({ from: 3 }),
  },
  response: {
    throttleTimeMs: int32({ from: 1 }),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ from: 6, nullable: true, default: null }),
      groupId: string(),
      groupState: string(),
      protocolType: string(),
      protocolData: string(),
      members: array({
        memberId: string(),
        groupInstanceId: string({ from: 4, nullable: true, default: null }),
        clientId: string(),
        clientHost: string(),
        memberMetadata: bytes(),
        memberAssignment: bytes(),
      }),
      authorizedOperations: int32({ from: 3, default: -2147483648 }),
    }),
  },
})
