// LeaveGroup: members of a classic group go, and the others share out anew. An admin's client sends it for others, by their
// instance ids. Below version 3 it is one member, and its error is the answer's.
import type { leaveGroup } from '../apis/13-leave-group.ts'
import { KAFKA_ERRORS } from '../kafka-errors.ts'
import type { Handler } from './handler.ts'

const SEVERAL_MEMBERS = 3

export const leaveGroupHandler: Handler<typeof leaveGroup> = {
  handle({ groupId, memberId, members }, { door, node, version }) {
    door.brokers.checkCoordinator(node, groupId)
    door.groups.checkUsable()
    const leaving = version >= SEVERAL_MEMBERS ? members : [{ memberId, groupInstanceId: null }]
    const answers = door.groups.classic.leave(groupId, leaving.map(each => ({ memberId: each.memberId, instanceId: each.groupInstanceId })))
    if (!Array.isArray(answers)) return { errorCode: KAFKA_ERRORS[answers], members: [] }
    const codes = answers.map(error => error === undefined ? 0 : KAFKA_ERRORS[error])
    if (version < SEVERAL_MEMBERS) return { errorCode: codes[0]!, members: [] }
    return { errorCode: 0, members: leaving.map((each, i) => ({ memberId: each.memberId, groupInstanceId: each.groupInstanceId, errorCode: codes[i]! })) }
  },
  refuse: (_request, errorCode) => ({ errorCode, members: [] }),
}
