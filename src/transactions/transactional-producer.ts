// Who writes one transaction after the other: a producer id, and an epoch that rises with every transaction that ends
// (Kafka's transaction version 2). So a batch that comes late is of an older epoch, and a marker says by its epoch alone
// which transaction it ends.
import type { WritablePartition } from '../storage/writable-partition.ts'

/** Of transactional ids that the log gives itself, for transactions without one. */
export const OWN_PREFIX = '__millrace-'
/** An int16, and the marker of the last transaction is one above it. */
const LAST_EPOCH = 2 ** 15 - 3

/** That remote clients are given, as in Kafka: of the one above it is the marker that fences them. */
const LAST_GIVEN_EPOCH = 2 ** 15 - 2

export interface ProducerIdentity { readonly id: number; readonly epoch: number }

/** Something that was appended, and may not be on the device yet. */
export interface Unsynced { readonly partition: WritablePartition; readonly endOffset: number }

export class TransactionalProducer {
  readonly transactionalId: string
  id: number
  /** Of the next transaction, or the open one. */
  epoch: number
  /**
   * Markers of its last transaction that are to survive a power cut. The decision that they follow from is on the device;
   * whatever takes its place there, of a commit or an abort, has to wait for them. And those of an abort that kept the epoch:
   * the next decision is of the same epoch, and would be taken for one about what was aborted.
   */
  unsynced: readonly Unsynced[] = []
  /** Where the marker of its last transaction could not be written yet: it begins no other one before. */
  readonly owing = new Set<WritablePartition>()
  /** A remote client may have been told of its epoch: a transaction of this process takes a higher one. */
  isGiven = false
  /** What the client had before it asked to go on after an error: should it ask again, it gets the same answer. */
  previous: ProducerIdentity | undefined

  constructor(transactionalId: string, id: number, epoch: number) {
    this.transactionalId = transactionalId
    this.id = id
    this.epoch = epoch
  }

  get isAnonymous(): boolean { return this.transactionalId.startsWith(OWN_PREFIX) }
  /** No epoch is left: it goes on with another id. */
  get isUsedUp(): boolean { return this.epoch > LAST_EPOCH }
  /** Clients are given no epoch after this one. */
  get isExhausted(): boolean { return isExhausted(this.epoch) }
  get isBeyondGiven(): boolean { return this.epoch > LAST_GIVEN_EPOCH }

  /** Its epochs are used up. */
  goOnWith(id: number): void {
    this.id = id
    this.epoch = 0
  }

  /** Markers of it, in each of the partitions the last one there is. */
  wrote(...partitions: readonly WritablePartition[]): void {
    const newer = new Set(partitions)
    this.unsynced = [...this.unsynced.filter(({ partition }) => !newer.has(partition)), ...partitions.map(partition => ({ partition, endOffset: partition.endOffset }))]
  }

  /** By a process before this one: what that wrote may be in the page cache alone. `id`: the one it has, or had. */
  wasIn(partition: WritablePartition, id: number, epoch: number): void {
    if (id === this.id) this.epoch = Math.max(this.epoch, epoch)
    if (partition.syncedOffset < partition.endOffset) this.wrote(partition)
  }

  /** The markers of earlier transactions are on the device: another record may take the place of the decision. */
  get isSettled(): boolean { return this.#waiting.length === 0 }

  /** It is settled when it resolves. */
  async settle(): Promise<void> {
    await Promise.all(this.#waiting.map(({ partition }) => partition.sync()))
    this.unsynced = this.#waiting
  }

  get #waiting(): readonly Unsynced[] {
    return this.unsynced.filter(({ partition, endOffset }) => !partition.closed && partition.syncedOffset < endOffset)
  }
}

export function isExhausted(epoch: number): boolean {
  return epoch >= LAST_GIVEN_EPOCH
}
