// ListTransactions (66): the transactional ids there are.
//
//   v0   by state and producer id; flexible from the beginning
//   v1   only those open for longer than a duration
//   v2   only ids that match a regular expression; INVALID_REGULAR_EXPRESSION may be answered
import { defineApi } from '../protocol/api.ts'
import { int16, int32, int64, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const listTransactions = defineApi({
  key: 66,
  name: 'ListTransactions',
  versions: [0, 2],
  flexibleFrom: 0,
  request: {
    stateFilters: array(string()),
    producerIdFilters: array(int64()),
    durationFilter: int64({ from: 1, default: -1 }),
    transactionalIdPattern: string({ from: 2, nullable: true, default: null }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    unknownStateFilters: array(string()),
    transactionStates: array({
      transactionalId: string(),
      producerId: int64(),
      transactionState: string(),
    }),
  },
})
