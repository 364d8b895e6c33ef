// A group whose members share out partitions among themselves, as Kafka's classic protocol has it: the group gathers them,
// names a leader, and passes on what the leader assigns. What subscriptions and assignments say is none of its business.
// Here is decided what a request may do; how a generation comes about is generations.ts.
//
//   who is of an older generation can neither sync nor commit
//   an instance id is one member: who comes with it again takes its place, and the one before is fenced
//
// Members of this process come in with the first member of the wire, and are on their own again when the last has gone.
//
// Differs from Kafka: the first members are not waited for (there group.initial.rebalance.delay.ms is 3 s), save those that
// were given an id and have not come with it yet; who asks again in the name of a member that waits takes its place, and
// the earlier request is answered; a static member that comes again for other topics has the group share out anew.
import { randomUUID } from 'node:crypto'
import type { StoredGroup } from '../../format/group-records.ts'
import type { GroupError } from '../group-errors.ts'
import { ClassicMember } from './classic-member.ts'
import { CONSUMERS, joinRefused, syncRefused, type Caller, type JoinAnswer, type JoinRequest, type Leaving, type SyncAnswer, type SyncRequest } from './classic-requests.ts'
import type { ClassicRoster } from './classic-roster.ts'
import { Generations, type ClassicGroupState, type GenerationsParts } from './generations.ts'

/** Ids that were given out included. Kafka's group.max.size has no limit unless one is set. */
const MAX_MEMBERS = 10_000
/** A member that has not seen a generation sends no heartbeats, whatever its session time-out. */
const NEW_MEMBER_TIMEOUT_MS = 5 * 60_000

export interface ClassicGroupParts extends GenerationsParts {
  /** The first member of the wire comes: those of this process enter(). */
  readonly bringLocals: () => void
}

export class ClassicGroup {
  readonly id: string
  readonly #parts: ClassicGroupParts
  readonly #generations: Generations
  readonly #roster: ClassicRoster

  constructor(id: string, parts: ClassicGroupParts) {
    this.id = id
    this.#parts = parts
    this.#generations = new Generations(parts)
    this.#roster = this.#generations.roster
  }

  get state(): ClassicGroupState { return this.#generations.state }
  get generation(): number { return this.#generations.generation }
  /** What its members offer: 'consumer'. */
  get protocolType(): string | null { return this.#roster.protocolType }
  /** The assignor's name; null: none is chosen, or nobody is there. */
  get protocol(): string | null { return this.#generations.protocol }
  get members(): Iterable<ClassicMember> { return this.#roster.members }
  get size(): number { return this.#roster.size }
  /** Members that speak over the wire. */
  get remoteCount(): number { return this.#roster.remoteCount }
  /** Nobody is in it, and nobody on the way in. */
  get isVacant(): boolean { return this.#roster.isVacant }

  /** undefined: its members are no consumers. */
  topicsRead(): { has(topic: string): boolean } | undefined {
    return this.#roster.topicsRead()
  }

  /** With the members that are on record. */
  restore(stored: StoredGroup): void {
    this.#generations.restore(stored)
  }

  /** Nobody gets anything more of it. */
  end(): void {
    this.#generations.end()
  }

  // ---------------------------------------------------------------- join

  join(request: JoinRequest): Promise<JoinAnswer> {
    return new Promise(answer => { this.#join(request, answer) })
  }

  #join(request: JoinRequest, answer: (answer: JoinAnswer) => void): void {
    const { memberId, instanceId } = request
    const refuse = (error: GroupError, id = memberId): void => { answer(joinRefused(error, id)) }
    if (this.state === 'Dead') refuse('COORDINATOR_NOT_AVAILABLE')
    else if (request.local === undefined && !this.#hasRoomFor(memberId)) refuse('GROUP_MAX_SIZE_REACHED', '')
    else if (!this.#roster.accepts(request)) refuse('INCONSISTENT_GROUP_PROTOCOL')
    else if (memberId === '') this.#joinNew(request, answer)
    else if (this.#roster.pending.has(memberId) || this.#isNewLocal(request)) this.#add(memberId, request, answer)
    else {
      const refusal = this.#roster.refusal({ memberId, instanceId })
      if (refusal === undefined) this.#joinAgain(this.#roster.get(memberId)!, request, answer)
      else refuse(refusal)
    }
  }

  #isNewLocal({ memberId, local }: JoinRequest): boolean {
    return local !== undefined && this.#roster.get(memberId) === undefined
  }

  #hasRoomFor(memberId: string): boolean {
    const { pending, size } = this.#roster
    return this.#roster.get(memberId) !== undefined || pending.has(memberId) || size + pending.size < MAX_MEMBERS
  }

  #joinNew(request: JoinRequest, answer: (answer: JoinAnswer) => void): void {
    const memberId = `${request.instanceId ?? request.clientId}-${randomUUID()}`
    if (request.instanceId !== null || !request.needsIdFirst) return this.#add(memberId, request, answer)
    this.#generations.awaitJoin(memberId, request.sessionTimeoutMs)
    answer(joinRefused('MEMBER_ID_REQUIRED', memberId))
  }

  /** A member of this process, before the first of the wire. It is told when to join. */
  enter(request: JoinRequest): void {
    this.#roster.add(new ClassicMember(request.memberId, request), request.protocolType)
  }

  #add(memberId: string, request: JoinRequest, answer: (answer: JoinAnswer) => void): void {
    if (this.state === 'Empty' && request.local === undefined) this.#parts.bringLocals()
    const before = request.instanceId === null ? undefined : this.#roster.ofInstance(request.instanceId)
    if (before !== undefined) return this.#replace(before, memberId, request, answer)
    const member = new ClassicMember(memberId, request)
    member.isNew = true
    this.#roster.add(member, request.protocolType)
    member.joins(answer)
    this.#generations.awaitHeartbeat(member, NEW_MEMBER_TIMEOUT_MS)
    this.#generations.rebalance()
  }

  /** Where a member of the generation says nothing new it is told what it knows: its client has lost an answer. */
  #joinAgain(member: ClassicMember, request: JoinRequest, answer: (answer: JoinAnswer) => void): void {
    const isFollower = this.state === 'Stable' && this.#roster.leader !== member.id
    if (member.offers(request) && (isFollower || this.state === 'CompletingRebalance')) return answer(this.#generations.joinedAs(member))
    member.update(request)
    member.joins(answer)
    this.#generations.rebalance()
  }

  /** A static member that was restarted. In a stable group it goes on where it was, if the others' shares stay what they are. */
  #replace(before: ClassicMember, memberId: string, request: JoinRequest, answer: (answer: JoinAnswer) => void): void {
    const formerLeader = this.#roster.leader
    this.#generations.fence(before)
    const member = this.#roster.replace(before, memberId, request)
    member.joins(answer)
    this.#generations.awaitHeartbeat(member)
    if (this.state === 'Stable' && this.#isLike(before, member)) void this.#goOnAs(member, request, formerLeader)
    else this.#generations.rebalance()
  }

  /** There is a leader still, and nobody has to share out anew. */
  #isLike(before: ClassicMember, member: ClassicMember): boolean {
    const { leader, protocolType } = this.#roster
    if (leader === null || this.protocol === null || this.#roster.selectProtocol() !== this.protocol) return false
    return protocolType !== CONSUMERS || member.readsSameTopics(before, this.protocol)
  }

  /** A leader that can't be told to skip the assignment is told that its former self leads: else it would assign anew, and nobody would ask. */
  async #goOnAs(member: ClassicMember, { canSkipAssignment }: JoinRequest, formerLeader: string | null): Promise<void> {
    try {
      await this.#generations.store(each => each.assignment)
    } catch {
      member.answerJoin(joinRefused('COORDINATOR_NOT_AVAILABLE', ''))
      return
    }
    if (this.state !== 'Stable') return // a rebalance has come: the answer is the next generation
    const joined = this.#generations.joinedAs(member)
    member.answerJoin(canSkipAssignment ? { ...joined, skipAssignment: this.#roster.leader === member.id } : { ...joined, members: [], leader: formerLeader ?? '' })
  }

  // ---------------------------------------------------------------- sync

  sync(request: SyncRequest): SyncAnswer | Promise<SyncAnswer> {
    const refusal = this.#syncRefusal(request)
    return refusal === undefined ? this.#generations.sync(this.#roster.get(request.memberId)!, request) : syncRefused(refusal)
  }

  #syncRefusal({ protocolType, protocol, ...caller }: SyncRequest): GroupError | undefined {
    const refusal = this.refusal(caller)
    if (refusal !== undefined) return refusal
    if (protocolType !== null && protocolType !== this.protocolType) return 'INCONSISTENT_GROUP_PROTOCOL'
    if (protocol !== null && protocol !== this.protocol) return 'INCONSISTENT_GROUP_PROTOCOL'
    return this.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : undefined
  }

  // ---------------------------------------------------------------- members live and go

  heartbeat(caller: Caller): GroupError | undefined {
    const refusal = this.refusal(caller)
    if (refusal !== undefined) return refusal
    this.#generations.awaitHeartbeat(this.#roster.get(caller.memberId)!)
    return this.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : undefined
  }

  /** Why the caller is not a member of this generation. */
  refusal(caller: Caller): GroupError | undefined {
    if (this.state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE'
    return this.#roster.refusal(caller) ?? (caller.generation === this.generation ? undefined : 'ILLEGAL_GENERATION')
  }

  /** An answer for each, in their order. */
  leave(leaving: readonly Leaving[]): (GroupError | undefined)[] {
    if (this.state === 'Dead') return leaving.map(() => 'COORDINATOR_NOT_AVAILABLE')
    const { size } = this
    const answers = leaving.map(each => this.#leaves(each))
    if (this.size < size) this.#generations.memberWentAway()
    else if (answers.includes(undefined)) this.#generations.pendingWentAway()
    return answers
  }

  #leaves({ memberId, instanceId }: Leaving): GroupError | undefined {
    const isPending = this.#roster.pending.has(memberId)
    const id = memberId === '' && instanceId !== null ? this.#roster.ofInstance(instanceId)?.id ?? '' : memberId
    const refusal = isPending ? undefined : this.#roster.refusal({ memberId: id, instanceId })
    if (refusal === undefined) this.#generations.remove(id)
    return refusal
  }

  /** A static member of this process goes, and may come again. */
  goAway(memberId: string): void {
    const member = this.#roster.get(memberId)
    if (member === undefined) return
    member.isAway = true
    this.#generations.awaitHeartbeat(member)
  }

  // ---------------------------------------------------------------- commits

  /** Why the caller may not commit now. A member may while others join again: its generation is the newest that there is. */
  commitRefusal(caller: Caller, { isTransactional }: { readonly isTransactional: boolean }): GroupError | undefined {
    if (this.state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE'
    if (caller.generation < 0 && this.state === 'Empty') return undefined
    const isAnonymous = caller.generation < 0 && caller.memberId === '' && caller.instanceId === null
    if (isAnonymous) return isTransactional ? undefined : 'UNKNOWN_MEMBER_ID'
    const refusal = this.refusal(caller)
    if (refusal !== undefined) return refusal
    if (isTransactional) return undefined
    if (this.state === 'CompletingRebalance') return 'REBALANCE_IN_PROGRESS'
    this.#generations.awaitHeartbeat(this.#roster.get(caller.memberId)!)
    return undefined
  }
}
