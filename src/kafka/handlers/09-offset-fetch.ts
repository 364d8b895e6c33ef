// OffsetFetch: the positions of groups; -1 where there is none. What was put before is in effect when it is answered.
// A client that wants stable positions alone is told UNSTABLE_OFFSET_COMMIT where a transaction that is open moves one, and
// asks again. Below version 8 it is one group; below version 2 all topics can't be asked for.
//
// A position beyond ±2^53, or below 0, is told as none.
import type { offsetFetch } from '../apis/09-offset-fetch.ts'
import type { Position } from '../../groups/positions.ts'
import { partitionDirectory } from '../../log/topic-name.ts'
import { KAFKA_ERRORS } from '../kafka-errors.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import { ZERO_UUID } from '../protocol/plain-fields.ts'
import type { Call, Handler } from './handler.ts'

const SEVERAL_GROUPS = 8
const TOPIC_IDS = 10
const NO_POSITION = { committedOffset: -1, committedLeaderEpoch: -1, metadata: '' } as const

type Request = RequestOf<typeof offsetFetch>
type Group = NonNullable<ResponseOf<typeof offsetFetch>['groups']>[number]
type AskedGroup = Omit<Request['groups'][number], 'topics'> & { readonly topics: readonly AskedTopic[] | null }
interface AskedTopic { readonly name: string; readonly topicId: string; readonly partitionIndexes: readonly number[] }

export const offsetFetchHandler: Handler<typeof offsetFetch> = {
  async handle(request, call) {
    call.door.groups.checkUsable()
    await call.door.groups.positions.settled()
    const groups = asked(request, call.version).map(group => answer(group, request.requireStable, call))
    return inVersion(groups, call.version)
  },
  refuse: (request, errorCode, _message, version) => inVersion(asked(request, version).map(group => refused(group, errorCode)), version),
}

function asked({ groupId, topics, groups }: Request, version: number): readonly AskedGroup[] {
  if (version >= SEVERAL_GROUPS) return groups
  return [{ groupId, memberId: null, memberEpoch: -1, topics: topics?.map(topic => ({ ...topic, topicId: ZERO_UUID })) ?? null }]
}

function answer(group: AskedGroup, requireStable: boolean, call: Call): Group {
  const { brokers, groups } = call.door
  const { groupId, memberId, memberEpoch, topics } = group
  brokers.checkCoordinator(call.node, groupId)
  const refusal = memberId === null || memberEpoch < 0 ? undefined : groups.checkFetch(groupId, { memberId, instanceId: null, generation: memberEpoch })
  if (refusal !== undefined) return refused(group, KAFKA_ERRORS[refusal])
  const known = groups.positions.of(groupId)?.positions
  const isPending = (topic: string, partition: number): boolean => requireStable && groups.positions.isPending(groupId, topic, partition)
  return {
    groupId, errorCode: 0,
    topics: (topics ?? committedTopics(known?.values() ?? [], call)).map(topic => ({ ...topic, partitions: partitionsOf(topic, known, isPending, call) })),
  }
}

function partitionsOf(topic: AskedTopic, known: ReadonlyMap<string, Position> | undefined, isPending: (topic: string, partition: number) => boolean, { door, version }: Call): Group['topics'][number]['partitions'] {
  const name = version >= TOPIC_IDS ? door.topics.withId(topic.topicId)?.name : topic.name
  return topic.partitionIndexes.map(partitionIndex => {
    if (name === undefined) return { partitionIndex, ...NO_POSITION, errorCode: KAFKA_ERRORS.UNKNOWN_TOPIC_ID }
    if (isPending(name, partitionIndex)) return { partitionIndex, ...NO_POSITION, errorCode: KAFKA_ERRORS.UNSTABLE_OFFSET_COMMIT }
    const position = known?.get(partitionDirectory(name, partitionIndex))
    if (position === undefined) return { partitionIndex, ...NO_POSITION, errorCode: 0 }
    return { partitionIndex, committedOffset: position.offset, committedLeaderEpoch: position.leaderEpoch, metadata: position.metadata, errorCode: 0 }
  })
}

/** All that the group has a position in. */
function committedTopics(positions: Iterable<Position>, { door }: Call): AskedTopic[] {
  const partitions = new Map<string, number[]>()
  for (const { topic, partition } of positions) {
    const ofTopic = partitions.get(topic)
    if (ofTopic === undefined) partitions.set(topic, [partition])
    else ofTopic.push(partition)
  }
  return [...partitions].map(([name, partitionIndexes]) => ({ name, topicId: door.topics.named(name)?.id ?? ZERO_UUID, partitionIndexes }))
}

function refused({ groupId, topics }: AskedGroup, errorCode: number): Group {
  return {
    groupId, errorCode,
    topics: (topics ?? []).map(topic => ({ ...topic, partitions: topic.partitionIndexes.map(partitionIndex => ({ partitionIndex, ...NO_POSITION, errorCode })) })),
  }
}

/** From version 2 on an error of the whole group is told as such, and the topics are left out. */
function inVersion(groups: readonly Group[], version: number): ReturnType<Handler<typeof offsetFetch>['refuse']> {
  const told = groups.map(group => group.errorCode === 0 || version < 2 ? group : { ...group, topics: [] })
  if (version >= SEVERAL_GROUPS) return { topics: [], groups: told }
  const { topics, errorCode } = told[0]!
  return { topics: topics.map(topic => ({ ...topic, name: topic.name ?? '' })), errorCode, groups: [] }
}
