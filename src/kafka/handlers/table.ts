// What handles which API. Each of apis/table.ts is here.
import { produce } from '../apis/00-produce.ts'
import { fetch } from '../apis/01-fetch.ts'
import { listOffsets } from '../apis/02-list-offsets.ts'
import { metadata } from '../apis/03-metadata.ts'
import { offsetCommit } from '../apis/08-offset-commit.ts'
import { offsetFetch } from '../apis/09-offset-fetch.ts'
import { findCoordinator } from '../apis/10-find-coordinator.ts'
import { joinGroup } from '../apis/11-join-group.ts'
import { heartbeat } from '../apis/12-heartbeat.ts'
import { leaveGroup } from '../apis/13-leave-group.ts'
import { syncGroup } from '../apis/14-sync-group.ts'
import { describeGroups } from '../apis/15-describe-groups.ts'
import { listGroups } from '../apis/16-list-groups.ts'
import { apiVersions } from '../apis/18-api-versions.ts'
import { createTopics } from '../apis/19-create-topics.ts'
import { deleteTopics } from '../apis/20-delete-topics.ts'
import { deleteRecords } from '../apis/21-delete-records.ts'
import { initProducerId } from '../apis/22-init-producer-id.ts'
import { offsetForLeaderEpoch } from '../apis/23-offset-for-leader-epoch.ts'
import { addPartitionsToTxn } from '../apis/24-add-partitions-to-txn.ts'
import { addOffsetsToTxn } from '../apis/25-add-offsets-to-txn.ts'
import { endTxn } from '../apis/26-end-txn.ts'
import { txnOffsetCommit } from '../apis/28-txn-offset-commit.ts'
import { describeConfigs } from '../apis/32-describe-configs.ts'
import { alterConfigs } from '../apis/33-alter-configs.ts'
import { describeLogDirs } from '../apis/35-describe-log-dirs.ts'
import { createPartitions } from '../apis/37-create-partitions.ts'
import { deleteGroups } from '../apis/42-delete-groups.ts'
import { incrementalAlterConfigs } from '../apis/44-incremental-alter-configs.ts'
import { offsetDelete } from '../apis/47-offset-delete.ts'
import { describeCluster } from '../apis/60-describe-cluster.ts'
import { describeProducers } from '../apis/61-describe-producers.ts'
import { describeTransactions } from '../apis/65-describe-transactions.ts'
import { listTransactions } from '../apis/66-list-transactions.ts'
import { consumerGroupHeartbeat } from '../apis/68-consumer-group-heartbeat.ts'
import { consumerGroupDescribe } from '../apis/69-consumer-group-describe.ts'
import { describeTopicPartitions } from '../apis/75-describe-topic-partitions.ts'
import { produceHandler } from './00-produce.ts'
import { fetchHandler } from './01-fetch.ts'
import { listOffsetsHandler } from './02-list-offsets.ts'
import { metadataHandler } from './03-metadata.ts'
import { offsetCommitHandler } from './08-offset-commit.ts'
import { offsetFetchHandler } from './09-offset-fetch.ts'
import { findCoordinatorHandler } from './10-find-coordinator.ts'
import { joinGroupHandler } from './11-join-group.ts'
import { heartbeatHandler } from './12-heartbeat.ts'
import { leaveGroupHandler } from './13-leave-group.ts'
import { syncGroupHandler } from './14-sync-group.ts'
import { describeGroupsHandler } from './15-describe-groups.ts'
import { listGroupsHandler } from './16-list-groups.ts'
import { apiVersionsHandler } from './18-api-versions.ts'
import { createTopicsHandler } from './19-create-topics.ts'
import { deleteTopicsHandler } from './20-delete-topics.ts'
import { deleteRecordsHandler } from './21-delete-records.ts'
import { initProducerIdHandler } from './22-init-producer-id.ts'
import { offsetForLeaderEpochHandler } from './23-offset-for-leader-epoch.ts'
import { addPartitionsToTxnHandler } from './24-add-partitions-to-txn.ts'
import { addOffsetsToTxnHandler } from './25-add-offsets-to-txn.ts'
import { endTxnHandler } from './26-end-txn.ts'
import { txnOffsetCommitHandler } from './28-txn-offset-commit.ts'
import { describeConfigsHandler } from './32-describe-configs.ts'
import { alterConfigsHandler } from './33-alter-configs.ts'
import { describeLogDirsHandler } from './35-describe-log-dirs.ts'
import { createPartitionsHandler } from './37-create-partitions.ts'
import { deleteGroupsHandler } from './42-delete-groups.ts'
import { incrementalAlterConfigsHandler } from './44-incremental-alter-configs.ts'
import { offsetDeleteHandler } from './47-offset-delete.ts'
import { describeClusterHandler } from './60-describe-cluster.ts'
import { describeProducersHandler } from './61-describe-producers.ts'
import { describeTransactionsHandler } from './65-describe-transactions.ts'
import { listTransactionsHandler } from './66-list-transactions.ts'
import { consumerGroupHeartbeatHandler } from './68-consumer-group-heartbeat.ts'
import { consumerGroupDescribeHandler } from './69-consumer-group-describe.ts'
import { describeTopicPartitionsHandler } from './75-describe-topic-partitions.ts'
import { route, type Route } from './handler.ts'

export const routes: readonly Route[] = [
  route(produce, produceHandler),
  route(fetch, fetchHandler),
  route(listOffsets, listOffsetsHandler),
  route(metadata, metadataHandler),
  route(offsetCommit, offsetCommitHandler),
  route(offsetFetch, offsetFetchHandler),
  route(findCoordinator, findCoordinatorHandler),
  route(joinGroup, joinGroupHandler),
  route(heartbeat, heartbeatHandler),
  route(leaveGroup, leaveGroupHandler),
  route(syncGroup, syncGroupHandler),
  route(describeGroups, describeGroupsHandler),
  route(listGroups, listGroupsHandler),
  route(apiVersions, apiVersionsHandler),
  route(createTopics, createTopicsHandler),
  route(deleteTopics, deleteTopicsHandler),
  route(deleteRecords, deleteRecordsHandler),
  route(initProducerId, initProducerIdHandler),
  route(offsetForLeaderEpoch, offsetForLeaderEpochHandler),
  route(addPartitionsToTxn, addPartitionsToTxnHandler),
  route(addOffsetsToTxn, addOffsetsToTxnHandler),
  route(endTxn, endTxnHandler),
  route(txnOffsetCommit, txnOffsetCommitHandler),
  route(describeConfigs, describeConfigsHandler),
  route(alterConfigs, alterConfigsHandler),
  route(describeLogDirs, describeLogDirsHandler),
  route(createPartitions, createPartitionsHandler),
  route(deleteGroups, deleteGroupsHandler),
  route(incrementalAlterConfigs, incrementalAlterConfigsHandler),
  route(offsetDelete, offsetDeleteHandler),
  route(describeCluster, describeClusterHandler),
  route(describeProducers, describeProducersHandler),
  route(describeTransactions, describeTransactionsHandler),
  route(listTransactions, listTransactionsHandler),
  route(consumerGroupHeartbeat, consumerGroupHeartbeatHandler),
  route(consumerGroupDescribe, consumerGroupDescribeHandler),
  route(describeTopicPartitions, describeTopicPartitionsHandler),
]
