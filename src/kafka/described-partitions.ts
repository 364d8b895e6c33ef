// A topic's partitions, as both APIs that describe topics tell them: who leads each, and that every broker has it.
import type { StoredTopic } from '../log/stored-topic.ts'
import type { Brokers } from './brokers.ts'
import { epochOf } from './leader-epoch.ts'

export interface DescribedPartition {
  readonly errorCode: number; readonly partitionIndex: number; readonly leaderId: number; readonly leaderEpoch: number
  readonly replicaNodes: readonly number[]; readonly isrNodes: readonly number[]; readonly offlineReplicas: readonly number[]
}

/** `endPartition` is exclusive. */
export function describePartitions({ partitions }: StoredTopic, brokers: Brokers, firstPartition = 0, endPartition = partitions.length): DescribedPartition[] {
  const { nodeIds: replicaNodes, upIds: isrNodes, downIds: offlineReplicas } = brokers
  return partitions.slice(firstPartition, endPartition).map((log, index) => {
    const partitionIndex = firstPartition + index
    return { errorCode: 0, partitionIndex, leaderId: brokers.leaderOf(partitionIndex), leaderEpoch: epochOf(log), replicaNodes, isrNodes, offlineReplicas }
  })
}
