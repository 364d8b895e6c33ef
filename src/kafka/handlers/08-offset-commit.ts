// OffsetCommit: moves positions of a group, as durably as the log's default. Members commit for their generation alone;
// what assigns itself, and tools, commit with generation -1 while the group has no members. An empty group id is a group
// like any other here, as on a broker.
//
// How long positions are to be kept (below version 5) is passed over: groups expire as a whole. A position is only taken of
// a partition that there is: Kafka takes any partition of a topic it knows, here nothing would ever take such a one away.
import type { offsetCommit } from '../apis/08-offset-commit.ts'
import { MillraceError } from '../../base/errors.ts'
import type { Commit } from '../../groups/positions.ts'
import { KAFKA_ERRORS, errorCodeOf } from '../kafka-errors.ts'
import type { RequestOf } from '../protocol/api.ts'
import type { Call, Handler } from './handler.ts'

/** Kafka's offset.metadata.max.bytes, which counts characters. */
export const LONGEST_METADATA = 4096
/** From here on clients know the errors of the newer protocol. */
const USES_EPOCHS = 9
const TOPIC_IDS = 10

type Request = RequestOf<typeof offsetCommit>
type Topic = Request['topics'][number]

export const offsetCommitHandler: Handler<typeof offsetCommit> = {
  async handle(request, call) {
    const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch } = request
    const { brokers, groups } = call.door
    brokers.checkCoordinator(call.node, groupId)
    const refusal = groups.checkCommit(groupId, { memberId, instanceId: groupInstanceId, generation: generationIdOrMemberEpoch, isTransactional: false, usesEpochs: call.version >= USES_EPOCHS })
    if (refusal !== undefined) return refused(request, KAFKA_ERRORS[refusal])
    const topics = request.topics.map(topic => ({ ...topic, partitions: topic.partitions.map(partition => read(topic, partition, call)) }))
    const commits = topics.flatMap(({ partitions }) => partitions.flatMap(({ commit }) => commit ?? []))
    let failure = 0
    if (commits.length > 0) await groups.positions.commit(groupId, commits).catch((error: unknown) => { failure = notRecorded(error) })
    return {
      topics: topics.map(({ name, topicId, partitions }) => ({
        name, topicId, partitions: partitions.map(({ partitionIndex, errorCode }) => ({ partitionIndex, errorCode: errorCode === 0 ? failure : errorCode })),
      })),
    }
  },
  refuse: (request, errorCode) => refused(request, errorCode),
}

/** What is to be committed, or why not. */
function read(topic: Topic, { partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }: Topic['partitions'][number], { door, version }: Call): { partitionIndex: number; errorCode: number; commit?: Commit } {
  const stored = version >= TOPIC_IDS ? door.topics.withId(topic.topicId) : door.topics.named(topic.name)
  if (stored?.partitions[partitionIndex] === undefined) return { partitionIndex, errorCode: stored === undefined && version >= TOPIC_IDS ? KAFKA_ERRORS.UNKNOWN_TOPIC_ID : KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION }
  const metadata = committedMetadata ?? ''
  if (metadata.length > LONGEST_METADATA) return { partitionIndex, errorCode: KAFKA_ERRORS.OFFSET_METADATA_TOO_LARGE }
  return { partitionIndex, errorCode: 0, commit: { topic: stored.name, partition: partitionIndex, offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata } }
}

/** Clients commit again later: there may be room on the disk then. */
function notRecorded(error: unknown): number {
  return error instanceof MillraceError ? KAFKA_ERRORS.COORDINATOR_NOT_AVAILABLE : errorCodeOf(error)
}

function refused({ topics }: Request, errorCode: number): ReturnType<Handler<typeof offsetCommit>['refuse']> {
  return { topics: topics.map(({ name, topicId, partitions }) => ({ name, topicId, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })) })) }
}
