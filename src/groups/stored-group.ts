// A group's members as Kafka stores them, and back. Kafka's record of a classic group is used for all: what a client by
// the consumer protocol needs to go on after a restart stands in the bytes of its subscription.
//
//   of this process       host 'localhost'; read back are the static ones: the others went with their process
//   a classic client      its host, with a slash in front, as Kafka prints it: classic/ reads those back
//   by consumer protocol  its host without the slash; topics as it named them, its expression as user data, what it had in
//                         hand when the plan was made, and its epoch then, AWAY for a static one that was away
import { encodeAssignment, encodeSubscription, parseAssignment, parseSubscription } from '../format/consumer-protocol.ts'
import type { StoredGroup, StoredMember } from '../format/group-records.ts'
import type { AssignorName, TopicPartition } from './assignment/assignors.ts'
import type { GroupMember, Plan } from './group-state.ts'

/** Kafka's names of the assignors. */
const PROTOCOLS: Readonly<Record<AssignorName, string>> = { sticky: 'cooperative-sticky', range: 'range', roundRobin: 'roundrobin' }
const PROTOCOL_TYPE = 'consumer'
export const CLIENT = 'millrace'
export const HOST = 'localhost'

/** Of a client by the consumer protocol, before the plan is in effect. */
export interface Standing {
  /** The earliest that it may be at. */
  readonly epoch: number
  readonly owned: readonly TopicPartition[]
}

/** Instead of an epoch. */
const AWAY = -2

export function storedGroup({ generation, members, assignor, targets }: Plan, timestamp: number, standingOf: (member: string) => Standing | undefined): StoredGroup {
  const [leader] = members.values()
  return {
    protocolType: PROTOCOL_TYPE,
    generation,
    protocol: leader === undefined ? null : PROTOCOLS[assignor],
    leader: leader === undefined ? null : leader.client?.memberId ?? leader.id,
    timestamp,
    members: [...members.values()].map(member => storedMember(member, targets.get(member.id) ?? [], generation, standingOf(member.id))),
  }
}

/** As it is once everybody has left, which they could not say themselves. */
export function emptied(stored: StoredGroup, timestamp: number): StoredGroup {
  return { ...stored, protocol: null, leader: null, timestamp, members: [] }
}

/** Clients that speak the classic protocol are in it. */
export function isClassic({ members }: StoredGroup): boolean {
  return members.some(({ clientHost }) => clientHost.startsWith('/'))
}

/** Somebody in it goes on after a restart, by the group's own rules. */
export function hasReturning(stored: StoredGroup): boolean {
  return !isClassic(stored) && stored.members.some(member => member.instanceId !== null || isRemote(member))
}

function storedMember({ id, isStatic, topics, revokeTimeoutMs, sessionTimeoutMs, client }: GroupMember, partitions: readonly TopicPartition[], generation: number, standing: Standing | undefined): StoredMember {
  return {
    id: client?.memberId ?? id,
    instanceId: isStatic ? id : null,
    clientId: client?.clientId ?? CLIENT,
    clientHost: client?.clientHost.replace(/^\//, '') ?? HOST,
    rebalanceTimeoutMs: revokeTimeoutMs,
    sessionTimeoutMs,
    subscription: client === undefined ? encodeSubscription({ topics: [...topics], userData: null, owned: partitions, generation })
      : encodeSubscription({ topics: [...client.topicNames], userData: Buffer.from(client.topicPattern), owned: standing?.owned ?? [], generation: standing?.epoch ?? AWAY }),
    assignment: encodeAssignment({ partitions, userData: null }),
  }
}

/** Static members of this process, which are away, and clients by the consumer protocol, with what they were to have. */
export function planOf(stored: StoredGroup): Plan {
  const { generation, protocol } = stored
  const assignor = (Object.keys(PROTOCOLS) as AssignorName[]).find(name => PROTOCOLS[name] === protocol) ?? 'sticky'
  const known = isClassic(stored) ? [] : stored.members.filter(member => member.instanceId !== null || isRemote(member))
  return {
    generation,
    assignor,
    members: new Map(known.map(member => [seatOf(member), knownMember(member, assignor)])),
    targets: new Map(known.map(member => [seatOf(member), member.assignment.length === 0 ? [] : parseAssignment(member.assignment).partitions])),
  }
}

/** Of the clients in it, when the plan was made. By seat. */
export function standingsOf(stored: StoredGroup): Map<string, Standing> {
  const here = stored.members.filter(member => isRemote(member) && parseSubscription(member.subscription).generation !== AWAY)
  return new Map(here.map(member => {
    const { generation, owned } = parseSubscription(member.subscription)
    return [seatOf(member), { epoch: generation, owned }]
  }))
}

function seatOf({ id, instanceId }: StoredMember): string {
  return instanceId ?? id
}

function isRemote({ clientId, clientHost, subscription }: StoredMember): boolean {
  return !(clientId === CLIENT && clientHost === HOST) && subscription.length > 0 && parseSubscription(subscription).userData !== null
}

function knownMember(member: StoredMember, assignor: AssignorName): GroupMember {
  const { id, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs } = member
  const { topics, userData, generation } = parseSubscription(member.subscription)
  const described = { id: seatOf(member), isStatic: member.instanceId !== null, topics: new Set(topics), assignor, sessionTimeoutMs, revokeTimeoutMs: rebalanceTimeoutMs }
  if (!isRemote(member)) return { ...described, present: false }
  return { ...described, present: generation !== AWAY, client: { memberId: id, clientId, clientHost: `/${clientHost}`, topicNames: topics, topicPattern: userData!.toString() } }
}
