// One group of this log: carries out what its state decides (group-state.ts). A change of members or topics is planned
// once a tick, written to the log of positions, applied, and told to the members (orders.ts). Members are those of this
// process, and clients behind a door (remote-members.ts): both sit in seats (seats.ts), and
// get the same orders.
//
// A member commits what it owns and nothing else: that is asked when the commit is put, so a commit that is put is good.
import { ConflictError } from '../base/errors.ts'
import type { StoredGroup } from '../format/group-records.ts'
import type { OpenLog } from '../log/open-log.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import { partitionDirectory } from '../log/topic-name.ts'
import type { Clock } from '../platform/clock.ts'
import type { Jobs } from '../platform/file-system.ts'
import type { TopicPartition } from './assignment/assignors.ts'
import { Beginnings, newReader } from './beginnings.ts'
import type { ClassicGroup } from './classic/classic-group.ts'
import { LocalMembers } from './classic/local-members.ts'
import { GroupTelling, type GroupEvents } from './group-events.ts'
import type { GroupError } from './group-errors.ts'
import { GroupState, type Members, type Plan } from './group-state.ts'
import type { JoinSettings } from './join-options.ts'
import type { Lane } from './lane.ts'
import { Member, type MemberHome } from './member.ts'
import type { Commit, Positions } from './positions.ts'
import { Orders } from './orders.ts'
import { RemoteMember } from './remote-member.ts'
import { RemoteMembers, type Committer, type RemoteHome } from './remote-members.ts'
import type { Seat } from './seat.ts'
import { memberFenced, Seats } from './seats.ts'
import { planOf, standingsOf, storedGroup, type Standing } from './stored-group.ts'
import type { Subscription } from './subscription.ts'

export interface GroupParts {
  readonly log: OpenLog
  readonly positions: Positions
  /** Throws once the log is being closed. */
  readonly checkOpen: () => void
  /** Somebody may be idle now. */
  readonly progressed: () => void
  /** The group of that id whose members speak the classic protocol over the wire. */
  readonly classic: (id: string) => ClassicGroup | undefined
}

export class Group implements MemberHome, RemoteHome {
  readonly id: string
  readonly #parts: GroupParts
  readonly #state = new GroupState()
  readonly #beginnings: Beginnings
  readonly #seats: Seats
  readonly remote: RemoteMembers
  /** While others are in the group that speak the classic protocol they share out, and this group only follows. */
  readonly locals: LocalMembers
  readonly #orders: Orders
  readonly #telling: GroupTelling
  #planned: Promise<void> | undefined
  #changes: Promise<void> = Promise.resolve()

  constructor(id: string, parts: GroupParts) {
    this.id = id
    this.#parts = parts
    this.#telling = new GroupTelling(id, parts.log)
    this.#seats = new Seats(parts.log.settings.clock, () => { this.#rebalanceSoon() })
    this.#beginnings = new Beginnings(parts.log, () => [...this.#seats.readers.values()])
    this.remote = new RemoteMembers(this)
    this.locals = new LocalMembers({
      group: id, clock: parts.log.settings.clock, state: this.#state, seats: this.#seats,
      orders: () => this.#orders,
      rebalance: () => this.#rebalance(),
      apply: plan => { this.#apply(plan, this.clock.now()) },
      settledMaybe: () => { this.#settledMaybe() },
      failed: error => { this.failed(error) },
    }, () => parts.classic(id))
    this.#orders = new Orders({
      group: id, log: parts.log, beginnings: this.#beginnings,
      seatOf: seat => this.seatOf(seat),
      onReleased: (label, seat) => { this.handOn(label, seat.id) },
      onMissing: label => { this.#state.forget(label) },
      onFailed: error => { this.failed(error) },
    })
    const stored = parts.positions.of(id)?.stored
    if (stored === undefined || parts.log.settings.readOnly) return
    this.#restore(stored)
  }

  /** Nobody of this process is in it yet. Clients behind a door go on with what they have. */
  #restore(stored: StoredGroup): void {
    const plan = planOf(stored)
    const standings = standingsOf(stored)
    for (const member of plan.members.values()) {
      const standing = standings.get(member.id)
      if (member.client === undefined || standing === undefined) {
        this.#seats.keep(member)
        continue
      }
      const seat = this.remote.restore(member.client, member, { first: standing.epoch, last: plan.generation })
      this.#seats.sit(seat)
      this.#state.hold(member.id, standing.owned)
      void seat.assign(this.#orders.existing(standing.owned))
    }
    this.#orders.carryOut(this.#state.apply(plan).orders)
    if (this.size > 0 && stored.members.length > plan.members.size) this.#rebalanceSoon() // others ended with their process
  }

  get log(): OpenLog { return this.#parts.log }
  get clock(): Clock { return this.#parts.log.settings.clock }
  get jobs(): Jobs { return this.#parts.log.storage.jobs }
  /** In this process and here. */
  get present(): readonly Member[] { return [...this.#seats.readers.keys()] }
  /** How many members are here, those behind a door included. */
  get size(): number { return this.#seats.taken.size }
  /** Clients by the consumer protocol. */
  get hasRemoteMembers(): boolean { return [...this.members.values()].some(({ client }) => client !== undefined) }
  get generation(): number { return this.#state.generation }
  /** What is in effect. */
  get plan(): Plan { return this.#state.plan }
  /** There is a newer one to come. */
  get isRebalancing(): boolean { return this.#planned !== undefined }
  get isSettled(): boolean { return this.#state.isSettled }
  /** Those that are away included. */
  get members(): Members { return this.#seats.members }
  /** Nobody is in it, and nobody on the way in or out. */
  get isVacant(): boolean { return this.members.size === 0 && this.#planned === undefined }
  /** Nothing moves in this process, and every member of it has handled and committed all there is, as far as it can without the clock going on. */
  get isIdle(): boolean { return this.#planned === undefined && !this.locals.areGathering && this.#state.isSettledFor(id => this.seatOf(id) instanceof Member) && this.present.every(({ isIdle }) => isIdle) }

  /** What each member has now. */
  assignments(): { id: string; partitions: TopicPartition[] }[] {
    return [...this.members.keys()].map(id => ({ id, partitions: this.#state.ownedBy(id) }))
  }

  on<E extends keyof GroupEvents>(event: E, listener: (event: GroupEvents[E]) => void): () => void {
    return this.#telling.on(event, listener)
  }

  get hasListeners(): boolean { return this.#telling.hasListeners }

  // ---------------------------------------------------------------- members

  /** Resolves with the partitions that are free assigned and their positions fixed; others come when their owners let them go. */
  async join(settings: JoinSettings, subscription: Subscription): Promise<Member> {
    this.#parts.checkOpen()
    settings.signal?.throwIfAborted()
    const { topics } = this.#parts.log
    for (const name of subscription.names) if (!topics.has(name)) this.#telling.awaited(this.id, name)
    const member = new Member(this, settings.memberId ?? this.#seats.newId(), settings, subscription)
    this.#replace(member.id)
    this.#orders.arriving(member)
    this.#seats.sit(member, newReader(this.#parts.log, settings, subscription))
    try {
      await (this.locals.join(member.id) ?? this.#rebalance())
      await this.#orders.arrived(member)
      settings.signal?.throwIfAborted()
      if (member.ended !== undefined) throw member.ended
      return member
    } catch (error) {
      await member.close({ leave: true }).catch((failure: unknown) => { this.failed(failure) })
      throw error
    } finally {
      this.#orders.settledIn(member)
    }
  }

  /** The newest member of an id is it: the one before is fenced, and what it had is free. */
  #replace(id: string): void {
    const before = this.seatOf(id)
    if (before === undefined) return
    this.#seats.stand(before, 'replaced')
    before.abandon(memberFenced(this.id, id))
    this.#depart(id)
  }

  seatOf(id: string): Seat | undefined {
    return this.#seats.taken.get(id)
  }

  /** A client behind a door sits down, or reads something else from now on. Resolves once the plan that knows it is applied. */
  async seat(member: Seat): Promise<void> {
    this.#parts.checkOpen()
    this.#seats.sit(member)
    await this.#rebalance()
  }

  async leave(member: Seat, { leave }: { leave: boolean }): Promise<void> {
    if (this.seatOf(member.id) !== member) return
    this.#seats.stand(member, leave ? 'gone' : 'away')
    this.#depart(member.id)
    if (this.locals.areFollowing) this.locals.leave(member.id, { leave })
    else await this.#rebalance().catch((error: unknown) => { this.failed(error) })
  }

  #depart(member: string): void {
    for (const { topic, partition } of this.#state.ownedBy(member)) this.#orders.endRevocation(partitionDirectory(topic, partition))
    this.#state.depart(member)
  }

  /**
   * Topics or partitions came or went. Resolves once it is on record that the group begins at the beginning of what came:
   * whoever sends to it then is not missed, whatever happens to the members.
   */
  async topicsChanged(): Promise<void> {
    if (this.size === 0) return
    this.#seats.describeAnew()
    this.locals.topicsChanged()
    this.#rebalanceSoon()
    const begun = this.#beginnings.newPartitions(this.#parts.positions.of(this.id)?.positions)
    if (begun.length > 0) await this.#parts.positions.commit(this.id, begun).catch((error: unknown) => { this.failed(error) })
  }

  topicDeleted({ name, partitions, gone }: StoredTopic): void {
    for (const partition of partitions.keys()) {
      const label = partitionDirectory(name, partition)
      const owner = this.#state.owner(label)
      this.#orders.endRevocation(label)
      this.#state.forget(label)
      if (owner !== undefined) this.seatOf(owner)?.drop(label, gone!)
    }
    this.locals.topicDeleted(name)
    void this.topicsChanged()
    this.#settledMaybe()
  }

  /** The partition ends before where its owner is: what that has in hand is gone. Whether there was one. */
  dropBeyond(label: string, endOffset: number): boolean {
    const member = this.seatOf(this.#state.owner(label) ?? '')
    if (!(member instanceof Member)) return false // a client sees for itself that what it reads is not there
    const lane = member.lanes.get(label)
    if (lane === undefined || lane.position <= endOffset) return false
    member.drop(label, new ConflictError('PARTITION_RECOVERED', `group '${this.id}': ${label} was recovered and ends at ${endOffset}, before what was handed out`, { hint: 'what was lost is gone; the group goes on at the end', details: { group: this.id, partition: label, endOffset } }))
    return true
  }

  /** To its owner, or whoever it is planned for. */
  beginAnew(label: string): void {
    const owner = this.#state.owner(label)
    if (owner !== undefined) this.handOn(label, owner)
  }

  /** Its timers end; nobody is in it any more. */
  forget(): readonly Seat[] {
    this.#orders.end()
    this.remote.end()
    this.locals.end()
    return this.#seats.end()
  }

  /** As if the process had died. */
  abandon(reason: Error): void {
    for (const seat of this.forget()) seat.abandon(reason)
  }

  // ---------------------------------------------------------------- decide, append, apply

  /** Changes of one tick make one plan. Resolves once it is applied; partitions may be on their way then. */
  #rebalance(): Promise<void> {
    this.#planned ??= this.#next(() => {
      this.#planned = undefined
      return this.#carryOut()
    })
    return this.#planned
  }

  /** What goes on record goes one after the other. */
  #next(change: () => Promise<void>): Promise<void> {
    const made = this.#changes.then(change)
    this.#changes = made.catch(() => { /* whoever asked has it */ })
    return made
  }

  asked(seat: Seat, label: string): void {
    this.#orders.asked(seat, label)
  }

  /** On record first: after a restart it is not taken for the owner of what another one has. */
  release(seat: Seat, labels: readonly string[]): Promise<void> {
    return this.#next(async () => {
      await this.#parts.positions.store(this.id, storedGroup(this.#state.plan, this.clock.now(), id => this.#standingOf(id, id === seat.id ? labels : [])))
      for (const label of labels) this.handOn(label, seat.id)
    })
  }

  /** What it has in hand, or may get from a member of this process before the record counts. */
  #standingOf(id: string, released: readonly string[] = []): Standing | undefined {
    const seat = this.seatOf(id)
    if (!(seat instanceof RemoteMember)) return undefined
    const isWithClient = ({ topic, partition }: TopicPartition): boolean => this.seatOf(this.#state.owner(partitionDirectory(topic, partition)) ?? '') instanceof RemoteMember
    const fromHere = this.#state.targetsOf(id).filter(each => !isWithClient(each))
    return { epoch: seat.earliestEpoch, owned: [...this.#state.ownedBy(id), ...fromHere].filter(({ topic, partition }) => !released.includes(partitionDirectory(topic, partition))) }
  }

  /** Nobody waits for it. */
  #rebalanceSoon(): void {
    if (!this.locals.areFollowing) this.#rebalance().catch((error: unknown) => { this.failed(error) })
  }

  async #carryOut(): Promise<void> {
    if (this.locals.areFollowing) return
    const { positions, log } = this.#parts
    log.checkOpen()
    const startedAt = this.clock.now()
    const plan = this.#state.planWith(new Map(this.members), this.#partitionCounts(), Math.max(positions.of(this.id)?.stored?.generation ?? 0, this.#parts.classic(this.id)?.generation ?? 0))
    try {
      await positions.store(this.id, storedGroup(plan, startedAt, id => this.#standingOf(id)))
    } catch (error) {
      if ([...plan.members.keys()].some(id => !this.#state.members.has(id))) throw error
      this.failed(error) // who leaves has left, whatever the disk says
    }
    this.#applyOwn(plan, startedAt)
  }

  /** Unless others share out by now. */
  #applyOwn(plan: Plan, startedAt: number): void {
    if (!this.locals.areFollowing) this.#apply(plan, startedAt)
  }

  #apply(plan: Plan, startedAt: number): void {
    const { orders, moved } = this.#state.apply(plan)
    this.#telling.planned(startedAt, moved)
    this.#orders.carryOut(orders)
    this.#settledMaybe()
  }

  released(member: Member, lane: Lane): void {
    if (this.seatOf(member.id) === member) this.handOn(lane.label, member.id)
  }

  /** It is free: released by the member, or taken from it. */
  handOn(label: string, from: string): void {
    this.#orders.endRevocation(label)
    this.#orders.carryOut(this.#state.released(label, from))
    this.locals.goOn()
    this.#settledMaybe()
  }

  #settledMaybe(): void {
    if (!this.#telling.isRebalancing || !this.#state.isSettled) return
    this.#telling.settled({ generation: this.#state.generation, members: this.size })
    this.progressed()
  }

  #partitionCounts(): Map<string, number> {
    return new Map([...this.#parts.log.topics].map(([name, { partitions }]) => [name, partitions.length]))
  }

  // ---------------------------------------------------------------- positions

  position(label: string): number | undefined | Promise<number | undefined> {
    const { positions } = this.#parts
    const committed = () => positions.of(this.id)?.offsetIn(label)
    return positions.isSettled ? committed() : positions.settled().then(committed)
  }

  /** Of whoever is not of this process. undefined: it may commit. */
  checkCommit(committer: Committer): GroupError | undefined {
    return this.remote.checkCommit(committer)
  }

  async commit(member: Member, commits: readonly Commit[]): Promise<void> {
    this.checkOwner(member, commits)
    await this.#parts.positions.commit(this.id, commits)
  }

  checkOwner(member: Member, partitions: readonly TopicPartition[]): void {
    const lost = partitions.find(({ topic, partition }) => this.#state.owner(partitionDirectory(topic, partition)) !== member.id || this.seatOf(member.id) !== member)
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
    this.#telling.emit('stalled', { topic: lane.topic, partition: lane.partition, offset: lane.handled, sinceMs })
  }

  failed(error: unknown): void {
    this.#telling.failed(error)
  }

  notCommitted(error: unknown): void {
    this.#telling.notCommitted(error)
  }
}
