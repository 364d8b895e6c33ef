// What a remote client's request leads to, as far as that follows from what is known of its transactional id alone. Pure;
// remote-transactions.ts carries it out. Answers are Kafka's names.
//
// Since transaction version 2 the end of a transaction raises its producer's epoch. A client that never got the answer asks
// again with the epoch before: it is the same request if it asks for what has happened, and gets the same answer.
import type { StoredTransaction } from '../format/transaction-records.ts'
import { RAISING_VERSION } from './ending.ts'
import { isExhausted, type ProducerIdentity } from './transactional-producer.ts'

export type TransactionRefusal =
  | 'CONCURRENT_TRANSACTIONS'
  | 'COORDINATOR_NOT_AVAILABLE'
  | 'INVALID_PRODUCER_EPOCH'
  | 'INVALID_PRODUCER_ID_MAPPING'
  | 'INVALID_REQUEST'
  | 'INVALID_TRANSACTION_TIMEOUT'
  | 'INVALID_TXN_STATE'
  | 'NOT_ENOUGH_REPLICAS'
  | 'PRODUCER_FENCED'
  | 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
  | 'TRANSACTION_ABORTABLE'

/** What is known of a transactional id. */
export interface Standing {
  readonly producer: ProducerIdentity
  readonly previous?: ProducerIdentity | undefined
  /** What is on record of this id and epoch; undefined: something else is, so nobody was told of them. */
  readonly record: StoredTransaction | undefined
  readonly isOpen: boolean
}

/** 'raise' the epoch, or 'repeat' the last answer. `expected`: what the client had, to go on with after an error (KIP-360). */
export function decideInit({ producer, previous, isOpen }: Standing, expected: ProducerIdentity | undefined): 'raise' | 'repeat' | 'PRODUCER_FENCED' {
  if (expected !== undefined && !isSame(expected, producer)) return !isOpen && previous !== undefined && isSame(expected, previous) ? 'repeat' : 'PRODUCER_FENCED'
  return 'raise'
}

export interface EndRequest extends ProducerIdentity {
  readonly commit: boolean
  /** The client has transaction version 2. */
  readonly raises: boolean
}

/** 'end' what is open, 'skip' an epoch where there is nothing to abort, or 'repeat' the answer. */
export function decideEnd(standing: Standing, request: EndRequest): 'end' | 'skip' | 'repeat' | TransactionRefusal {
  const { producer, record, isOpen } = standing
  const isRepeated = !isOpen && isBefore(request, standing)
  if (request.id !== producer.id && !isRepeated) return 'INVALID_PRODUCER_ID_MAPPING'
  if (!isRepeated && request.epoch !== producer.epoch) return 'PRODUCER_FENCED'
  if (isOpen) return 'end'
  const ended = isRepeated || record?.clientTransactionVersion !== RAISING_VERSION ? record?.status : undefined
  if (ended === (request.commit ? 'CompleteCommit' : 'CompleteAbort')) return 'repeat'
  if (!request.commit && request.raises && !isRepeated) return 'skip'
  const wasAborted = isRepeated && ended === 'CompleteAbort' // not by its producer: an opening of the log found it unfinished
  return wasAborted ? 'PRODUCER_FENCED' : 'INVALID_TXN_STATE'
}

/** The epoch of the transaction whose end has raised it. */
function isBefore({ id, epoch }: ProducerIdentity, { producer, record }: Standing): boolean {
  if (record?.clientTransactionVersion !== RAISING_VERSION) return false
  if (producer.epoch === 0) return record.previousProducerId === id && isExhausted(epoch)
  return id === producer.id && epoch === producer.epoch - 1
}

function isSame(a: ProducerIdentity, b: ProducerIdentity): boolean {
  return a.id === b.id && a.epoch === b.epoch
}
