// Which record is next, and who takes it. Lanes that may have one stand in a line and are asked in turn: a lane comes
// back into it when its record is done with, so that none waits for another's backlog. Workers, up to `concurrency`,
// take one task after the other and end when there is none; news starts them again.
//
// Hot (the benchmark 'groups'): a handler that returns no promise costs none, and no turn of the event loop either. So
// a worker gives way itself when its slice is used up, and all others rest meanwhile.
import type { Lane } from '../groups/lane.ts'
import type { Member, MemberUser } from '../groups/member.ts'
import type { Clock } from '../platform/clock.ts'
import { Slices } from '../platform/slices.ts'
import { Fifo } from './fifo.ts'
import type { Handling } from './handling.ts'
import type { LaneQueue, QueueOwner, Task } from './lane-queue.ts'
import { RunStopped } from './run-errors.ts'
import type { RunTransactions } from './run-transactions.ts'

export interface DispatcherParts {
  readonly member: Pick<Member, 'lanes' | 'ready' | 'ended' | 'turn'>
  readonly handling: Handling
  readonly clock: Clock
  readonly concurrency: number
  /** With exactly-once. */
  readonly transactions: RunTransactions | undefined
  readonly newQueue: (lane: Lane, owner: QueueOwner) => LaneQueue
  /** Whatever ends the runner, where nobody asked it to: then it calls stop(). */
  readonly onStopped: (cause: unknown) => void
  readonly onMemberEnded: (reason: Error) => void
}

export class Dispatcher implements QueueOwner, MemberUser {
  readonly clock: Clock
  readonly #parts: DispatcherParts
  readonly #queues = new Map<Lane, LaneQueue>()
  readonly #ready = new Fifo<LaneQueue>()
  readonly #slices = new Slices()
  #pause: Promise<void> | undefined
  #workers = 0
  #inFlight = 0
  #isWakeDue = false
  #isStopped = false
  #isLeft = false
  #onDrained: (() => void) | undefined

  constructor(parts: DispatcherParts) {
    this.#parts = parts
    this.clock = parts.clock
    this.#wake()
  }

  /** Handlers that are under way. */
  get inFlight(): number { return this.#inFlight }
  get commits(): RunTransactions | undefined { return this.#parts.transactions }

  /** Hands out nothing more. Resolves once no handler is under way. */
  stop(): Promise<void> {
    this.#isStopped = true
    for (const queue of this.#queues.values()) queue.close()
    return new Promise(resolve => {
      this.#onDrained = resolve
      this.#tellDrained()
    })
  }

  /** Tells the handlers that are under way. What comes of them counts no more. */
  abort(reason: Error): void {
    this.#isLeft = true
    for (const queue of this.#queues.values()) queue.signal.abort(reason)
  }

  news(): void {
    if (this.#isStopped) return
    const { member, onMemberEnded } = this.#parts
    if (member.ended !== undefined) return onMemberEnded(member.ended)
    for (const lane of member.ready) this.#list(this.#queueOf(lane))
    member.ready.clear()
    if (this.#queues.size > member.lanes.size) this.#forgetGone()
    this.#startWorkers()
  }

  revoke(lane: Lane): void {
    const queue = this.#queueOf(lane)
    queue.close()
    this.#handOn(queue)
  }

  ready(queue: LaneQueue): void {
    this.#list(queue)
    this.#wake()
  }

  passed(task: Task): void {
    this.#parts.transactions?.passed(task)
  }

  /** Lanes that are revoked have waited for it. */
  committed(): void {
    for (const queue of this.#queues.values()) if (queue.isClosed) this.#handOn(queue)
  }

  #queueOf(lane: Lane): LaneQueue {
    let queue = this.#queues.get(lane)
    if (queue === undefined) this.#queues.set(lane, queue = this.#parts.newQueue(lane, this))
    return queue
  }

  #forgetGone(): void {
    for (const [lane, queue] of this.#queues) {
      if (lane.state !== 'gone') continue
      queue.close()
      this.#queues.delete(lane)
    }
  }

  // ---------------------------------------------------------------- workers

  #startWorkers(): void {
    while (this.#workers < this.#parts.concurrency && this.#ready.size > 0 && this.#pause === undefined) {
      this.#work().catch((error: unknown) => { this.#parts.onStopped(error) })
    }
  }

  #wake(): void {
    if (this.#isWakeDue) return
    this.#isWakeDue = true
    this.#parts.member.turn(() => {
      this.#isWakeDue = false
      this.news()
    })
  }

  async #work(): Promise<void> {
    this.#workers++
    for (;;) {
      if (this.#pause !== undefined || this.#slices.due()) await this.#rest()
      const room = this.#parts.transactions?.room
      if (room !== undefined) await room
      const task = this.#next()
      if (task === undefined) break
      let failure: { readonly error: unknown } | undefined
      try {
        const running = this.#parts.handling.attempt(task)
        if (running !== undefined) await running
      } catch (error) {
        failure = { error }
      }
      if (this.#isLeft) this.#drop(task.queue)
      else if (failure === undefined) this.#handled(task)
      else await this.#failed(task, failure.error)
    }
    this.#workers--
  }

  #rest(): Promise<void> {
    this.#pause ??= this.#slices.pause().then(() => { this.#pause = undefined })
    return this.#pause
  }

  #next(): Task | undefined {
    for (let queue = this.#ready.shift(); queue !== undefined; queue = this.#ready.shift()) {
      queue.isListed = false
      const task = this.#ask(queue)
      if (task === undefined) continue
      this.#inFlight++
      if (queue.isParallel) this.#list(queue)
      if (this.#ready.size > 0 && this.#workers < this.#parts.concurrency) this.#wake()
      return task
    }
    return undefined
  }

  #ask(queue: LaneQueue): Task | undefined {
    try {
      return queue.next()
    } catch (error) {
      this.#parts.onStopped(error) // what reading met
      return undefined
    }
  }

  #list(queue: LaneQueue): void {
    if (queue.isListed || queue.isClosed) return
    queue.isListed = true
    this.#ready.push(queue)
  }

  // ---------------------------------------------------------------- what became of a task

  #handled(task: Task): void {
    task.queue.handled(task)
    this.#isBack(task.queue)
  }

  async #failed(task: Task, error: unknown): Promise<void> {
    const { queue } = task
    if (isGone(queue)) return this.#drop(queue) // the record is another member's by now
    try {
      const retryMs = await this.#parts.handling.failed(task, error)
      if (retryMs === undefined && !this.#isLeft) return this.#handled(task)
      if (retryMs === undefined || queue.isClosed) return this.#drop(queue)
      queue.retryLater(task, retryMs)
      this.#isBack(queue)
    } catch (stopped) {
      if (!isGone(queue)) this.#parts.onStopped(stopped instanceof RunStopped ? stopped.cause : stopped)
      this.#drop(queue)
    }
  }

  #drop(queue: LaneQueue): void {
    queue.dropped()
    this.#isBack(queue)
  }

  #isBack(queue: LaneQueue): void {
    this.#inFlight--
    if (!queue.isClosed) this.#list(queue)
    else this.#handOn(queue)
    this.#tellDrained()
  }

  /** A lane that is revoked goes to its next owner when nothing of it is in hand, and what a transaction has to commit of it is committed. */
  #handOn({ lane, inFlight }: LaneQueue): void {
    if (inFlight > 0 || lane.state !== 'revoking') return
    const { transactions } = this.#parts
    if (transactions?.owes(lane) === true) return void transactions.handled()
    this.#queues.delete(lane)
    lane.release()
  }

  #tellDrained(): void {
    if (this.#inFlight === 0) this.#onDrained?.()
  }
}

function isGone({ lane }: LaneQueue): boolean {
  return lane.state === 'gone'
}
