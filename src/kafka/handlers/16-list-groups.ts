// ListGroups: all groups that are known to the broker that is asked, or those in the given states and of the given types,
// in any spelling. A state or type that there is not is nobody's.
import type { listGroups } from '../apis/16-list-groups.ts'
import type { Handler } from './handler.ts'

export const listGroupsHandler: Handler<typeof listGroups> = {
  handle({ statesFilter, typesFilter }, { door, node }) {
    const { brokers, groups } = door
    const known = groups.ids().filter(id => brokers.coordinatorOf(id).nodeId === node).flatMap(id => groups.describe(id) ?? [])
    const listed = known.filter(({ state, kind }) => isAmong(statesFilter, state) && isAmong(typesFilter, kind))
    return { throttleTimeMs: 0, errorCode: 0, groups: listed.map(({ id, kind, state, protocolType }) => ({ groupId: id, protocolType, groupState: state, groupType: kind })) }
  },
  refuse: (_request, errorCode) => ({ throttleTimeMs: 0, errorCode, groups: [] }),
}

function isAmong(wanted: readonly string[], found: string): boolean {
  return wanted.length === 0 || wanted.some(each => each.trim().toLowerCase() === found.toLowerCase())
}
