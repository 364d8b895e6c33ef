// What a consumer's loop sees of its member: records or batches of all lanes in turn, and what of them is in hand.
// What is in hand counts as handled when the loop asks for the next, or commits; a loop that is left gives it back, and
// it comes again. One loop at a time.
import { ClosedError, UsageError } from '../base/errors.ts'
import type { LogRecord, RecordBatch } from '../log/log-record.ts'
import type { RecordBatchView } from '../log/record-batch-view.ts'
import { TurnIterator } from '../log/turn-iterator.ts'
import { keepAlive } from '../platform/keep-alive.ts'
import { Slices } from '../platform/slices.ts'
import type { Lane } from './lane.ts'
import type { Member, MemberUser } from './member.ts'

/** Offsets of what the loop has: a record, or a batch. */
interface InHand { readonly lane: Lane; readonly offset: number; readonly nextOffset: number }

/** A batch that is given out, record by record. */
interface Open { readonly lane: Lane; readonly batch: RecordBatchView; readonly records: Iterator<LogRecord> }

export class MemberLoop implements MemberUser {
  readonly member: Member
  readonly slices = new Slices()
  #current: TurnIterator<unknown> | undefined
  #open: Open | undefined
  #inHand: InHand | undefined
  #lane: Lane | undefined
  #hasNews = false
  #wake: (() => void) | undefined

  constructor(member: Member) {
    this.member = member
    member.use(this)
  }

  records(): AsyncIterableIterator<LogRecord> {
    return this.#start(new RecordLoop(this))
  }

  batches(): AsyncIterableIterator<RecordBatch> {
    return this.#start(new BatchLoop(this))
  }

  #start<T extends TurnIterator<unknown>>(loop: T): T {
    if (this.#current !== undefined) throw new UsageError('CONSUMER_BUSY', `group '${this.member.group}': the consumer is in a loop already`, { hint: 'end that loop first, or join the group once more: partitions are shared among its members' })
    this.#current = loop
    return loop
  }

  // ---------------------------------------------------------------- in the loop

  /** What was in hand is handled, now that the next is asked for. */
  goOn(): void {
    const inHand = this.#inHand
    if (inHand === undefined) return
    this.#inHand = undefined
    inHand.lane.settle(inHand.nextOffset)
    if (inHand.lane.state === 'revoking') inHand.lane.release()
  }

  nextRecord(): LogRecord | undefined {
    if (this.#open?.lane.state === 'gone') this.#open = undefined // taken away: the rest of it is not this member's
    for (let open = this.#open ?? this.#openNext(); open !== undefined; open = this.#openNext()) {
      const result = open.records.next()
      if (result.done !== true) {
        const { offset } = result.value
        this.#hold(open.lane, offset, offset + 1)
        return result.value
      }
      open.lane.settle(open.batch.lastOffset + 1) // behind its last record offsets may be missing
      this.#open = undefined
    }
    return undefined
  }

  nextBatch(): RecordBatchView | undefined {
    const batch = this.#take()
    if (batch !== undefined) this.#hold(this.#lane!, Math.max(batch.baseOffset, this.#lane!.handled), batch.lastOffset + 1)
    return batch
  }

  #hold(lane: Lane, offset: number, nextOffset: number): void {
    this.#inHand = { lane, offset, nextOffset }
    if (nextOffset > lane.handedEnd) lane.handedEnd = nextOffset
  }

  #openNext(): Open | undefined {
    const batch = this.#take()
    return this.#open = batch === undefined ? undefined : { lane: this.#lane!, batch, records: batch[Symbol.iterator]() }
  }

  /** Of the lane that has something at hand, then of the others in turn. */
  #take(): RecordBatchView | undefined {
    const before = this.#lane
    if (before?.hasAtHand === true) {
      const batch = before.take()
      if (batch !== undefined) return batch
    }
    const { ready } = this.member
    for (const lane of ready) {
      ready.delete(lane) // before: what it meets may be told at once
      const batch = lane.take()
      if (batch === undefined) continue
      ready.add(lane) // behind the others
      this.#lane = lane
      return batch
    }
    return undefined
  }

  /** At most once: it is committed before the loop has it. */
  async commitInHand(): Promise<void> {
    const { lane, nextOffset } = this.#inHand!
    try {
      await this.member.commitNow([{ lane, offset: nextOffset }])
      lane.settle(nextOffset)
    } catch (error) {
      this.giveBack()
      throw error
    }
  }

  get commitsBefore(): boolean { return this.member.settings.commit === 'before' }

  /** Whether the loop has come to its end: the consumer was closed. */
  checkEnded(): boolean {
    const { ended, settings } = this.member
    settings.signal?.throwIfAborted()
    if (ended === undefined) return false
    if (ended instanceof ClosedError && ended.code === 'CONSUMER_CLOSED') return true
    throw ended
  }

  /** Resolves when there may be more. */
  async more(): Promise<void> {
    if (!this.#hasNews) {
      const letGo = keepAlive()
      await new Promise<void>(resolve => { this.#wake = resolve })
      letGo()
    }
    this.#hasNews = false
  }

  /** The loop was left. What it had in hand comes again, unless it was committed before. */
  leave(loop: TurnIterator<unknown>): void {
    if (this.#current !== loop) return
    this.#current = undefined
    if (this.commitsBefore) this.#dropOpen(this.#inHand?.nextOffset)
    else this.giveBack()
    this.#inHand = undefined
    this.news()
  }

  giveBack(): void {
    const inHand = this.#inHand
    this.#inHand = undefined
    if (inHand === undefined) return this.#dropOpen()
    this.#open = undefined
    if (inHand.lane.state === 'active') inHand.lane.moveTo(Math.max(inHand.offset, inHand.lane.handled)) // what commit() included is handled
    else if (inHand.lane.state === 'revoking') inHand.lane.release()
  }

  /** What of the open batch was not given out is read again. */
  #dropOpen(from = this.#open?.lane.handled): void {
    const open = this.#open
    this.#open = undefined
    if (open?.lane.state === 'active' && from !== undefined) open.lane.moveTo(from)
  }

  // ---------------------------------------------------------------- from outside the loop

  /**
   * Where all that was handed out is committed to, what is in hand included. Not of partitions of which nothing was
   * handed out since, though they stand behind markers: they may move meanwhile, and who commits would be fenced.
   */
  entries(): { lane: Lane; offset: number }[] {
    const inHand = this.#inHand
    const lanes = [...this.member.lanes.values()]
    return lanes.map(lane => ({ lane, offset: lane === inHand?.lane ? Math.max(lane.handled, inHand.nextOffset) : lane.handled }))
      .filter(({ lane, offset }) => offset < lane.committed || (offset > lane.committed && lane.handedEnd > lane.committed))
  }

  /** Includes what is in hand. */
  async commit(): Promise<void> {
    const fenced = this.member.takeFenced()
    if (fenced !== undefined) throw fenced
    const inHand = this.#inHand
    if (inHand !== undefined) inHand.lane.settle(inHand.nextOffset)
    const lanes = [...this.member.lanes.values()].filter(lane => lane.handled !== lane.committed || !lane.isCommitted)
    if (lanes.length > 0) await this.member.commitNow(lanes.map(lane => ({ lane, offset: lane.handled })))
  }

  /** Up to and with a record that was handed out. */
  async commitTo(lane: Lane, nextOffset: number): Promise<void> {
    lane.settle(nextOffset)
    if (lane.position < nextOffset) lane.moveTo(nextOffset) // it was given back: it is handled now
    await this.member.commitNow([{ lane, offset: nextOffset }])
  }

  pause(lane: Lane): void {
    lane.pause()
    if (this.#open?.lane !== lane) return
    this.#open = undefined
    lane.moveTo(this.#inHand?.lane === lane ? this.#inHand.nextOffset : lane.handled)
  }

  seek(lane: Lane, offset: number): void {
    if (this.#open?.lane === lane) this.#open = undefined
    if (this.#inHand?.lane === lane) this.#inHand = undefined
    lane.seek(offset)
  }

  news(): void {
    this.#hasNews = true
    this.#wake?.()
    this.#wake = undefined
  }

  revoke(lane: Lane): void {
    if (this.#open?.lane === lane) this.#open = undefined
    if (this.#inHand?.lane !== lane) lane.release()
  }
}

abstract class Loop<T> extends TurnIterator<T> {
  protected readonly loop: MemberLoop
  #left = false

  constructor(loop: MemberLoop) {
    super(loop.slices)
    this.loop = loop
  }

  protected abstract take(): T | undefined

  /** Handled from the call on, also where the loop gives way to others before it goes on. */
  override next(): Promise<IteratorResult<T>> {
    if (!this.#left) this.loop.goOn()
    return super.next()
  }

  protected override atHand(): IteratorResult<T> | undefined {
    const { loop } = this
    if (this.#left) return { value: undefined, done: true }
    loop.goOn()
    if (loop.checkEnded()) return { value: undefined, done: true }
    if (loop.commitsBefore) return undefined
    const value = this.take()
    return value === undefined ? undefined : { value, done: false }
  }

  protected override async fetch(): Promise<IteratorResult<T>> {
    const { loop } = this
    for (;;) {
      if (this.#left || loop.checkEnded()) return { value: undefined, done: true }
      const value = this.take()
      if (value !== undefined) {
        if (loop.commitsBefore) await loop.commitInHand()
        return { value, done: false }
      }
      await loop.more()
    }
  }

  protected override end(): void {
    this.#left = true
    this.loop.leave(this)
  }
}

class RecordLoop extends Loop<LogRecord> {
  protected override take(): LogRecord | undefined { return this.loop.nextRecord() }
}

class BatchLoop extends Loop<RecordBatch> {
  protected override take(): RecordBatch | undefined { return this.loop.nextBatch() }
}
