// What a group is like, for whoever looks at it from outside: in Kafka's words, whichever members it has.
//
//   consumer   clients by the consumer protocol are in it, maybe with members of this process
//   classic    every other one: clients by the classic protocol, members of this process alone, or nobody. Members of
//              this process are shown as clients would be that share partitions by their assignor
import type { StoredGroup } from '../format/group-records.ts'
import type { TopicPartition } from './assignment/assignors.ts'
import type { ClassicGroup } from './classic/classic-group.ts'
import type { Group } from './group.ts'
import type { GroupRecord } from './positions.ts'
import { DEFAULT_SERVER_ASSIGNOR } from './remote-member.ts'
import { CLIENT, HOST, storedGroup } from './stored-group.ts'

export interface GroupDescription {
  readonly id: string
  readonly kind: 'classic' | 'consumer'
  readonly state: string
  readonly protocolType: string
  /** Of a classic group: the assignor's name; '': none is chosen. */
  readonly protocol: string
  readonly members: readonly ClassicMemberDescription[]
}

export interface ClassicMemberDescription {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly memberMetadata: Buffer
  readonly memberAssignment: Buffer
}

export interface ConsumerGroupDescription {
  readonly state: string
  readonly epoch: number
  readonly assignor: string
  readonly members: readonly ConsumerMemberDescription[]
}

export interface ConsumerMemberDescription {
  readonly memberId: string
  readonly instanceId: string | null
  readonly memberEpoch: number
  readonly clientId: string
  readonly clientHost: string
  readonly subscribedTopicNames: readonly string[]
  readonly subscribedTopicRegex: string | null
  readonly assignment: readonly TopicPartition[]
  readonly targetAssignment: readonly TopicPartition[]
}

/** What there is of it: undefined where the group has none of that. */
export interface GroupFacts {
  readonly group: Group | undefined
  readonly classic: ClassicGroup | undefined
  readonly record: GroupRecord | undefined
}

const NOTHING = Buffer.alloc(0)
/** Nobody is in it, and nobody has said what it is for: positions were committed. */
const UNUSED = { state: 'Empty', protocolType: '', protocol: '', members: [] } as const

/** undefined: there is no such group. */
export function describeGroup(id: string, { group, classic, record }: GroupFacts): GroupDescription | undefined {
  if (classic !== undefined && classic.size > 0) return { id, kind: 'classic', ...describeClassic(classic) }
  if (group !== undefined && group.members.size > 0) {
    if (group.hasRemoteMembers) return { id, kind: 'consumer', ...UNUSED, state: stateOf(group), protocolType: 'consumer' }
    return { id, kind: 'classic', ...describeStored(storedGroup(group.plan, 0, () => undefined)), state: group.isRebalancing ? 'PreparingRebalance' : 'Stable' }
  }
  if (record === undefined && classic === undefined) return undefined
  return { id, kind: 'classic', ...UNUSED, protocolType: record?.stored?.protocolType ?? '' }
}

function describeClassic(classic: ClassicGroup): Omit<GroupDescription, 'id' | 'kind'> {
  const { state, protocolType } = classic
  const protocol = state === 'Stable' ? classic.protocol : null
  return {
    state,
    protocolType: protocolType ?? '',
    protocol: protocol ?? '',
    members: [...classic.members].map(member => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: protocol === null ? NOTHING : member.metadata(protocol),
      memberAssignment: protocol === null ? NOTHING : member.assignment,
    })),
  }
}

function describeStored({ protocolType, protocol, members }: StoredGroup): Pick<GroupDescription, 'protocolType' | 'protocol' | 'members'> {
  return {
    protocolType,
    protocol: protocol ?? '',
    members: members.map(({ id, instanceId, clientId, clientHost, subscription, assignment }) => ({
      memberId: id, groupInstanceId: instanceId, clientId, clientHost, memberMetadata: subscription, memberAssignment: assignment,
    })),
  }
}

export function describeConsumerGroup(group: Group): ConsumerGroupDescription {
  const { plan, generation } = group
  const owned = new Map(group.assignments().map(({ id, partitions }) => [id, partitions]))
  const members = [...group.members.values()].map(({ id, isStatic, topics, present, client }) => ({
    memberId: client?.memberId ?? id,
    instanceId: isStatic ? id : null,
    memberEpoch: client === undefined ? generation : present ? group.remote.named(client.memberId)?.epoch ?? 0 : -2,
    clientId: client?.clientId ?? CLIENT,
    clientHost: client?.clientHost ?? HOST,
    subscribedTopicNames: client?.topicNames ?? [...topics],
    subscribedTopicRegex: client === undefined || client.topicPattern === '' ? null : client.topicPattern,
    assignment: owned.get(id) ?? [],
    targetAssignment: plan.targets.get(id) ?? [],
  }))
  return { state: stateOf(group), epoch: generation, assignor: plan.assignor === 'sticky' ? DEFAULT_SERVER_ASSIGNOR : plan.assignor, members }
}

function stateOf(group: Group): string {
  if (group.isRebalancing) return 'Assigning'
  return group.isSettled && [...group.remote.all].every(({ isStable }) => isStable) ? 'Stable' : 'Reconciling'
}
