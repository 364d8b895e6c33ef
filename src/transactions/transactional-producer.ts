// Who writes one transaction after the other: a producer id, and an epoch that rises with every transaction that ends
// (Kafka's transaction version 2). So a batch that comes late is of an older epoch, and a marker says by its epoch alone
// which transaction it ends.
import type { WritablePartition } from '../storage/writable-partition.ts'

/** Of transactional ids that the log gives itself, for transactions without one. */
export const OWN_PREFIX = '__millrace-'
/** An int16, and the marker of the last transaction is one above it. */
const LAST_EPOCH = 2 ** 15 - 3

/** Something that was appended, and may not be on the device yet. */
export interface Unsynced { readonly partition: WritablePartition; readonly endOffset: number }

export class TransactionalProducer {
  readonly transactionalId: string
  id: number
  /** Of the next transaction, or the open one. */
  epoch: number
  /**
   * Markers of its last transaction that are to survive a power cut. The decision that they follow from is on the device;
   * whatever takes its place there, of a commit or an abort, has to wait for them.
   */
  unsynced: readonly Unsynced[] = []
  /** Where the marker of its last transaction could not be written yet: it begins no other one before. */
  readonly owing = new Set<WritablePartition>()

  constructor(transactionalId: string, id: number, epoch: number) {
    this.transactionalId = transactionalId
    this.id = id
    this.epoch = epoch
  }

  get isAnonymous(): boolean { return this.transactionalId.startsWith(OWN_PREFIX) }
  /** No epoch is left: it goes on with another id. */
  get isUsedUp(): boolean { return this.epoch > LAST_EPOCH }

  /** A marker of it, the last that the partition has. */
  wrote(partition: WritablePartition): void {
    this.unsynced = [...this.unsynced.filter(earlier => earlier.partition !== partition), { partition, endOffset: partition.endOffset }]
  }

  /** By a process before this one: what that wrote may be in the page cache alone. */
  wasIn(partition: WritablePartition, epoch: number): void {
    this.epoch = Math.max(this.epoch, epoch)
    if (partition.syncedOffset < partition.endOffset) this.wrote(partition)
  }

  /** The markers of earlier transactions are on the device: another record may take the place of the decision. */
  get isSettled(): boolean { return this.#waiting.length === 0 }

  /** It is settled when it resolves. */
  async settle(): Promise<void> {
    await Promise.all(this.#waiting.map(({ partition }) => partition.sync()))
    this.unsynced = []
  }

  get #waiting(): readonly Unsynced[] {
    return this.unsynced.filter(({ partition, endOffset }) => !partition.closed && partition.syncedOffset < endOffset)
  }
}
