// What was handled, with all before it in its partition, and is not committed; and what of it a transaction takes: the first
// of it, by order of passing, as much as one may hold.
//
//   passed → taken → committed       taken again, where its transaction was aborted; dropped, where its lane is gone
//   positions of a transaction: no further than where the effects of all records before are in it, or committed
import { MiB } from '../base/units.ts'
import { isOwed } from '../groups/member-commits.ts'
import type { Lane } from '../groups/lane.ts'
import { Fifo } from './fifo.ts'
import type { Task } from './lane-queue.ts'

/** Of one transaction. */
const MOST_RECORDS = 500
const MOST_BYTES = 32 * MiB

export interface Entry { readonly lane: Lane; readonly offset: number }

export class PassedTasks {
  readonly #waiting = new Fifo<Task>()
  #waitingBytes = 0
  #taken: Task[] = []
  #takenBytes = 0
  /** By lane, of both. */
  readonly #counts = new Map<Lane, number>()

  /** What waits is enough for a transaction. */
  get isFull(): boolean { return this.#waiting.size >= MOST_RECORDS || this.#waitingBytes >= MOST_BYTES }
  /** What the transaction has to write. */
  get taken(): readonly Task[] { return this.#taken }

  add(task: Task): void {
    const { lane } = task.queue
    if (isGone(lane)) return
    this.#counts.set(lane, (this.#counts.get(lane) ?? 0) + 1)
    this.#waiting.push(task)
    this.#waitingBytes += bytesOf(task)
  }

  /** Something of the lane is to be committed, if only that there are no records up to there. */
  owes(lane: Lane): boolean {
    return !isGone(lane) && (this.#counts.has(lane) || isOwed(lane))
  }

  /** Fills the transaction up, without what is of lanes that are gone. */
  take(): void {
    this.dropGone()
    while (this.#taken.length < MOST_RECORDS && this.#takenBytes < MOST_BYTES) {
      const task = this.#waiting.shift()
      if (task === undefined) return
      this.#waitingBytes -= bytesOf(task)
      this.#taken.push(task)
      this.#takenBytes += bytesOf(task)
    }
  }

  /** Where all tasks of a lane are taken, no effects are beyond: it is committed as far as it is settled. */
  positions(lanes: Iterable<Lane>): Entry[] {
    const taken = new Map<Lane, { count: number; end: number }>()
    for (const { queue: { lane }, records } of this.#taken) {
      taken.set(lane, { count: (taken.get(lane)?.count ?? 0) + 1, end: records.at(-1)!.offset + 1 })
    }
    return [...lanes].flatMap(lane => {
      const { count, end } = taken.get(lane) ?? { count: 0, end: 0 }
      if (count === (this.#counts.get(lane) ?? 0)) return count > 0 || isOwed(lane) ? [{ lane, offset: lane.handled }] : []
      return count > 0 ? [{ lane, offset: Math.max(end, lane.committed) }] : []
    })
  }

  /** What was taken. */
  committed(): void {
    for (const { queue: { lane } } of this.#taken) {
      const others = this.#counts.get(lane)! - 1
      if (others === 0) this.#counts.delete(lane)
      else this.#counts.set(lane, others)
    }
    this.#taken = []
    this.#takenBytes = 0
  }

  /** What was handled of a lane that was lost is its next owner's to handle. */
  dropGone(): void {
    const gone = [...this.#counts.keys()].filter(isGone)
    if (gone.length === 0) return
    for (const lane of gone) this.#counts.delete(lane)
    this.#taken = this.#taken.filter(isKept)
    this.#takenBytes = this.#taken.reduce((sum, task) => sum + bytesOf(task), 0)
    for (let left = this.#waiting.size; left > 0; left--) {
      const task = this.#waiting.shift()!
      if (isKept(task)) this.#waiting.push(task)
      else this.#waitingBytes -= bytesOf(task)
    }
  }
}

/** Taken away, or of a topic that is no more: nothing of it may be committed. */
export function isGone({ state, stored }: Lane): boolean {
  return state === 'gone' || stored.gone !== undefined
}

function isKept({ queue: { lane } }: Task): boolean {
  return !isGone(lane)
}

function bytesOf({ effects }: Task): number {
  return effects?.bytes ?? 0
}
