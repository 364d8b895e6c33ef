// DeleteGroups: what a group has committed is forgotten, and who was in it. A group that has members stays (NON_EMPTY_GROUP).
import { deleteGroups } from '../apis/42-delete-groups.ts'
import { KafkaError, errorCodeOf } from '../kafka-errors.ts'
import { tellMistake } from '../mistakes.ts'
import type { Call, Handler } from './handler.ts'

export const deleteGroupsHandler: Handler<typeof deleteGroups> = {
  async handle({ groupsNames }, call) {
    const results: { groupId: string; errorCode: number }[] = []
    for (const groupId of new Set(groupsNames)) results.push({ groupId, errorCode: await remove(groupId, call) })
    return { throttleTimeMs: 0, results }
  },
  refuse: ({ groupsNames }, errorCode) => ({ throttleTimeMs: 0, results: groupsNames.map(groupId => ({ groupId, errorCode })) }),
}

async function remove(groupId: string, { door, node }: Call): Promise<number> {
  try {
    if (groupId === '') throw new KafkaError('INVALID_GROUP_ID', 'the group id is empty')
    door.brokers.checkCoordinator(node, groupId)
    await door.groups.delete(groupId)
    return 0
  } catch (error) {
    tellMistake(door.log, deleteGroups, error)
    return errorCodeOf(error)
  }
}
