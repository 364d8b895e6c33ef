// Records of one lane side by side, one at a time for each key. Those without a key wait for nothing.
//
//   window    what was looked at and is not settled, by offset; its first is the lowest that is not handled
//   ready     of those, what may be handed out: the first of its key
//   last      by key, the last in the window that is not handled: a later one of the key comes after it
//
// It looks ahead no further than it must to find something to hand out, and never further than LOOK_AHEAD records
// from the first unhandled one: they are what comes again after a crash. And no further than its share of what may be
// buffered: a record that is not handled keeps its batch in memory.
import { MiB } from '../base/units.ts'
import type { LogRecord } from '../log/log-record.ts'
import type { RecordBatchView } from '../log/record-batch-view.ts'
import { storedKey } from '../log/record-view.ts'
import type { Lane } from '../groups/lane.ts'
import { Fifo } from './fifo.ts'
import { LaneQueue, Task, type QueueOwner } from './lane-queue.ts'

const LOOK_AHEAD = 4096
/** With exactly-once: no further than to where so much is held back for what was handled out of order. */
const MOST_EFFECT_BYTES = 32 * MiB

export interface KeyOrder {
  /**
   * A record is handed out after all before it, so that what is committed beforehand was handed out. A busy key then
   * holds back what stands behind its next record.
   */
  readonly byOffset: boolean
  /** Another batch is taken while those that are held, as stored, are less. */
  readonly shareBytes: () => number
}

/** A batch that is in memory until all its records are handled. */
interface HeldBatch { readonly bytes: number; unhandled: number }

const NO_BATCH: HeldBatch = Object.freeze({ bytes: 0, unhandled: 0 })

class KeyTask extends Task {
  readonly offset: number
  readonly key: string | undefined
  readonly batch: HeldBatch
  isHandled = false
  /** The next of the same key. */
  follower: KeyTask | undefined

  constructor(queue: LaneQueue, record: LogRecord, batch: HeldBatch) {
    super(queue, record)
    this.offset = record.offset
    this.key = keyOf(record)
    this.batch = batch
  }
}

export class KeyQueue extends LaneQueue {
  readonly isParallel = true
  readonly #order: KeyOrder
  readonly #window = new Fifo<KeyTask>()
  readonly #ready = new Fifo<KeyTask>()
  readonly #last = new Map<string, KeyTask>()
  /** The one that records come from, or NO_BATCH: it is held until the next is taken. */
  #batch = NO_BATCH
  #heldBytes = 0
  /** In the window behind another of its key. */
  #blocked = 0
  /** What those have sent that are handled and wait for one before them. */
  #effectBytes = 0

  constructor(lane: Lane, owner: QueueOwner, order: KeyOrder) {
    super(lane, owner)
    this.#order = order
  }

  protected get isEmpty(): boolean { return this.#window.size === 0 }

  protected override pick(): Task | undefined {
    while (this.#ready.size === 0 && this.#mayLookAhead()) {
      const record = this.nextRecord()
      if (record === undefined) return undefined
      this.#lookAt(new KeyTask(this, record, this.#batch))
    }
    return this.#ready.shift()
  }

  protected override finish(task: KeyTask): void {
    task.isHandled = true
    this.#letGo(task.batch)
    this.#effectBytes += task.effects?.bytes ?? 0
    if (task.follower !== undefined) {
      this.#blocked--
      this.#ready.push(task.follower)
    } else if (task.key !== undefined) this.#last.delete(task.key)
    this.#settle()
  }

  protected override again(task: KeyTask): void {
    this.#ready.push(task)
  }

  protected override takeBatch(): RecordBatchView | undefined {
    if (this.#batch.unhandled === 0) {
      this.#heldBytes -= this.#batch.bytes
      this.#batch = NO_BATCH
    }
    if (this.#heldBytes >= this.#order.shareBytes()) return undefined
    const batch = super.takeBatch()
    if (batch === undefined) return undefined
    this.#batch = { bytes: batch.bytes.length, unhandled: 0 }
    this.#heldBytes += batch.bytes.length
    return batch
  }

  #mayLookAhead(): boolean {
    if (this.#effectBytes >= MOST_EFFECT_BYTES && this.#window.size > 0) return false
    return this.#window.size < LOOK_AHEAD && !(this.#order.byOffset && this.#blocked > 0)
  }

  #lookAt(task: KeyTask): void {
    task.batch.unhandled++
    this.#window.push(task)
    const before = task.key === undefined ? undefined : this.#last.get(task.key)
    if (task.key !== undefined) this.#last.set(task.key, task)
    if (before === undefined) {
      this.#ready.push(task)
      return
    }
    before.follower = task
    this.#blocked++
  }

  #letGo(batch: HeldBatch): void {
    if (--batch.unhandled === 0 && batch !== this.#batch) this.#heldBytes -= batch.bytes
  }

  #settle(): void {
    let end: number | undefined
    for (let first = this.#window.peek(); first?.isHandled === true; first = this.#window.peek()) {
      end = first.offset + 1
      this.#window.shift()
      this.#effectBytes -= first.effects?.bytes ?? 0
      this.passed(first)
    }
    if (end !== undefined) this.lane.settle(end)
  }
}

/** By its bytes: keys that are the same text, or the same value, are the same bytes. undefined: none. */
function keyOf(record: LogRecord): string | undefined {
  return storedKey(record)?.toString('latin1')
}
