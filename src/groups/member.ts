// A member of a group in this process: the partitions it owns, as lanes, and what of them is handled and committed.
// Who uses it (a consumer's loop, a runner) takes batches from the lanes, settles what is handled, and releases a lane
// that is revoked as soon as nothing of it is in hand.
// Any commit is checked by the group: a partition that was taken away is no longer this member's to commit.
import { onAbort } from '../base/abort-listeners.ts'
import { ClosedError, ConflictError, OutOfRangeError, type StorageError } from '../base/errors.ts'
import type { OpenLog } from '../log/open-log.ts'
import { resolvePosition, type Position } from '../log/positions.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import type { Clock } from '../platform/clock.ts'
import type { Jobs } from '../platform/file-system.ts'
import type { TopicPartition } from './assignment/assignors.ts'
import type { GroupMember } from './group-state.ts'
import type { JoinSettings } from './join-options.ts'
import { Lane, type LaneOwner } from './lane.ts'
import { MemberCommits, isOwed } from './member-commits.ts'
import type { Commit } from './positions.ts'
import type { Assigned, Seat } from './seat.ts'
import { StallWatch } from './stall-watch.ts'
import type { Subscription } from './subscription.ts'

const LARGEST_CHUNK_BYTES = 512 * 1024
const SMALLEST_CHUNK_BYTES = 16 * 1024

export interface MemberUser {
  /** A lane may have something to take, one came, or the member has ended. */
  news(): void
  /** Release it as soon as nothing of it is in hand: at once if nothing is. */
  revoke(lane: Lane): void
  /** It commits what is handled itself. */
  readonly commits?: UserCommits | undefined
}

export interface UserCommits {
  /** Something is handled that is not committed. */
  soon(): void
  /** What is handled and not committed yet, now. */
  handled(): Promise<void>
}

/** What a member needs of its group. */
export interface MemberHome {
  readonly id: string
  readonly log: OpenLog
  readonly clock: Clock
  readonly jobs: Jobs
  /** The committed offset, once all that was put before is in effect. */
  position(label: string): number | undefined | Promise<number | undefined>
  commit(member: Member, commits: readonly Commit[]): Promise<void>
  /** Throws unless the member owns all of it. */
  checkOwner(member: Member, partitions: readonly TopicPartition[]): void
  released(member: Member, lane: Lane): void
  leave(member: Member, options: { leave: boolean }): Promise<void>
  /** Something was handled, committed or given up: who waits for the group to be idle looks again. */
  progressed(): void
  stalled(lane: Lane, sinceMs: number): void
  failed(error: unknown): void
  /** In the background. */
  notCommitted(error: unknown): void
}

/** Where a lane begins; `toCommit`: so that whoever comes next begins there too. */
interface Start { readonly offset: number; readonly isCommitted: boolean; readonly toCommit: boolean; readonly failure?: unknown }

export class Member implements LaneOwner, Seat {
  readonly id: string
  readonly settings: JoinSettings
  readonly #subscription: Subscription
  readonly lanes = new Map<string, Lane>()
  /** Those that may have something to take. A lane that had nothing comes back when there is news of it: with a thousand that rest, none is asked in vain. */
  readonly ready = new Set<Lane>()
  readonly #home: MemberHome
  readonly #stalls: StallWatch
  #user: MemberUser | undefined
  /** On their way: false once they were revoked before they were there. */
  readonly #coming = new Map<string, boolean>()
  #newsDue = false
  readonly #commits: MemberCommits
  #fenced: ConflictError | undefined
  #ended: Error | undefined
  #closing: Promise<void> | undefined
  readonly #stopListening: () => void

  constructor(home: MemberHome, id: string, settings: JoinSettings, subscription: Subscription) {
    this.#home = home
    this.id = id
    this.settings = settings
    this.#subscription = subscription
    this.#stalls = new StallWatch(home.clock, () => this.lanes.values(), (lane, sinceMs) => { home.stalled(lane, sinceMs) })
    this.#commits = new MemberCommits({
      settings,
      clock: home.clock,
      lanes: () => this.lanes.values(),
      commit: commits => home.commit(this, commits),
      progressed: () => { home.progressed() },
      onFailed: error => { home.notCommitted(error) },
      onFailedForGood: error => { this.#failedForGood(error) },
    })
    const leave = () => { void this.close().catch((error: unknown) => { this.#home.failed(error) }) }
    this.#stopListening = onAbort(settings.signal, leave)
  }

  get group(): string { return this.#home.id }
  get log(): OpenLog { return this.#home.log }
  get learnsLater(): boolean { return false }
  get revokeTimeoutMs(): number { return this.settings.revokeTimeout }
  /** Why nothing comes any more. */
  get ended(): Error | undefined { return this.#ended }
  get chunkBytes(): number {
    const share = Math.floor(this.settings.maxBufferedBytes / (2 * Math.max(1, this.lanes.size)))
    return Math.min(this.settings.maxBufferedBytes, Math.max(SMALLEST_CHUNK_BYTES, Math.min(LARGEST_CHUNK_BYTES, share)))
  }

  /** Handles all there is, as far as it can without the clock going on. */
  get isIdle(): boolean {
    if (this.#coming.size > 0 || this.#commits.inFlight > 0) return false
    for (const lane of this.lanes.values()) if (!isAtRest(lane, this.#user?.commits !== undefined || this.#commits.isAuto)) return false
    return true
  }

  /** When the first of what waits for the clock is due. */
  get waitsUntil(): number | undefined {
    const due = [...this.lanes.values()].flatMap(({ waitsUntil }) => waitsUntil ?? [])
    return due.length === 0 ? undefined : Math.min(...due)
  }

  use(user: MemberUser | undefined): void {
    this.#user = user
  }

  /** Soon, and never within the caller's own step; on a test log in an order drawn from its seed. */
  turn(work: () => void): void {
    void Promise.resolve().then(() => this.#home.jobs.run(work)).catch((error: unknown) => { this.#home.failed(error) })
  }

  describe(): GroupMember {
    const { id, settings: { memberId, assignor, sessionTimeout, revokeTimeout } } = this
    return { id, isStatic: memberId !== undefined, topics: this.#subscription.topicsAmong(this.log.topics.keys()), assignor, sessionTimeoutMs: sessionTimeout, revokeTimeoutMs: revokeTimeout, present: true }
  }

  // ---------------------------------------------------------------- partitions come and go

  /** Resolves once they can be read. Rejects with the first position that can't be had: its lane throws it, too. */
  async assign(partitions: readonly Assigned[]): Promise<void> {
    for (const { label } of partitions) this.#coming.set(label, true)
    const failures: unknown[] = []
    const fixed: Commit[] = []
    for (const assigned of partitions) {
      const { offset, isCommitted, toCommit, failure } = await this.#begin(assigned)
      if (this.#ended !== undefined) return
      if (!this.#coming.has(assigned.label)) continue // taken away meanwhile
      const isKnown = isCommitted || toCommit || failure !== undefined // where it can't begin, leaving commits nothing
      const lane = new Lane(this, assigned.topic, assigned.partition, assigned.label, { position: offset, isCommitted: isKnown, isolation: this.settings.isolation })
      this.lanes.set(lane.label, lane)
      this.ready.add(lane)
      if (toCommit) fixed.push({ topic: lane.topic, partition: lane.partition, offset })
      if (failure === undefined) continue
      failures.push(failure)
      lane.fail(failure)
    }
    if (fixed.length > 0) await this.#home.commit(this, fixed).catch((error: unknown) => { failures.push(error) })
    for (const { label } of partitions) this.#arrived(label)
    this.#stalls.watch()
    this.#tellNews()
    if (failures.length > 0) throw failures[0]
  }

  #arrived(label: string): void {
    const wanted = this.#coming.get(label)
    this.#coming.delete(label)
    const lane = this.lanes.get(label)
    if (wanted === false && lane !== undefined) this.#revokeLane(lane)
    this.#home.progressed()
  }

  /** False: it has no such lane, and none is on its way. */
  revoke(label: string): boolean {
    const lane = this.lanes.get(label)
    if (this.#coming.has(label)) this.#coming.set(label, false)
    else if (lane !== undefined) this.#revokeLane(lane)
    else return false
    return true
  }

  /** A lane on its way out goes all the way: released, it comes back. */
  keep(): void { /* in its own time */ }

  #revokeLane(lane: Lane): void {
    lane.state = 'revoking'
    if (this.#user === undefined) lane.release()
    else this.#user.revoke(lane)
  }

  /** Taken away: what is in hand of it is the next owner's as well. */
  fence(label: string, reason: ConflictError): void {
    if (this.lanes.has(label)) this.#fenced = reason
    this.drop(label, reason)
  }

  /** There is no such partition any more. */
  drop(label: string, reason: Error): void {
    this.#coming.delete(label)
    const lane = this.lanes.get(label)
    if (lane === undefined) return
    this.#remove(lane)
    lane.end(reason)
    this.#tellNews()
  }

  /** Another one came in its place, or the log ended: nothing is committed any more. */
  abandon(reason: Error): void {
    if (this.#ended !== undefined) return
    this.#end(reason)
    for (const lane of this.lanes.values()) lane.end(reason)
    this.#removeAll()
    this.#tellNews()
  }

  /** Commits what was handled and leaves; a static member's partitions wait for it, unless it says that it leaves. */
  close({ leave = this.settings.memberId === undefined }: { leave?: boolean } = {}): Promise<void> {
    this.#closing ??= this.#close(leave)
    return this.#closing
  }

  async #close(leave: boolean): Promise<void> {
    if (this.#ended !== undefined) return
    const commit = this.#commits.onLeaving([...this.lanes.values()])
    const reason = new ClosedError('CONSUMER_CLOSED', `group '${this.group}': the member was closed`, { hint: 'join the group again' })
    this.#end(reason)
    for (const lane of this.lanes.values()) lane.end(reason)
    const left = this.#home.leave(this, { leave })
    this.#removeAll()
    this.#tellNews()
    await Promise.all([commit, left])
  }

  #end(reason: Error): void {
    this.#ended = reason
    this.#commits.end()
    this.#stalls.end()
    this.#stopListening()
  }

  // ---------------------------------------------------------------- where a lane begins

  async #begin({ topic, partition, label, latest }: Assigned): Promise<Start> {
    const log = topic.partitions[partition]!
    const committed = await this.#home.position(label)
    const isCommitted = committed !== undefined
    let offset = committed
    try {
      const { from, onMissing, isolation } = this.settings
      offset ??= from === 'latest' && latest !== undefined ? Math.max(latest, log.startOffset)
        : await resolvePosition(topic, partition, latest === undefined ? 'earliest' : from, { isolation })
      if (offset >= log.startOffset && offset <= log.endOffset) return { offset, isCommitted, toCommit: !isCommitted && from !== 'earliest' }
      if (!isCommitted) throw log.outOfRange(offset)
      if (onMissing === 'error') throw this.#positionGone(log.outOfRange(offset))
      return { offset: await this.#elsewhere(topic, partition, onMissing), isCommitted, toCommit: true }
    } catch (failure) {
      return { offset: offset ?? log.startOffset, isCommitted, toCommit: false, failure }
    }
  }

  missing(lane: Lane, error: OutOfRangeError): Promise<number> | OutOfRangeError {
    const { onMissing } = this.settings
    return onMissing === 'error' ? this.#positionGone(error) : this.#elsewhere(lane.stored, lane.partition, onMissing)
  }

  #positionGone(error: OutOfRangeError): OutOfRangeError {
    return new OutOfRangeError(error.code, `group '${this.group}': ${error.message}`, {
      hint: "what the group was to read next was deleted: say where to go on, by the option onMissing ('earliest', say) or, while it has no members, by group.reset(topics, to)", details: { ...error.details, group: this.group },
    })
  }

  async #elsewhere(topic: StoredTopic, partition: number, onMissing: Position): Promise<number> {
    const { startOffset, endOffset } = topic.partitions[partition]!
    const offset = await resolvePosition(topic, partition, onMissing, { isolation: this.settings.isolation })
    return Math.min(Math.max(offset, startOffset), endOffset)
  }

  // ---------------------------------------------------------------- what lanes tell

  news(lane: Lane): void {
    if (this.lanes.get(lane.label) === lane) this.ready.add(lane)
    this.#tellNews()
  }

  settled(lane: Lane): void {
    if (!this.#stalls.isWatching && lane.hasUnhandled) this.#stalls.watch()
    const commits = this.#user?.commits ?? (this.#commits.isAuto ? this.#commits : undefined)
    const isOwing = commits !== undefined && lane.handled !== lane.committed
    if (isOwing) commits.soon()
    if (!isOwing || this.settings.commitInterval > 0) this.#home.progressed() // who waits for all to be idle need not wait for the interval
  }

  release(lane: Lane): void {
    if (this.lanes.get(lane.label) !== lane) return
    this.#commits.onLeaving([lane]).catch((error: unknown) => { this.#home.failed(error) })
    lane.end()
    this.#remove(lane)
    this.#home.released(this, lane)
    this.#tellNews()
  }

  #remove(lane: Lane): void {
    this.lanes.delete(lane.label)
    this.ready.delete(lane)
  }

  #removeAll(): void {
    this.lanes.clear()
    this.ready.clear()
  }

  #tellNews(): void {
    if (this.#newsDue) return
    this.#newsDue = true
    this.turn(() => {
      this.#newsDue = false
      this.#user?.news()
      this.#home.progressed()
    })
  }

  // ---------------------------------------------------------------- committing

  /** As durable as the log's default when it resolves. */
  async commitNow(entries: readonly { readonly lane: Lane; readonly offset: number }[]): Promise<void> {
    this.checkOwned(entries)
    await this.#commits.put(entries)
  }

  /** Throws unless all of it may be committed by this member. */
  checkOwned(entries: readonly { readonly lane: Lane }[]): void {
    const lost = entries.find(({ lane }) => lane.state === 'gone')
    if (lost !== undefined) throw this.#ended ?? this.fenced(lost.lane.label)
    this.#home.checkOwner(this, entries.map(({ lane }) => lane))
  }

  /** By a transaction. */
  noteCommitted(entries: readonly { readonly lane: Lane; readonly offset: number }[]): void {
    for (const { lane, offset } of entries) {
      lane.committed = offset
      lane.isCommitted = true
      lane.settle(offset)
      if (lane.position < offset) lane.moveTo(offset) // it was given back: it is handled now
    }
    this.#home.progressed()
  }

  /** What is handled and not committed yet, now. */
  async commitHandled(): Promise<void> {
    await (this.#user?.commits ?? this.#commits).handled()
  }

  fenced(label: string): ConflictError {
    return new ConflictError('COMMIT_FENCED', `group '${this.group}': ${label} is not this member's, or was not when the record was handed out`, {
      hint: 'another member goes on there; what was not committed is handled again', details: { group: this.group, partition: label },
    })
  }

  /** Since the last call, a partition was taken away with something of it in hand. */
  takeFenced(): ConflictError | undefined {
    const fenced = this.#fenced
    this.#fenced = undefined
    return fenced
  }

  #failedForGood(error: StorageError): void {
    this.abandon(error)
    void this.#home.leave(this, { leave: true })
  }
}

function isAtRest(lane: Lane, commits: boolean): boolean {
  if (lane.paused || lane.waitsUntil !== undefined) return lane.state === 'active'
  return lane.state === 'active' && !lane.hasUnhandled && !(commits && isOwed(lane))
}

