// Heartbeat: the member lives, and learns that the group gathers anew (REBALANCE_IN_PROGRESS).
import type { heartbeat } from '../apis/12-heartbeat.ts'
import { KAFKA_ERRORS } from '../kafka-errors.ts'
import type { Handler } from './handler.ts'

export const heartbeatHandler: Handler<typeof heartbeat> = {
  handle({ groupId, generationId, memberId, groupInstanceId }, { door, node }) {
    door.brokers.checkCoordinator(node, groupId)
    door.groups.checkUsable()
    const error = door.groups.classic.heartbeat(groupId, { memberId, instanceId: groupInstanceId, generation: generationId })
    return { errorCode: error === undefined ? 0 : KAFKA_ERRORS[error] }
  },
  refuse: (_request, errorCode) => ({ errorCode }),
}
