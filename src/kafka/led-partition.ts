// A partition as one of the pretended brokers leads it, or Kafka's error where there is none.
import type { StoredTopic } from '../log/stored-topic.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import type { Call } from './handlers/handler.ts'
import { KafkaError } from './kafka-errors.ts'
import { checkLeaderEpoch } from './leader-epoch.ts'

/** `knownEpoch`: the leader epoch that the request knows; -1: none. */
export function ledPartition({ door, node }: Pick<Call, 'door' | 'node'>, topic: StoredTopic | undefined, partition: number, knownEpoch = -1): WritablePartition {
  if (topic?.partitions[partition] === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no partition ${partition}${topic === undefined ? ' of that topic' : ` of topic '${topic.name}'`}`)
  if (!door.brokers.isLeader(node, partition)) throw new KafkaError('NOT_LEADER_OR_FOLLOWER', `broker ${node} does not lead partition ${partition} of topic '${topic.name}'`)
  const log = topic.writable(partition)
  checkLeaderEpoch(log, knownEpoch)
  return log
}
