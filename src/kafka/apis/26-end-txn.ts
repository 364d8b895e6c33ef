// EndTxn (26): a transaction is committed or aborted.
//
//   v0   committed or not
//   v1   answers come before a client over its quota is held back, not after
//   v2   PRODUCER_FENCED may be answered
//   v3   the first flexible version
//   v4   TRANSACTION_ABORTABLE may be answered
//   v5   each transaction raises the epoch: the answer has producer id and epoch to go on with (KIP-890)
import { defineApi } from '../protocol/api.ts'
import { boolean, int16, int32, int64, string } from '../protocol/plain-fields.ts'

export const endTxn = defineApi({
  key: 26,
  name: 'EndTxn',
  versions: [0, 5],
  flexibleFrom: 3,
  request: {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    committed: boolean(),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerId: int64({ from: 5, default: -1 }),
    producerEpoch: int16({ from: 5, default: -1 }),
  },
})
