// What every group has committed, and who was in it: the state log `__consumer_offsets` in Kafka's bytes, replayed into
// memory when the log opens. decide → append → apply: memory changes once a change is as durable as the log's default.
//
// All that is put in one tick shares a batch, and with 'power' a sync. It is applied in the order it was put.
// Fencing is not done here: whoever puts something has asked the group (group.ts).
//
// Compaction leaves the newest record of each key, so replaying what is left leads to the same state. But a process that
// follows has older records in memory, and must see a tombstone before that goes, too: one that has not looked for as
// long as tombstones stay begins anew.
import { CorruptionError } from '../base/errors.ts'
import { encodeGroupKey, encodeGroupValue, encodeOffsetKey, encodeOffsetValue, type StoredGroup } from '../format/group-records.ts'
import { BatchEncoder, type BatchProducer } from '../format/batch-encoder.ts'
import { INTERNAL_SETTINGS } from '../log/internal-topics.ts'
import type { OpenLog } from '../log/open-log.ts'
import type { RecordSource } from '../log/record-view.ts'
import { batchesFrom } from '../log/replay.ts'
import { EndOfTick } from '../platform/end-of-tick.ts'
import type { PartitionLog } from '../storage/partition-log.ts'
import { SharedSync } from '../storage/shared-sync.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { GroupRecords, type GroupRecord } from './group-records.ts'
import { OpenPositions, PendingPositions, type PendingPosition, type PositionName } from './pending-positions.ts'

const OFFSETS_TOPIC = '__consumer_offsets'
/** A batch of changes is written when it has grown so large, whatever the tick. */
const BATCH_BYTES = 256 * 1024
const UNKNOWN_EPOCH = -1
/** Its records are parsed here, as bytes. */
const SOURCE: RecordSource = { topic: OFFSETS_TOPIC, partition: 0, decodeKey: bytes => bytes, decodeValue: bytes => bytes }

export type { GroupRecord, Position } from './group-records.ts'

export interface Commit {
  readonly topic: string
  readonly partition: number
  /** undefined: the position is forgotten. */
  readonly offset: number | undefined
  readonly metadata?: string
  /** Of the last record that was handled, as a client says. */
  readonly leaderEpoch?: number
}

/** A change on its way. */
interface Change {
  readonly key: Buffer
  readonly value: Buffer | null
  /** undefined: it is none of a position. */
  readonly of?: PositionName
  readonly apply: () => void
}

/** Commits that are in the log as part of a transaction, and wait for what becomes of it. */
export interface PendingCommits {
  readonly partition: WritablePartition
  /** The transaction is committed: they are in effect. */
  apply(): void
  /** It is not. Idempotent, and without effect after apply(). */
  drop(): void
}

/** `group`: whose changes they are; undefined: only waits. */
interface Waiting { readonly group: string | undefined; readonly resolve: () => void; readonly reject: (error: unknown) => void }

export class Positions {
  readonly #log: OpenLog
  readonly #records = new GroupRecords()
  readonly #encoder = new BatchEncoder(1024)
  readonly #endOfTick = new EndOfTick(() => void this.#write())
  #failure: CorruptionError | undefined
  #partition: PartitionLog | undefined
  /** Replayed, or written, up to here. */
  #applied = 0
  #refreshedAt = -Infinity
  /** One at a time, or both would apply the same records, and one of them older ones last. Who asks meanwhile shares the next. */
  readonly #refreshes = new SharedSync(() => this.#refresh())
  #changes: Change[] = []
  #waiting: Waiting[] = []
  #applying = 0
  /** By group: how many calls have put something that is not applied yet. */
  readonly #changing = new Map<string, number>()
  /** Settles when all that was written has been applied. */
  #settled: Promise<unknown> = Promise.resolve()
  readonly #pending = new PendingPositions()

  private constructor(log: OpenLog) {
    this.#log = log
  }

  /** Where what is stored can't be read, groups can't go on; the log can. */
  static async open(log: OpenLog): Promise<Positions> {
    const positions = new Positions(log)
    try {
      await positions.refresh()
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error
      positions.#failure = unreadable(error)
      positions.#records.clear()
      log.events.emit('error', { error: positions.#failure, topic: OFFSETS_TOPIC, partition: 0 })
    }
    const { unknown } = positions.#records
    if (unknown > 0) log.events.emit('warning', { code: 'GROUP_RECORDS_UNKNOWN', message: `${OFFSETS_TOPIC}-0 holds ${unknown} records that are neither positions nor groups: they were passed over`, hint: 'they are of a newer version, or do not belong there' })
    return positions
  }

  /** Nothing of it can be believed, and nothing is written to it. */
  get failure(): CorruptionError | undefined { return this.#failure }

  get groups(): ReadonlyMap<string, GroupRecord> { return this.#records.all }

  of(group: string): GroupRecord | undefined {
    return this.#records.all.get(group)
  }

  /** Takes in what was appended by others: all of it the first time, and what another process wrote later. */
  refresh(): Promise<void> {
    return this.#refreshes.request()
  }

  /** As durable as the log's default when it resolves, and applied. */
  commit(group: string, commits: readonly Commit[]): Promise<void> {
    return this.#put(group, this.#changesOf(group, commits))
  }

  /** To be awaited before appendPending(). */
  async prepare(): Promise<void> {
    const failure = this.#partition === undefined ? await this.#create() : undefined
    if (failure !== undefined) throw failure
  }

  /**
   * Until they are applied or dropped, whoever asks where these groups stand waits. What was put earlier goes first: in
   * the log, and so in memory, however the transactions overtake each other.
   */
  appendPending(commits: ReadonlyMap<string, readonly Commit[]>, producer: BatchProducer): PendingCommits {
    const changes = [...commits].flatMap(([group, ofGroup]) => this.#changesOf(group, ofGroup))
    void this.#write()
    const partition = this.#partition as WritablePartition
    const now = this.#log.settings.clock.now()
    this.#encoder.reset()
    for (const { key, value } of changes) this.#encoder.append(now, key, value, [])
    const storedAt = partition.append(this.#encoder.seal({ producer }))
    const earlier = this.#applying > 0 ? this.#settled : undefined
    let end = (): void => {}
    const ended = new Promise<void>(resolve => { end = resolve })
    this.#applying++
    for (const group of commits.keys()) this.#changing.set(group, (this.#changing.get(group) ?? 0) + 1)
    this.#settled = Promise.all([this.#settled, ended])
    const finish = (): void => {
      end()
      this.#applying--
      for (const group of commits.keys()) this.#end(group, () => {})
    }
    let isPending = true
    const settle = (work: () => void): void => {
      if (!isPending) return
      isPending = false
      const inTurn = (): void => {
        work()
        finish()
      }
      if (earlier === undefined) inTurn()
      else void earlier.then(inTurn)
    }
    return { partition, apply: () => { settle(() => { this.#applyAll(changes, storedAt) }) }, drop: () => { settle(() => {}) } }
  }

  /** Positions of a transaction that may be open for long: nobody waits for them (pending-positions.ts). */
  async open(): Promise<OpenPositions> {
    await this.prepare()
    return new OpenPositions(this.#partition as WritablePartition)
  }

  /** They are in the log as part of the transaction when it returns. */
  appendOpen(open: OpenPositions, group: string, commits: readonly Commit[], producer: { readonly id: number; readonly epoch: number }): void {
    void this.#write()
    const changes = this.#changesOf(group, commits)
    const now = this.#log.settings.clock.now()
    this.#encoder.reset()
    for (const { key, value } of changes) this.#encoder.append(now, key, value, [])
    const storedAt = open.log.append(this.#encoder.seal({ producer: { ...producer, sequence: open.log.nextSequence(producer.id, producer.epoch) } }))
    for (const [i, { of: name, apply }] of changes.entries()) open.put({ ...name!, offset: commits[i]!.offset, storedAt, apply })
    this.#pending.add(open)
  }

  /** The transaction is committed: in effect when it resolves, after what was put before them. */
  async applyOpen(open: OpenPositions): Promise<void> {
    if (this.#applying > 0) await this.#settled
    this.#pending.delete(open)
    for (const entry of open.entries) {
      entry.apply()
      this.#pending.supersede([entry], entry.storedAt)
    }
  }

  /** The transaction is not committed. */
  dropOpen(open: OpenPositions): void {
    this.#pending.delete(open)
  }

  /** Where a transaction that is open moves the position. */
  isPending(group: string, topic: string, partition: number): boolean {
    return this.#pending.has(group, topic, partition)
  }

  /** What transactions that are open are to move. */
  get pending(): readonly PendingPosition[] { return this.#pending.entries }

  #applyAll(changes: readonly Change[], storedAt: number): void {
    for (const change of changes) change.apply()
    this.#pending.supersede(changes.map(change => change.of), storedAt)
  }

  #changesOf(group: string, commits: readonly Commit[]): Change[] {
    const timestamp = this.#log.settings.clock.now()
    return commits.map(({ topic, partition, offset, metadata = '', leaderEpoch = UNKNOWN_EPOCH }) => {
      const position = offset === undefined ? undefined : { topic, partition, offset, metadata, leaderEpoch, timestamp }
      return {
        key: encodeOffsetKey(group, topic, partition),
        value: position === undefined ? null : encodeOffsetValue(position),
        of: { group, topic, partition },
        apply: () => { this.#records.applyPosition(group, topic, partition, position) },
      }
    })
  }

  /** undefined: the group is forgotten; its positions are not. */
  store(group: string, stored: StoredGroup | undefined): Promise<void> {
    return this.#put(group, [{
      key: encodeGroupKey(group),
      value: stored === undefined ? null : encodeGroupValue(stored),
      apply: () => { this.#records.applyGroup(group, stored) },
    }])
  }

  /** The group and all its positions, those too that open transactions would move. */
  async forget(group: string): Promise<void> {
    const positions = [...this.of(group)?.positions.values() ?? [], ...this.pending.filter(pending => pending.group === group)]
    await Promise.all([this.commit(group, positions.map(({ topic, partition }) => ({ topic, partition, offset: undefined }))), this.store(group, undefined)])
  }

  /** Something of the group was put, and has neither been applied nor failed; or a transaction that is open moves it. */
  isChanging(group: string): boolean {
    return this.#changing.has(group) || this.#pending.hasGroup(group)
  }

  /** All that was put has been applied, or has failed. */
  get isSettled(): boolean { return this.#waiting.length === 0 && this.#applying === 0 }

  /** Resolves once all that was put before the call has been applied, or has failed. */
  async settled(): Promise<void> {
    if (this.#waiting.length > 0) await new Promise<void>(resolve => { this.#waiting.push({ group: undefined, resolve, reject: () => { resolve() } }) })
    await this.#settled
  }

  /** Whatever durability the log has: all that was put is on the device. */
  async sync(): Promise<void> {
    await this.settled()
    await (this.#partition as WritablePartition | undefined)?.sync()
  }

  // ---------------------------------------------------------------- writing

  #put(group: string, changes: readonly Change[]): Promise<void> {
    return new Promise((resolve, reject) => {
      for (const change of changes) this.#changes.push(change)
      this.#waiting.push({ group, resolve, reject })
      this.#changing.set(group, (this.#changing.get(group) ?? 0) + 1)
      this.#endOfTick.ask()
    })
  }

  async #write(): Promise<void> {
    const failure = this.#partition === undefined ? await this.#create() : undefined
    if (this.#waiting.length === 0) return // put while the partition was made, and written with what was put before
    const changes = this.#changes
    const waiting = this.#waiting
    this.#changes = []
    this.#waiting = []
    const written = failure === undefined ? this.#append(changes, this.#settled) : Promise.reject(failure)
    this.#applying++
    this.#settled = written.catch(() => { /* those who wait have it */ }).then(() => { this.#applying-- })
    written.then(() => { for (const { group, resolve } of waiting) this.#end(group, resolve) }, (error: unknown) => { for (const { group, reject } of waiting) this.#end(group, () => { reject(error) }) })
  }

  #end(group: string | undefined, tell: () => void): void {
    tell()
    if (group === undefined) return
    const others = this.#changing.get(group)! - 1
    if (others === 0) this.#changing.delete(group)
    else this.#changing.set(group, others)
  }

  /** Returns what is in the way. */
  async #create(): Promise<Error | undefined> {
    try {
      this.#partition = await this.#log.internalPartition(OFFSETS_TOPIC, { create: true })
      return undefined
    } catch (error) {
      return error as Error
    }
  }

  /** What is written is applied after what was written earlier. */
  #append(changes: readonly Change[], earlier: Promise<unknown>): Promise<void> {
    try {
      const partition = this.#partition as WritablePartition
      for (let from = 0; from < changes.length;) from = this.#appendBatch(partition, changes, from)
      this.#applied = partition.endOffset
      const apply = () => { for (const change of changes) change.apply() }
      if (this.#log.settings.durability === 'power') return Promise.all([partition.sync(), earlier]).then(apply)
      if (this.#applying > 0) return earlier.then(apply)
      apply()
      return Promise.resolve()
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  #appendBatch(partition: WritablePartition, changes: readonly Change[], from: number): number {
    const encoder = this.#encoder
    const now = this.#log.settings.clock.now()
    encoder.reset()
    let next = from
    for (; next < changes.length && (next === from || encoder.bytes < BATCH_BYTES); next++) encoder.append(now, changes[next]!.key, changes[next]!.value, [])
    const storedAt = partition.append(encoder.seal({}))
    if (!this.#pending.isEmpty) this.#pending.supersede(changes.slice(from, next).map(change => change.of), storedAt)
    return next
  }

  // ---------------------------------------------------------------- applying

  async #refresh(): Promise<void> {
    this.#partition ??= await this.#log.internalPartition(OFFSETS_TOPIC, { create: false })
    if (this.#partition === undefined) return
    const now = this.#log.settings.clock.now()
    if (now - this.#refreshedAt > INTERNAL_SETTINGS.tombstoneRetentionMs) this.#beginAnew()
    this.#partition.refresh()
    await this.#replay(this.#partition)
    this.#refreshedAt = now
  }

  #beginAnew(): void {
    this.#records.clear()
    this.#applied = 0
  }

  async #replay(partition: PartitionLog): Promise<void> {
    for await (const batch of batchesFrom(partition, Math.max(this.#applied, partition.startOffset), SOURCE)) {
      this.#records.replay(batch.cursor())
      this.#applied = batch.lastOffset + 1
    }
  }
}

function unreadable(cause: CorruptionError): CorruptionError {
  return new CorruptionError('POSITIONS_UNREADABLE', `the positions of groups can't be read: ${cause.message}`, {
    hint: `restore ${OFFSETS_TOPIC}-0 from a copy; or, to begin every group anew, close the log and remove that directory`, details: cause.details, cause,
  })
}
