// InitProducerId (22): a producer id and epoch, for a transactional id or for none. Version 6 (two-phase commit) is not final in Kafka 4.3, nor advertised.
//
//   v0   transactional id and time-out
//   v1   answers come before a client over its quota is held back, not after
//   v2   the first flexible version
//   v3   id and epoch that the producer has, to go on with after an error
//   v4   PRODUCER_FENCED may be answered
//   v5   TRANSACTION_ABORTABLE may be answered
import { defineApi } from '../protocol/api.ts'
import { int16, int32, int64, string } from '../protocol/plain-fields.ts'

export const initProducerId = defineApi({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 5],
  flexibleFrom: 2,
  request: {
    transactionalId: string({ nullable: true }),
    transactionTimeoutMs: int32(),
    producerId: int64({ from: 3, default: -1 }),
    producerEpoch: int16({ from: 3, default: -1 }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerId: int64({ default: -1 }),
    producerEpoch: int16(),
  },
})
