// A group's members as Kafka stores them, and back. Read back are the static ones: the others went with their process.
import { encodeAssignment, encodeSubscription, parseAssignment, parseSubscription } from '../format/consumer-protocol.ts'
import type { StoredGroup, StoredMember } from '../format/group-records.ts'
import type { AssignorName, TopicPartition } from './assignment/assignors.ts'
import type { GroupMember, Plan } from './group-state.ts'

/** Kafka's names of the assignors. */
const PROTOCOLS: Readonly<Record<AssignorName, string>> = { sticky: 'cooperative-sticky', range: 'range', roundRobin: 'roundrobin' }
const PROTOCOL_TYPE = 'consumer'
const CLIENT = 'millrace'
const HOST = 'localhost'

export function storedGroup({ generation, members, assignor, targets }: Plan, timestamp: number): StoredGroup {
  const [leader] = members.keys()
  return {
    protocolType: PROTOCOL_TYPE,
    generation,
    protocol: leader === undefined ? null : PROTOCOLS[assignor],
    leader: leader ?? null,
    timestamp,
    members: [...members.values()].map(member => storedMember(member, targets.get(member.id) ?? [], generation)),
  }
}

/** As it is once everybody has left, which they could not say themselves. */
export function emptied(stored: StoredGroup, timestamp: number): StoredGroup {
  return { ...stored, protocol: null, leader: null, timestamp, members: [] }
}

function storedMember({ id, isStatic, topics, revokeTimeoutMs, sessionTimeoutMs }: GroupMember, partitions: readonly TopicPartition[], generation: number): StoredMember {
  return {
    id,
    instanceId: isStatic ? id : null,
    clientId: CLIENT,
    clientHost: HOST,
    rebalanceTimeoutMs: revokeTimeoutMs,
    sessionTimeoutMs,
    subscription: encodeSubscription({ topics: [...topics], userData: null, owned: partitions, generation }),
    assignment: encodeAssignment({ partitions, userData: null }),
  }
}

/** The static members, away, with what they had. */
export function planOf({ generation, protocol, members }: StoredGroup): Plan {
  const assignor = (Object.keys(PROTOCOLS) as AssignorName[]).find(name => PROTOCOLS[name] === protocol) ?? 'sticky'
  const away = members.filter(({ instanceId }) => instanceId !== null)
  return {
    generation,
    assignor,
    members: new Map(away.map(member => [member.id, awayMember(member, assignor)])),
    targets: new Map(away.map(({ id, assignment }) => [id, assignment.length === 0 ? [] : parseAssignment(assignment).partitions])),
  }
}

function awayMember({ id, subscription, sessionTimeoutMs, rebalanceTimeoutMs }: StoredMember, assignor: AssignorName): GroupMember {
  return { id, isStatic: true, topics: new Set(parseSubscription(subscription).topics), assignor, sessionTimeoutMs, revokeTimeoutMs: rebalanceTimeoutMs, present: false }
}
