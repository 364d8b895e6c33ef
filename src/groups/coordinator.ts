// All groups of a log: what is done to them from outside, what topics that come and go mean for them, and their end.
//
// When the log opens, positions beyond a partition's end (an unclean end took records that 'process' had not synced)
// are moved to it by a commit that is on the device before anything is appended: new records with those offsets are
// not taken for handled ones. Positions of topics that are gone are forgotten, so that a topic of that name begins anew.
import { ConflictError, NotFoundError, UsageError } from '../base/errors.ts'
import { parseAssignment } from '../format/consumer-protocol.ts'
import { logClosed, type OpenLog, type TopicObserver } from '../log/open-log.ts'
import { resolvePosition, type Position } from '../log/positions.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import { partitionDirectory } from '../log/topic-name.ts'
import { nextTurn } from '../platform/next-turn.ts'
import type { TopicPartition } from './assignment/assignors.ts'
import { ClassicGroups } from './classic/classic-groups.ts'
import { CONSUMERS, type Caller } from './classic/classic-requests.ts'
import { Group } from './group.ts'
import type { GroupError } from './group-errors.ts'
import { describeConsumerGroup, describeGroup, type ConsumerGroupDescription, type GroupDescription } from './group-description.ts'
import { GroupExpiry } from './group-expiry.ts'
import { GroupFault } from './group-fault.ts'
import { IdleWatch, type Work } from './idle-watch.ts'
import { Positions, type Commit, type GroupRecord, type Position as StoredPosition } from './positions.ts'
import { JOIN, type Heartbeat, type HeartbeatAnswer } from './remote-members.ts'
import { hasReturning } from './stored-group.ts'
import type { Subscription } from './subscription.ts'

export interface PartitionLag { topic: string; partition: number; committed: number | null; endOffset: number; lag: number }

/** A runner, as the coordinator knows it. */
export interface Running extends Work {
  readonly group: string
  stop(timeoutMs: number): Promise<void>
}

/** Who wants to move a group's positions over the wire. generation < 0: nobody's member, a tool or a consumer that assigns itself. */
export interface Committer extends Caller {
  readonly isTransactional: boolean
  /** It knows the errors of the newer protocol. */
  readonly usesEpochs: boolean
}

export class Coordinator implements TopicObserver {
  readonly #log: OpenLog
  readonly #positions: Positions
  readonly #groups = new Map<string, Group>()
  /** Groups of members that speak the classic protocol. */
  readonly classic: ClassicGroups
  /** By group. */
  readonly #running = new Map<string, Set<Running>>()
  readonly #idle: IdleWatch
  readonly #expiry: GroupExpiry
  #ended: Error | undefined
  /** Draws from [0, 1). */
  readonly random: () => number

  private constructor(log: OpenLog, positions: Positions, random: () => number) {
    this.#log = log
    this.random = random
    this.#positions = positions
    this.classic = new ClassicGroups({
      positions, clock: log.settings.clock,
      isTaken: (id, protocolType) => this.#groups.get(id)?.hasRemoteMembers === true || (protocolType !== CONSUMERS && (this.#groups.get(id)?.size ?? 0) > 0),
      bringLocals: classic => { this.#groups.get(classic.id)?.locals.follow(classic) },
      onLocalsAlone: classic => { this.#groups.get(classic.id)?.locals.goBack() },
      onFailed: error => { log.events.emit('error', { error }) },
    })
    this.#idle = new IdleWatch(log.settings.clock, () => this.#groups.values(), () => this.#works())
    this.#expiry = new GroupExpiry({ positions, clock: log.settings.clock, isVacant: id => (this.#groups.get(id)?.isVacant ?? true) && (this.classic.of(id)?.isVacant ?? true), awaited: () => this.#awaited(), forget: id => { this.#forget(id) }, checkOpen: () => { this.#checkOpen() } })
  }

  static async open(log: OpenLog, { random = Math.random }: { random?: (() => number) | undefined } = {}): Promise<Coordinator> {
    const release = log.events.hold()
    try {
      const coordinator = new Coordinator(log, await Positions.open(log), random)
      if (!log.settings.readOnly) await coordinator.#start()
      return coordinator
    } finally {
      void nextTurn().then(release)
    }
  }

  async #start(): Promise<void> {
    if (this.#positions.failure !== undefined) return
    this.#log.observeTopics(this)
    await this.#mend(() => true)
    this.classic.restore()
    for (const [id, { stored }] of this.#positions.groups) if (stored !== undefined && hasReturning(stored)) this.group(id)
  }

  /** What is committed, for transactions that move it. */
  get positions(): Positions { return this.#positions }

  group(id: string): Group {
    let group = this.#groups.get(id)
    if (group === undefined) {
      group = new Group(id, {
        log: this.#log, positions: this.#positions, classic: each => this.classic.of(each),
        checkOpen: () => { this.#checkOpen() }, progressed: () => { this.#idle.look() },
      })
      this.#groups.set(id, group)
    }
    return group
  }

  /** Who is in a group, and what each has now; in a process that does not write the log, as it is on record. */
  assignments(id: string): { id: string; partitions: TopicPartition[] }[] {
    this.#checkOpen()
    if (!this.#log.settings.readOnly) return this.#groups.get(id)?.assignments() ?? []
    return (this.#positions.of(id)?.stored?.members ?? []).map(({ id: member, assignment }) => ({ id: member, partitions: [...parseAssignment(assignment).partitions] }))
  }

  /** Those that have members, or are on record. */
  ids(): string[] {
    const active = [...this.#groups].filter(([, { members }]) => members.size > 0).map(([id]) => id)
    return [...new Set([...this.#positions.groups.keys(), ...active, ...this.classic.ids()])].sort()
  }

  /** Of the groups that have members or a position. */
  stats(): { id: string; members: number; lag: number }[] {
    return this.ids().map(id => ({ id, members: (this.#groups.get(id)?.members.size ?? 0) + (this.classic.of(id)?.remoteCount ?? 0), lag: this.lagOf(id).reduce((sum, { lag }) => sum + lag, 0) }))
  }

  /** A client by the consumer protocol is heard of. Throws a GroupFault where it can't go on so. */
  async heartbeat(id: string, beat: Heartbeat): Promise<HeartbeatAnswer> {
    this.checkUsable()
    const others = this.classic.of(id)
    if (others !== undefined && !others.isVacant) throw new GroupFault('GROUP_ID_NOT_FOUND', `group '${id}' has members by the classic protocol: it is no group of the consumer protocol until they have left`)
    const group = this.#groups.get(id)
    if (group === undefined && beat.memberEpoch !== JOIN) throw new GroupFault('UNKNOWN_MEMBER_ID', `there is no group '${id}': join again`)
    try {
      return await this.group(id).remote.heartbeat(beat)
    } catch (error) {
      if (group === undefined && this.#groups.get(id)?.isVacant === true && this.#positions.of(id) === undefined) this.#groups.delete(id) // nothing has come of it
      throw error
    }
  }

  /** undefined: there is no such group. */
  describe(id: string): GroupDescription | undefined {
    return describeGroup(id, { group: this.#groups.get(id), classic: this.classic.of(id), record: this.#positions.of(id) })
  }

  /** undefined: it has no clients by the consumer protocol. */
  describeConsumerGroup(id: string): ConsumerGroupDescription | undefined {
    const group = this.#groups.get(id)
    return group?.hasRemoteMembers === true ? describeConsumerGroup(group) : undefined
  }

  checkWritable(what: string): void {
    this.checkUsable()
    if (this.#log.settings.readOnly) throw new ConflictError('READ_ONLY', `${what}: the log in ${this.#log.location} was opened read-only`, { hint: 'groups live in the process that writes the log; here they can be looked at' })
  }

  /** Why it may not do so now. */
  checkCommit(id: string, committer: Committer): GroupError | undefined {
    this.checkUsable()
    const classic = this.classic.of(id)
    if (classic !== undefined && classic.size > 0) return classic.commitRefusal(committer, committer)
    const group = this.#groups.get(id)
    if (group !== undefined && group.members.size > 0) return group.checkCommit(committer)
    if (committer.generation < 0) return undefined
    if (this.#positions.of(id) !== undefined) return 'UNKNOWN_MEMBER_ID'
    return committer.usesEpochs && !committer.isTransactional ? 'GROUP_ID_NOT_FOUND' : 'ILLEGAL_GENERATION'
  }

  /** Why a member of the newer protocol may not be told where the group stands. */
  checkFetch(id: string, caller: Caller): GroupError | undefined {
    const group = this.#groups.get(id)
    return group?.hasRemoteMembers === true ? group.remote.checkEpoch(caller) : undefined
  }

  /** The topics that members read; or why positions of the group may not be deleted. */
  topicsRead(id: string): { has(topic: string): boolean } | GroupError {
    const classic = this.classic.of(id)
    if (classic !== undefined && classic.size > 0) return classic.topicsRead() ?? 'NON_EMPTY_GROUP'
    const read = [...this.#groups.get(id)?.members.values() ?? []].flatMap(({ topics }) => [...topics])
    return read.length === 0 && this.#positions.of(id) === undefined ? 'GROUP_ID_NOT_FOUND' : new Set(read)
  }

  // ---------------------------------------------------------------- what a group has handled

  async committed(id: string, topic: string): Promise<Map<number, number>> {
    const record = await this.#look(id)
    const found = [...record?.positions.values() ?? []].filter(position => position.topic === topic && position.offset >= 0)
    return new Map(found.map(({ partition, offset }) => [partition, offset] as const).sort(([a], [b]) => a - b))
  }

  async lag(id: string): Promise<PartitionLag[]> {
    return this.lagOf(id, await this.#look(id))
  }

  /** Of every partition of the topics that it reads, or has a position in. */
  lagOf(id: string, record = this.#positions.of(id)): PartitionLag[] {
    const names = new Set([...record?.positions.values() ?? []].map(({ topic }) => topic))
    for (const { topics } of this.#groups.get(id)?.members.values() ?? []) for (const topic of topics) names.add(topic)
    const others = this.classic.of(id)?.topicsRead()
    if (others !== undefined) for (const topic of this.#log.topics.keys()) if (others.has(topic)) names.add(topic)
    return [...names].sort().flatMap(name => (this.#log.topics.get(name)?.partitions ?? []).map((log, partition) => {
      log.refresh()
      const committed = record?.offsetIn(partitionDirectory(name, partition)) ?? null
      const { startOffset, endOffset } = log
      return { topic: name, partition, committed, endOffset, lag: Math.max(0, endOffset - (committed ?? startOffset)) }
    }))
  }

  async #look(id: string): Promise<GroupRecord | undefined> {
    this.checkUsable()
    if (this.#log.settings.readOnly) await this.#positions.refresh()
    return this.#positions.of(id)
  }

  /** For groups without members: those that are there go by what they have in hand. */
  async reset(id: string, subscription: Subscription, to: Position): Promise<void> {
    const what = `group '${id}': reset`
    this.checkWritable(what)
    this.#checkEmpty(id, what)
    const topics = [...this.#log.topics.values()].filter(({ name }) => subscription.has(name))
    const unknown = subscription.names.find(name => !this.#log.topics.has(name))
    if (unknown !== undefined || topics.length === 0) throw new NotFoundError('TOPIC_NOT_FOUND', `${what}: there is no topic ${unknown === undefined ? 'that matches' : `'${unknown}'`}`, { hint: 'log.topics() lists them' })
    const commits = (await Promise.all(topics.flatMap(topic => topic.partitions.map((_, partition) => positionIn(topic, partition, to))))).flatMap(commit => commit ?? [])
    if (commits.length === 0) throw new UsageError('POSITION_INVALID', `${what}: the map names none of the partitions there are`, { hint: 'a map is partition → offset' })
    this.#checkEmpty(id, what)
    await this.#positions.commit(id, commits)
  }

  async delete(id: string): Promise<void> {
    const what = `group '${id}': delete`
    this.checkWritable(what)
    this.#checkEmpty(id, what)
    await this.#positions.settled()
    this.#checkEmpty(id, what)
    const record = this.#positions.of(id)
    if (record === undefined) throw new NotFoundError('GROUP_NOT_FOUND', `${what}: there is no such group`, { hint: 'log.groups() lists them', details: { group: id } })
    this.#forget(id) // in the same step as what is put: whoever joins from here on is in the group that comes
    await this.#positions.forget(id)
    await this.#positions.sync() // as with topics: what was deleted does not come back after a power cut
  }

  #forget(id: string): void {
    this.classic.forget(id)
    const group = this.#groups.get(id)
    group?.forget()
    if (group?.hasListeners === false) this.#groups.delete(id)
  }

  #checkEmpty(id: string, what: string): void {
    const present = (this.#groups.get(id)?.size ?? 0) + (this.classic.of(id)?.remoteCount ?? 0)
    if (present > 0) throw new ConflictError('GROUP_ACTIVE', `${what}: the group has ${present} members`, { hint: 'stop its runners and close its consumers first', details: { group: id, members: present } })
  }

  // ---------------------------------------------------------------- housekeeping

  expireGroups(notSince: number): Promise<number> {
    return this.#expiry.expire(notSince)
  }

  nextExpiry(expiryMs: number): number {
    return this.#expiry.next(expiryMs)
  }

  /** Named by `retainUntilConsumedBy`. */
  #awaited(): Set<string> {
    return new Set([...this.#log.topics.values()].flatMap(({ settings }) => settings.retainUntilConsumedBy))
  }

  committedBelow(group: string, topic: string, partition: number): number {
    return this.#positions.of(group)?.offsetIn(partitionDirectory(topic, partition)) ?? 0
  }

  syncCommits(): Promise<void> {
    return this.#positions.sync()
  }

  // ---------------------------------------------------------------- topics come and go

  async creating(topic: string): Promise<void> {
    await this.#mend(position => position.topic === topic) // an earlier one of that name that could not be forgotten
  }

  async changed(): Promise<void> {
    await Promise.all([...this.#groups.values()].map(group => group.topicsChanged()))
  }

  async deleted(topic: StoredTopic): Promise<void> {
    for (const group of this.#groups.values()) group.topicDeleted(topic)
    await this.#mend(position => position.topic === topic.name)
  }

  /** Members that are beyond its end begin there anew, and nothing they have in hand is committed. */
  async recovered(topic: StoredTopic, partition: number, endOffset: number): Promise<void> {
    const label = partitionDirectory(topic.name, partition)
    const moved = [...this.#groups.values()].filter(group => group.dropBeyond(label, endOffset))
    await this.#mend(position => position.topic === topic.name && position.partition === partition, endOffset)
    for (const group of moved) group.beginAnew(label)
  }

  /** No position is beyond its partition's end, none is of a topic that is not there. On the device when it resolves. */
  async #mend(concerns: (position: { topic: string; partition: number }) => boolean, end?: number): Promise<void> {
    await this.#positions.settled()
    const commits: Promise<void>[] = []
    for (const [group, { positions }] of this.#positions.groups) {
      const wrong = [...positions.values()].filter(position => concerns(position)).flatMap(position => this.#correction(group, position, end) ?? [])
      if (wrong.length > 0) commits.push(this.#positions.commit(group, wrong))
    }
    for (const pending of this.#positions.pending) if (concerns(pending) && !this.#log.topics.has(pending.topic)) commits.push(this.#positions.commit(pending.group, [{ ...pending, offset: undefined }]))
    if (commits.length === 0) return
    await Promise.all(commits)
    await this.#positions.sync()
  }

  #correction(group: string, { topic, partition, offset, metadata }: StoredPosition, end: number | undefined): Commit | undefined {
    const log = this.#log.topics.get(topic)?.partitions[partition]
    if (log === undefined) return { topic, partition, offset: undefined }
    const endOffset = end ?? log.endOffset
    if (offset <= endOffset) return undefined
    this.#log.events.emit('rewound', { group, topic, partition, from: offset, to: endOffset })
    return { topic, partition, offset: endOffset, metadata }
  }

  // ---------------------------------------------------------------- idle, and the end

  /** A runner began; the returned function says that it has ended well, or that its failure is known. */
  started(running: Running): () => void {
    const ofGroup = this.#running.get(running.group) ?? new Set()
    this.#running.set(running.group, ofGroup)
    for (const earlier of ofGroup) if (earlier.failure !== undefined) ofGroup.delete(earlier)
    ofGroup.add(running)
    return () => {
      ofGroup.delete(running)
      if (ofGroup.size === 0 && this.#running.get(running.group) === ofGroup) this.#running.delete(running.group)
      this.#idle.look()
    }
  }

  *#works(): Iterable<Running> {
    for (const ofGroup of this.#running.values()) yield* ofGroup
  }

  idle(options: { signal?: AbortSignal | undefined; advance: boolean }): Promise<void> {
    this.checkWritable('idle')
    return this.#idle.idle(options)
  }

  /**
   * Every member commits what it has handled, whatever becomes of the others; then the first error is thrown. What had
   * ended a runner was told before. undefined: there is nothing to wait for.
   */
  close(timeoutMs: number): Promise<void> | undefined {
    this.#end(logClosed(this.#log.location))
    const members = [...this.#groups.values()].flatMap(({ present }) => present)
    if (members.length > 0 || this.#running.size > 0 || !this.#positions.isSettled) return this.#close(timeoutMs)
    for (const group of this.#groups.values()) group.forget()
    return undefined
  }

  async #close(timeoutMs: number): Promise<void> {
    const failures: unknown[] = []
    const all = async (works: readonly Promise<void>[]) => { for (const result of await Promise.allSettled(works)) if (result.status === 'rejected') failures.push(result.reason) }
    await all([...this.#works()].map(running => running.stop(timeoutMs).catch((error: unknown) => { if (error !== running.failure) throw error })))
    await all([...this.#groups.values()].flatMap(({ present }) => present).map(member => member.close()))
    await this.#positions.settled()
    for (const group of this.#groups.values()) group.forget()
    if (failures.length > 0) throw failures[0]
  }

  /** As if the process had died. */
  abandon(reason: Error): void {
    this.#end(reason)
    for (const group of this.#groups.values()) group.abandon(reason)
  }

  #end(reason: Error): void {
    this.#ended ??= reason
    this.classic.end()
    this.#idle.end(this.#ended)
  }

  #checkOpen(): void {
    if (this.#ended !== undefined) throw this.#ended
    this.#log.checkOpen()
  }

  /** Throws where the log is closed, or what is on record of groups can't be read. */
  checkUsable(): void {
    this.#checkOpen()
    if (this.#positions.failure !== undefined) throw this.#positions.failure
  }
}

async function positionIn(topic: StoredTopic, partition: number, to: Position): Promise<Commit | undefined> {
  if (to instanceof Map && !(to as ReadonlyMap<number, number>).has(partition)) return undefined
  const log = topic.partitions[partition]!
  const offset = await resolvePosition(topic, partition, to)
  if (offset < log.startOffset || offset > log.endOffset) throw log.outOfRange(offset)
  return { topic: topic.name, partition, offset }
}

