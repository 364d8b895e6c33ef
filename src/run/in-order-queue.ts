// One record at a time, by offset.
import type { LogRecord } from '../log/log-record.ts'
import { LaneQueue, Task } from './lane-queue.ts'

export class InOrderQueue extends LaneQueue {
  readonly isParallel = false
  #task: Task | undefined
  /** Of the task: it is done with, at a handler or waiting for its next attempt, due for it. */
  #state: 'done' | 'out' | 'due' = 'done'

  protected get isEmpty(): boolean { return this.#state === 'done' }

  protected override pick(): Task | undefined {
    if (this.#state === 'out') return undefined
    if (this.#state === 'done') {
      const record = this.nextRecord()
      if (record === undefined) return undefined
      this.#task = new Task(this, record)
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
}
