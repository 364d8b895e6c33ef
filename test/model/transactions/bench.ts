// The log under test with its open transactions, a group that reads and readers that follow; after each step all of it is
// held against the model. A restart drops what hung on the log that died.
import assert from 'node:assert/strict'
import { ConflictError, TimeoutError, type Topic } from '../../../src/index.ts'
import { nextTurn } from '../../../src/platform/next-turn.ts'
import type { SimulatedFileSystem } from '../../../src/platform/simulated-file-system.ts'
import { testLog, type TestLog } from '../../../src/testing.ts'
import { CommittedFollower, GroupReader, KeyedView } from './watchers.ts'
import { DrivenTransaction } from './driven-transaction.ts'
import { LABELS, TOPICS, TOPIC_NAMES, isCompacted, placeOf, type ModelTransaction, type TopicName, type TransactionsModel } from './model.ts'

/** Beyond it somebody waits for ever. */
const MOST_TURNS = 200_000
export const GROUP = 'copier'

export class TransactionsBench {
  log: TestLog
  readonly model: TransactionsModel
  driven: DrivenTransaction[] = []
  reader: GroupReader | undefined
  followers: CommittedFollower[] = []
  view: KeyedView | undefined
  /** Values that were acknowledged to those who sent them on their own. */
  readonly sent = new Set<string>()
  /** The log is about to die, or its disk is not well: calls may fail. */
  mayFailAnyhow = false
  /** Markers may be on their way. */
  mayOwe = false
  #dying = new Set<DrivenTransaction>()
  #failures: unknown[] = []
  #events = 0

  private constructor(log: TestLog, model: TransactionsModel) {
    this.log = log
    this.model = model
  }

  static async start(seed: number, model: TransactionsModel): Promise<TransactionsBench> {
    const bench = new TransactionsBench(await testLog({ seed, durability: model.durability }), model)
    for (const name of TOPIC_NAMES) await bench.log.topic(name, { ...TOPICS[name], value: 'string', segmentBytes: '1KiB', maxRecordBytes: '16KiB', minDirtyRatio: 0 })
    await bench.watch()
    return bench
  }

  get disk(): SimulatedFileSystem { return this.log.disk as SimulatedFileSystem }
  get now(): number { return this.log.clock.now() }

  topic(name: TopicName): Topic<string, string> {
    return this.log.topics().find(topic => topic.name === name)! as unknown as Topic<string, string>
  }

  async watch(): Promise<void> {
    this.followers = TOPIC_NAMES.filter(name => TOPICS[name].cleanup === 'delete').map(name => new CommittedFollower(this, name))
    this.reader = await GroupReader.join(this)
    this.view = await KeyedView.open(this, 'users')
  }

  begin(transaction: ModelTransaction, timeout: number): DrivenTransaction {
    this.model.transactions.add(transaction)
    const driven = new DrivenTransaction(this, transaction, timeout)
    this.driven.push(driven)
    return driven
  }

  // ---------------------------------------------------------------- at work

  happened(): void {
    this.#events++
  }

  fail(error: unknown): void {
    this.#failures.push(error)
  }

  guard(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.fail(error)
    }
  }

  isDying(transaction: DrivenTransaction): boolean {
    return this.#dying.has(transaction)
  }

  /** Without its function's doing. */
  mayFail(error: unknown): boolean {
    if (this.mayFailAnyhow) return true
    return error instanceof ConflictError && error.code === 'TRANSACTION_FENCED' || error instanceof TimeoutError && error.code === 'TRANSACTION_TIMED_OUT'
  }

  /** Waits for what needs no time. */
  async during<T>(work: Promise<T>): Promise<T> {
    const state = { waiting: true }
    const done = (): void => { state.waiting = false }
    work.then(done, done)
    for (let turns = 0; state.waiting; turns++) {
      assert(turns < MOST_TURNS, 'a call never ended')
      await nextTurn()
    }
    return await work
  }

  async rest(): Promise<void> {
    let events
    do {
      events = this.#events
      await this.log.clock.settle()
    } while (events !== this.#events)
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  /** When a reader is shown a record: it could read the others of that transaction now, in whatever partition. */
  assertWhole(value: string): void {
    const of = this.model.records.get(value)?.of
    if (of === undefined || this.mayOwe) return
    for (const { label, value: other } of of.records) {
      const { topic, partition } = placeOf(label)
      const offset = this.model.offsetOf(label, other)
      if (offset === undefined || offset >= this.model.firstUndecided(label, of)) continue
      assert(this.topic(topic).partitions[partition]!.stableOffset > offset, `${of.name} is shown, and its record in ${label} is not`)
    }
  }

  // ---------------------------------------------------------------- restarts

  /** From here on nothing is expected of what is under way. */
  die(): void {
    for (const driven of this.driven) this.#dying.add(driven)
  }

  use(log: TestLog): void {
    this.log = log
    this.driven = []
    this.followers = []
    this.reader = this.view = undefined
    this.mayFailAnyhow = this.mayOwe = false
  }

  // ---------------------------------------------------------------- after each step

  async compare(): Promise<void> {
    await this.rest()
    for (const driven of this.driven) if (driven.model.status === 'open' && driven.model.endsBy <= this.now) driven.model.status = 'aborted'
    for (const label of LABELS) await this.#comparePartition(label)
    for (const follower of this.followers) follower.compare()
    this.view?.compare()
    this.#compareStats()
    await this.#comparePositions()
  }

  /** What a reader of that isolation is shown, from the beginning. */
  async read(label: string, isolation: 'read_committed' | 'read_uncommitted'): Promise<[offset: number, value: string][]> {
    const { topic, partition } = placeOf(label)
    const records: [number, string][] = []
    for await (const { offset, value } of this.topic(topic).read({ partitions: [partition], isolation })) records.push([offset, value!])
    return records
  }

  async #comparePartition(label: string): Promise<void> {
    const { topic, partition } = placeOf(label)
    const handle = this.topic(topic).partitions[partition]!
    await this.#look(label, handle.endOffset)
    const { stable, end } = handle.offsets()
    const firstOpen = this.model.firstOpen(label, end)
    assert(stable <= end && stable <= firstOpen, `${label}: stable ${stable}, the first open transaction begins at ${firstOpen}`)
    if (!this.mayOwe) assert.equal(stable, firstOpen, `${label}: the stable offset, of ${end}`)
    const expected = this.model.committed(label, stable)
    const read = await this.read(label, 'read_committed')
    if (isCompacted(label)) {
      const known = new Map(expected)
      for (const [offset, value] of read) assert.equal(known.get(offset), value, `${label} at ${offset}`)
      assert.deepEqual(new Map(read.map(([, value]) => [this.model.records.get(value)!.key, value])), this.model.newest(label, stable), `the newest of each key of ${label}`)
      return
    }
    assert.deepEqual(read, expected, `committed records of ${label}`)
    const fetched = await this.#fetch(label)
    assert.deepEqual(fetched, expected, `committed records of ${label}, fetched`)
  }

  /** A reader of everything sees what was seen before, and behind it what was sent since: of a transaction in its order. */
  async #look(label: string, end: number): Promise<void> {
    const seen = this.model.seen.get(label)!
    const before = new Set(seen.values())
    const found = await this.read(label, 'read_uncommitted')
    for (const [offset, value] of found) {
      const record = this.model.records.get(value)
      assert(record !== undefined && record.label === label && offset < end, `${label} at ${offset}: ${value}`)
      if (seen.has(offset)) assert.equal(seen.get(offset), value, `${label} at ${offset}`)
      else assert(!before.has(value), `${label}: ${value} is there twice`)
      seen.set(offset, value)
      before.add(value)
    }
    if (!isCompacted(label)) assert.equal(found.length, seen.size, `${label}: records that a reader of everything has seen are gone`)
    for (const transaction of this.model.transactions) this.#lookAt(label, transaction)
  }

  #lookAt(label: string, { name, status, records }: ModelTransaction): void {
    const sent = records.filter(record => record.label === label).map(({ value }) => value)
    const there = [...this.model.seen.get(label)!.values()].filter(value => sent.includes(value))
    assert.deepEqual(there, sent.filter(value => there.includes(value)), `${label}: the order within ${name}`)
    if (status === 'committed' && !isCompacted(label)) assert.deepEqual(there, sent, `${label}: all of ${name}, which is committed`)
  }

  async #fetch(label: string): Promise<[number, string][]> {
    const { topic, partition } = placeOf(label)
    const handle = this.topic(topic).partitions[partition]!
    const records: [number, string][] = []
    for (let from = handle.startOffset; ;) {
      const batches = await handle.fetch({ from, maxBytes: 700 })
      for (const batch of batches) for (const { offset, value } of batch) if (offset >= from) records.push([offset, value!])
      if (batches.length === 0) return records
      from = batches.at(-1)!.lastOffset + 1
    }
  }

  #compareStats(): void {
    const expected = this.driven.filter(({ model: { status }, hasBegun }) => hasBegun && status === 'open').map(({ model }) => model.id ?? null).sort()
    assert.deepEqual(this.log.stats().transactions.map(({ id }) => id).sort(), expected, 'open transactions')
  }

  async #comparePositions(): Promise<void> {
    const committed = await this.log.group(GROUP).committed('orders')
    for (let partition = 0; partition < TOPICS.orders.partitions; partition++) assert.equal(committed.get(partition) ?? 0, this.model.positions.get(`orders-${partition}`) ?? 0, `where the group stands on orders-${partition}`)
  }
}
