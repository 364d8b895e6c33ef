// AddOffsetsToTxn: what a client below transaction version 2 does before it moves the positions of a group. They are all in
// one partition here, whatever the group.
import type { addOffsetsToTxn } from '../apis/25-add-offsets-to-txn.ts'
import { KAFKA_ERRORS } from '../kafka-errors.ts'
import { fromCoordinator, knowsFenced, refusalCode } from '../transaction-answers.ts'
import type { Handler } from './handler.ts'

export const addOffsetsToTxnHandler: Handler<typeof addOffsetsToTxn> = {
  async handle({ transactionalId, producerId, producerEpoch, groupId }, { door, version, node }) {
    door.brokers.checkCoordinator(node, transactionalId)
    if (groupId === '') return { throttleTimeMs: 0, errorCode: KAFKA_ERRORS.INVALID_GROUP_ID }
    const refusal = await fromCoordinator(door.transactions.remote.addOffsets({
      transactionalId, producer: { id: producerId, epoch: producerEpoch }, durability: door.settings.durability,
    }))
    return { throttleTimeMs: 0, errorCode: refusalCode(refusal, knowsFenced(version)) }
  },
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode }),
}
