// Who reads while transactions come and go: readers that follow, a view, a member of a group. Each sees what is committed,
// in order, and nothing else.
import assert from 'node:assert/strict'
import type { Consumer, LogRecord, View } from '../../../src/index.ts'
import { GROUP, type TransactionsBench } from './bench.ts'
import { TOPICS, type TopicName } from './model.ts'

export class CommittedFollower {
  readonly #bench: TransactionsBench
  readonly #topic: TopicName
  readonly #iterator: AsyncIterableIterator<LogRecord<string, string>>
  readonly #seen = new Map<string, [offset: number, value: string][]>()
  #failure: unknown

  constructor(bench: TransactionsBench, topic: TopicName) {
    this.#bench = bench
    this.#topic = topic
    this.#iterator = bench.topic(topic).read({ from: 'earliest', follow: true })
    void this.#run()
  }

  async #run(): Promise<void> {
    try {
      for await (const { partition, offset, value } of this.#iterator) {
        const label = `${this.#topic}-${partition}`
        this.#seen.set(label, [...this.#seen.get(label) ?? [], [offset, value!]])
        this.#bench.happened()
        this.#bench.guard(() => { this.#bench.assertWhole(value!) })
      }
    } catch (error) {
      this.#failure = error
    }
  }

  compare(): void {
    assert.equal(this.#failure, undefined)
    for (const [partition, handle] of this.#bench.topic(this.#topic).partitions.entries()) {
      const label = `${this.#topic}-${partition}`
      assert.deepEqual(this.#seen.get(label) ?? [], this.#bench.model.committed(label, handle.stableOffset), `what a follower of ${label} saw`)
    }
  }
}

export class KeyedView {
  readonly #bench: TransactionsBench
  readonly #topic: TopicName
  readonly #view: View<string, string>

  private constructor(bench: TransactionsBench, topic: TopicName, view: View<string, string>) {
    this.#bench = bench
    this.#topic = topic
    this.#view = view
  }

  static async open(bench: TransactionsBench, topic: TopicName): Promise<KeyedView> {
    return new KeyedView(bench, topic, await bench.topic(topic).view())
  }

  compare(): void {
    const stable = this.#bench.topic(this.#topic).partitions[0]!.stableOffset
    assert.deepEqual(Object.fromEntries([...this.#view.entries()].sort()), Object.fromEntries([...this.#bench.model.newest(`${this.#topic}-0`, stable)].sort()), `a view of ${this.#topic}`)
  }
}

/** The one member of a group: it takes a record when asked to. */
export class GroupReader {
  readonly #bench: TransactionsBench
  readonly consumer: Consumer<string, string>
  readonly #iterator: AsyncIterator<LogRecord<string, string>>
  /** By partition: where it stands. */
  readonly #next = new Map<string, number>()
  #isWaiting = false
  /** The last that it was handed, and nobody has advanced past. */
  inHand: LogRecord<string, string> | undefined

  private constructor(bench: TransactionsBench, consumer: Consumer<string, string>) {
    this.#bench = bench
    this.consumer = consumer
    this.#iterator = consumer[Symbol.asyncIterator]()
    for (let partition = 0; partition < TOPICS.orders.partitions; partition++) this.#next.set(`orders-${partition}`, bench.model.positions.get(`orders-${partition}`) ?? 0)
  }

  static async join(bench: TransactionsBench): Promise<GroupReader> {
    return new GroupReader(bench, await bench.during(bench.log.group(GROUP).join(bench.topic('orders'), { from: 'earliest', commit: 'manual' })))
  }

  ask(): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    const { log } = this.#bench
    this.#iterator.next().then(result => {
      this.#isWaiting = false
      this.#bench.happened()
      if (this.#bench.log === log && result.done !== true) this.#take(result.value)
    }, (error: unknown) => { if (this.#bench.log === log && !this.#bench.mayFailAnyhow) this.#bench.fail(error) })
  }

  #take(record: LogRecord<string, string>): void {
    const label = `orders-${record.partition}`
    this.#bench.guard(() => {
      const expected = this.#bench.model.committed(label, Infinity).find(([offset]) => offset >= this.#next.get(label)!)
      if (expected !== undefined) assert.deepEqual([record.offset, record.value], expected, `what a consumer of ${label} is handed`)
      assert(this.#bench.model.isCommitted(record.value!), `a consumer was handed ${record.value}`)
    })
    this.#next.set(label, record.offset + 1)
    this.inHand = record
  }
}
