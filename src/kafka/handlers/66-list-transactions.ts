// ListTransactions: the transactional ids that the asked broker coordinates, and those filters leave. A pattern has to match the
// whole id; it is one of JavaScript's regular expressions where Kafka has RE2's.
import type { listTransactions } from '../apis/66-list-transactions.ts'
import { TRANSACTION_STATUSES } from '../../format/transaction-records.ts'
import { matching } from '../../platform/bounded-regexp.ts'
import { KAFKA_ERRORS } from '../kafka-errors.ts'
import type { RequestOf } from '../protocol/api.ts'
import type { TransactionDescription } from '../../transactions/transaction-descriptions.ts'
import type { Handler } from './handler.ts'

type Request = RequestOf<typeof listTransactions>

const NO_DURATION = -1

/** What a pattern takes that is beyond it nobody meant. */
const PATTERN_MS = 1000

export const listTransactionsHandler: Handler<typeof listTransactions> = {
  handle(request, { door: { brokers, transactions, log }, node }) {
    const now = log.settings.clock.now()
    const found = transactions.describe().filter(each => brokers.coordinatorOf(each.transactionalId).nodeId === node && passes(each, request, now))
    const matched = matchedBy(request.transactionalIdPattern, found)
    if (matched === undefined) return { throttleTimeMs: 0, errorCode: KAFKA_ERRORS.INVALID_REGULAR_EXPRESSION, unknownStateFilters: [], transactionStates: [] }
    return {
      throttleTimeMs: 0, errorCode: KAFKA_ERRORS.NONE,
      unknownStateFilters: request.stateFilters.filter(state => !(TRANSACTION_STATUSES as readonly string[]).includes(state)),
      transactionStates: matched.map(({ transactionalId, producerId, status }) => ({ transactionalId, producerId, transactionState: status })),
    }
  },
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, unknownStateFilters: [], transactionStates: [] }),
}

/** A filter that is empty lets everything pass. */
function passes({ status, producerId, startedAt }: TransactionDescription, { stateFilters, producerIdFilters, durationFilter }: Request, now: number): boolean {
  if (stateFilters.length > 0 && !stateFilters.includes(status)) return false
  if (producerIdFilters.length > 0 && !producerIdFilters.includes(producerId)) return false
  return durationFilter === NO_DURATION || startedAt >= 0 && status === 'Ongoing' && now - startedAt > durationFilter
}

/** undefined: the pattern is none, or takes too long. */
function matchedBy(pattern: string | null, found: readonly TransactionDescription[]): readonly TransactionDescription[] | undefined {
  if (pattern === null || pattern === '') return found
  const expression = expressionOf(pattern)
  const matched = expression === undefined ? undefined : matching(expression, found.map(({ transactionalId }) => transactionalId), PATTERN_MS)
  if (matched === undefined) return undefined
  const ids = new Set(matched)
  return found.filter(({ transactionalId }) => ids.has(transactionalId))
}

function expressionOf(pattern: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${pattern})$`)
  } catch {
    return undefined
  }
}
