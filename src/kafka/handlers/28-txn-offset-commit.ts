// TxnOffsetCommit: positions of a group move with a transaction. Until it has ended, whoever asks for stable positions is told
// to wait. From version 3 on a member's generation is checked; older clients are believed.
import type { txnOffsetCommit } from '../apis/28-txn-offset-commit.ts'
import type { Commit } from '../../groups/positions.ts'
import { KAFKA_ERRORS } from '../kafka-errors.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import { fromCoordinator, knowsFenced, refusalCode } from '../transaction-answers.ts'
import { LONGEST_METADATA } from './08-offset-commit.ts'
import type { Call, Handler } from './handler.ts'

const KNOWS_ABORTABLE = 4
const ADDS_GROUP = 5

type Request = RequestOf<typeof txnOffsetCommit>
type Topic = Request['topics'][number]
type Partition = Topic['partitions'][number]

export const txnOffsetCommitHandler: Handler<typeof txnOffsetCommit> = {
  async handle(request, call) {
    const { door, version, node } = call
    const { groupId, transactionalId, producerId, producerEpoch, memberId, groupInstanceId, generationId } = request
    door.brokers.checkCoordinator(node, groupId)
    if (groupId === '') return answer(request, () => KAFKA_ERRORS.INVALID_GROUP_ID)
    const faults = new Map(request.topics.flatMap(topic => topic.partitions.map(partition => [partition, faultOf(topic, partition, call)] as const)))
    const commits = request.topics.flatMap(topic => topic.partitions.filter(partition => faults.get(partition) === 0).map(partition => commitOf(topic, partition)))
    const refusal = commits.length === 0 ? undefined : await fromCoordinator(door.transactions.remote.moveOffsets({
      transactionalId, producer: { id: producerId, epoch: producerEpoch }, group: groupId, commits,
      implicit: version >= ADDS_GROUP, knowsAbortable: version >= KNOWS_ABORTABLE,
      check: () => door.groups.checkCommit(groupId, { memberId, instanceId: groupInstanceId, generation: generationId, isTransactional: true, usesEpochs: true }),
    }))
    const errorCode = refusalCode(refusal, knowsFenced(version))
    return answer(request, partition => faults.get(partition)! === 0 ? errorCode : faults.get(partition)!)
  },
  refuse: (request, errorCode) => answer(request, () => errorCode),
}

function faultOf({ name }: Topic, { partitionIndex, committedMetadata }: Partition, { door }: Call): number {
  if (door.topics.named(name)?.partitions[partitionIndex] === undefined) return KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION
  return (committedMetadata?.length ?? 0) > LONGEST_METADATA ? KAFKA_ERRORS.OFFSET_METADATA_TOO_LARGE : 0
}

function commitOf({ name }: Topic, { partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }: Partition): Commit {
  return { topic: name, partition: partitionIndex, offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata: committedMetadata ?? '' }
}

function answer({ topics }: Request, errorCodeOf: (partition: Partition) => number): ResponseOf<typeof txnOffsetCommit> {
  return { throttleTimeMs: 0, topics: topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(partition => ({ partitionIndex: partition.partitionIndex, errorCode: errorCodeOf(partition) })) })) }
}
