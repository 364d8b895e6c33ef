// DeleteGroups (42): groups go, with their positions.
//
//   v0   groups by name
//   v1   answers come before a client over its quota is held back, not after
//   v2   the first flexible version
import { defineApi } from '../protocol/api.ts'
import { int16, int32, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const deleteGroups = defineApi({
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    groupsNames: array(string()),
  },
  response: {
    throttleTimeMs: int32(),
    results: array({
      groupId: string(),
      errorCode: int16(),
    }),
  },
})
