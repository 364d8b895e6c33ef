// CreatePartitions (37): topics get more partitions.
//
//   v0   topics with their new counts
//   v1   answers come before a client over its quota is held back, not after
//   v2   the first flexible version
//   v3   THROTTLING_QUOTA_EXCEEDED may be answered
import { defineApi } from '../protocol/api.ts'
import { boolean, int16, int32, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const createPartitions = defineApi({
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexibleFrom: 2,
  request: {
    topics: array({
      name: string(),
      count: int32(),
      assignments: array({
        brokerIds: array(int32()),
      }, { nullable: true }),
    }),
    timeoutMs: int32(),
    validateOnly: boolean(),
  },
  response: {
    throttleTimeMs: int32(),
    results: array({
      name: string(),
      errorCode: int16(),
      errorMessage: string({ nullable: true, default: null }),
    }),
  },
})
