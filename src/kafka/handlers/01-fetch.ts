// Fetch: batches as they are stored, from an offset on.
import type { fetch } from '../apis/01-fetch.ts'
import { PartitionCursor } from '../../storage/partition-cursor.ts'
import { KafkaError, errorCodeOf } from '../kafka-errors.ts'
import { systemClock } from '../../platform/clock.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import type { Call, Handler } from './handler.ts'
import type { StoredTopic } from '../../log/stored-topic.ts'

type Request = RequestOf<typeof fetch>
type PartitionRequest = Request['topics'][number]['partitions'][number]
type PartitionAnswer = ResponseOf<typeof fetch>['responses'][number]['partitions'][number]

export const fetchHandler: Handler<typeof fetch> = {
  async handle(request, call) {
    const until = systemClock.now() + request.maxWaitMs
    for (;;) {
      const responses = []
      for (const { topic, topicId, partitions } of request.topics) {
        const found = call.door.topics.find({ name: topic, topicId })
        const answers: PartitionAnswer[] = []
        for (const partition of partitions) answers.push(await read(found, partition, request, call))
        responses.push({ topic, topicId, partitions: answers })
      }
      const isEmpty = responses.every(({ partitions }) => partitions.every(({ errorCode, records }) => errorCode === 0 && (records?.length ?? 0) === 0))
      const left = until - systemClock.now()
      if (!isEmpty || left <= 0 || call.connection.closed) return { throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses }
      await new Promise<void>(resolve => { systemClock.setTimeout(resolve, Math.min(left, 20)) })
    }
  },
  refuse: (_request, errorCode) => ({ throttleTimeMs: 0, errorCode, responses: [] }),
}

async function read(topic: StoredTopic | undefined, { partition, fetchOffset, partitionMaxBytes }: PartitionRequest, { isolationLevel }: Request, { door, node }: Call): Promise<PartitionAnswer> {
  const log = topic?.partitions[partition]
  try {
    if (log === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'no such partition')
    if (!door.brokers.isLeader(node, partition)) throw new KafkaError('NOT_LEADER_OR_FOLLOWER', 'another broker leads it')
    if (fetchOffset < log.startOffset || fetchOffset > log.endOffset) throw log.outOfRange(fetchOffset)
    const chunk = await new PartitionCursor(log, fetchOffset, isolationLevel === 1 ? 'read_committed' : 'read_uncommitted').next(partitionMaxBytes)
    const aborted = isolationLevel === 1 ? (chunk?.aborted ?? []).map(({ producerId, firstOffset }) => ({ producerId, firstOffset })) : null
    return { partitionIndex: partition, errorCode: 0, highWatermark: log.endOffset, lastStableOffset: log.stableOffset, logStartOffset: log.startOffset, abortedTransactions: aborted, records: chunk?.bytes ?? Buffer.alloc(0) }
  } catch (error) {
    return { partitionIndex: partition, errorCode: errorCodeOf(error), highWatermark: -1, abortedTransactions: null, records: Buffer.alloc(0) }
  }
}
