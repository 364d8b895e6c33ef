// One task of a lane at a time, by offset: the next is made when the one before is done with. What a task holds is up to
// in-order-queue.ts and batch-queue.ts.
import { LaneQueue, type Task } from './lane-queue.ts'

export abstract class SerialQueue extends LaneQueue {
  readonly isParallel = false
  #task: Task | undefined
  /** Of the task: it is done with, at a handler or waiting for its next attempt, due for it. */
  #state: 'done' | 'out' | 'due' = 'done'
  /** Behind the task's last record: what of it can't be decoded is taken out. */
  #endOffset = 0

  /** undefined: there is none to be handed out yet. */
  protected abstract nextTask(): Task | undefined

  protected override get isEmpty(): boolean { return this.#state === 'done' }

  protected override pick(): Task | undefined {
    if (this.#state === 'out') return undefined
    if (this.#state === 'done') {
      const task = this.nextTask()
      if (task === undefined) return undefined
      this.#task = task
      this.#endOffset = task.records.at(-1)!.offset + 1
    }
    this.#state = 'out'
    return this.#task
  }

  protected override finish(): void {
    this.#state = 'done'
    if (this.#task !== undefined) this.passed(this.#task)
    this.#task = undefined
    this.lane.settle(this.#endOffset)
  }

  protected override again(): void {
    this.#state = 'due'
  }
}
