// ListOffsets (2): the offset at a timestamp, or one that a negative timestamp stands for: -1 the end, -2 the start.
//
//   v1   one offset for each partition, with its timestamp
//   v2   isolation level; the answer has the throttle time
//   v3   answers come before a client over its quota is held back, not after
//   v4   leader epochs, in both
//   v5   OFFSET_NOT_AVAILABLE may be answered
//   v6   the first flexible version
//   v7   -3: the record with the greatest timestamp
//   v8   -4: the start of what is on local disks
//   v9   -5: the last offset in tiered storage
//   v10  a time-out, for tiered storage
//   v11  -6: the first offset that is not yet in tiered storage
import { defineApi } from '../protocol/api.ts'
import { int16, int32, int64, int8, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const listOffsets = defineApi({
  key: 2,
  name: 'ListOffsets',
  versions: [1, 11],
  flexibleFrom: 6,
  request: {
    replicaId: int32(),
    isolationLevel: int8({ from: 2 }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        currentLeaderEpoch: int32({ from: 4, default: -1 }),
        timestamp: int64(),
      }),
    }),
    timeoutMs: int32({ from: 10 }),
  },
  response: {
    throttleTimeMs: int32({ from: 2 }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        timestamp: int64({ default: -1 }),
        offset: int64({ default: -1 }),
        leaderEpoch: int32({ from: 4, default: -1 }),
      }),
    }),
  },
})
