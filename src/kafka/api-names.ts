// The names of the APIs in apis/table.ts, apart from it: users name them, and need not have the types of all their fields for that.
export const API_NAMES = [
  'Produce', 'Fetch', 'ListOffsets', 'Metadata', 'OffsetCommit', 'OffsetFetch', 'FindCoordinator', 'JoinGroup', 'Heartbeat',
  'LeaveGroup', 'SyncGroup', 'DescribeGroups', 'ListGroups', 'ApiVersions', 'CreateTopics', 'DeleteTopics', 'DeleteRecords',
  'InitProducerId', 'OffsetForLeaderEpoch', 'AddPartitionsToTxn', 'AddOffsetsToTxn', 'EndTxn', 'TxnOffsetCommit',
  'DescribeConfigs', 'AlterConfigs', 'DescribeLogDirs', 'CreatePartitions', 'DeleteGroups', 'IncrementalAlterConfigs',
  'OffsetDelete', 'DescribeCluster', 'DescribeProducers', 'DescribeTransactions', 'ListTransactions', 'ConsumerGroupHeartbeat',
  'ConsumerGroupDescribe', 'DescribeTopicPartitions',
] as const

/** Kafka's, without 'Request'. */
export type ApiName = typeof API_NAMES[number]
