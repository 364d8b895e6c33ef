// DescribeLogDirs (35): directories, and how many bytes each partition has in them.
//
//   v1   the answer comes before a client over its quota is held back
//   v2   the first flexible version
//   v3   the answer has an error of its own
//   v4   the size of the disk and what is left of it
//   v5   whether a directory is cordoned
import { defineApi } from '../protocol/api.ts'
import { boolean, int16, int32, int64, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const describeLogDirs = defineApi({
  key: 35,
  name: 'DescribeLogDirs',
  versions: [1, 5],
  flexibleFrom: 2,
  request: {
    topics: array({
      topic: string(),
      partitions: array(int32()),
    }, { nullable: true }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16({ from: 3 }),
    results: array({
      errorCode: int16(),
      logDir: string(),
      topics: array({
        name: string(),
        partitions: array({
          partitionIndex: int32(),
          partitionSize: int64(),
          offsetLag: int64(),
          isFutureKey: boolean(),
        }),
      }),
      totalBytes: int64({ from: 4, default: -1 }),
      usableBytes: int64({ from: 4, default: -1 }),
      isCordoned: boolean({ from: 5 }),
    }),
  },
})
