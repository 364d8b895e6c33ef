// What the runner holds of one lane: the records in hand, in which order they may be handed out, and how far all is
// handled. The kinds of order are in-order-queue.ts, batch-queue.ts and key-queue.ts.
//
//   lane.handled ≤ what is in hand ≤ lane.position: a lane is settled up to its first record that is not handled
//
// A task is handed out by next() and comes back once: handled(), retryLater() or dropped(). Once the queue is closed
// (its lane is revoked, the runner stops) nothing more is handed out: what waits for its next attempt is given up and
// not settled, so that whoever comes next has it again; what is at a handler may still be settled.
import type { LogRecord } from '../log/log-record.ts'
import type { RecordBatchView } from '../log/record-batch-view.ts'
import type { Clock } from '../platform/clock.ts'
import type { Lane } from '../groups/lane.ts'
import { LaneSignal } from './attempt.ts'
import type { HeldSends } from './held-sends.ts'

/** What one call of the handler gets, until it is handled, given up, or a dead letter. */
export class Task {
  readonly queue: LaneQueue
  /** An array where the handler takes batches. */
  given: LogRecord | LogRecord[]
  /** The call that is under way, or comes next. */
  attempt = 1
  /** With exactly-once: what is to be in the log when it is handled. */
  effects: HeldSends | undefined

  constructor(queue: LaneQueue, given: LogRecord | LogRecord[]) {
    this.queue = queue
    this.given = given
  }

  get records(): readonly LogRecord[] {
    return Array.isArray(this.given) ? this.given : [this.given]
  }
}

export interface QueueOwner {
  readonly clock: Clock
  /** Something may be handed out now, where the queue had nothing before. */
  ready(queue: LaneQueue): void
  /** It is handled, and so is all before it in its lane, which is settled in the same step. */
  passed(task: Task): void
}

interface Timer { readonly at: number; readonly cancel: () => void }

export abstract class LaneQueue {
  readonly lane: Lane
  /** What aborts the handlers of this lane's records. */
  readonly signal: LaneSignal
  /** Tasks at a handler. */
  inFlight = 0
  /** Whether the runner has it among those that may have a task. */
  isListed = false
  readonly #owner: QueueOwner
  readonly #timers = new Set<Timer>()
  #records: Iterator<LogRecord> | undefined
  #isClosed = false

  constructor(lane: Lane, owner: QueueOwner) {
    this.lane = lane
    this.signal = new LaneSignal(lane)
    this.#owner = owner
  }

  get isClosed(): boolean { return this.#isClosed }

  /** Whether several tasks may be at handlers at the same time. */
  abstract readonly isParallel: boolean
  /** Nothing is in hand: no task anywhere. */
  protected abstract readonly isEmpty: boolean
  /** What may be handed out now. */
  protected abstract pick(): Task | undefined
  /** Lets what waited for this task go, and settles as far as all is handled. */
  protected abstract finish(task: Task): void
  /** The task may be handed out again. */
  protected abstract again(task: Task): void

  /** Throws what reading met. */
  next(): Task | undefined {
    const { lane } = this
    if (this.#isClosed || lane.state !== 'active') return undefined
    const task = this.pick()
    if (task !== undefined) {
      this.inFlight++
      lane.waitsUntil = undefined
      return task
    }
    if (this.isEmpty) lane.settle(lane.position) // past what holds no records, behind the last one
    lane.waitsUntil = this.inFlight === 0 ? this.#firstDue() : undefined
    return undefined
  }

  handled(task: Task): void {
    this.inFlight--
    this.finish(task)
  }

  retryLater(task: Task, ms: number): void {
    this.inFlight--
    task.attempt++
    if (ms === 0) this.again(task)
    else this.later(ms, () => { this.again(task) })
  }

  dropped(): void {
    this.inFlight--
  }

  close(): void {
    this.#isClosed = true
    this.#records = undefined
    this.lane.waitsUntil = undefined
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  /** Once it is due the queue may have a task. */
  protected later(ms: number, due: () => void): void {
    const { clock } = this.#owner
    const handle = clock.setTimeout(() => {
      this.#timers.delete(timer)
      this.lane.waitsUntil = undefined
      due()
      this.#owner.ready(this)
    }, ms)
    const timer = { at: clock.now() + ms, cancel: () => { handle.cancel() } }
    this.#timers.add(timer)
  }

  /** undefined: there is none at hand. */
  protected nextRecord(): LogRecord | undefined {
    for (;;) {
      const next = this.#records?.next()
      if (next !== undefined && next.done !== true) return next.value
      this.#records = this.takeBatch()?.[Symbol.iterator]()
      if (this.#records === undefined) return undefined
    }
  }

  /** By offset. */
  protected passed(task: Task): void {
    this.#owner.passed(task)
  }

  protected takeBatch(): RecordBatchView | undefined {
    return this.lane.take()
  }

  #firstDue(): number | undefined {
    let first: number | undefined
    for (const { at } of this.#timers) if (first === undefined || at < first) first = at
    return first
  }
}
