// EndTxn: commits or aborts. Answered when every partition has its marker, where Kafka answers once it is decided: who reads
// next sees all of it. A client with transaction version 2 is told the epoch, or id, of its next transaction.
import type { endTxn } from '../apis/26-end-txn.ts'
import { KAFKA_ERRORS } from '../kafka-errors.ts'
import { fromCoordinator, knowsFenced, refusalCode } from '../transaction-answers.ts'
import type { Handler } from './handler.ts'

const RAISES_EPOCH = 5

export const endTxnHandler: Handler<typeof endTxn> = {
  async handle({ transactionalId, producerId, producerEpoch, committed }, { door, version, node }) {
    door.brokers.checkCoordinator(node, transactionalId)
    const next = await fromCoordinator(door.transactions.remote.end({
      transactionalId, producer: { id: producerId, epoch: producerEpoch }, commit: committed,
      raises: version >= RAISES_EPOCH, durability: door.settings.durability,
    }))
    if (typeof next === 'string') return { throttleTimeMs: 0, errorCode: refusalCode(next, knowsFenced(version)) }
    return { throttleTimeMs: 0, errorCode: KAFKA_ERRORS.NONE, producerId: next.id, producerEpoch: next.epoch }
  },
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode }),
}
