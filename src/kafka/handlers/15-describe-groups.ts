// DescribeGroups: state and members of groups by the classic protocol; members of this process are shown like those, with
// the bytes that consumers of Kafka would write. A group with clients by the consumer protocol is not one of these
// (ConsumerGroupDescribe has it), and one that is not there is Dead: from version 6 on both are GROUP_ID_NOT_FOUND.
import type { describeGroups } from '../apis/15-describe-groups.ts'
import { GROUP_OPERATIONS, OPERATIONS_NOT_ASKED } from '../authorized-operations.ts'
import { KAFKA_ERRORS, errorCodeOf, messageOf } from '../kafka-errors.ts'
import type { ResponseOf } from '../protocol/api.ts'
import type { Call, Handler } from './handler.ts'

type Answer = ResponseOf<typeof describeGroups>['groups'][number]

const TELLS_NOT_FOUND = 6

export const describeGroupsHandler: Handler<typeof describeGroups> = {
  handle({ groups, includeAuthorizedOperations }, call) {
    const authorizedOperations = includeAuthorizedOperations ? GROUP_OPERATIONS : OPERATIONS_NOT_ASKED
    return { throttleTimeMs: 0, groups: groups.map(id => ({ ...describe(id, call), authorizedOperations })) }
  },
  refuse: ({ groups }, errorCode, errorMessage) => ({ throttleTimeMs: 0, groups: groups.map(id => ({ ...nothing(id), errorCode, errorMessage })) }),
}

function describe(groupId: string, { door, node, version }: Call): Answer {
  try {
    door.brokers.checkCoordinator(node, groupId)
  } catch (error) {
    return { ...nothing(groupId), errorCode: errorCodeOf(error), errorMessage: messageOf(error) }
  }
  const known = door.groups.describe(groupId)
  if (known?.kind === 'classic') {
    const { state, protocolType, protocol, members } = known
    return { errorCode: 0, groupId, groupState: state, protocolType, protocolData: protocol, members: [...members] }
  }
  if (version < TELLS_NOT_FOUND) return nothing(groupId)
  const errorMessage = known === undefined ? `there is no group '${groupId}'` : `group '${groupId}' has members by the consumer protocol`
  return { ...nothing(groupId), errorCode: KAFKA_ERRORS.GROUP_ID_NOT_FOUND, errorMessage }
}

function nothing(groupId: string): Answer {
  return { errorCode: 0, groupId, groupState: 'Dead', protocolType: '', protocolData: '', members: [] }
}
