// IncrementalAlterConfigs (44): settings, one by one: set 0, delete 1, append 2, subtract 3.
//
//   v0   changes to several resources
//   v1   the first flexible version
import { defineApi } from '../protocol/api.ts'
import { boolean, int16, int32, int8, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const incrementalAlterConfigs = defineApi({
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: [0, 1],
  flexibleFrom: 1,
  request: {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configs: array({
        name: string(),
        configOperation: int8(),
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
