// OffsetForLeaderEpoch: where an epoch ends in the log, so that a client finds out whether what it has read is still there.
// Of an epoch that is not known the answer is -1, -1, and that is no error.
import { offsetForLeaderEpoch } from '../apis/23-offset-for-leader-epoch.ts'
import { errorCodeOf } from '../kafka-errors.ts'
import { ledPartition } from '../led-partition.ts'
import { tellMistake } from '../mistakes.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import type { Call, Handler } from './handler.ts'

type PartitionRequest = RequestOf<typeof offsetForLeaderEpoch>['topics'][number]['partitions'][number]
type PartitionAnswer = ResponseOf<typeof offsetForLeaderEpoch>['topics'][number]['partitions'][number]

export const offsetForLeaderEpochHandler: Handler<typeof offsetForLeaderEpoch> = {
  handle: ({ topics }, call) => ({ throttleTimeMs: 0, topics: topics.map(({ topic, partitions }) => ({ topic, partitions: partitions.map(asked => endOf(topic, asked, call)) })) }),
  refuse: ({ topics }, errorCode) => ({ throttleTimeMs: 0, topics: topics.map(({ topic, partitions }) => ({ topic, partitions: partitions.map(({ partition }) => ({ partition, errorCode })) })) }),
}

function endOf(topic: string, { partition, currentLeaderEpoch, leaderEpoch }: PartitionRequest, call: Call): PartitionAnswer {
  try {
    const log = ledPartition(call, call.door.topics.named(topic), partition, currentLeaderEpoch)
    const end = log.epochs.endOf(leaderEpoch, log.endOffset)
    return { partition, errorCode: 0, ...(end === undefined ? {} : { leaderEpoch: end.epoch, endOffset: end.endOffset }) }
  } catch (error) {
    tellMistake(call.door.log, offsetForLeaderEpoch, error)
    return { partition, errorCode: errorCodeOf(error) }
  }
}
