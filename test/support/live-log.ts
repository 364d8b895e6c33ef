// A log under load whose every record carries a number that rises over all topics, and what it is known to have held at
// each moment. A copy of it is of one moment if some k explains all of it: every record numbered below k and none
// other, starts and positions as they were between the records k - 1 and k. Of a compacted topic older records of a key may
// be missing, the newest is there.
import { expect, onTestFinished } from 'vitest'
import type { EventLog, Topic } from '../../src/index.ts'
import { nextTurn } from '../../src/platform/next-turn.ts'
import type { SeededRandom } from '../../src/platform/seeded-random.ts'

const TOPICS = [
  { name: 'orders', partitions: 3, keyed: true, cleanup: 'delete' },
  { name: 'events', partitions: 2, keyed: false, cleanup: 'delete' },
  { name: 'users', partitions: 2, keyed: true, cleanup: 'compact' },
] as const
const KEYS = 17
const GROUP = 'billing'
const SEGMENT_BYTES = 1536
/** From one start to the next. */
const MOST_RECORDS = 300

/** Something that took effect between two numbers: asked for before `called` was sent, done before `done` was. */
interface Change { readonly to: number; readonly called: number; done: number }

interface PartitionHistory { readonly numbers: number[]; readonly truncations: Change[]; readonly commits: Change[] }

export class LiveLog {
  readonly log: EventLog
  readonly #random: SeededRandom
  readonly #topics: Topic<number>[]
  readonly #histories = new Map<string, PartitionHistory>()
  #next = 0
  #loads: Promise<void>[] = []
  #stopped = false

  private constructor(log: EventLog, random: SeededRandom, topics: Topic<number>[]) {
    this.log = log
    this.#random = random
    this.#topics = topics
    for (const topic of topics) for (const { index } of topic.partitions) this.#histories.set(`${topic.name}-${index}`, { numbers: [], truncations: [], commits: [] })
  }

  static async begin(log: EventLog, random: SeededRandom): Promise<LiveLog> {
    const topics: Topic<number>[] = []
    for (const { name, partitions, cleanup } of TOPICS) topics.push(await log.topic<number>(name, { partitions, cleanup, minDirtyRatio: 0, segmentBytes: SEGMENT_BYTES }))
    return new LiveLog(log, random, topics)
  }

  /** Records so far. */
  get sent(): number { return this.#next }

  send(count: number): void {
    for (let i = 0; i < count; i++) {
      const at = this.#random.below(TOPICS.length)
      const value = this.#next++
      const { partition } = this.#topics[at]!.producer().sendSync({ value, ...TOPICS[at]!.keyed ? { key: `key ${value % KEYS}` } : {}, headers: { padding: 'x'.repeat(this.#random.below(60)) } })
      this.#history(this.#topics[at]!, partition).numbers.push(value)
    }
  }

  async truncate(): Promise<void> {
    const { topic, partition, history } = this.#draw()
    const { start, end } = partition.offsets()
    const to = this.#random.chance(0.1) ? end : start + Math.floor((end - start) / 2)
    await this.#during(history.truncations, to, () => topic.partitions[partition.index]!.truncateBefore(to))
  }

  async commit(): Promise<void> {
    const { topic, partition, history } = this.#draw()
    const to = partition.offsets().end
    await this.#during(history.commits, to, () => this.log.group(GROUP).reset(topic, new Map([[partition.index, to]])))
  }

  /** Sends, truncates, commits and compacts, each in its own time, until it is stopped; on a slow disk it does not run away. */
  start(): void {
    const most = this.#next + MOST_RECORDS
    this.#stopped = false
    onTestFinished(() => { this.#stopped = true })
    const repeat = async (work: () => unknown, pause: number): Promise<void> => {
      while (!this.#stopped) {
        await work()
        for (let turn = this.#random.below(pause); turn >= 0; turn--) await nextTurn()
      }
    }
    this.#loads = [repeat(() => { if (this.#next < most) this.send(this.#random.below(8)) }, 3), repeat(() => this.truncate(), 60), repeat(() => this.commit(), 6), repeat(() => this.log.housekeep(), 40)]
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#loads)
  }

  /** Returns the moment: so many records had been sent. */
  async expectMoment(copy: EventLog): Promise<number> {
    const partitions = this.#partitions()
    expect(copy.topics().map(({ name }) => name).sort()).toEqual(TOPICS.map(({ name }) => name).sort())
    const ends = partitions.map(({ topic, index }) => partitionOf(copy, topic.name, index).offsets().end)
    const moment = Math.max(0, ...partitions.map(({ history }, i) => (history.numbers[ends[i]! - 1] ?? -1) + 1))
    expect(ends, `where partitions end after ${moment} records`).toEqual(partitions.map(({ history }) => history.numbers.filter(number => number < moment).length))
    for (const { topic, index, history } of partitions) await this.#expectPartition(copy, topic, index, history, moment)
    return moment
  }

  async #expectPartition(copy: EventLog, topic: Topic<number>, index: number, history: PartitionHistory, moment: number): Promise<void> {
    const place = `${topic.name}-${index} after ${moment} records`
    const { start, end } = partitionOf(copy, topic.name, index).offsets()
    expectBetween(start, history.truncations, moment, `the start of ${place}`)
    expectBetween((await copy.group(GROUP).committed(topic.name)).get(index) ?? 0, history.commits, moment, `the position in ${place}`)
    const found: [offset: number, value: number | null][] = []
    const copied = await copy.topic<number>(topic.name)
    for await (const { offset, value } of copied.read({ partitions: [index] })) found.push([offset, value])
    const sent = history.numbers.slice(0, end).map((number, offset): [number, number] => [offset, number]).slice(start)
    if (topic.settings.cleanup === 'delete') return expect(found, place).toEqual(sent)
    const offsets = new Set(found.map(([offset]) => offset))
    expect(found, place).toEqual(sent.filter(([offset]) => offsets.has(offset)))
    const newest = new Map(sent.map(([offset, number]) => [number % KEYS, offset]))
    expect([...newest.values()].filter(offset => !offsets.has(offset)), `the newest records of keys that are missing in ${place}`).toEqual([])
  }

  async #during(changes: Change[], to: number, work: () => Promise<unknown>): Promise<void> {
    const change: Change = { to, called: this.#next, done: Infinity }
    changes.push(change)
    await work()
    change.done = this.#next
  }

  #draw(): { topic: Topic<number>; partition: Topic<number>['partitions'][number]; history: PartitionHistory } {
    const topic = this.#topics[this.#random.below(this.#topics.length)]!
    const partition = topic.partitions[this.#random.below(topic.partitions.length)]!
    return { topic, partition, history: this.#history(topic, partition.index) }
  }

  #partitions(): { topic: Topic<number>; index: number; history: PartitionHistory }[] {
    return this.#topics.flatMap(topic => topic.partitions.map(({ index }) => ({ topic, index, history: this.#history(topic, index) })))
  }

  #history(topic: Topic<number>, partition: number): PartitionHistory {
    return this.#histories.get(`${topic.name}-${partition}`)!
  }
}

function partitionOf(log: EventLog, name: string, index: number): Topic['partitions'][number] {
  return log.topics().find(topic => topic.name === name)!.partitions[index]!
}

/** What was done before the moment has taken effect; what was only asked for may have. */
function expectBetween(found: number, changes: readonly Change[], moment: number, what: string): void {
  const least = Math.max(0, ...changes.filter(({ done }) => done < moment).map(({ to }) => to))
  const most = Math.max(0, ...changes.filter(({ called }) => called <= moment).map(({ to }) => to))
  expect(found, what).toBeGreaterThanOrEqual(least)
  expect(found, what).toBeLessThanOrEqual(most)
}
