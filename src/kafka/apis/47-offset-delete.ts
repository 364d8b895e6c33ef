// OffsetDelete (47): positions of a group go.
//
//   v0   one group; never flexible
import { defineApi } from '../protocol/api.ts'
import { int16, int32, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const offsetDelete = defineApi({
  key: 47,
  name: 'OffsetDelete',
  versions: [0, 0],
  flexibleFrom: 'never',
  request: {
    groupId: string(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
      }),
    }),
  },
  response: {
    errorCode: int16(),
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
