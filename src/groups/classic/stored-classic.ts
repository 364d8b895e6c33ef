// A classic group as Kafka stores it, and its members back from there. Of what a member offers only the protocol that the
// group goes by is stored: a member that comes later has to know that one.
import type { StoredGroup, StoredMember } from '../../format/group-records.ts'
import { ClassicMember } from './classic-member.ts'
import { LOCAL_HOST } from './classic-requests.ts'

export function storedMembers(members: Iterable<ClassicMember>, protocol: string, assignmentOf: (member: ClassicMember) => Buffer): StoredMember[] {
  return [...members].map(member => ({
    id: member.id,
    instanceId: member.instanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    sessionTimeoutMs: member.sessionTimeoutMs,
    subscription: member.metadata(protocol),
    assignment: assignmentOf(member),
  }))
}

/** Members of this process ended with it; a static one may come again, and is waited for. */
export function restoredMembers({ protocol, members }: StoredGroup): ClassicMember[] {
  return members.filter(({ clientHost, instanceId }) => clientHost !== LOCAL_HOST || instanceId !== null).map(stored => {
    const member = new ClassicMember(stored.id, { ...stored, protocols: [{ name: protocol ?? '', metadata: stored.subscription }] })
    member.assignment = stored.assignment
    member.isAway = member.isLocal
    return member
  })
}
