// The producers of a partition that this process writes: what is known of them, and the files that keep it.
// When those are written: before the first numbered batch, with each roll, every few MiB of a segment, and on closing.
import type { MillraceError } from '../base/errors.ts'
import type { ProducerSnapshotEntry } from '../format/producer-snapshot.ts'
import type { PartitionOptions } from './partition-log.ts'
import { recoverProducers } from './producer-recovery.ts'
import { ProducerSnapshots } from './producer-snapshots.ts'
import type { KnownBatch, ProducerStates } from './producer-states.ts'
import type { RecoveryReport } from './recovery.ts'
import type { Segment } from './segment.ts'

const SNAPSHOT_BYTES = 8 * 1024 * 1024

export interface WrittenProducersOptions extends PartitionOptions {
  readonly onTrouble: (error: MillraceError) => void
  /** Behind a snapshot no more is appended without another: what a reopening after a kill reads again. */
  readonly snapshotBytes?: number
}

export class WrittenProducers {
  readonly #options: PartitionOptions
  readonly #states: ProducerStates
  readonly #segments: () => readonly Segment[]
  readonly #onTrouble: (error: MillraceError) => void
  readonly #snapshotBytes: number
  #snapshots: ProducerSnapshots
  #bytes = 0

  constructor(options: WrittenProducersOptions, states: ProducerStates, segments: () => readonly Segment[]) {
    this.#options = options
    this.#states = states
    this.#segments = segments
    this.#onTrouble = options.onTrouble
    this.#snapshotBytes = options.snapshotBytes ?? SNAPSHOT_BYTES
    this.#snapshots = ProducerSnapshots.find(options.fs, options.directory)
  }

  /** The directory was read: what is known is what it says. */
  async recover(report: RecoveryReport): Promise<void> {
    this.#snapshots = ProducerSnapshots.find(this.#options.fs, this.#options.directory)
    await recoverProducers(this.#options, report, this.#snapshots, this.#states)
  }

  /** As a snapshot keeps it; undefined: no batch of the partition ever had a producer id. */
  get known(): readonly ProducerSnapshotEntry[] | undefined { return this.#snapshots.none ? undefined : this.#states.entries() }

  /** As ProducerStates.place. */
  place(batch: Buffer): KnownBatch | undefined {
    return this.#states.place(batch, 0)
  }

  /** Before a numbered batch is appended at the offset: from then on the log tells that there are such. Returns whether a file was made. */
  expect(end: number): boolean {
    if (!this.#snapshots.none) return false
    this.#snapshots.write(end, [])
    return true
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
    if (this.#snapshots.none || (this.#bytes += bytes) <= this.#snapshotBytes) return
    this.#orTell(() => {
      segment.transactions.flush()
      this.save(end)
    })
  }

  /** The segment that ends there is sealed, its transactions are in their file. */
  save(end: number): void {
    this.#bytes = 0
    if (this.#snapshots.none) return
    this.#snapshots.write(end, this.#states.entries())
    const bases = new Set(this.#segments().map(({ baseOffset }) => baseOffset))
    this.#orTell(() => { this.#snapshots.prune(offset => bases.has(offset)) })
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
