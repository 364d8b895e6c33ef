// The log under test, its topics and who watches them. After each step all of it is held against the model.
import assert from 'node:assert/strict'
import { OutOfRangeError, type LogEvents, type MillraceError, type SegmentStats, type Sent, type Topic } from '../../../src/index.ts'
import { nextTurn } from '../../../src/platform/next-turn.ts'
import type { SimulatedFileSystem } from '../../../src/platform/simulated-file-system.ts'
import { testLog, type TestLog } from '../../../src/testing.ts'
import { cleanableTo, type KeptRecord, type KeptTopic } from './kept-topic.ts'
import { plainKept } from './plain-kept.ts'
import { WatchedView, type Watcher } from './watchers.ts'

/** Beyond it somebody waits for ever. */
const MOST_TURNS = 500_000

export class KeepingModel {
  readonly topics = new Map<string, KeptTopic>()
  nextNumber = 1

  get all(): KeptTopic[] { return [...this.topics.values()] }
}

export interface Pending { readonly topic: KeptTopic; readonly records: readonly KeptRecord[]; stored?: readonly Sent[]; failure?: unknown }

export class KeepingBench {
  log: TestLog
  readonly model = new KeepingModel()
  readonly watchers = new Set<Watcher>()
  /** What failed in the background since it was last looked at. */
  troubles: MillraceError[] = []
  rounds: LogEvents['housekeeping'][] = []
  /** A fault has struck: an index may not have come to the device, and be gone after a power cut until somebody needs it. */
  mayLackIndexes = false

  private constructor(log: TestLog) {
    this.log = log
    this.#listen()
  }

  static async start(seed: number): Promise<KeepingBench> {
    return new KeepingBench(await testLog({ seed }))
  }

  get disk(): SimulatedFileSystem { return this.log.disk as SimulatedFileSystem }
  get now(): number { return this.log.clock.now() }

  topic({ name }: KeptTopic): Topic<string, string> {
    return this.log.topics().find(topic => topic.name === name)! as unknown as Topic<string, string>
  }

  segments(topic: KeptTopic): SegmentStats[] {
    return this.topic(topic).partitions[0]!.segments()
  }

  use(log: TestLog): void {
    this.log = log
    this.watchers.clear()
    this.#listen()
  }

  #listen(): void {
    const troubles: MillraceError[] = this.troubles = []
    this.log.on('error', ({ error }) => { troubles.push(error) })
    const rounds: LogEvents['housekeeping'][] = this.rounds = []
    this.log.on('housekeeping', round => { rounds.push(round) })
  }

  async during<T>(work: Promise<T>): Promise<T> {
    const state = { waiting: true }
    const done = (): void => { state.waiting = false }
    work.then(done, done)
    for (let turns = 0; state.waiting; turns++) {
      assert(turns < MOST_TURNS, 'a call never ended')
      await nextTurn()
    }
    await this.log.clock.settle()
    return await work
  }

  noteLimits(): void {
    for (const topic of this.model.all) topic.noteLimit(this.segments(topic), this.now)
  }

  /** Exactly what a compaction to `end` leaves. `ends`: where the log ended when it was asked for. */
  async noteCompacted(ends: ReadonlyMap<KeptTopic, number>): Promise<void> {
    for (const [topic, end] of ends) if (topic.isCompacted && this.model.topics.get(topic.name) === topic) topic.noteCompacted(end, await this.stored(topic), this.now)
  }

  /** How far a compaction that is asked for now will come, at least. */
  compactionEnds(): Map<KeptTopic, number> {
    return new Map(this.model.all.map(topic => [topic, cleanableTo(this.segments(topic), topic.settings, this.now)]))
  }

  /** What is there, and is what was sent. */
  async stored(topic: KeptTopic): Promise<Set<number>> {
    const stored = new Set<number>()
    for await (const record of this.topic(topic).read()) {
      assert(record.offset > (Math.max(-1, ...[...stored].slice(-1))), `${topic.name}: offsets rise`)
      stored.add(record.offset)
      const { arrivedAt: _a, horizonBy: _h, ...known } = topic.records.get(record.offset) ?? { arrivedAt: 0, horizonBy: 0 }
      assert.deepEqual(plainKept(record), known, `${topic.name} at ${record.offset}`)
    }
    return stored
  }

  async compare(): Promise<void> {
    await this.log.clock.settle()
    const isOfView = (error: MillraceError): boolean => error instanceof OutOfRangeError && [...this.watchers].some(watcher => watcher instanceof WatchedView)
    assert.deepEqual(this.troubles.splice(0).filter(error => !isOfView(error)), [], 'nothing failed in the background')
    for (const round of this.rounds.splice(0)) assert.deepEqual(round.failures, [])
    assert.deepEqual(this.log.topics().map(({ name }) => name).sort(), [...this.model.topics.keys()].sort())
    this.noteLimits()
    for (const topic of this.model.all) await this.#compareTopic(topic)
  }

  async #compareTopic(topic: KeptTopic): Promise<void> {
    const handle = this.topic(topic)
    assert.deepEqual(handle.settings, topic.settings)
    const { start, end } = handle.partitions[0]!.offsets()
    assert.deepEqual({ start, end }, { start: topic.start, end: topic.end }, `offsets of ${topic.name}`)
    const stored = await this.stored(topic)
    const newest = topic.newest(topic.limit)
    for (let offset = start; offset < end; offset++) {
      if (stored.has(offset)) assert(!topic.gone.has(offset), `${topic.name}: offset ${offset} has come back`)
      else if (!topic.gone.has(offset)) {
        assert(topic.mayBeGone(offset, this.now, newest), `${topic.name}: offset ${offset} is gone, and nothing below ${topic.limit} supersedes it: ${JSON.stringify(topic.records.get(offset))}`)
        topic.gone.add(offset)
      }
    }
    this.#compareSegments(topic, stored)
    for (const watcher of this.watchers) {
      if (watcher.topic !== topic || watcher.compare(stored)) continue
      this.watchers.delete(watcher)
      await watcher.stop()
    }
  }

  #compareSegments(topic: KeptTopic, stored: ReadonlySet<number>): void {
    const segments = this.segments(topic)
    const files = this.disk.list(`/log/${topic.name}-0`)
    assert.deepEqual(files.filter(name => name.endsWith('.log')), segments.map(({ baseOffset }) => `${String(baseOffset).padStart(20, '0')}.log`), `files of ${topic.name}`)
    assert.deepEqual(files.filter(name => /\.(cleaned|swap)$/.test(name)), [], `leftovers of ${topic.name}`)
    for (const [i, { baseOffset, endOffset, largestTimestamp, compacted, active }] of segments.entries()) {
      assert.equal(endOffset, segments[i + 1]?.baseOffset ?? topic.end, `segments of ${topic.name}`)
      if (active || (largestTimestamp === -1 && this.mayLackIndexes)) continue
      const times = (offsets: Iterable<number>): number => Math.max(-1, ...[...offsets].filter(offset => offset >= baseOffset && offset < endOffset).map(offset => topic.records.get(offset)?.timestamp ?? -1))
      if (!compacted) assert.equal(largestTimestamp, times(topic.records.keys()), `largest timestamp of ${topic.name} from ${baseOffset}`)
      else assert(largestTimestamp >= times(stored), `largest timestamp of ${topic.name} from ${baseOffset}: ${largestTimestamp}, a record has ${times(stored)}`)
    }
  }
}
