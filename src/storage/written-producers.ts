// The producers of a partition that this process writes: what is known of them, and the files that keep it.
// When those are written: before the first numbered batch, with each roll, every few MiB of a segment, and on closing.
import type { MillraceError } from '../base/errors.ts'
import type { PartitionOptions } from './partition-log.ts'
import { recoverProducers } from './producer-recovery.ts'
import { ProducerSnapshots } from './producer-snapshots.ts'
import type { KnownBatch, ProducerStates } from './producer-states.ts'
import type { RecoveryReport } from './recovery.ts'
import type { Segment } from './segment.ts'

/** Behind a snapshot no more is appended without another: what a reopening after a kill reads again. */
const SNAPSHOT_BYTES = 8 * 1024 * 1024

export class WrittenProducers {
  readonly #options: PartitionOptions
  readonly #states: ProducerStates
  readonly #segments: () => readonly Segment[]
  readonly #onTrouble: (error: MillraceError) => void
  #snapshots: ProducerSnapshots
  #bytes = 0

  constructor(options: PartitionOptions & { readonly onTrouble: (error: MillraceError) => void }, states: ProducerStates, segments: () => readonly Segment[]) {
    this.#options = options
    this.#states = states
    this.#segments = segments
    this.#onTrouble = options.onTrouble
    this.#snapshots = ProducerSnapshots.find(options.fs, options.directory)
  }

  /** The directory was read: what is known is what it says. */
  async recover(report: RecoveryReport): Promise<void> {
    this.#snapshots = ProducerSnapshots.find(this.#options.fs, this.#options.directory)
    await recoverProducers(this.#options, report, this.#snapshots, this.#states)
  }

  /** As ProducerStates.place. */
  place(batch: Buffer): KnownBatch | undefined {
    return this.#states.place(batch, 0)
  }

  /** Before a numbered batch is appended at the offset: from then on the log tells that there are such. */
  expect(end: number): void {
    if (this.#snapshots.none) this.#snapshots.write(end, [])
  }

  /** It is in the log. Where the index of transactions can't be written now, it is with the next snapshot. */
  take(segment: Segment, batch: Buffer, base: number): void {
    const aborted = this.#states.take(batch, 0, base)
    if (aborted === undefined) return
    segment.transactions.add(aborted)
    this.#orTell(() => { segment.transactions.flush() })
  }

  /** So many bytes were appended to the segment, numbered or not, and the log ends there. */
  wrote(segment: Segment, bytes: number, end: number): void {
    if (this.#snapshots.none || (this.#bytes += bytes) <= SNAPSHOT_BYTES) return
    this.#orTell(() => {
      segment.transactions.flush()
      this.save(end)
      const bases = new Set(this.#segments().map(({ baseOffset }) => baseOffset))
      this.#snapshots.prune(offset => bases.has(offset))
    })
  }

  /** The segment that ends there is sealed, its transactions are in their file. */
  save(end: number): void {
    this.#bytes = 0
    if (!this.#snapshots.none) this.#snapshots.write(end, this.#states.entries())
  }

  /** What a walk from the offset begins with is on the device when it resolves. */
  async sync(offset: number): Promise<void> {
    await this.#snapshots.sync(offset)
  }

  #orTell(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#onTrouble(error as MillraceError)
    }
  }
}
