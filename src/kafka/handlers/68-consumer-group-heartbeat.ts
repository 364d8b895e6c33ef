// ConsumerGroupHeartbeat: a client by the consumer protocol (KIP-848) joins, lives, says what it has given up, or leaves
// (groups/remote-members.ts). What it is to have is in the answer where that has changed, or where the client said everything.
//
// Differs from Kafka: expressions are JavaScript's, not RE2's; racks make no difference; a member of a group that is not
// there any more is an unknown one (Kafka: GROUP_ID_NOT_FOUND), so that it joins anew. Groups with members by the
// classic protocol are GROUP_ID_NOT_FOUND, as on a broker whose group.consumer.migration.policy is 'disabled'.
import { LimitError, StorageError } from '../../base/errors.ts'
import { GroupFault } from '../../groups/group-fault.ts'
import { JOIN, LEAVE, LEAVE_FOR_A_WHILE } from '../../groups/remote-members.ts'
import { partitionDirectory } from '../../log/topic-name.ts'
import type { consumerGroupHeartbeat } from '../apis/68-consumer-group-heartbeat.ts'
import { KafkaError } from '../kafka-errors.ts'
import { partitionsByTopic } from '../partitions-by-topic.ts'
import type { RequestOf } from '../protocol/api.ts'
import type { Topics } from '../topics.ts'
import type { Handler } from './handler.ts'

type Request = RequestOf<typeof consumerGroupHeartbeat>

/** From here on a client makes its own id. */
const OWN_ID = 1

export const consumerGroupHeartbeatHandler: Handler<typeof consumerGroupHeartbeat> = {
  async handle(request, { door, node, version, clientId, clientHost }) {
    check(request, version)
    const { groupId, memberId, memberEpoch, instanceId, rebalanceTimeoutMs, subscribedTopicNames, subscribedTopicRegex, serverAssignor, topicPartitions } = request
    door.brokers.checkCoordinator(node, groupId)
    try {
      const answer = await door.groups.heartbeat(groupId, {
        memberId, memberEpoch, instanceId, rebalanceTimeoutMs, clientHost,
        clientId: clientId ?? '',
        topicNames: subscribedTopicNames,
        topicPattern: subscribedTopicRegex,
        assignor: serverAssignor,
        owned: topicPartitions === null ? null : ownedOf(topicPartitions, door.topics),
      })
      return {
        throttleTimeMs: 0, errorCode: 0, errorMessage: null,
        memberId: answer.memberId, memberEpoch: answer.memberEpoch, heartbeatIntervalMs: answer.intervalMs,
        assignment: answer.assignment === undefined ? null : { topicPartitions: partitionsByTopic(answer.assignment).map(({ topic, partitions }) => ({ topicId: topic.id, partitions })) },
      }
    } catch (error) {
      throw asKafkas(error)
    }
  },
  refuse: ({ memberId, memberEpoch }, errorCode, errorMessage) => ({ throttleTimeMs: 0, errorCode, errorMessage, memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null }),
}

/** What is said must fit together; whether the group takes it is another matter. */
function check({ groupId, memberId, memberEpoch, instanceId, rackId, rebalanceTimeoutMs, topicPartitions, subscribedTopicNames, subscribedTopicRegex }: Request, version: number): void {
  const joins = memberEpoch === JOIN
  const faults: readonly (readonly [boolean, string])[] = [
    [groupId === '', 'the group id is empty'],
    [instanceId === '', 'the instance id is empty'],
    [rackId === '', 'the rack is empty'],
    [memberId === '' && (version >= OWN_ID || !joins), 'the member id is empty'],
    [memberEpoch < LEAVE_FOR_A_WHILE, `there is no epoch ${memberEpoch}: a member joins with ${JOIN} and leaves with ${LEAVE} or ${LEAVE_FOR_A_WHILE}`],
    [memberEpoch === LEAVE_FOR_A_WHILE && instanceId === null, 'a member that leaves for a while needs an instance id'],
    [joins && rebalanceTimeoutMs === -1, 'a member that joins says its rebalance time-out'],
    [joins && topicPartitions?.length !== 0, 'a member that joins says that it owns no partitions'],
    [joins && subscribedTopicNames === null && subscribedTopicRegex === null, 'a member that joins says which topics it reads'],
  ]
  const fault = faults.find(([found]) => found)
  if (fault !== undefined) throw new KafkaError('INVALID_REQUEST', fault[1])
}

/** Of topics that there are. */
function ownedOf(partitions: NonNullable<Request['topicPartitions']>, topics: Topics): Set<string> {
  return new Set(partitions.flatMap(({ topicId, partitions: numbers }) => {
    const topic = topics.withId(topicId)
    return topic === undefined ? [] : numbers.map(number => partitionDirectory(topic.name, number))
  }))
}

function asKafkas(error: unknown): unknown {
  if (error instanceof GroupFault) return new KafkaError(error.reason, error.message)
  if (error instanceof StorageError || error instanceof LimitError) return new KafkaError('COORDINATOR_NOT_AVAILABLE', error.message) // it tries again, and stays a member
  return error
}
