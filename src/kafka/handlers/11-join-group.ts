// JoinGroup: answered when every member of the group has come, or those that did not have run out of time
// (groups/classic/classic-group.ts). Version 0 has one time-out for both session and rebalance.
//
// Refused are groups that members of the newer protocol are in (INCONSISTENT_GROUP_PROTOCOL): no group is moved from one
// protocol to the other while it has members, as on a broker whose group.consumer.migration.policy is 'disabled'.
import type { joinGroup } from '../apis/11-join-group.ts'
import { KAFKA_ERRORS } from '../kafka-errors.ts'
import type { Handler } from './handler.ts'

/** From here on a member without an id is given one before it is one. */
const ID_FIRST = 4
const CAN_SKIP_ASSIGNMENT = 9

export const joinGroupHandler: Handler<typeof joinGroup> = {
  async handle({ groupId, rebalanceTimeoutMs, sessionTimeoutMs, groupInstanceId, memberId, protocolType, protocols }, { door, node, version, clientId, clientHost }) {
    door.brokers.checkCoordinator(node, groupId)
    door.groups.checkUsable()
    const { error, generation, protocol, ...answer } = await door.groups.classic.join(groupId, {
      memberId, instanceId: groupInstanceId, clientId: clientId ?? '', clientHost,
      sessionTimeoutMs, rebalanceTimeoutMs: version === 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
      protocolType, protocols, needsIdFirst: version >= ID_FIRST, canSkipAssignment: version >= CAN_SKIP_ASSIGNMENT,
    })
    return {
      ...answer,
      errorCode: error === undefined ? 0 : KAFKA_ERRORS[error],
      generationId: generation,
      protocolName: protocol ?? (version < 7 ? '' : null),
      members: answer.members.map(({ instanceId, ...member }) => ({ ...member, groupInstanceId: instanceId })),
    }
  },
  refuse: ({ memberId }, errorCode, _message, version) => ({ errorCode, protocolName: version < 7 ? '' : null, leader: '', memberId, members: [] }),
}
