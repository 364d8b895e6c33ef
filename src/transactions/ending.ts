// How a transaction ends, whoever wrote it: the steps, whose order is what makes it all or nothing.
//
//   commit   secure · decide · secureDecision · mark ('commit') · note    (docs/decisions/transactions.md)
//   abort    mark ('abort') · note
//
// Marks are written in every partition in one step, so that readers of this process see all of a transaction at once. They
// need no sync: the next opening writes those that a crash has taken.
import { ClosedError, MillraceError, StorageError } from '../base/errors.ts'
import type { StoredTransaction, TransactionTopic } from '../format/transaction-records.ts'
import type { OpenLog } from '../log/open-log.ts'
import { parsePartitionDirectory } from '../log/topic-name.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import type { TransactionLog } from './transaction-log.ts'
import type { TransactionalProducer } from './transactional-producer.ts'

export const COORDINATOR_EPOCH = 0
/** Kafka's number of it: an end raises the producer's epoch. */
export const RAISING_VERSION = 2

export interface EndingParts {
  readonly log: OpenLog
  readonly store: TransactionLog
  readonly producer: TransactionalProducer
  readonly durability: 'process' | 'power'
  readonly timeoutMs: number
  readonly startedAt: number
  /** A marker could not be written: somebody tries again. */
  readonly owe: (partition: WritablePartition, producer: TransactionalProducer, error: unknown) => void
}

/** What is written down of it. */
export type EndRecord = Pick<StoredTransaction, 'producerId' | 'producerEpoch' | 'status' | 'clientTransactionVersion' | 'previousProducerId' | 'nextProducerId'>

export class Ending {
  readonly #parts: EndingParts

  constructor(parts: EndingParts) {
    this.#parts = parts
  }

  /**
   * What it wrote is on the device, and so are the markers of the one before, whose decision is to be replaced.
   * undefined, here and of secureDecision(): there is nothing to wait for.
   */
  secure(written: readonly WritablePartition[]): Promise<unknown> | undefined {
    const { producer, durability } = this.#parts
    if (durability === 'power') return Promise.all([producer.settle(), ...written.map(partition => partition.sync())])
    return producer.isSettled ? undefined : producer.settle()
  }

  /** From here on it is committed, or will be by the next opening. */
  decide(record: Omit<EndRecord, 'status'>, partitions: readonly WritablePartition[]): void {
    for (const partition of partitions) partition.checkWritable()
    this.put({ ...record, status: 'PrepareCommit' }, partitions)
  }

  /** What a failed sync has left of the decision, nobody knows before the log is opened again. */
  secureDecision(): Promise<void> | undefined {
    const { store, durability, producer } = this.#parts
    if (durability === 'process') return undefined
    return store.sync().catch((cause: unknown) => { throw uncertain(producer.isAnonymous ? undefined : producer.transactionalId, cause) })
  }

  mark(type: 'commit' | 'abort', partitions: readonly WritablePartition[], producerEpoch: number): void {
    const { producer, log, owe, durability } = this.#parts
    for (const partition of partitions) {
      try {
        partition.endTransaction({ producerId: producer.id, producerEpoch }, { type, coordinatorEpoch: COORDINATOR_EPOCH }, log.settings.clock.now())
      } catch (error) {
        if (!(error instanceof ClosedError)) owe(partition, producer, error) // of a topic that was deleted nobody reads
      }
    }
    const isAwaited = type === 'commit' ? durability === 'power' : producerEpoch === producer.epoch
    if (isAwaited) producer.wrote(...partitions)
  }

  /** For those who look at the log: nothing is decided by it. */
  note(record: EndRecord): void {
    try {
      this.put(record, [])
    } catch (error) {
      if (error instanceof MillraceError) this.#parts.log.events.emit('error', { error, topic: '__transaction_state', partition: 0 })
    }
  }

  put(record: EndRecord, partitions: readonly WritablePartition[]): void {
    const { store, producer, timeoutMs, log, startedAt } = this.#parts
    store.put(producer.transactionalId, { ...record, timeoutMs, partitions: topicsOf(partitions), lastUpdateTimestamp: log.settings.clock.now(), startTimestamp: startedAt })
  }
}

export function topicsOf(partitions: readonly WritablePartition[]): TransactionTopic[] {
  const topics = new Map<string, number[]>()
  for (const { label } of partitions) {
    const { topic, partition } = parsePartitionDirectory(label)!
    topics.set(topic, [...topics.get(topic) ?? [], partition])
  }
  return [...topics].map(([topic, indexes]) => ({ topic, partitions: indexes }))
}

export function nameOf(transactionalId: string | undefined): string {
  return transactionalId === undefined ? 'the transaction' : `transaction '${transactionalId}'`
}

function uncertain(transactionalId: string | undefined, cause: unknown): StorageError {
  return new StorageError('TRANSACTION_UNCERTAIN', `${nameOf(transactionalId)}: whether it is committed is not known: the disk failed while that was written`, {
    hint: 'open the log again once the disk is well: it is committed then, or aborted, as a whole', details: { transactionalId }, cause,
  })
}
