// One record at a time, by offset. Hot: its one task is used again for every record (the benchmark 'groups').
import type { LogRecord } from '../log/log-record.ts'
import { LaneQueue, Task } from './lane-queue.ts'

export class InOrderQueue extends LaneQueue {
  readonly isParallel = false
  #task: Task | undefined
  /** Where the task is: at a handler, waiting for its next attempt, due for it; or it is done with. */
  #state: 'done' | 'out' | 'due' = 'done'

  protected get isEmpty(): boolean { return this.#state === 'done' }

  protected override pick(): Task | undefined {
    if (this.#state === 'out') return undefined
    if (this.#state === 'done') {
      const record = this.nextRecord()
      if (record === undefined) return undefined
      this.#use(record)
    }
    this.#state = 'out'
    return this.#task
  }

  protected override finish(task: Task): void {
    this.#state = 'done'
    this.lane.settle((task.given as LogRecord).offset + 1)
  }

  protected override again(): void {
    this.#state = 'due'
  }

  #use(record: LogRecord): void {
    if (this.#task === undefined) {
      this.#task = new Task(this, record)
      return
    }
    this.#task.given = record
    this.#task.attempt = 1
  }
}
