// One group of this log: carries out what its state decides (group-state.ts). A change of members or topics is planned
// once a tick, written to the log of positions, applied, and told to the members. Has the timers that the state has not:
// how long a member may keep what it was asked for, and how long a static member may be away.
//
// A member commits what it owns and nothing else: that is asked when the commit is put, so a commit that is put is good.
import { ConflictError, MillraceError } from '../base/errors.ts'
import { Listeners } from '../log/event-emitter.ts'
import type { OpenLog } from '../log/open-log.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import { partitionDirectory } from '../log/topic-name.ts'
import type { Clock } from '../platform/clock.ts'
import type { Jobs } from '../platform/file-system.ts'
import type { TopicPartition } from './assignment/assignors.ts'
import { Beginnings, newReader, type Reader } from './beginnings.ts'
import { GroupState, type GroupMember, type Members, type Order } from './group-state.ts'
import type { JoinSettings } from './join-options.ts'
import type { Lane } from './lane.ts'
import { Member, type Assigned, type MemberHome } from './member.ts'
import type { Commit, Positions } from './positions.ts'
import { planOf, storedGroup } from './stored-group.ts'
import type { Subscription } from './subscription.ts'

export interface GroupEvents {
  rebalance: { generation: number; members: number; moved: number; durationMs: number }
  stalled: { topic: string; partition: number; offset: number; sinceMs: number }
  error: { error: unknown }
}

export interface GroupParts {
  readonly log: OpenLog
  readonly positions: Positions
  /** Throws once the log is being closed. */
  readonly checkOpen: () => void
  /** Somebody may be idle now. */
  readonly progressed: () => void
}

interface Seat extends Reader { readonly member: Member }

interface Rebalancing { readonly startedAt: number; moved: number }

export class Group implements MemberHome {
  readonly id: string
  readonly #parts: GroupParts
  readonly #state = new GroupState()
  readonly #beginnings: Beginnings
  /** Members of this process that are here. */
  readonly #seats = new Map<string, Seat>()
  /** Members that are joining, and when what they got first is there. */
  readonly #arrivals = new Map<Member, { done?: Promise<void> }>()
  /** Of static members that are away, and of partitions that are asked back. */
  readonly #absences = new Map<string, { cancel(): void }>()
  readonly #revocations = new Map<string, { cancel(): void }>()
  readonly #listeners: Listeners<GroupEvents>
  /** As they will be after the next plan. */
  #members = new Map<string, GroupMember>()
  #planned: Promise<void> | undefined
  #changes: Promise<void> = Promise.resolve()
  #rebalancing: Rebalancing | undefined
  #memberCount = 0

  constructor(id: string, parts: GroupParts) {
    this.id = id
    this.#parts = parts
    this.#listeners = new Listeners(['rebalance', 'stalled', 'error'], `group '${id}': on`)
    this.#beginnings = new Beginnings(parts.log, () => [...this.#seats.values()])
    const stored = parts.positions.of(id)?.stored
    if (stored === undefined || parts.log.settings.readOnly) return
    const plan = planOf(stored)
    this.#state.apply(plan) // nobody of it is present: nobody has to be told
    this.#members = new Map(plan.members)
    for (const member of plan.members.values()) this.#awaitReturn(member)
  }

  get log(): OpenLog { return this.#parts.log }
  get clock(): Clock { return this.#parts.log.settings.clock }
  get jobs(): Jobs { return this.#parts.log.storage.jobs }
  /** In this process and here. */
  get present(): readonly Member[] { return [...this.#seats.values()].map(({ member }) => member) }
  /** Those that are away included. */
  get members(): Members { return this.#members }
  /** Nobody is in it, and nobody on the way in or out. */
  get isVacant(): boolean { return this.#members.size === 0 && this.#planned === undefined }
  /** Nothing moves, and every member has handled and committed all there is, as far as it can without the clock going on. */
  get isIdle(): boolean { return this.#planned === undefined && this.#state.isSettled && this.present.every(({ isIdle }) => isIdle) }

  /** What each member has now. */
  assignments(): { id: string; partitions: TopicPartition[] }[] {
    return [...this.#members.keys()].map(id => ({ id, partitions: this.#state.ownedBy(id) }))
  }

  on<E extends keyof GroupEvents>(event: E, listener: (event: GroupEvents[E]) => void): () => void {
    return this.#listeners.on(event, listener)
  }

  get hasListeners(): boolean { return !this.#listeners.isEmpty }

  // ---------------------------------------------------------------- members

  /** Resolves with the partitions that are free assigned and their positions fixed; others come when their owners let them go. */
  async join(settings: JoinSettings, subscription: Subscription): Promise<Member> {
    this.#parts.checkOpen()
    settings.signal?.throwIfAborted()
    const { topics } = this.#parts.log
    for (const name of subscription.names) if (!topics.has(name)) this.#tellAwaited(name)
    const id = settings.memberId ?? `member-${++this.#memberCount}`
    const member = new Member(this, id, settings)
    this.#replace(id)
    const arrival: { done?: Promise<void> } = {}
    this.#seats.set(id, { member, ...newReader(this.#parts.log, settings, subscription) })
    this.#arrivals.set(member, arrival)
    this.#members.set(id, this.#describe(member, subscription))
    try {
      await this.#rebalance()
      await arrival.done
      settings.signal?.throwIfAborted()
      if (member.ended !== undefined) throw member.ended
      return member
    } catch (error) {
      await member.close({ leave: true }).catch((failure: unknown) => { this.failed(failure) })
      throw error
    } finally {
      this.#arrivals.delete(member)
    }
  }

  #tellAwaited(topic: string): void {
    this.#parts.log.events.emit('warning', { code: 'TOPIC_AWAITED', message: `group '${this.id}': there is no topic '${topic}' yet`, hint: 'it is read once it is there; look at its spelling if it should be' })
  }

  /** The newest member of an id is it: the one before is fenced, and what it had is free. */
  #replace(id: string): void {
    this.#absences.get(id)?.cancel()
    this.#absences.delete(id)
    const before = this.#seats.get(id)
    if (before === undefined) return
    this.#seats.delete(id)
    before.member.abandon(new ConflictError('MEMBER_FENCED', `group '${this.id}': another member has joined as '${id}'`, { hint: 'a memberId is for one member at a time', details: { group: this.id, memberId: id } }))
    this.#depart(id)
  }

  #describe({ id, settings }: Member, subscription: Subscription): GroupMember {
    const topics = subscription.topicsAmong(this.#parts.log.topics.keys())
    return { id, isStatic: settings.memberId !== undefined, topics, assignor: settings.assignor, sessionTimeoutMs: settings.sessionTimeout, revokeTimeoutMs: settings.revokeTimeout, present: true }
  }

  async leave(member: Member, { leave }: { leave: boolean }): Promise<void> {
    const { id } = member
    if (this.#seats.get(id)?.member !== member) return
    this.#seats.delete(id)
    const described = this.#members.get(id)!
    if (leave) this.#members.delete(id)
    else this.#members.set(id, { ...described, present: false })
    this.#depart(id)
    if (!leave) this.#awaitReturn(described)
    await this.#rebalance().catch((error: unknown) => { this.failed(error) })
  }

  #awaitReturn({ id, sessionTimeoutMs }: GroupMember): void {
    this.#absences.set(id, this.clock.setTimeout(() => {
      this.#absences.delete(id)
      this.#members.delete(id)
      this.#rebalance().catch((error: unknown) => { this.failed(error) })
    }, sessionTimeoutMs))
  }

  #depart(member: string): void {
    for (const { topic, partition } of this.#state.ownedBy(member)) this.#endRevocation(partitionDirectory(topic, partition))
    this.#state.depart(member)
  }

  /**
   * Topics or partitions came or went. Resolves once it is on record that the group begins at the beginning of what came:
   * whoever sends to it then is not missed, whatever happens to the members.
   */
  async topicsChanged(): Promise<void> {
    if (this.#seats.size === 0) return
    for (const [id, { member, subscription }] of this.#seats) this.#members.set(id, this.#describe(member, subscription))
    this.#rebalance().catch((error: unknown) => { this.failed(error) })
    const begun = this.#beginnings.newPartitions(this.#parts.positions.of(this.id)?.positions)
    if (begun.length > 0) await this.#parts.positions.commit(this.id, begun).catch((error: unknown) => { this.failed(error) })
  }

  topicDeleted({ name, partitions, gone }: StoredTopic): void {
    for (const partition of partitions.keys()) {
      const label = partitionDirectory(name, partition)
      const owner = this.#state.owner(label)
      this.#endRevocation(label)
      this.#state.forget(label)
      if (owner !== undefined) this.#seats.get(owner)?.member.drop(label, gone!)
    }
    void this.topicsChanged()
    this.#settledMaybe()
  }

  /** The partition ends before where its owner is: what that has in hand is gone. Whether there was one. */
  dropBeyond(label: string, endOffset: number): boolean {
    const member = this.#seats.get(this.#state.owner(label) ?? '')?.member
    const lane = member?.lanes.get(label)
    if (member === undefined || lane === undefined || lane.position <= endOffset) return false
    member.drop(label, new ConflictError('PARTITION_RECOVERED', `group '${this.id}': ${label} was recovered and ends at ${endOffset}, before what was handed out`, { hint: 'what was lost is gone; the group goes on at the end', details: { group: this.id, partition: label, endOffset } }))
    return true
  }

  /** To its owner, or whoever it is planned for. */
  beginAnew(label: string): void {
    const owner = this.#state.owner(label)
    if (owner !== undefined) this.#handOn(label, owner)
  }

  /** Its timers end; nobody is in it any more. */
  forget(): void {
    for (const timer of [...this.#absences.values(), ...this.#revocations.values()]) timer.cancel()
    this.#members.clear()
  }

  /** As if the process had died. */
  abandon(reason: Error): void {
    this.forget()
    for (const member of this.present) member.abandon(reason)
    this.#seats.clear()
  }

  // ---------------------------------------------------------------- decide, append, apply

  /** Changes of one tick make one plan. Resolves once it is applied; partitions may be on their way then. */
  #rebalance(): Promise<void> {
    this.#planned ??= this.#changes.then(() => {
      this.#planned = undefined
      return this.#carryOut()
    })
    this.#changes = this.#planned.catch(() => { /* whoever asked has it */ })
    return this.#planned
  }

  async #carryOut(): Promise<void> {
    const { positions, log } = this.#parts
    log.checkOpen()
    const startedAt = this.clock.now()
    const plan = this.#state.plan(new Map(this.#members), this.#partitionCounts())
    try {
      await positions.store(this.id, storedGroup(plan, startedAt))
    } catch (error) {
      if ([...plan.members.keys()].some(id => !this.#state.members.has(id))) throw error
      this.failed(error) // who leaves has left, whatever the disk says
    }
    const { orders, moved } = this.#state.apply(plan)
    this.#rebalancing = { startedAt: this.#rebalancing?.startedAt ?? startedAt, moved: moved + (this.#rebalancing?.moved ?? 0) }
    this.#tell(orders)
    this.#settledMaybe()
  }

  #tell(orders: readonly Order[]): void {
    for (const { kind, member, partitions } of orders) {
      const seat = this.#seats.get(member)
      if (seat === undefined) continue // it left after the plan was made: the next one has it
      if (kind === 'assign') this.#assign(seat, partitions)
      else for (const { topic, partition } of partitions) this.#ask(kind, seat.member, partitionDirectory(topic, partition))
    }
  }

  #assign({ member }: Seat, partitions: Order['partitions']): void {
    const { topics } = this.#parts.log
    const assigned = partitions.flatMap(({ topic: name, partition }): Assigned[] => {
      const topic = topics.get(name)
      if (topic === undefined || partition >= topic.partitions.length) return [] // deleted since the plan was made: the next one takes it away
      return [{ topic, partition, label: partitionDirectory(name, partition), latest: this.#beginnings.latest(topic, partition) }]
    })
    const done = member.assign(assigned)
    const arrival = this.#arrivals.get(member)
    if (arrival === undefined) done.catch((error: unknown) => { this.failed(error) })
    else arrival.done = Promise.all([arrival.done, done]).then(() => undefined)
    arrival?.done?.catch(() => { /* join() has it */ })
  }

  /** A lane on its way out of the member goes all the way: released, it comes back to whom it is planned for. In its own time, if that is the same. */
  #ask(kind: 'revoke' | 'keep', member: Member, label: string): void {
    if (kind === 'revoke') this.#revoke(member, label)
    else this.#endRevocation(label)
  }

  #revoke(member: Member, label: string): void {
    this.#revocations.set(label, this.clock.setTimeout(() => {
      member.fence(label, new ConflictError('COMMIT_FENCED', `group '${this.id}': ${label} was asked back ${member.settings.revokeTimeout} ms ago and has gone to another member`, {
        hint: 'what was in hand is handled again by that member; handle records faster, or allow a longer revokeTimeout', details: { group: this.id, partition: label },
      }))
      this.#handOn(label, member.id)
    }, member.settings.revokeTimeout))
    if (!member.revoke(label)) this.#handOn(label, member.id)
  }

  released(member: Member, lane: Lane): void {
    if (this.#seats.get(member.id)?.member === member) this.#handOn(lane.label, member.id)
  }

  #handOn(label: string, from: string): void {
    this.#endRevocation(label)
    this.#tell(this.#state.released(label, from))
    this.#settledMaybe()
  }

  #endRevocation(label: string): void {
    this.#revocations.get(label)?.cancel()
    this.#revocations.delete(label)
  }

  #settledMaybe(): void {
    if (this.#rebalancing === undefined || !this.#state.isSettled) return
    const { startedAt, moved } = this.#rebalancing
    this.#rebalancing = undefined
    this.emit('rebalance', { generation: this.#state.generation, members: this.#seats.size, moved, durationMs: this.clock.now() - startedAt })
    this.progressed()
  }

  #partitionCounts(): Map<string, number> {
    return new Map([...this.#parts.log.topics].map(([name, { partitions }]) => [name, partitions.length]))
  }

  // ---------------------------------------------------------------- positions

  position(label: string): number | undefined | Promise<number | undefined> {
    const { positions } = this.#parts
    const committed = () => positions.of(this.id)?.positions.get(label)?.offset
    return positions.isSettled ? committed() : positions.settled().then(committed)
  }

  async commit(member: Member, commits: readonly Commit[]): Promise<void> {
    this.checkOwner(member, commits)
    await this.#parts.positions.commit(this.id, commits)
  }

  checkOwner(member: Member, partitions: readonly TopicPartition[]): void {
    const lost = partitions.find(({ topic, partition }) => this.#state.owner(partitionDirectory(topic, partition)) !== member.id || this.#seats.get(member.id)?.member !== member)
    if (lost === undefined) return
    throw new ConflictError('COMMIT_FENCED', `group '${this.id}': ${lost.topic}-${lost.partition} is no longer this member's, in generation ${this.#state.generation}`, {
      hint: 'another member goes on there; what was not committed is handled again', details: { group: this.id, topic: lost.topic, partition: lost.partition, generation: this.#state.generation },
    })
  }

  // ---------------------------------------------------------------- telling

  progressed(): void {
    this.#parts.progressed()
  }

  stalled(lane: Lane, sinceMs: number): void {
    this.emit('stalled', { topic: lane.topic, partition: lane.partition, offset: lane.handled, sinceMs })
  }

  failed(error: unknown): void {
    this.emit('error', { error })
  }

  notCommitted(error: unknown): void {
    this.failed(error)
    if (error instanceof MillraceError) this.#parts.log.events.emit('error', { error })
  }

  emit<E extends keyof GroupEvents>(event: E, facts: GroupEvents[E]): void {
    this.#listeners.tell(event, facts, error => { this.#parts.log.events.emit('error', { error }) })
  }
}
