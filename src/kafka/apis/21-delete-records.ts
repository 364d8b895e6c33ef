// DeleteRecords (21): all records before an offset go.
//
//   v0   an offset for each partition; -1: the high watermark
//   v1   answers come before a client over its quota is held back, not after
//   v2   the first flexible version
import { defineApi } from '../protocol/api.ts'
import { int16, int32, int64, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const deleteRecords = defineApi({
  key: 21,
  name: 'DeleteRecords',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        offset: int64(),
      }),
    }),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        lowWatermark: int64(),
        errorCode: int16(),
      }),
    }),
  },
})
