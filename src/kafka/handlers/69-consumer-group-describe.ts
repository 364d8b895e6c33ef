// ConsumerGroupDescribe: groups that have clients by the consumer protocol, with their members of this process. Of every
// other group it says GROUP_ID_NOT_FOUND, upon which admin clients ask DescribeGroups.
import type { ConsumerGroupDescription, ConsumerMemberDescription } from '../../groups/group-description.ts'
import type { TopicPartition } from '../../groups/assignment/assignors.ts'
import type { consumerGroupDescribe } from '../apis/69-consumer-group-describe.ts'
import { GROUP_OPERATIONS, OPERATIONS_NOT_ASKED } from '../authorized-operations.ts'
import { KAFKA_ERRORS, errorCodeOf, messageOf } from '../kafka-errors.ts'
import { partitionsByTopic } from '../partitions-by-topic.ts'
import type { ResponseOf } from '../protocol/api.ts'
import { ZERO_UUID } from '../protocol/plain-fields.ts'
import type { Topics } from '../topics.ts'
import type { Call, Handler } from './handler.ts'

type Answer = ResponseOf<typeof consumerGroupDescribe>['groups'][number]
type Member = Answer['members'][number]

/** They speak the consumer protocol; those of this process do the same by calls. */
const CONSUMER = 1

export const consumerGroupDescribeHandler: Handler<typeof consumerGroupDescribe> = {
  handle({ groupIds, includeAuthorizedOperations }, call) {
    const authorizedOperations = includeAuthorizedOperations ? GROUP_OPERATIONS : OPERATIONS_NOT_ASKED
    return { throttleTimeMs: 0, groups: groupIds.map(id => ({ ...describe(id, call), authorizedOperations })) }
  },
  refuse: ({ groupIds }, errorCode, errorMessage) => ({ throttleTimeMs: 0, groups: groupIds.map(id => ({ ...nothing(id), errorCode, errorMessage })) }),
}

function describe(groupId: string, { door, node }: Call): Answer {
  try {
    door.brokers.checkCoordinator(node, groupId)
  } catch (error) {
    return { ...nothing(groupId), errorCode: errorCodeOf(error), errorMessage: messageOf(error) }
  }
  const known = door.groups.describeConsumerGroup(groupId)
  if (known === undefined) return { ...nothing(groupId), errorCode: KAFKA_ERRORS.GROUP_ID_NOT_FOUND, errorMessage: `'${groupId}' is no group with members by the consumer protocol` }
  return { ...nothing(groupId), ...groupFields(known), members: known.members.map(member => memberFields(member, door.topics)) }
}

function groupFields({ state, epoch, assignor }: ConsumerGroupDescription): Partial<Answer> {
  return { groupState: state, groupEpoch: epoch, assignmentEpoch: epoch, assignorName: assignor }
}

function memberFields({ assignment, targetAssignment, subscribedTopicNames, ...member }: ConsumerMemberDescription, topics: Topics): Member {
  return { ...member, subscribedTopicNames: [...subscribedTopicNames], assignment: assigned(assignment, topics), targetAssignment: assigned(targetAssignment, topics), memberType: CONSUMER }
}

function assigned(all: readonly TopicPartition[], topics: Topics): Member['assignment'] {
  return { topicPartitions: partitionsByTopic(all).map(({ topic, partitions }) => ({ topicName: topic, topicId: topics.named(topic)?.id ?? ZERO_UUID, partitions })) }
}

function nothing(groupId: string): Answer {
  return { errorCode: 0, groupId, groupState: '', groupEpoch: 0, assignmentEpoch: 0, assignorName: '', members: [] }
}
