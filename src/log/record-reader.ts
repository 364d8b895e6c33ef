// Reads a topic without a group: batch by batch, partitions in turn, to an end or following. Owned by one iterator.
// One chunk is held, and while its records are looked at the next one is read. While data never runs out it yields to the event loop (Slices).
import { OutOfRangeError, UsageError } from '../base/errors.ts'
import { integer, listOf, oneOf, optionTable, readOptions, signal as readSignal, boolean, size, type OptionsOf } from '../base/options.ts'
import { baseOffset } from '../format/record-batch.ts'
import { keepAlive } from '../platform/keep-alive.ts'
import { Slices } from '../platform/slices.ts'
import { PartitionCursor } from '../storage/partition-cursor.ts'
import { batchesOf } from './chunk-batches.ts'
import { readPosition, resolvePosition } from './positions.ts'
import { RecordBatchView } from './record-batch-view.ts'
import type { StoredTopic } from './stored-topic.ts'

/** A chunk is at most this large, and smaller when maxBufferedBytes is. */
const CHUNK_BYTES = 512 * 1024

const READ_OPTIONS = optionTable({
  from: { default: 'earliest', read: readPosition },
  to: { default: undefined, read: readPosition }, // what is stored when the read begins; with follow, no end
  partitions: { default: undefined, read: listOf(integer({ min: 0, max: 9999 })) }, // all, those added later included
  follow: { default: false, read: boolean },
  isolation: { default: 'read_committed', read: oneOf(['read_committed', 'read_uncommitted']) },
  maxBufferedBytes: { default: 16 * 1024 * 1024, read: size({ min: 1 }) },
  signal: { default: undefined, read: readSignal },
})

export type ReadSettings = OptionsOf<typeof READ_OPTIONS>

export function readReadOptions(options: unknown, topic: string): ReadSettings {
  return readOptions(options, READ_OPTIONS, `topic '${topic}': read`)
}

interface Lane {
  readonly partition: number
  readonly from: number
  /** Exclusive; Infinity: follows. */
  readonly end: number
  readonly cursor: PartitionCursor
}

export class RecordReader {
  readonly #topic: StoredTopic
  readonly #settings: ReadSettings
  readonly #holdsProcess: boolean
  readonly #slices = new Slices()
  #lanes: Lane[] | undefined
  #turn = 0
  #chunk: { lane: Lane; batches: Iterator<Buffer> } | undefined
  /** Next in turn, once it is inflated. */
  #inflating: { readonly batch: RecordBatchView; readonly done: Promise<void> } | undefined
  #ended = false
  #wake: (() => void) | undefined
  readonly #onRest: (() => void) | undefined

  /**
   * `holdsProcess`: the process does not end while somebody waits for next(). `onRest`: everything that is stored was
   * handed out, or holds no records; `reached` tells how far that is.
   */
  constructor(topic: StoredTopic, settings: ReadSettings, { holdsProcess = true, onRest }: { holdsProcess?: boolean; onRest?: () => void } = {}) {
    this.#topic = topic
    this.#settings = settings
    this.#holdsProcess = holdsProcess
    this.#onRest = onRest
  }

  get slices(): Slices { return this.#slices }

  /** Offsets up to which was read, by partition: at rest, all of it was handed out. */
  get reached(): ReadonlyMap<number, number> {
    return new Map((this.#lanes ?? []).map(lane => [lane.partition, lane.cursor.offset]))
  }

  /** Fixes where the read begins and ends. next() does it otherwise. */
  async begin(): Promise<void> {
    this.#lanes ??= await this.#openLanes(this.#chosen(), this.#settings.from)
  }

  /** The next batch where nothing has to be waited for; else next() has it. */
  take(): RecordBatchView | undefined {
    if (this.#ended || this.#inflating !== undefined || this.#settings.signal?.aborted === true) return undefined
    const batch = this.#nextOfChunk()
    const done = batch?.inflated()
    if (batch === undefined || done === undefined) return batch
    this.#inflating = { batch, done }
    done.catch(() => { /* told by next() */ })
    return undefined
  }

  /** The next batch with a record in range; undefined at the end. */
  async next(): Promise<RecordBatchView | undefined> {
    while (!this.#ended) {
      this.#settings.signal?.throwIfAborted()
      if (this.#lanes === undefined) await this.begin()
      const batch = this.take() ?? await this.#inflated()
      if (batch !== undefined) return batch
      if (await this.#fill()) continue
      if (!this.#settings.follow || this.#lanes!.every(lane => lane.cursor.offset >= lane.end)) return undefined
      await this.#more()
    }
    return undefined
  }

  /** Gives up waiting; next() says that it has ended. */
  end(): void {
    this.#ended = true
    this.#chunk = this.#inflating = undefined
    this.#wake?.()
  }

  async #inflated(): Promise<RecordBatchView | undefined> {
    const inflating = this.#inflating
    if (inflating === undefined) return undefined
    this.#inflating = undefined
    await inflating.done
    return inflating.batch
  }

  #nextOfChunk(): RecordBatchView | undefined {
    if (this.#chunk === undefined) return undefined
    const { lane, batches } = this.#chunk
    for (let next = batches.next(); !next.done; next = batches.next()) {
      if (baseOffset(next.value, 0) >= lane.end) continue
      return new RecordBatchView(this.#topic.sources[lane.partition]!, next.value, lane.from, lane.end)
    }
    this.#chunk = undefined
    return undefined
  }

  /** A chunk from the next lane that has one; false when no lane has. */
  async #fill(): Promise<boolean> {
    if (this.#hasNewPartitions) await this.#addLanes()
    const lanes = this.#lanes!
    for (let tried = 0; tried < lanes.length; tried++) {
      const lane = lanes[this.#turn++ % lanes.length]!
      if (lane.cursor.offset >= lane.end) continue
      if (this.#slices.due()) await this.#slices.pause()
      const answer = lane.cursor.next(this.#chunkBytes)
      const chunk = answer instanceof Promise ? await answer : answer
      if (chunk === undefined) continue
      this.#chunk = { lane, batches: batchesOf(chunk) }
      this.#readAhead()
      return true
    }
    return false
  }

  get #chunkBytes(): number { return Math.min(CHUNK_BYTES, this.#settings.maxBufferedBytes) }

  /** For the lane whose turn comes next, where two chunks may be held. */
  #readAhead(): void {
    const lane = this.#lanes![this.#turn % this.#lanes!.length]!
    if (lane.cursor.offset < lane.end && 2 * this.#chunkBytes <= this.#settings.maxBufferedBytes) lane.cursor.readAhead(this.#chunkBytes)
  }

  /** Resolves when a partition has more, one was added, or the read is ended. */
  async #more(): Promise<void> {
    this.#onRest?.()
    const letGo = this.#holdsProcess ? keepAlive() : undefined
    const cancels: (() => void)[] = []
    const { signal } = this.#settings
    await new Promise<void>(resolve => {
      this.#wake = resolve
      for (const lane of this.#lanes!) cancels.push(this.#topic.partitions[lane.partition]!.onMore(resolve))
      cancels.push(this.#topic.onGrown(resolve))
      const onAbort = () => { resolve() }
      signal?.addEventListener('abort', onAbort)
      cancels.push(() => { signal?.removeEventListener('abort', onAbort) })
      if (this.#ended || signal?.aborted === true || this.#hasNewPartitions || this.#lanes!.some(lane => this.#hasNews(lane))) resolve()
    })
    for (const cancel of cancels) cancel()
    this.#wake = undefined
    letGo?.()
  }

  /** Asked once the waiting is set up: what came since fill() looked has called nobody back. */
  #hasNews(lane: Lane): boolean {
    const log = this.#topic.partitions[lane.partition]!
    return lane.cursor.offset < lane.end && (log.closed || lane.cursor.offset < log.readableTo(this.#settings.isolation) || log.failureAtEnd() !== undefined)
  }

  get #hasNewPartitions(): boolean {
    const { follow, partitions } = this.#settings
    return follow && partitions === undefined && this.#lanes!.length < this.#topic.partitions.length
  }

  async #addLanes(): Promise<void> {
    const added = this.#topic.partitions.map((_, i) => i).slice(this.#lanes!.length)
    this.#lanes!.push(...await this.#openLanes(added, 'earliest'))
  }

  #chosen(): number[] {
    const all = this.#topic.partitions.map((_, i) => i)
    const { partitions } = this.#settings
    if (partitions === undefined) return all
    const unknown = partitions.find(partition => partition >= all.length)
    if (unknown === undefined) return [...new Set(partitions)]
    throw new UsageError('PARTITION_INVALID', `topic '${this.#topic.name}': there is no partition ${unknown}, there are ${all.length}`, { hint: `partitions are numbered 0 to ${all.length - 1}`, details: { partition: unknown } })
  }

  async #openLanes(partitions: readonly number[], from: ReadSettings['from']): Promise<Lane[]> {
    return await Promise.all(partitions.map(async partition => {
      const log = this.#topic.partitions[partition]!
      log.refresh()
      log.checkOpen() // another process may have deleted it
      const { follow, to, isolation } = this.#settings
      const end = to === undefined ? (follow ? Infinity : log.endFor(isolation)) : await resolvePosition(this.#topic, partition, to, { absent: 'latest', isolation })
      const begin = await resolvePosition(this.#topic, partition, from, { isolation })
      if (begin < log.startOffset || begin > log.endOffset) throw this.#outOfRange(log.outOfRange(begin))
      return { partition, from: begin, end, cursor: new PartitionCursor(log, begin, isolation) }
    }))
  }

  #outOfRange(error: OutOfRangeError): OutOfRangeError {
    return new OutOfRangeError(error.code, error.message, { hint: error.hint, details: { ...error.details, topic: this.#topic.name } })
  }
}
