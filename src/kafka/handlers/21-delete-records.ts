// DeleteRecords: everything before an offset goes, durably, before the answer comes. -1: all there is.
//
// As Kafka does: an offset below the start changes nothing, one beyond the end is OFFSET_OUT_OF_RANGE, and of a topic that is
// only compacted nothing may be deleted. The low watermark is the start offset: there is one replica.
import { deleteRecords } from '../apis/21-delete-records.ts'
import { KafkaError, errorCodeOf } from '../kafka-errors.ts'
import { ledPartition } from '../led-partition.ts'
import { tellMistake } from '../mistakes.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import type { Call, Handler } from './handler.ts'

type PartitionRequest = RequestOf<typeof deleteRecords>['topics'][number]['partitions'][number]
type PartitionAnswer = ResponseOf<typeof deleteRecords>['topics'][number]['partitions'][number]

const HIGH_WATERMARK = -1
const NO_LOW_WATERMARK = -1

export const deleteRecordsHandler: Handler<typeof deleteRecords> = {
  async handle({ topics }, call) {
    const answers = []
    for (const { name, partitions } of topics) {
      const deleted: PartitionAnswer[] = []
      for (const asked of partitions) deleted.push(await deleteBefore(name, asked, call))
      answers.push({ name, partitions: deleted })
    }
    return { throttleTimeMs: 0, topics: answers }
  },
  refuse: ({ topics }, errorCode) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({ name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, lowWatermark: NO_LOW_WATERMARK, errorCode })) })),
  }),
}

async function deleteBefore(name: string, { partitionIndex, offset }: PartitionRequest, call: Call): Promise<PartitionAnswer> {
  try {
    const topic = call.door.topics.named(name)
    const log = ledPartition(call, topic, partitionIndex)
    if (topic!.settings.cleanup === 'compact') throw new KafkaError('POLICY_VIOLATION', `topic '${name}' is compacted: its records can't be deleted by offset`)
    const end = offset === HIGH_WATERMARK ? log.endOffset : offset
    if (end < 0 || end > log.endOffset) throw log.outOfRange(end)
    await log.truncateBefore(end)
    return { partitionIndex, lowWatermark: log.startOffset, errorCode: 0 }
  } catch (error) {
    tellMistake(call.door.log, deleteRecords, error)
    return { partitionIndex, lowWatermark: NO_LOW_WATERMARK, errorCode: errorCodeOf(error) }
  }
}
