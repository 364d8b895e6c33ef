// A member and its lanes as the runner sees them, played by the test: lanes of records in memory, and a hand for
// everything that a group does to a member.
import { CorruptionError } from '../../../src/base/errors.ts'
import { BatchEncoder } from '../../../src/format/batch-encoder.ts'
import type { Lane } from '../../../src/groups/lane.ts'
import type { Member, MemberUser } from '../../../src/groups/member.ts'
import { RecordBatchView } from '../../../src/log/record-batch-view.ts'
import { stampBatch } from '../../../src/native/stamp.ts'

export interface FakeRecord {
  readonly key?: string | null
  /** Text; one that begins with 'bad' can't be decoded. */
  readonly value?: string | null
  readonly headers?: readonly (readonly [string, string])[]
  readonly timestamp?: number
}

export class FakeLane {
  readonly topic: string
  readonly partition: number
  readonly label: string
  readonly log = { endOffset: 0 }
  readonly paused = false
  position = 0
  handled = 0
  committed = 0
  state: 'active' | 'revoking' | 'gone' = 'active'
  waitsUntil: number | undefined
  /** Thrown by the next take(). */
  failure: unknown
  /** Every step of `handled`. */
  readonly settled: number[] = []
  taken = 0
  readonly #batches: RecordBatchView[] = []
  readonly #abort = new AbortController()

  constructor(partition: number, topic = 'orders') {
    this.topic = topic
    this.partition = partition
    this.label = `${topic}-${partition}`
  }

  get signal(): AbortSignal { return this.#abort.signal }

  /** One batch. */
  append(...records: readonly FakeRecord[]): this {
    return this.#add(records, Infinity)
  }

  /** One batch whose records are gone, as compaction leaves it. */
  appendEmptied(): this {
    return this.#add([{}], 0)
  }

  #add(records: readonly FakeRecord[], end: number): this {
    const encoder = new BatchEncoder()
    const bytes = (text: string | null | undefined) => text === null || text === undefined ? null : Buffer.from(text)
    for (const { key, value = 'v', headers = [], timestamp = 1000 } of records) encoder.append(timestamp, bytes(key), bytes(value), headers.map(([name, text]) => [Buffer.from(name), Buffer.from(text)]))
    const batch = Buffer.from(encoder.seal({}))
    stampBatch(batch, batch.length, this.log.endOffset, 0)
    this.#batches.push(new RecordBatchView({ topic: this.topic, partition: this.partition, decodeKey: text, decodeValue: text }, batch, 0, end))
    this.log.endOffset += records.length
    return this
  }

  /** Offsets without records follow, as where compaction has been. */
  skip(count: number): this {
    this.log.endOffset += count
    return this
  }

  take(): RecordBatchView | undefined {
    if (this.failure !== undefined) throw this.failure as Error
    if (this.state !== 'active') return undefined
    const batch = this.#batches.shift()
    if (batch !== undefined) this.taken++
    this.position = this.#batches[0]?.baseOffset ?? this.log.endOffset
    return batch
  }

  settle(offset: number): void {
    if (this.state === 'gone' || offset <= this.handled) return
    this.handled = offset
    this.settled.push(offset)
  }

  release(): void {
    this.state = 'gone'
  }

  end(late: Error): void {
    this.state = 'gone'
    this.#abort.abort(late)
  }
}

export class FakeMember {
  readonly lanes = new Map<string, FakeLane>()

  get ready(): Set<FakeLane> { return new Set(this.lanes.values()) }
  ended: Error | undefined
  closed = 0
  closeFailure: Error | undefined
  readonly commits: [label: string, offset: number][] = []
  /** Waited for by every commitNow(). */
  committing: Promise<void> = Promise.resolve()
  #user: MemberUser | undefined

  constructor(lanes: readonly FakeLane[]) {
    for (const lane of lanes) this.lanes.set(lane.label, lane)
  }

  /** As what it plays. */
  get asMember(): Member { return this as unknown as Member }

  use(user: MemberUser | undefined): void {
    this.#user = user
  }

  turn(work: () => void): void {
    queueMicrotask(work)
  }

  news(): void {
    this.#user!.news()
  }

  add(lane: FakeLane): void {
    this.lanes.set(lane.label, lane)
    this.news()
  }

  revoke(lane: FakeLane): void {
    lane.state = 'revoking'
    this.#user!.revoke(lane as unknown as Lane)
  }

  fence(lane: FakeLane, reason = new Error('taken away')): void {
    this.lanes.delete(lane.label)
    lane.end(reason)
    this.news()
  }

  end(reason: Error): void {
    this.ended = reason
    for (const lane of this.lanes.values()) lane.end(reason)
    this.lanes.clear()
    this.news()
  }

  async commitNow(entries: readonly { lane: FakeLane; offset: number }[]): Promise<void> {
    for (const { lane, offset } of entries) lane.committed = offset
    await this.committing
    for (const { lane, offset } of entries) this.commits.push([lane.label, offset])
  }

  async close(): Promise<void> {
    this.closed++
    for (const lane of this.lanes.values()) lane.state = 'gone'
    this.lanes.clear()
    await Promise.resolve()
    if (this.closeFailure !== undefined) throw this.closeFailure
  }
}

function text(bytes: Uint8Array): string {
  const decoded = Buffer.from(bytes).toString()
  if (decoded.startsWith('bad')) throw new CorruptionError('VALUE_NOT_DECODABLE', 'can\'t be decoded', { hint: 'it is bad' })
  return decoded
}
