// A partition that a member owns, read forward from its position, batch by batch.
//
//   committed ≤ handled ≤ position ≤ end of the partition      (a seek moves them all)
//
// Nobody waits here: take() gives what is at hand, and where it gives nothing the member is told when there is more:
// a read that was begun has ended, something was appended. A lane that is not asked holds no bytes.
import { OutOfRangeError } from '../base/errors.ts'
import { batchesOf } from '../log/chunk-batches.ts'
import { RecordBatchView } from '../log/record-batch-view.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import { nextTurn } from '../platform/next-turn.ts'
import { PartitionCursor } from '../storage/partition-cursor.ts'
import type { Isolation, PartitionLog } from '../storage/partition-log.ts'
import type { TopicPartition } from './assignment/assignors.ts'

/** So many chunks of aborted records are gone over in one turn of the event loop. */
const CHUNKS_A_TURN = 4

/** What a lane needs of the member that owns it. */
export interface LaneOwner {
  /** How much is read at a time: what may be buffered, shared by all lanes. */
  readonly chunkBytes: number
  /** take() may have something now, or throws what it met. */
  news(lane: Lane): void
  /** Everything below `handled` may be committed. */
  settled(lane: Lane): void
  release(lane: Lane): void
  /** Where to go on, for a position that is no longer stored; or the error that is to be thrown. */
  missing(lane: Lane, error: OutOfRangeError): Promise<number> | OutOfRangeError
}

export class Lane implements TopicPartition {
  readonly label: string
  readonly stored: StoredTopic
  readonly partition: number
  readonly log: PartitionLog
  readonly #owner: LaneOwner
  readonly #isolation: Isolation
  #cursor: PartitionCursor
  #batches: Iterator<Buffer> | undefined
  /** Inflated, and next in turn. */
  #inflated: RecordBatchView | undefined
  #waiting: (() => void) | undefined
  #failure: unknown
  /** A read that was begun for an earlier place is not for this one. */
  #place = 0
  #isLoading = false
  #position: number
  #handled: number
  /** Behind what was given out stand no records up to #position: who has handled all up to here has handled those too. */
  #skippedFrom: number
  #abort: AbortController | undefined
  state: 'active' | 'revoking' | 'gone' = 'active'
  /** The open transaction that is to commit its position. */
  movedBy: object | undefined
  /** What a commit was last asked for, or where the lane began. */
  committed: number
  /** Offsets of the records that its owner was handed: from here on, and below that. A seek widens it. */
  handedFrom: number
  handedEnd: number
  /** The group has a commit for the partition. */
  isCommitted: boolean
  #waitsUntil: number | undefined
  #paused = false

  constructor(owner: LaneOwner, topic: StoredTopic, partition: number, label: string, { position, isCommitted, isolation }: { readonly position: number; readonly isCommitted: boolean; readonly isolation: Isolation }) {
    this.#owner = owner
    this.#isolation = isolation
    this.stored = topic
    this.partition = partition
    this.label = label
    this.log = topic.partitions[partition]!
    this.#position = this.#handled = this.#skippedFrom = this.committed = this.handedFrom = this.handedEnd = position
    this.isCommitted = isCommitted
    this.#cursor = this.#cursorAt(position)
  }

  get topic(): string { return this.stored.name }
  /** The first offset that was not given out. */
  get position(): number { return this.#position }
  /** All below is handled: what a commit says. */
  get handled(): number { return this.#handled }
  get paused(): boolean { return this.#paused }
  /** take() goes on in what was read already. */
  get hasAtHand(): boolean { return this.#batches !== undefined || this.#inflated !== undefined }
  /** Records can be read that nobody has handled. */
  get hasUnhandled(): boolean { return this.#handled < this.log.readableTo(this.#isolation) }
  /** When what the lane waits for is due, while it does nothing but wait for the clock: it counts as idle then. */
  get waitsUntil(): number | undefined { return this.#waitsUntil }
  set waitsUntil(at: number | undefined) {
    if (at === this.#waitsUntil) return
    this.#waitsUntil = at
    if (at !== undefined) this.#owner.settled(this)
  }
  /** Aborts when the partition was taken away before what was in hand was handled. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    return this.#abort.signal
  }

  /** The next batch; undefined when there is none at hand, or the lane is paused or on its way to another member. Throws what reading met. */
  take(): RecordBatchView | undefined {
    if (this.state !== 'active' || this.#paused || this.#isLoading) return undefined
    if (this.#failure !== undefined) throw this.#takeFailure()
    for (let chunks = 0; chunks < CHUNKS_A_TURN; chunks++) {
      const batch = this.#nextAtHand()
      if (batch !== undefined) return this.#giveOut(batch)
      if (!this.#fill()) return undefined
    }
    this.#load(nextTurn(), () => { /* the chunk at hand is next */ })
    return undefined
  }

  /** take() goes on there; below it everything counts as handled where `handled` says so. */
  moveTo(offset: number): void {
    this.#drop()
    this.#failure = undefined
    this.#position = this.#skippedFrom = offset
    this.#cursor = this.#cursorAt(offset)
    this.#owner.news(this)
  }

  /** What was in hand is forgotten: handled and position are the offset. */
  seek(offset: number): void {
    this.#handled = offset
    this.handedFrom = Math.min(this.handedFrom, offset)
    this.handedEnd = Math.max(this.handedEnd, offset)
    this.moveTo(offset)
  }

  /** All below the offset is handled. Never goes back. */
  settle(offset: number): void {
    if (offset <= this.#handled || this.state === 'gone') return
    this.#handled = offset === this.#skippedFrom ? this.#position : offset
    this.#owner.settled(this)
  }

  /** Hands the partition on: nothing of it is in hand any more. */
  release(): void {
    if (this.state !== 'revoking') return
    this.#owner.release(this)
  }

  pause(): void {
    if (this.#paused) return
    this.#paused = true
    const { position } = this
    this.#drop() // others may want the room
    this.#cursor = this.#cursorAt(position)
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#owner.news(this)
  }

  /** take() throws it. */
  fail(error: unknown): void {
    this.#failure = error
  }

  /** Nothing more comes of it. `late`: with something in hand. */
  end(late?: Error): void {
    this.state = 'gone'
    this.#drop()
    if (late === undefined) return
    this.#abort ??= new AbortController() // for whoever asks only now
    this.#abort.abort(late)
  }

  #drop(): void {
    this.#place++
    this.#isLoading = false
    this.#batches = this.#inflated = undefined
    this.#waiting?.()
    this.#waiting = undefined
  }

  #cursorAt(offset: number): PartitionCursor {
    return new PartitionCursor(this.log, offset, this.#isolation)
  }

  #nextAtHand(): RecordBatchView | undefined {
    const inflated = this.#inflated
    if (inflated !== undefined) {
      this.#inflated = undefined
      return inflated
    }
    for (let next = this.#batches?.next(); next !== undefined && next.done !== true; next = this.#batches?.next()) {
      const batch = new RecordBatchView(this.stored.sources[this.partition]!, next.value, this.#position, Infinity)
      const inflating = batch.inflated()
      if (inflating === undefined) return batch
      this.#load(inflating, () => { this.#inflated = batch })
      return undefined
    }
    this.#batches = undefined
    return undefined
  }

  #giveOut(batch: RecordBatchView): RecordBatchView {
    this.#position = this.#skippedFrom = batch.lastOffset + 1
    return batch
  }

  /** Whether there is a chunk now. */
  #fill(): boolean {
    if (this.#isLoading) return false
    try {
      const answer = this.#cursor.next(this.#owner.chunkBytes)
      if (answer instanceof Promise) {
        this.#load(answer, chunk => { if (chunk !== undefined) this.#batches = batchesOf(chunk) })
        return false
      }
      if (answer === undefined) return this.#rest()
      this.#batches = batchesOf(answer)
      this.#cursor.readAhead(this.#owner.chunkBytes)
      return true
    } catch (error) {
      return this.#met(error)
    }
  }

  /** At the end, or before what can't be read: told when there is more. */
  #rest(): false {
    const end = this.#cursor.offset
    if (this.#handled === this.#skippedFrom) this.#handled = end
    this.#position = end
    this.#waiting ??= this.log.onMore(() => {
      this.#waiting = undefined
      this.#owner.news(this)
    })
    this.#owner.settled(this)
    return false
  }

  #load<T>(loading: Promise<T>, use: (loaded: T) => void): void {
    const place = this.#place
    this.#isLoading = true
    const ended = (then: () => void) => {
      if (place !== this.#place) return
      this.#isLoading = false
      then()
      this.#owner.news(this)
    }
    loading.then(loaded => { ended(() => { use(loaded) }) }, (error: unknown) => { ended(() => { this.#met(error) }) })
  }

  /** To be thrown by take(), unless the caller said where to go on. */
  #met(error: unknown): false {
    if (this.stored.gone !== undefined) return false // the topic was deleted: the group takes the lane away
    const elsewhere = error instanceof OutOfRangeError ? this.#owner.missing(this, error) : undefined
    this.#failure = elsewhere instanceof OutOfRangeError ? elsewhere : error
    if (elsewhere instanceof Promise) this.#load(elsewhere, offset => { this.seek(offset) })
    else if (!this.#isLoading) this.#owner.news(this)
    return false
  }

  #takeFailure(): unknown {
    const failure = this.#failure
    this.#failure = undefined
    this.#cursor = this.#cursorAt(this.#position)
    this.#owner.news(this) // it may be tried again
    return failure
  }
}
