// What of a partition is on the device, and what a failing disk means for it: base of WritablePartition.
//
//   syncedOffset ≤ endOffset          below it everything is on the device
//   a sealed segment is settled once its indexes are on the device too, or can't be got there
//   after a failed sync or write error: readableEnd = syncedOffset, and every write is refused until recover()
//
// A failed sync is believed once and never retried: the next one may return success while the data is gone.
import { LimitError, StorageError, type ClosedError, type MillraceError } from '../base/errors.ts'
import { PartitionLog, type Isolation, type PartitionOptions } from './partition-log.ts'
import type { Segment } from './segment.ts'
import { SharedSync } from './shared-sync.ts'

export interface SyncedOptions extends PartitionOptions {
  /** The partition takes no more writes; called once for each failure. */
  readonly onFailed: (error: StorageError, syncedOffset: number) => void
  /** Something was written that no sync has been asked for: called once, until the next sync is. */
  readonly onDirty: () => void
  /** A background failure that lost nothing and will be tried again. */
  readonly onTrouble: (error: MillraceError) => void
}

export abstract class SyncedPartition extends PartitionLog {
  protected synced = 0
  /** onDirty was called since a sync was last asked for. */
  protected toldDirty = false
  /** Its files are not its own any more: deleted, or another partition's of that name. */
  protected abandoned = false
  readonly #options: SyncedOptions
  readonly #sync = new SharedSync(() => this.#syncDirty())
  readonly #nameSync = new SharedSync(() => this.options.fs.syncDirectory(this.options.directory))
  /** Changes of names in the directory, and how many of them are on the device. */
  #nameChanges = 0
  #syncedNameChanges = 0
  #failure: StorageError | undefined
  /** Where the first transaction begins that is open at `synced`. */
  #firstUnstable = Infinity

  constructor(options: SyncedOptions) {
    super(options)
    this.#options = options
  }

  get syncedOffset(): number { return this.synced }
  get failure(): StorageError | undefined { return this.#failure }

  override get readableEnd(): number {
    return this.#failure === undefined ? this.end : Math.min(this.end, this.synced)
  }

  /** After a failure markers that may not be on the device end nothing: a recovery may come without them. */
  override readableTo(isolation: Isolation): number {
    const end = super.readableTo(isolation)
    return this.#failure === undefined || isolation === 'read_uncommitted' ? end : Math.min(end, Math.max(this.start, this.#firstUnstable))
  }

  override failureAtEnd(): Error | undefined {
    return this.readableEnd < this.end ? this.#failure : undefined
  }

  checkWritable(): void {
    this.checkOpen()
    if (this.#failure !== undefined) throw this.#refusal(this.#failure)
  }

  /** Resolves once all that was appended before the call is on the device. */
  sync(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#refusal(this.#failure))
    this.toldDirty = false
    if (this.synced >= this.end && this.#syncedNameChanges === this.#nameChanges) return Promise.resolve()
    return this.#sync.request()
  }

  /** What the files hold is on the device already. */
  protected async syncNames(): Promise<void> {
    const nameChanges = ++this.#nameChanges
    try {
      await this.#nameSync.request()
    } catch (error) {
      if (this.abandoned) this.checkOpen()
      throw error instanceof LimitError ? error : this.fail(error)
    }
    if (this.abandoned) this.checkOpen()
    if (this.#failure !== undefined) throw this.#refusal(this.#failure)
    this.#syncedNameChanges = Math.max(this.#syncedNameChanges, nameChanges)
  }

  /**
   * Never twice side by side: where two syncs of a file meet a failing device, one is told and the other reports
   * success. Nor after a failure, for those that waited behind it. So it ends when the last of its syncs has ended.
   */
  async #syncDirty(): Promise<void> {
    if (this.abandoned) this.checkOpen()
    if (this.#failure !== undefined) throw this.#refusal(this.#failure)
    const active = this.list.at(-1)
    const target = this.end
    const { firstUnstable } = this.producers
    const dirty = this.list.filter(segment => segment.endOffset > this.synced || segment.cutUnsynced)
    const unsettled = this.list.filter(segment => segment !== active && !segment.settled)
    const nameChanges = this.#nameChanges
    const results = await Promise.allSettled([
      ...dirty.map(segment => segment.syncLog().catch((error: unknown) => { if (!segment.removed) throw error })),
      ...(nameChanges > this.#syncedNameChanges ? [this.#nameSync.request()] : []),
      ...unsettled.map(segment => this.#settleIndexes(segment)),
      ...(active === undefined ? [] : [this.syncProducers(active.baseOffset)]),
    ])
    const errors = results.flatMap(result => result.status === 'rejected' ? [result.reason as unknown] : [])
    if (errors.length > 0 && this.abandoned) this.checkOpen()
    const failed = errors.find(error => !(error instanceof LimitError))
    if (failed !== undefined) throw this.fail(failed)
    if (errors.length > 0) throw errors[0] as LimitError // the sync was not tried
    this.synced = Math.max(this.synced, target)
    this.#firstUnstable = firstUnstable
    this.#syncedNameChanges = Math.max(this.#syncedNameChanges, nameChanges)
  }

  /** What is known of producers where a segment begins, as far as it is to be read again from there. */
  protected abstract syncProducers(offset: number): Promise<void>

  /**
   * No record waits for an index or is lost with it: whether it is whole is seen again when it is used. Except for that
   * of transactions, which nobody makes anew once the recovery point is behind the segment.
   */
  async #settleIndexes(segment: Segment): Promise<void> {
    await segment.transactions.sync().catch((error: unknown) => { if (!segment.removed) throw error })
    try {
      await segment.index.sync()
      segment.settled = true
    } catch (error) {
      segment.settled = (error as MillraceError).code === 'SYNC_FAILED' // a second sync after one that failed proves nothing
      if (!(error instanceof LimitError) && !segment.removed && !this.abandoned) this.#options.onTrouble(error as MillraceError)
    }
  }

  protected fail(error: unknown): StorageError {
    if (this.#failure !== undefined) return this.#failure
    const reason = error instanceof Error ? error.message : String(error)
    this.#failure = new StorageError('PARTITION_FAILED', `${this.label}: the disk failed: ${reason}`, {
      hint: `records from offset ${this.synced} on may not be on the device; call partition.recover(), or open the log again, once the disk is well`,
      details: { partition: this.label, syncedOffset: this.synced, endOffset: this.end },
      cause: error,
    })
    this.#options.onFailed(this.#failure, this.synced)
    this.wake()
    return this.#failure
  }

  #refusal(failure: StorageError): StorageError {
    return new StorageError(failure.code, failure.message, { hint: failure.hint, details: failure.details, cause: failure.cause })
  }

  /** Somebody else than a sync's caller is to be told how it ended. */
  protected syncInBackground(): void {
    this.#sync.request().catch((error: unknown) => { if (error instanceof LimitError) this.#options.onTrouble(error) })
  }

  protected noteNames(): void {
    this.#nameChanges++
  }

  protected tellDirty(): void {
    this.toldDirty = true
    this.#options.onDirty()
  }

  protected syncIdle(): Promise<void> {
    return this.#sync.idle()
  }

  /** Which transactions were open there, nobody knows where it lies behind the end: then all may have been. */
  protected beginSynced(syncedOffset: number): void {
    this.synced = syncedOffset
    this.#firstUnstable = syncedOffset < this.end && this.producers.size > 0 ? 0 : this.producers.firstUnstable
  }

  /** The disk was read again: what it has is what counts. */
  protected mend(syncedOffset: number): void {
    this.beginSynced(syncedOffset)
    this.#syncedNameChanges = this.#nameChanges
    this.#failure = undefined
  }

  /** Closed without another word to the disk: the topic is deleted, or the process pretends to have died. */
  abandon(reason: ClosedError): void {
    this.markClosed(reason)
    this.abandoned = true
    for (const segment of this.list) {
      segment.file.close()
      this.options.indexes.forget(segment.index)
    }
  }
}
