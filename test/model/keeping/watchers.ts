// Who reads while records go: readers that follow, readers half way, members of groups, views. What each of them sees
// rises and is in the model; what it does not see was superseded or deleted.
import assert from 'node:assert/strict'
import { ClosedError, OutOfRangeError, type LogRecord, type View } from '../../../src/index.ts'
import type { KeptTopic } from './kept-topic.ts'
import { plainKept } from './plain-kept.ts'

export interface Watcher {
  readonly topic: KeptTopic
  /** At rest. False: it has come to its end. */
  compare(stored: ReadonlySet<number>): boolean
  stop(): Promise<void>
}

/** `from`: the first offset that it was to see; undefined: wherever its group stood. */
export class Follower implements Watcher {
  readonly topic: KeptTopic
  readonly #what: string
  readonly #from: number | undefined
  readonly #stop: () => Promise<unknown>
  readonly #seen: LogRecord[] = []
  readonly #offsets = new Set<number>()
  #last = -1
  #ended: unknown

  constructor(what: string, topic: KeptTopic, records: AsyncIterable<LogRecord>, from: number | undefined, stop: () => Promise<unknown>) {
    this.#what = `${what} of ${topic.name}`
    this.topic = topic
    this.#from = from
    this.#stop = stop
    this.#run(records).catch((error: unknown) => { this.#ended = error })
  }

  async #run(records: AsyncIterable<LogRecord>): Promise<void> {
    for await (const record of records) {
      assert(record.offset > this.#last, `${this.#what}: offset ${record.offset} after ${this.#last}`)
      this.#last = record.offset
      this.#offsets.add(record.offset)
      this.#seen.push(record)
    }
    this.#ended = new Error(`${this.#what} ended by itself`)
  }

  compare(stored: ReadonlySet<number>): boolean {
    const { records, start, end } = this.topic
    for (const record of this.#seen.splice(0)) {
      const known = records.get(record.offset)
      if (known === undefined) assert(record.offset < start || record.offset >= end, `${this.#what} saw at ${record.offset} what nobody sent`)
      else assert.deepEqual(plainKept(record), { number: known.number, key: known.key, value: known.value, headers: known.headers, timestamp: known.timestamp }, `${this.#what} at ${record.offset}`)
    }
    if (this.#ended instanceof OutOfRangeError && this.#last < start) return false
    if (this.#ended !== undefined) throw this.#ended instanceof Error ? this.#ended : new Error(String(this.#ended))
    const from = this.#from ?? Math.min(...this.#offsets)
    const unseen = [...stored].filter(offset => offset >= from && !this.#offsets.has(offset))
    assert.deepEqual(unseen, [], `${this.#what}: records that it has not seen, having seen up to ${this.#last}`)
    return true
  }

  async stop(): Promise<void> {
    await this.#stop().catch((error: unknown) => { if (!(error instanceof ClosedError)) throw error })
  }
}

/** Taken from a few records at a time. */
export class HalfRead implements Watcher {
  readonly topic: KeptTopic
  readonly #iterator: AsyncIterableIterator<LogRecord>
  readonly #from: number
  readonly #to: number
  readonly #offsets = new Set<number>()
  #last = -1
  #isOver = false

  constructor(topic: KeptTopic, iterator: AsyncIterableIterator<LogRecord>) {
    this.topic = topic
    this.#iterator = iterator
    this.#from = topic.start
    this.#to = topic.end
  }

  async take(count: number): Promise<void> {
    for (; count > 0 && !this.#isOver; count--) {
      const result = await this.#iterator.next().catch((error: unknown) => {
        assert(error instanceof OutOfRangeError && this.#last < this.topic.start, `half way through ${this.topic.name}: ${String(error)}`)
      })
      if (result === undefined || result.done === true) {
        this.#isOver = true
        if (result === undefined) this.#offsets.clear()
        return
      }
      const { offset } = result.value
      assert(offset > this.#last, `half way through ${this.topic.name}: offset ${offset} after ${this.#last}`)
      const known = this.topic.records.get(offset)
      if (known !== undefined) assert.equal(plainKept(result.value).number, known.number, `half way through ${this.topic.name} at ${offset}`)
      this.#last = offset
      this.#offsets.add(offset)
    }
  }

  compare(stored: ReadonlySet<number>): boolean {
    const until = this.#isOver ? this.#to : this.#last
    if (this.#isOver && this.#offsets.size === 0) return false
    const unseen = [...stored].filter(offset => offset >= this.#from && offset < until && !this.#offsets.has(offset))
    assert.deepEqual(unseen, [], `half way through ${this.topic.name}: records that it has passed by, having seen up to ${this.#last}`)
    return !this.#isOver
  }

  async stop(): Promise<void> {
    await this.#iterator.return!()
  }
}

/** The newest value of each key since it was opened. */
export class WatchedView implements Watcher {
  readonly topic: KeptTopic
  readonly #view: View<string, string>
  readonly #expected: Map<string, string>
  #read: number

  constructor(topic: KeptTopic, view: View<string, string>, stored: ReadonlySet<number>) {
    this.topic = topic
    this.#view = view
    this.#expected = new Map()
    this.#read = 0
    this.#takeIn([...stored].sort((a, b) => a - b))
    this.#read = topic.end
  }

  compare(): boolean {
    this.#takeIn([...this.topic.records.keys()].filter(offset => offset >= this.#read).sort((a, b) => a - b))
    this.#read = this.topic.end
    if (this.#hasEnded()) return false
    assert.deepEqual(Object.fromEntries([...this.#view.entries()].sort()), Object.fromEntries([...this.#expected].sort()), `a view of ${this.topic.name}`)
    return true
  }

  /** Retention, or a truncation, has passed it by. */
  #hasEnded(): boolean {
    try {
      return this.#view.size < 0
    } catch (error) {
      if (error instanceof OutOfRangeError) return true
      throw error
    }
  }

  #takeIn(offsets: readonly number[]): void {
    for (const offset of offsets) {
      const { key, value } = this.topic.records.get(offset)!
      if (key === null) continue
      if (value === null) this.#expected.delete(key)
      else this.#expected.set(key, value)
    }
  }

  async stop(): Promise<void> {
    await this.#view.close()
  }
}
