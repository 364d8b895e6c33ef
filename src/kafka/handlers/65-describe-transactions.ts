// DescribeTransactions: how far the newest transaction of a transactional id has come.
import type { describeTransactions } from '../apis/65-describe-transactions.ts'
import { KAFKA_ERRORS, errorCodeOf, type KafkaErrorName } from '../kafka-errors.ts'
import type { ResponseOf } from '../protocol/api.ts'
import type { TransactionDescription } from '../../transactions/transaction-descriptions.ts'
import type { Call, Handler } from './handler.ts'

type State = ResponseOf<typeof describeTransactions>['transactionStates'][number]

export const describeTransactionsHandler: Handler<typeof describeTransactions> = {
  handle({ transactionalIds }, call) {
    const known = new Map(call.door.transactions.describe().map(each => [each.transactionalId, each]))
    return { throttleTimeMs: 0, transactionStates: transactionalIds.map(id => describe(id, known.get(id), call)) }
  },
  refuse: ({ transactionalIds }, errorCode) => ({ throttleTimeMs: 0, transactionStates: transactionalIds.map(id => failed(id, errorCode)) }),
}

function describe(transactionalId: string, found: TransactionDescription | undefined, { door, node }: Call): State {
  const refusal = refusalOf(transactionalId, found)
  if (refusal !== undefined) return failed(transactionalId, KAFKA_ERRORS[refusal])
  try {
    door.brokers.checkCoordinator(node, transactionalId)
  } catch (error) {
    return failed(transactionalId, errorCodeOf(error))
  }
  const { status, timeoutMs, startedAt, producerId, producerEpoch, topics } = found!
  return {
    errorCode: KAFKA_ERRORS.NONE, transactionalId, transactionState: status, transactionTimeoutMs: timeoutMs, transactionStartTimeMs: startedAt, producerId, producerEpoch,
    topics: topics.map(({ topic, partitions }) => ({ topic, partitions: [...partitions] })),
  }
}

function refusalOf(transactionalId: string, found: TransactionDescription | undefined): KafkaErrorName | undefined {
  if (transactionalId === '') return 'INVALID_REQUEST'
  return found === undefined ? 'TRANSACTIONAL_ID_NOT_FOUND' : undefined
}

function failed(transactionalId: string, errorCode: number): State {
  return { errorCode, transactionalId, transactionState: '', transactionTimeoutMs: 0, transactionStartTimeMs: -1, producerId: -1, producerEpoch: -1, topics: [] }
}
