// A member of a group, driven step by step as a loop would drive it. What it is handed is held against deliveries.ts.
import assert from 'node:assert/strict'
import type { Consumer, LogRecord, RecordBatch } from '../../../src/index.ts'
import { mayBeMissing, type GroupsBench } from './bench.ts'
import { Deliveries, type InHand } from './deliveries.ts'
import { labelOf, type ModelGroup, type ModelTopic } from './model.ts'

export interface Selection {
  readonly topics: string | RegExp | readonly string[]
  has(topic: string): boolean
}

export interface MemberKind {
  readonly selection: Selection
  readonly assignor: 'sticky' | 'range' | 'roundRobin'
  readonly memberId: string | undefined
  readonly takes: 'records' | 'batches'
  readonly revokeTimeout: number
  readonly sessionTimeout: number
}

export class DrivenMember {
  readonly group: ModelGroup
  readonly kind: MemberKind
  readonly consumer: Consumer
  readonly deliveries: Deliveries
  readonly joinedAtStep: number
  /** Where each partition ended then. */
  readonly topicsAtJoin: ReadonlyMap<ModelTopic, readonly number[]>
  readonly #bench: GroupsBench
  #iterator: AsyncIterator<LogRecord | RecordBatch> | undefined
  /** next() was called and has not answered. */
  #isWaiting = false
  hasEnded = false

  constructor(bench: GroupsBench, group: ModelGroup, kind: MemberKind, consumer: Consumer) {
    this.#bench = bench
    this.group = group
    this.kind = kind
    this.consumer = consumer
    this.deliveries = new Deliveries(bench, this)
    this.joinedAtStep = bench.step
    this.topicsAtJoin = new Map(bench.model.all.map(topic => [topic, topic.partitions.map(({ length }) => length)]))
  }

  get labels(): string[] { return this.consumer.assignment.map(({ topic, partition }) => labelOf(topic, partition)) }
  get inHand(): InHand | undefined { return this.deliveries.inHand }
  get isWaiting(): boolean { return this.#isWaiting }
  get hasLost(): boolean { return this.deliveries.hasLost }

  // ---------------------------------------------------------------- the loop

  /** Asks for the next, unless it still waits for one. */
  ask(): void {
    if (this.#isWaiting || this.hasEnded) return
    this.deliveries.handleInHand()
    this.#iterator ??= this.kind.takes === 'records' ? this.consumer[Symbol.asyncIterator]() : this.consumer.batches()
    const iterator = this.#iterator
    this.#isWaiting = true
    iterator.next().then(result => {
      this.#bench.happened()
      if (this.#iterator === iterator) this.#isWaiting = false
      if (result.done === true) return this.#ended(iterator)
      this.#bench.guard(() => { this.deliveries.take(result.value, this.#iterator !== iterator) })
    }, (error: unknown) => {
      this.#bench.happened()
      if (this.#iterator === iterator) this.#isWaiting = false
      this.#failed(iterator, error)
    })
  }

  /** Takes up to `count`, without giving others time in between. */
  async run(count: number): Promise<void> {
    for (; count > 0 && !this.hasEnded; count--) {
      this.ask()
      for (let turns = 0; this.#isWaiting; turns++) {
        if (turns === 30) return
        await this.#bench.turn()
      }
    }
  }

  /** As `break` and `throw` leave a loop. */
  leaveLoop(): void {
    const iterator = this.#iterator
    if (iterator === undefined) return
    this.#iterator = undefined
    this.#isWaiting = false
    this.deliveries.giveBack()
    void iterator.return!().then(() => { this.#bench.happened() })
  }

  #ended(iterator: AsyncIterator<unknown>): void {
    if (this.#iterator !== iterator) return
    this.#iterator = undefined
    if (!this.hasEnded) this.#bench.fail(new Error(`a loop of group ${this.group.id} ended by itself`))
  }

  #failed(iterator: AsyncIterator<unknown>, error: unknown): void {
    if (this.#iterator === iterator) this.#iterator = undefined
    if (!this.hasEnded && !this.#bench.isDying && !mayBeMissing(this.group, error)) this.#bench.fail(error)
  }

  // ---------------------------------------------------------------- beside the loop

  /** All that was handed out: what is in hand counts as handled. Refused once where something was lost in hand. */
  async commit(): Promise<void> {
    const { hasLost } = this
    this.deliveries.hasLost = false
    if (hasLost) return await assert.rejects(this.consumer.commit(), { code: 'COMMIT_FENCED' }, 'a commit after records were lost in hand')
    const committed = this.deliveries.commitAll()
    await this.consumer.commit()
    committed()
  }

  /** Up to and with the last record in hand, or one that came earlier. */
  async commitRecord(back: number): Promise<void> {
    const { inHand } = this
    const { commit } = this.group.kind
    if (inHand === undefined || commit === 'before' || !this.#bench.isThere(inHand.topic)) return
    const { label, lastRecord: { topic, partition } } = inHand
    const offset = Math.max(0, inHand.lastRecord.offset - back)
    if (back === 0) this.deliveries.commitUpTo(label, offset)
    const committing = this.consumer.commit({ topic, partition, offset } as LogRecord)
    if (back > 0 && await isRefused(committing, 'COMMIT_FENCED')) return // it was handed out before the partition was this member's
    await committing
    if (back > 0) this.deliveries.commitUpTo(label, offset)
    if (commit === 'manual') this.group.ledger(label).mustCommit(offset + 1)
  }

  async seek(label: string, to: 'earliest' | 'latest' | { offset: number }): Promise<void> {
    const { topic, partition } = this.#bench.model.place(label)!
    const end = topic.partitions[partition]!.length
    const offset = to === 'earliest' ? 0 : to === 'latest' ? end : to.offset
    const seeking = this.consumer.seek({ topic: topic.name, partition }, to)
    if (await isRefused(seeking, 'PARTITION_NOT_OWNED')) return // on its way to another member
    if (offset > end) return await assert.rejects(seeking, { code: 'OFFSET_OUT_OF_RANGE' })
    await seeking
    this.deliveries.seek(label, offset)
  }

  pause(labels: readonly string[]): void {
    this.consumer.pause(...this.#places(labels))
    this.deliveries.pause(labels, true)
  }

  resume(labels: readonly string[]): void {
    this.consumer.resume(...this.#places(labels))
    this.deliveries.pause(labels, false)
  }

  #places(labels: readonly string[]): { topic: string; partition: number }[] {
    return labels.map(label => {
      const { topic, partition } = this.#bench.model.place(label)!
      return { topic: topic.name, partition }
    })
  }

  /** Nothing of it is expected any more. What it had handled is committed with 'auto', unless it was fenced. */
  end(how: 'closed' | 'fenced'): void {
    this.hasEnded = true
    this.#iterator = undefined
    this.#isWaiting = false
    this.deliveries.end(how)
  }
}

async function isRefused(call: Promise<void>, code: string): Promise<boolean> {
  return await call.then(() => false, (error: unknown) => (error as { code?: unknown }).code === code)
}
