// AlterConfigs (33): settings, all at once: what is not named gets its default.
//
//   v0   settings of several resources
//   v1   answers come before a client over its quota is held back, not after
//   v2   the first flexible version
import { defineApi } from '../protocol/api.ts'
import { boolean, int16, int32, int8, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const alterConfigs = defineApi({
  key: 33,
  name: 'AlterConfigs',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configs: array({
        name: string(),
        value: string({ nullable: true }),
      }),
    }),
    validateOnly: boolean(),
  },
  response: {
    throttleTimeMs: int32(),
    responses: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      resourceType: int8(),
      resourceName: string(),
    }),
  },
})
