// The log under test and what hangs on it: producers, followers, iterators half way, views. After each step all of it
// is held against the model (settle, compare). A restart drops what hung on the log that died.
import assert from 'node:assert/strict'
import type { LogEvents, MillraceError, NewRecord, Producer, Sent, Topic, TopicProducer } from '../../src/index.ts'
import type { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { testLog, type TestLog } from '../../src/testing.ts'
import { takeArrivals } from './arrivals.ts'
import { compareTopic } from './compare.ts'
import { LogModel, type ModelTopic, type Sending } from './model-log.ts'
import { sentRecord } from './plain-record.ts'
import { PRODUCERS } from './producers.ts'
import { slowSchemas } from './topic-kinds.ts'
import type { Follower, HalfRead, WatchedView } from './watchers.ts'

/** Far more turns than a thread needs to compress one batch: beyond it somebody waits for ever. */
const MOST_TURNS = 2_000_000

export class Bench {
  log: TestLog
  readonly model = new LogModel()
  readonly topics = new Map<string, Topic>()
  readonly followers = new Set<Follower>()
  readonly halfReads = new Set<HalfRead>()
  readonly views = new Set<WatchedView>()
  /** What the log told in the background since the last restart. */
  troubles: MillraceError[] = []
  cuts: LogEvents['recovered'][] = []
  readonly #producers = new Map<number, Producer | Map<string, TopicProducer>>()
  #sendings = 0

  private constructor(log: TestLog) {
    this.log = log
    this.#listen()
  }

  static async start(seed: number): Promise<Bench> {
    return new Bench(await testLog({ seed }))
  }

  get disk(): SimulatedFileSystem { return this.log.disk as SimulatedFileSystem }
  get now(): number { return this.log.clock.now() }

  topic(model: ModelTopic): Topic {
    return this.topics.get(model.name)!
  }

  /** The log that follows one that died, or was closed. */
  use(log: TestLog): void {
    this.log = log
    this.topics.clear()
    this.#producers.clear()
    for (const watchers of [this.followers, this.halfReads, this.views]) watchers.clear()
    this.#listen()
  }

  #listen(): void {
    const troubles: MillraceError[] = this.troubles = []
    const cuts: LogEvents['recovered'][] = this.cuts = []
    this.log.on('error', ({ error }) => { troubles.push(error) })
    this.log.on('recovered', cut => { cuts.push(cut) })
  }

  // ---------------------------------------------------------------- sending

  send(producer: number, topic: ModelTopic, records: readonly NewRecord[], how: 'one' | 'array' | 'now'): Sending {
    const { linger = 0, durability, ofTopic } = PRODUCERS[producer]!
    const named = records.map(record => ofTopic ? record : { topic: topic.name, ...record })
    const to = this.producer(producer, topic) as { send(given: unknown): Promise<Sent | Sent[]>; sendSync(given: unknown): Sent }
    const call = (): Promise<Sent | Sent[]> | Sent => how === 'now' ? to.sendSync(named[0]!) : to.send(how === 'array' ? named : named[0]!)
    const now = this.now
    const sending: Sending = {
      producer: this.nameOf(producer, topic), number: this.#sendings++, topic, sentAt: now, answeredBy: now + Number(linger), power: durability === 'power' && how !== 'now',
      records: records.map(record => ({
        record: sentRecord(record, now),
        mayBeIn: topic.placing(record.key as string | null | undefined ?? null, record.partition),
        stampedLater: topic.kind.timestamps === 'append' || (record.timestamp === undefined && (topic.kind.asynchronous || how === 'array')),
      })),
      promise: Promise.resolve(), stored: undefined, failure: undefined, found: new Map(),
    }
    const settled = (answer: Sent | Sent[]): void => { sending.stored = Array.isArray(answer) ? answer : [answer] }
    const failed = (error: unknown): void => { sending.failure = error as Error }
    try {
      const answer = call()
      if (answer instanceof Promise) Object.assign(sending, { promise: answer.then(settled, failed) })
      else settled(answer)
    } catch (error) {
      failed(error)
    }
    this.model.sendings.push(sending)
    return sending
  }

  producer(index: number, topic: ModelTopic): Producer | TopicProducer | Topic {
    const { ofTopic, shared, ...options } = PRODUCERS[index]!
    if (shared) return this.topic(topic)
    if (!ofTopic) {
      const known = this.#producers.get(index) as Producer | undefined ?? this.log.producer(options)
      this.#producers.set(index, known)
      return known
    }
    const known = this.#producers.get(index) as Map<string, TopicProducer> | undefined ?? new Map<string, TopicProducer>()
    this.#producers.set(index, known)
    const producer = known.get(topic.name) ?? this.topic(topic).producer(options)
    known.set(topic.name, producer)
    return producer
  }

  nameOf(producer: number, topic: ModelTopic): string {
    return PRODUCERS[producer]!.ofTopic ? `${producer} of ${topic.name}` : String(producer)
  }

  async closeProducer(index: number): Promise<void> {
    const known = this.#producers.get(index)
    await Promise.all((known instanceof Map ? [...known.values()] : known === undefined ? [] : [known]).map(producer => producer.close()))
    this.#producers.delete(index)
  }

  /** Of a topic that is no more. */
  async forgetTopic(topic: ModelTopic): Promise<void> {
    this.topics.delete(topic.name)
    for (const producers of this.#producers.values()) if (producers instanceof Map) producers.delete(topic.name)
    await this.unwatch(topic)
  }

  async unwatch(topic: ModelTopic): Promise<void> {
    for (const watchers of [this.followers, this.halfReads, this.views] as readonly Set<Follower | HalfRead | WatchedView>[]) {
      for (const watcher of watchers) {
        if (watcher.topic !== topic) continue
        watchers.delete(watcher)
        await watcher.stop()
      }
    }
  }

  // ---------------------------------------------------------------- after each step

  /** Every send has come as far as it can without time: into a batch, if not into the log. */
  async quiet(): Promise<void> {
    do await this.log.clock.settle()
    while (slowSchemas.underway > 0)
  }

  /** Lets everything come to rest that needs no time. */
  async rest(): Promise<void> {
    await this.quiet()
    const due = this.model.sendings.filter(({ answeredBy }) => answeredBy <= this.now)
    await Promise.all(due.map(({ promise }) => this.#inTime(promise, 'a send was never answered')))
    await this.quiet()
  }

  /** And takes in what arrived. Returns the sendings that were answered. */
  async settle(): Promise<Sending[]> {
    await this.rest()
    return await takeArrivals(this.model, this.topics)
  }

  /** Waits for what needs no time, and lets everything come to rest. */
  async during<T>(work: Promise<T>): Promise<T> {
    const result = await this.#inTime(work, 'a call never ended')
    await this.settle()
    return result
  }

  /** The log and all that hangs on it show what the model has. */
  async compare(): Promise<void> {
    await this.settle()
    assert.deepEqual(this.troubles, [], 'nothing failed in the background')
    assert.deepEqual(this.log.topics().map(({ name }) => name).sort(), [...this.model.topics.keys()].sort(), 'names of topics')
    for (const topic of this.model.all) await compareTopic(topic, this)
    for (const follower of this.followers) follower.compare()
    for (const view of this.views) view.compare()
  }

  async #inTime<T>(work: Promise<T>, complaint: string): Promise<T> {
    const state = { waiting: true }
    const done = (): void => { state.waiting = false }
    work.then(done, done)
    for (let turns = 0; state.waiting; turns++) {
      assert(turns < MOST_TURNS, complaint)
      await nextTurn()
    }
    return await work
  }
}
