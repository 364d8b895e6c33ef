// Produce: batches are checked (incoming-batch.ts) and then stored as they came. What is answered when follows from acks:
// 0, nothing; 1, once the operating system has them; -1, once they are as durable as the door's option says.
//
// - Partitions succeed and fail each for itself. Those of a request are written in its order, and requests of a connection in
//   theirs: the next one begins once these batches are in the log, so that what waits for a sync shares it.
// - A batch that an idempotent producer sends again is answered with the offset that it has.
// - With acks 0 an error ends the connection, as in Kafka: the client looks for the leader anew.
// - Topics with timestamps 'append': the batch gets the log's time, and the answer tells it.
//
// Differs from Kafka: batches are never compressed anew, whatever the topic's compression is; the request's timeout is not
// looked at, since no other replicas are waited for; the log's own topics are not there.
import type { produce } from '../apis/00-produce.ts'
import { HEADER_BYTES, isTransactional } from '../../format/record-batch.ts'
import { IncomingBatches } from '../incoming-batches.ts'
import { KafkaError } from '../kafka-errors.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import type { Call, Handler } from './handler.ts'

type Request = RequestOf<typeof produce>
type Answer = ResponseOf<typeof produce> | undefined

export const produceHandler: Handler<typeof produce> = {
  handle(request, call) {
    const { acks, transactionalId } = request
    if (acks < -1 || acks > 1) throw new KafkaError('INVALID_REQUIRED_ACKS', `acks is ${acks}: 0, 1 and -1 are known`)
    if (transactionalId === null && hasTransactional(request)) throw new KafkaError('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'a transactional batch comes without the transactional id of its producer')
    const batches = new IncomingBatches(request, call)
    const writing = batches.write()
    return writing === undefined ? acknowledge(batches, acks, call) : writing.then(() => acknowledge(batches, acks, call))
  },
  refuse: ({ acks, topicData }, errorCode, errorMessage) => acks === 0 ? undefined : {
    responses: topicData.map(({ name, topicId, partitionData }) => ({ name, topicId, partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, errorMessage, baseOffset: -1 })) })),
  },
}

function acknowledge(batches: IncomingBatches, acks: number, call: Call): Answer | Promise<Answer> {
  if (acks === 0) {
    if (batches.failure !== undefined) throw batches.failure
    return undefined
  }
  if (acks === 1 || call.door.settings.durability === 'process') return batches.answer()
  call.proceed()
  return batches.sync().then(() => batches.answer())
}

function hasTransactional({ topicData }: Request): boolean {
  return topicData.some(({ partitionData }) => partitionData.some(({ records }) => records !== null && records.length >= HEADER_BYTES && isTransactional(records, 0)))
}
