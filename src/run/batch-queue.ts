// Several records at a time, by offset: up to `max`, or what is at hand once the first of them has waited for `wait`.
// A batch is one task: it is retried whole.
import type { LogRecord } from '../log/log-record.ts'
import type { RecordBatchView } from '../log/record-batch-view.ts'
import type { Lane } from '../groups/lane.ts'
import { Task, type QueueOwner } from './lane-queue.ts'
import type { BatchSettings } from './run-options.ts'
import { SerialQueue } from './serial-queue.ts'

export class BatchQueue extends SerialQueue {
  readonly #settings: BatchSettings
  /** The lane's part of what may be buffered. */
  readonly #shareBytes: () => number
  #collected: LogRecord[] = []
  /** What was taken since the last hand-out: a batch is no larger than this and one of the log's batches. */
  #takenBytes = 0
  #wait: 'none' | 'running' | 'over' = 'none'

  constructor(lane: Lane, owner: QueueOwner, settings: BatchSettings, shareBytes: () => number) {
    super(lane, owner)
    this.#settings = settings
    this.#shareBytes = shareBytes
  }

  protected override get isEmpty(): boolean { return super.isEmpty && this.#collected.length === 0 }

  protected override nextTask(): Task | undefined {
    this.#collect()
    if (!this.#isComplete()) return undefined
    const task = new Task(this, this.#collected)
    this.#collected = []
    this.#takenBytes = 0
    this.#wait = 'none'
    return task
  }

  protected override takeBatch(): RecordBatchView | undefined {
    if (this.#takenBytes >= this.#shareBytes() && this.#collected.length > 0) return undefined
    const batch = super.takeBatch()
    if (batch !== undefined) this.#takenBytes += batch.bytes.length
    return batch
  }

  #collect(): void {
    while (this.#collected.length < this.#settings.max) {
      const record = this.nextRecord()
      if (record === undefined) return
      this.#collected.push(record)
    }
  }

  #isComplete(): boolean {
    const { max, waitMs } = this.#settings
    if (this.#collected.length === 0) return false
    if (this.#collected.length === max || this.#takenBytes >= this.#shareBytes() || waitMs === 0 || this.#wait === 'over') return true
    if (this.#wait === 'none') this.#beginWait(waitMs)
    return false
  }

  #beginWait(ms: number): void {
    this.#wait = 'running'
    const first = this.#collected
    this.later(ms, () => { if (this.#collected === first) this.#wait = 'over' })
  }
}
