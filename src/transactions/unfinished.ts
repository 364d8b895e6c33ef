// Transactions that have no marker in a partition, though nobody is at work on them: a crash came before it, or the disk
// was full. They are ended as it was decided, or else aborted.
//
// A record of __transaction_state speaks of one transaction alone, that of the epoch before its own. A decision of the
// same producer is replaced only once its markers are on the device (transactional-producer.ts), so an older one that is
// open has not been committed.
import type { EndMarker } from '../format/control-records.ts'
import type { StoredTransaction } from '../format/transaction-records.ts'
import type { OpenTransaction } from '../storage/producer-states.ts'
import { COORDINATOR_EPOCH } from './open-transaction.ts'

export interface Outcome extends EndMarker { readonly producerId: number; readonly producerEpoch: number }

/** `decided`: what is on record of the producer. */
export function outcomeOf({ producerId, producerEpoch }: OpenTransaction, decided: StoredTransaction | undefined): Outcome {
  const isCommitted = decided?.producerEpoch === producerEpoch + 1 && (decided.status === 'PrepareCommit' || decided.status === 'CompleteCommit')
  return { type: isCommitted ? 'commit' : 'abort', producerId, producerEpoch: producerEpoch + 1, coordinatorEpoch: COORDINATOR_EPOCH }
}
