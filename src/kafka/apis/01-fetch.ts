// Fetch (1): batches from an offset on, for each partition, once there are enough or time is up.
//
//   v4   isolation level; the answer has the last stable offset and aborted transactions. Partitions are answered in the order of the request
//   v5   where the log begins, in both
//   v6   KAFKA_STORAGE_ERROR may be answered
//   v7   sessions: a request names only what has changed since the last (KIP-227)
//   v8   answers come before a client over its quota is held back, not after
//   v9   the leader epoch that the reader knows, so that it can be fenced
//   v10  batches may be compressed by zstd
//   v11  the rack of the reader; the answer can send it to another replica (KIP-392)
//   v12  flexible; the epoch of the last batch read, and in the answer where the reader's log parts from the leader's
//   v13  topics by id instead of by name
//   v14  OFFSET_MOVED_TO_TIERED_STORAGE may be answered
//   v15  the replica id has moved into a tagged structure, with its epoch
//   v16  the answer has the addresses of leaders that it names
//   v17  followers send the id of their directory
//   v18  followers send the high watermark they know
import { defineApi } from '../protocol/api.ts'
import { GREATEST_INT64, int16, int32, int64, int8, records, string, uuid } from '../protocol/plain-fields.ts'
import { array, struct } from '../protocol/struct-fields.ts'

export const fetch = defineApi({
  key: 1,
  name: 'Fetch',
  versions: [4, 18],
  flexibleFrom: 12,
  request: {
    clusterId: string({ from: 12, tag: 0, nullable: true, default: null }),
    replicaId: int32({ to: 14, default: -1 }),
    replicaState: struct({
      replicaId: int32({ default: -1 }),
      replicaEpoch: int64({ default: -1 }),
    }, { from: 15, tag: 1 }),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32({ default: 2147483647 }),
    isolationLevel: int8({ default: 0 }),
    sessionId: int32({ from: 7, default: 0 }),
    sessionEpoch: int32({ from: 7, default: -1 }),
    topics: array({
      topic: string({ to: 12 }),
      topicId: uuid({ from: 13 }),
      partitions: array({
        partition: int32(),
        currentLeaderEpoch: int32({ from: 9, default: -1 }),
        fetchOffset: int64(),
        lastFetchedEpoch: int32({ from: 12, default: -1 }),
        logStartOffset: int64({ from: 5, default: -1 }),
        partitionMaxBytes: int32(),
        replicaDirectoryId: uuid({ from: 17, tag: 0 }),
        highWatermark: int64({ from: 18, tag: 1, default: GREATEST_INT64 }),
      }),
    }),
    forgottenTopicsData: array({
      topic: string({ to: 12 }),
      topicId: uuid({ from: 13 }),
      partitions: array(int32()),
    }, { from: 7 }),
    rackId: string({ from: 11, default: '' }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16({ from: 7 }),
    sessionId: int32({ from: 7, default: 0 }),
    responses: array({
      topic: string({ to: 12 }),
      topicId: uuid({ from: 13 }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        highWatermark: int64(),
        lastStableOffset: int64({ default: -1 }),
        logStartOffset: int64({ from: 5, default: -1 }),
        divergingEpoch: struct({
          epoch: int32({ default: -1 }),
          endOffset: int64({ default: -1 }),
        }, { from: 12, tag: 0 }),
        currentLeader: struct({
          leaderId: int32({ default: -1 }),
          leaderEpoch: int32({ default: -1 }),
        }, { from: 12, tag: 1 }),
        snapshotId: struct({
          endOffset: int64({ default: -1 }),
          epoch: int32({ default: -1 }),
        }, { from: 12, tag: 2 }),
        abortedTransactions: array({
          producerId: int64(),
          firstOffset: int64(),
        }, { nullable: true }),
        preferredReadReplica: int32({ from: 11, default: -1 }),
        records: records(),
      }),
    }),
    nodeEndpoints: array({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: string({ nullable: true, default: null }),
    }, { from: 16, tag: 0 }),
  },
})
