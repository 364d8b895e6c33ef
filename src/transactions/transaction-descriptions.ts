// What tools are told of transactional ids: those that clients gave, and of those that the log names itself the ones with
// an open transaction, so that nobody takes that for one that hangs.
import type { StoredTransaction, TransactionStatus, TransactionTopic } from '../format/transaction-records.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { topicsOf } from './ending.ts'
import type { TransactionalProducer } from './transactional-producer.ts'

export interface TransactionDescription {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly status: TransactionStatus
  readonly timeoutMs: number
  /** -1: there was none. */
  readonly startedAt: number
  readonly topics: readonly TransactionTopic[]
}

interface Open {
  readonly producer: TransactionalProducer
  readonly startedAt: number
  readonly timeoutMs: number
  readonly partitions: readonly WritablePartition[]
}

export function describeTransactions(producers: Iterable<TransactionalProducer>, records: ReadonlyMap<string, StoredTransaction>, open: readonly Open[]): TransactionDescription[] {
  const openOnes = new Map(open.map(each => [each.producer, each]))
  return [...producers].filter(producer => !producer.isAnonymous || openOnes.has(producer)).map(producer => {
    const { transactionalId, id: producerId, epoch: producerEpoch } = producer
    const found = openOnes.get(producer)
    if (found !== undefined) return { transactionalId, producerId, producerEpoch, status: 'Ongoing', timeoutMs: found.timeoutMs, startedAt: found.startedAt, topics: topicsOf(found.partitions) }
    const record = records.get(transactionalId)
    const status = record?.producerEpoch === producerEpoch ? record.status : 'CompleteAbort' // there was no room to note it
    return { transactionalId, producerId, producerEpoch, status, timeoutMs: record?.timeoutMs ?? 0, startedAt: record?.startTimestamp ?? -1, topics: [] }
  })
}
