// DescribeCluster (60): brokers, controller and id of the cluster.
//
//   v0   flexible from the beginning
//   v1   whether brokers or controllers are asked for (KIP-919)
//   v2   fenced brokers too, if asked for
import { defineApi } from '../protocol/api.ts'
import { boolean, int16, int32, int8, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const describeCluster = defineApi({
  key: 60,
  name: 'DescribeCluster',
  versions: [0, 2],
  flexibleFrom: 0,
  request: {
    includeClusterAuthorizedOperations: boolean(),
    endpointType: int8({ from: 1, default: 1 }),
    includeFencedBrokers: boolean({ from: 2 }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: true, default: null }),
    endpointType: int8({ from: 1, default: 1 }),
    clusterId: string(),
    controllerId: int32({ default: -1 }),
    brokers: array({
      brokerId: int32(),
      host: string(),
      port: int32(),
      rack: string({ nullable: true, default: null }),
      isFenced: boolean({ from: 2 }),
    }),
    clusterAuthorizedOperations: int32({ default: -2147483648 }),
  },
})
