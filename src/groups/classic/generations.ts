// The generations of a classic group: its members are gathered, led to an assignment, and watched while they live by it.
//
//   Empty ── a member comes ──► PreparingRebalance ── all have joined, or time is up ──► CompletingRebalance
//     ▲                             ▲        │                                                │ the leader's assignment
//     └──────── nobody is left ─────┼────────┘      a member comes, goes or changes           ▼ is on record
//                                   └───────────────────────────────────────────────────── Stable
//
//   generation rises whenever members have joined, or the last has gone
//   an assignment is told once it is on record, so that members go on with it after a restart
//
// What a request may do is decided in classic-group.ts.
import { MillraceError } from '../../base/errors.ts'
import type { StoredGroup } from '../../format/group-records.ts'
import type { Clock } from '../../platform/clock.ts'
import type { GroupError } from '../group-errors.ts'
import type { ClassicMember } from './classic-member.ts'
import { joinRefused, NO_ASSIGNMENT, syncRefused, type JoinAnswer, type SyncAnswer, type SyncRequest } from './classic-requests.ts'
import { ClassicRoster } from './classic-roster.ts'
import { NamedTimers } from './named-timers.ts'
import { restoredMembers, storedMembers } from './stored-classic.ts'

export type ClassicGroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

/** So long is waited for members of a first generation that have been given an id: Kafka's group.initial.rebalance.delay.ms. */
const FIRST_GENERATION_WAIT_MS = 3000

export interface GenerationsParts {
  readonly clock: Clock
  /** Resolves once it is on record. */
  readonly store: (stored: StoredGroup) => Promise<void>
  /** The newest that is on record, of whatever kind the group was. */
  readonly storedGeneration: () => number
  /** Nobody is in it, and nobody on the way in. */
  readonly onVacant: () => void
  /** The last member of the wire is gone: those of this process are no members here any more. */
  readonly onLocalsAlone: () => void
  /** In the background. */
  readonly onFailed: (error: MillraceError) => void
}

export class Generations {
  readonly roster = new ClassicRoster()
  readonly #parts: GenerationsParts
  /** Of sessions, by member id. */
  readonly #sessions: NamedTimers
  /** Until members have joined, and until they have synced. */
  readonly #phases: NamedTimers
  /** Those of this generation that have not asked for their assignment. */
  readonly #unsynced = new Set<string>()
  #state: ClassicGroupState = 'Empty'
  #generation = 0
  #protocol: string | null = null
  /** The generation whose assignment goes on record now. */
  #assigning: number | undefined

  constructor(parts: GenerationsParts) {
    this.#parts = parts
    this.#sessions = new NamedTimers(parts.clock)
    this.#phases = new NamedTimers(parts.clock)
  }

  get state(): ClassicGroupState { return this.#state }
  get generation(): number { return this.#generation }
  get protocol(): string | null { return this.#protocol }

  /** Its members were in it when the log was last closed, and may go on as if nothing had happened. */
  restore(stored: StoredGroup): void {
    const members = restoredMembers(stored)
    this.roster.restore(stored.protocolType, stored.leader, members)
    this.#generation = stored.generation
    this.#protocol = stored.protocol
    this.#state = 'Stable'
    for (const member of members) this.awaitHeartbeat(member)
    if (members.length < stored.members.length) this.rebalance()
  }

  /** Whoever waits is told. */
  end(): void {
    this.#state = 'Dead'
    this.#sessions.cancelAll()
    this.#phases.cancelAll()
    for (const member of this.roster.members) {
      member.answerJoin(joinRefused('COORDINATOR_NOT_AVAILABLE', member.id))
      member.answerSync(syncRefused('COORDINATOR_NOT_AVAILABLE'))
    }
  }

  // ---------------------------------------------------------------- members gather

  /** Of members that have to join again, those that wait for an assignment are told so now, the others with their next heartbeat. */
  rebalance(): void {
    if (this.#dissolveMaybe()) return
    if (this.#state === 'PreparingRebalance') return this.#completeJoinMaybe()
    const isFirst = this.#state === 'Empty'
    if (this.#state === 'CompletingRebalance') this.#answerSyncs('REBALANCE_IN_PROGRESS', () => NO_ASSIGNMENT)
    this.#unsynced.clear()
    this.#phases.cancel('sync')
    this.#state = 'PreparingRebalance'
    const { roster } = this
    if (roster.allHaveJoined) return this.#completeJoin()
    const waitMs = isFirst && roster.allMembersHaveJoined ? Math.min(FIRST_GENERATION_WAIT_MS, roster.rebalanceTimeoutMs) : roster.rebalanceTimeoutMs
    this.#phases.set('join', waitMs, () => { this.#completeJoin() })
    for (const { local, isJoining, isAway } of [...roster.members]) if (!isJoining && !isAway) local?.gather()
  }

  #completeJoinMaybe(): void {
    if (this.#state === 'PreparingRebalance' && this.roster.allHaveJoined) this.#completeJoin()
  }

  /** Dynamic members that have not come are out. Static ones keep their place; only they: somebody else has to come first. */
  #completeJoin(): void {
    const { roster } = this
    this.#phases.cancel('join')
    for (const { id, isJoining, instanceId } of [...roster.members]) if (!isJoining && instanceId === null) this.remove(id)
    if (this.#dissolveMaybe()) return
    if (!roster.electLeader() && roster.size > 0) {
      this.#phases.set('join', roster.rebalanceTimeoutMs, () => { this.#completeJoin() })
      return
    }
    this.#generation = Math.max(this.#generation, this.#parts.storedGeneration()) + 1
    if (roster.size === 0) this.#becomeEmpty()
    else this.#begin()
  }

  #becomeEmpty(): void {
    this.#state = 'Empty'
    this.#protocol = null
    this.store(() => NO_ASSIGNMENT).catch(() => { /* who has left has left, whatever the disk says */ })
    this.#tellVacant()
  }

  #tellVacant(): void {
    if (this.roster.isVacant) this.#parts.onVacant()
  }

  /** Members of this process alone need none of this: whether they are left to themselves. */
  #dissolveMaybe(): boolean {
    const { roster } = this
    if (roster.remoteCount > 0 || roster.size === 0) return false
    this.#phases.cancelAll()
    this.#unsynced.clear()
    this.#state = 'Empty'
    this.#protocol = null
    this.#generation++ // whoever was a member is fenced
    const locals = [...roster.members]
    for (const { id } of locals) {
      this.#sessions.cancel(id)
      roster.remove(id)
    }
    this.#parts.onLocalsAlone()
    for (const member of locals) {
      member.answerJoin(joinRefused('UNKNOWN_MEMBER_ID', ''))
      member.answerSync(syncRefused('UNKNOWN_MEMBER_ID'))
    }
    return true
  }

  // ---------------------------------------------------------------- a generation begins

  #begin(): void {
    this.#state = 'CompletingRebalance'
    this.#protocol = this.roster.selectProtocol()
    for (const member of this.roster.members) {
      if (member.isAway) continue
      this.#unsynced.add(member.id)
      member.isNew = false
      this.awaitHeartbeat(member)
      member.answerJoin(this.joinedAs(member))
    }
    this.#phases.set('sync', this.roster.rebalanceTimeoutMs, () => { this.#dropUnsynced() })
  }

  /** They have been told of the generation, and have never asked what it assigns to them. */
  #dropUnsynced(): void {
    for (const id of this.#unsynced) this.remove(id)
    this.rebalance()
  }

  /** What it is told of the generation. */
  joinedAs(member: ClassicMember): JoinAnswer {
    const { leader, protocolType, members } = this.roster
    const told = leader !== member.id ? [] : [...members].map(each => ({ memberId: each.id, instanceId: each.instanceId, metadata: each.metadata(this.#protocol!) }))
    return { error: undefined, memberId: member.id, generation: this.#generation, protocolType, protocol: this.#protocol, leader: leader ?? '', skipAssignment: false, members: told }
  }

  /** The member asks what it is to have. */
  sync(member: ClassicMember, request: SyncRequest): SyncAnswer | Promise<SyncAnswer> {
    this.#unsynced.delete(member.id)
    if (this.#unsynced.size === 0) this.#phases.cancel('sync')
    if (this.#state === 'Stable') return this.#assigned(member)
    return new Promise(answer => {
      member.syncs(answer)
      if (this.roster.leader === member.id && this.#assigning !== this.#generation) void this.#assign(request)
    })
  }

  async #assign({ generation, assignments }: SyncRequest): Promise<void> {
    const byMember = new Map(assignments.map(({ memberId, assignment }) => [memberId, Buffer.from(assignment)])) // not the request's bytes: a member keeps it
    const assignmentOf = ({ id }: ClassicMember): Buffer => byMember.get(id) ?? NO_ASSIGNMENT
    this.#assigning = generation
    const isCurrent = (): boolean => this.#state === 'CompletingRebalance' && this.#generation === generation
    try {
      await this.store(assignmentOf)
    } catch {
      this.#assigning = undefined
      if (!isCurrent()) return
      this.#answerSyncs('COORDINATOR_NOT_AVAILABLE', () => NO_ASSIGNMENT)
      this.rebalance()
      return
    }
    if (!isCurrent()) return
    this.#state = 'Stable'
    this.#answerSyncs(undefined, assignmentOf)
  }

  #answerSyncs(error: GroupError | undefined, assignmentOf: (member: ClassicMember) => Buffer): void {
    for (const member of this.roster.members) {
      member.assignment = assignmentOf(member)
      const wasWaiting = member.answerSync(error === undefined ? this.#assigned(member) : syncRefused(error))
      if (wasWaiting) this.awaitHeartbeat(member)
    }
  }

  #assigned({ assignment }: ClassicMember): SyncAnswer {
    return { error: undefined, protocolType: this.roster.protocolType, protocol: this.#protocol, assignment }
  }

  /** Rejects with what is in the way; that was told as an error of the log, too. */
  async store(assignmentOf: (member: ClassicMember) => Buffer): Promise<void> {
    const { clock, store, onFailed } = this.#parts
    const { protocolType, leader, members } = this.roster
    try {
      await store({
        protocolType: protocolType ?? '', generation: this.#generation, protocol: this.#protocol, leader, timestamp: clock.now(),
        members: this.#protocol === null ? [] : storedMembers(members, this.#protocol, assignmentOf),
      })
    } catch (error) {
      if (error instanceof MillraceError) onFailed(error)
      throw error
    }
  }

  // ---------------------------------------------------------------- members live and go

  /** A member that waits for an answer counts as alive: it is watched again once it has that. Those of this process always do. */
  awaitHeartbeat(member: ClassicMember, timeoutMs = member.sessionTimeoutMs): void {
    if (member.local !== undefined && !member.isAway) return
    this.#sessions.set(member.id, timeoutMs, () => {
      if (member.isWaiting && !member.isNew) return
      this.remove(member.id)
      this.memberWentAway()
    })
  }

  /** An id was given out: it is kept for so long. */
  awaitJoin(memberId: string, timeoutMs: number): void {
    this.roster.pending.add(memberId)
    this.#sessions.set(memberId, timeoutMs, () => {
      this.remove(memberId)
      this.pendingWentAway()
    })
  }

  /** A member, or a pending id. The caller says then that it went. */
  remove(memberId: string): void {
    const member = this.roster.get(memberId)
    this.#forget(memberId)
    this.roster.remove(memberId)
    member?.answerJoin(joinRefused('UNKNOWN_MEMBER_ID', ''))
    member?.answerSync(syncRefused('UNKNOWN_MEMBER_ID'))
    member?.local?.out('dropped')
  }

  /** Another one has its place. */
  fence(member: ClassicMember): void {
    this.#forget(member.id)
    member.answerJoin(joinRefused('FENCED_INSTANCE_ID', member.id))
    member.answerSync(syncRefused('FENCED_INSTANCE_ID'))
    member.local?.out('replaced')
  }

  #forget(memberId: string): void {
    this.#sessions.cancel(memberId)
    this.#unsynced.delete(memberId)
  }

  memberWentAway(): void {
    if (this.#state === 'Stable' || this.#state === 'CompletingRebalance') this.rebalance()
    else if (!this.#dissolveMaybe()) this.#completeJoinMaybe()
  }

  /** It was waited for, at most. */
  pendingWentAway(): void {
    if (this.#state === 'Empty') this.#tellVacant()
    else this.#completeJoinMaybe()
  }
}
