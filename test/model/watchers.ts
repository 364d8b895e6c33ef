// What users leave open on a topic while other things happen to it: a reader that follows, one that stopped half way,
// a view. Each knows what it must have been shown, and compares.
import assert from 'node:assert/strict'
import { ClosedError, OutOfRangeError, type LogRecord, type Topic, type View } from '../../src/index.ts'
import type { ModelTopic } from './model-log.ts'
import { plainRecord, plainValue } from './plain-record.ts'

/** Reads on as records come, from where each partition ended or began. */
export class Follower {
  readonly topic: ModelTopic
  readonly #next: number[]
  readonly #iterator: AsyncIterableIterator<LogRecord>
  readonly #seen: LogRecord[] = []
  #failure: unknown

  constructor(model: ModelTopic, topic: Topic, from: 'earliest' | 'latest') {
    this.topic = model
    this.#next = model.partitions.map(partition => from === 'earliest' ? partition.start : partition.end)
    this.#iterator = topic.read({ from, follow: true })
    void this.#run()
  }

  async #run(): Promise<void> {
    try {
      for await (const record of this.#iterator) {
        const next = this.#next[record.partition] ?? 0 // of a partition that was added meanwhile
        assert.equal(record.offset, next, `a follower of ${this.topic.name}-${record.partition}: offset ${record.offset} where ${next} comes next`)
        // Not in the model before it is acknowledged: it is compared there.
        this.#next[record.partition] = next + 1
        this.#seen.push(record)
      }
      this.#failure = new Error('a follower ended by itself')
    } catch (error) {
      this.#failure = error
    }
  }

  compare(): void {
    assert.equal(this.#failure, undefined)
    for (const record of this.#seen.splice(0)) {
      assert.deepEqual(plainRecord(record), this.topic.partitions[record.partition]!.records[record.offset], `what a follower saw at ${this.topic.name}-${record.partition}, offset ${record.offset}`)
    }
    assert.deepEqual(this.topic.partitions.map((_, i) => this.#next[i] ?? 0), this.topic.partitions.map(({ end }) => end), `where a follower of ${this.topic.name} stands`)
  }

  /** How it ends when its topic does. */
  assertClosed(): void {
    assert(this.#failure instanceof ClosedError, `a follower ends with a ClosedError, not ${String(this.#failure)}`)
  }

  async stop(): Promise<void> {
    await this.#iterator.return!()
  }
}

/** Taken from a few records at a time, while its topic is written, rolled and truncated. */
export class HalfRead {
  readonly topic: ModelTopic
  readonly #iterator: AsyncIterableIterator<LogRecord>
  readonly #next: number[]
  readonly #ends: readonly number[]
  #begun = false

  constructor(model: ModelTopic, topic: Topic) {
    this.topic = model
    this.#iterator = topic.read()
    this.#next = model.partitions.map(({ start }) => start)
    this.#ends = model.partitions.map(({ end }) => end)
  }

  /** Where it begins and ends is fixed by its first call. Returns whether it goes on. */
  async take(count: number): Promise<boolean> {
    for (; count > 0; count--) {
      const result = await this.#step()
      if (result === undefined) return false
      const { partition, offset } = result
      assert.equal(offset, this.#next[partition], `half way through ${this.topic.name}-${partition}`)
      assert.deepEqual(plainRecord(result), this.topic.partitions[partition]!.records[offset])
      this.#next[partition] = offset + 1
    }
    return true
  }

  async stop(): Promise<void> {
    await this.#iterator.return!()
  }

  async #step(): Promise<LogRecord | undefined> {
    try {
      const result = await this.#iterator.next()
      this.#begun = true
      if (result.done !== true) return result.value
    } catch (error) {
      assert(this.#begun && error instanceof OutOfRangeError, `half way through ${this.topic.name}: ${String(error)}`)
      assert(this.topic.partitions.some(({ start }, i) => this.#ends[i] !== undefined && this.#next[i]! < start), 'out of range only where records were truncated before they were read')
      return undefined
    }
    assert.deepEqual(this.#next, this.#ends, `where a read of ${this.topic.name} ended`)
    return undefined
  }
}

/** A view and its events. Of keys that were sent to several partitions, any one's last value may be the newest. */
export class WatchedView {
  readonly topic: ModelTopic
  readonly #view: View
  /** By key and partition. */
  readonly #newest = new Map<string, Map<number, unknown>>()
  readonly #changes: { key: string; value: unknown }[] = []
  readonly #told = new Map<string, unknown>()
  readonly #read: number[] = []

  constructor(model: ModelTopic, view: View) {
    this.topic = model
    this.#view = view
    this.#takeIn()
    view.on('change', change => { this.#changes.push(change as { key: string; value: unknown }) })
  }

  compare(): void {
    const keyed = this.#takeIn()
    const changes = this.#changes.splice(0)
    assert.deepEqual(changes.map(({ key }) => key).sort(), keyed.sort(), `keys that changed in the view of ${this.topic.name}`)
    for (const { key, value } of changes) this.#told.set(key, value)
    const entries = new Map(this.#view.entries() as Iterable<[string, unknown]>)
    assert.equal(this.#view.size, entries.size)
    for (const [key, byPartition] of this.#newest) {
      const value = this.#view.get(key)
      assert.equal(this.#view.has(key), value !== undefined)
      assert.equal(entries.has(key), value !== undefined)
      assert([...byPartition.values()].some(newest => same(newest, value)), `view of ${this.topic.name}: ${key} is ${JSON.stringify(value)}, expected one of ${JSON.stringify([...byPartition.values()])}`)
      if (this.#told.has(key)) assert.deepEqual(this.#told.get(key), value, 'the last change told the value')
    }
    for (const key of entries.keys()) assert(this.#newest.has(key), `view of ${this.topic.name}: nobody sent key ${key}`)
  }

  async stop(): Promise<void> {
    await this.#view.close()
  }

  /** The keys of records that were added since. */
  #takeIn(): string[] {
    const keys: string[] = []
    for (const [index, partition] of this.topic.partitions.entries()) {
      for (const [, { key, value }] of partition.between(this.#read[index] ?? partition.start, partition.end)) {
        if (key === null) continue
        keys.push(key)
        const byPartition = this.#newest.get(key) ?? new Map<number, unknown>()
        this.#newest.set(key, byPartition.set(index, value))
      }
      this.#read[index] = partition.end
    }
    return keys
  }
}

function same(model: unknown, shown: unknown): boolean {
  return JSON.stringify(model ?? undefined) === JSON.stringify(plainValue(shown))
}
