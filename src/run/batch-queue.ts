// Several records at a time, by offset: up to `max`, or what is at hand once the first of them has waited for `wait`.
// A batch is one task: it is retried whole.
import type { LogRecord } from '../log/log-record.ts'
import type { RecordBatchView } from '../log/record-batch-view.ts'
import type { Lane } from '../groups/lane.ts'
import { LaneQueue, Task, type QueueOwner } from './lane-queue.ts'
import type { BatchSettings } from './run-options.ts'

export class BatchQueue extends LaneQueue {
  readonly isParallel = false
  readonly #settings: BatchSettings
  /** The lane's part of what may be buffered. */
  readonly #shareBytes: () => number
  #task: Task | undefined
  #state: 'done' | 'out' | 'due' = 'done'
  #collected: LogRecord[] = []
  /** What was taken since the last hand-out: a batch is no larger than this and one of the log's batches. */
  #takenBytes = 0
  #wait: 'none' | 'running' | 'over' = 'none'
  #endOffset = 0

  constructor(lane: Lane, owner: QueueOwner, settings: BatchSettings, shareBytes: () => number) {
    super(lane, owner)
    this.#settings = settings
    this.#shareBytes = shareBytes
  }

  protected get isEmpty(): boolean { return this.#state === 'done' && this.#collected.length === 0 }

  protected override pick(): Task | undefined {
    if (this.#state === 'out') return undefined
    if (this.#state === 'done') {
      this.#collect()
      if (!this.#isComplete()) return undefined
      this.#close()
    }
    this.#state = 'out'
    return this.#task
  }

  protected override finish(): void {
    this.#state = 'done'
    this.#task = undefined
    this.lane.settle(this.#endOffset)
  }

  protected override again(): void {
    this.#state = 'due'
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

  #close(): void {
    this.#task = new Task(this, this.#collected)
    this.#endOffset = this.#collected.at(-1)!.offset + 1
    this.#collected = []
    this.#takenBytes = 0
    this.#wait = 'none'
  }
}
