// Metadata (3): brokers, topics, partitions and who leads them.
//
//   v0   no topics named: all of them
//   v1   null: all topics, none named: none. Racks, controller and whether a topic is internal
//   v2   the id of the cluster
//   v3   the answer has the throttle time
//   v4   topics may be created by asking, if the client allows it
//   v5   replicas that are offline
//   v6   answers come before a client over its quota is held back, not after
//   v7   leader epochs
//   v8   authorized operations, if asked for
//   v9   the first flexible version
//   v10  topic ids in the answer; a request can have them, and no server takes them
//   v11  the cluster's authorized operations are gone: DescribeCluster has them
//   v12  topics may be asked for by id
//   v13  the answer has an error of its own
import { defineApi } from '../protocol/api.ts'
import { boolean, int16, int32, string, uuid } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const metadata = defineApi({
  key: 3,
  name: 'Metadata',
  versions: [0, 13],
  flexibleFrom: 9,
  request: {
    topics: array({
      topicId: uuid({ from: 10 }),
      name: string({ nullable: 10 }),
    }, { nullable: 1 }),
    allowAutoTopicCreation: boolean({ from: 4, default: true }),
    includeClusterAuthorizedOperations: boolean({ from: 8, to: 10 }),
    includeTopicAuthorizedOperations: boolean({ from: 8 }),
  },
  response: {
    throttleTimeMs: int32({ from: 3 }),
    brokers: array({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: string({ from: 1, nullable: true, default: null }),
    }),
    clusterId: string({ from: 2, nullable: true, default: null }),
    controllerId: int32({ from: 1, default: -1 }),
    topics: array({
      errorCode: int16(),
      name: string({ nullable: 12 }),
      topicId: uuid({ from: 10 }),
      isInternal: boolean({ from: 1 }),
      partitions: array({
        errorCode: int16(),
        partitionIndex: int32(),
        leaderId: int32(),
        leaderEpoch: int32({ from: 7, default: -1 }),
        replicaNodes: array(int32()),
        isrNodes: array(int32()),
        offlineReplicas: array(int32(), { from: 5 }),
      }),
      topicAuthorizedOperations: int32({ from: 8, default: -2147483648 }),
    }),
    clusterAuthorizedOperations: int32({ from: 8, to: 10, default: -2147483648 }),
    errorCode: int16({ from: 13 }),
  },
})
