// InitProducerId: a producer gets id and epoch. For a transactional id whoever had it before is fenced, and its open
// transaction aborted. Answered at once, where Kafka lets the client ask again until that transaction has ended.
import type { initProducerId } from '../apis/22-init-producer-id.ts'
import { KAFKA_ERRORS, KafkaError } from '../kafka-errors.ts'
import { fromCoordinator, refusalCode } from '../transaction-answers.ts'
import type { Handler } from './handler.ts'

/** Below it a client has not heard of PRODUCER_FENCED. */
const KNOWS_FENCED = 4
const NONE = -1

export const initProducerIdHandler: Handler<typeof initProducerId> = {
  async handle({ transactionalId, transactionTimeoutMs, producerId, producerEpoch }, { door, version, node }) {
    if (transactionalId !== null) door.brokers.checkCoordinator(node, transactionalId)
    if ((producerId === NONE) !== (producerEpoch === NONE)) throw new KafkaError('INVALID_REQUEST', 'a producer id without an epoch, or an epoch without an id')
    const expected = producerId === NONE ? undefined : { id: producerId, epoch: producerEpoch }
    const given = await fromCoordinator(door.transactions.remote.initProducer({ transactionalId, timeoutMs: transactionTimeoutMs, expected }))
    if (typeof given === 'string') return { throttleTimeMs: 0, errorCode: refusalCode(given, version >= KNOWS_FENCED), producerId: NONE, producerEpoch: NONE }
    return { throttleTimeMs: 0, errorCode: KAFKA_ERRORS.NONE, producerId: given.id, producerEpoch: given.epoch }
  },
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, producerId: NONE, producerEpoch: NONE }),
}
