// SyncGroup: the leader brings the assignment, and each member is told its own once that is on record; who asks earlier waits.
import type { syncGroup } from '../apis/14-sync-group.ts'
import { KAFKA_ERRORS } from '../kafka-errors.ts'
import type { Handler } from './handler.ts'

export const syncGroupHandler: Handler<typeof syncGroup> = {
  async handle({ groupId, generationId, memberId, groupInstanceId, protocolType, protocolName, assignments }, { door, node }) {
    door.brokers.checkCoordinator(node, groupId)
    door.groups.checkUsable()
    const { error, protocol, ...answer } = await door.groups.classic.sync(groupId, {
      memberId, instanceId: groupInstanceId, generation: generationId, protocolType, protocol: protocolName, assignments,
    })
    return { ...answer, protocolName: protocol, errorCode: error === undefined ? 0 : KAFKA_ERRORS[error] }
  },
  refuse: (_request, errorCode) => ({ errorCode, assignment: Buffer.alloc(0) }),
}
