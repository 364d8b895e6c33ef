// ListGroups (16): the groups there are.
//
//   v0   all of them
//   v1   the answer has the throttle time
//   v2   answers come before a client over its quota is held back, not after
//   v3   the first flexible version
//   v4   only groups in given states; the answer has the state
//   v5   only groups of given types; the answer has the type
import { defineApi } from '../protocol/api.ts'
import { int16, int32, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const listGroups = defineApi({
  key: 16,
  name: 'ListGroups',
  versions: [0, 5],
  flexibleFrom: 3,
  request: {
    statesFilter: array(string(), { from: 4 }),
    typesFilter: array(string(), { from: 5 }),
  },
  response: {
    throttleTimeMs: int32({ from: 1 }),
    errorCode: int16(),
    groups: array({
      groupId: string(),
      protocolType: string(),
      groupState: string({ from: 4 }),
      groupType: string({ from: 5 }),
    }),
  },
})
