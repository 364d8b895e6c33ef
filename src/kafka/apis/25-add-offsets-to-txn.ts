// AddOffsetsToTxn (25): a group whose positions a transaction is about to commit.
//
//   v0   one group
//   v1   answers come before a client over its quota is held back, not after
//   v2   PRODUCER_FENCED may be answered
//   v3   the first flexible version
//   v4   TRANSACTION_ABORTABLE may be answered
import { defineApi } from '../protocol/api.ts'
import { int16, int32, int64, string } from '../protocol/plain-fields.ts'

export const addOffsetsToTxn = defineApi({
  key: 25,
  name: 'AddOffsetsToTxn',
  versions: [0, 4],
  flexibleFrom: 3,
  request: {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    groupId: string(),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
  },
})
