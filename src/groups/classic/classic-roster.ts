// Who is in a classic group, who leads it, and which protocols all of them know. Pure: no timers, no I/O.
//
//   all members are of one protocol type, and there is at least one protocol that each of them knows
//   an instance id belongs to one member; a pending id to none
//   the leader is a member, unless there are none, and speaks over the wire: members of this process offer every protocol,
//   and could not tell what the others' assignors would do
import { CorruptionError } from '../../base/errors.ts'
import { parseSubscribedTopics } from '../../format/consumer-protocol.ts'
import type { GroupError } from '../group-errors.ts'
import { ClassicMember } from './classic-member.ts'
import { CONSUMERS, type JoinRequest } from './classic-requests.ts'

const ALL_TOPICS = { has: () => true }

export class ClassicRoster {
  readonly #members = new Map<string, ClassicMember>()
  /** Member id by instance id. */
  readonly #instances = new Map<string, string>()
  /** Ids that were given out, and that nobody has come again with yet. */
  readonly pending = new Set<string>()
  #leader: string | null = null
  #protocolType: string | null = null

  get members(): Iterable<ClassicMember> { return this.#members.values() }
  get size(): number { return this.#members.size }
  /** Nobody is in it, and nobody on the way in. */
  get isVacant(): boolean { return this.size === 0 && this.pending.size === 0 }
  /** Those that speak over the wire. */
  get remoteCount(): number { return [...this.members].filter(({ isLocal }) => !isLocal).length }
  get leader(): string | null { return this.#leader }
  /** It outlives the members; null: there has been none. */
  get protocolType(): string | null { return this.#protocolType }
  get allHaveJoined(): boolean { return this.pending.size === 0 && this.allMembersHaveJoined }
  /** Those of this process that are away are known not to come: nobody waits for them. */
  get allMembersHaveJoined(): boolean { return [...this.members].every(({ isJoining, isAway }) => isJoining || isAway) }
  /** The longest that one of them needs. */
  get rebalanceTimeoutMs(): number { return Math.max(0, ...[...this.members].map(({ rebalanceTimeoutMs }) => rebalanceTimeoutMs)) }

  get(memberId: string): ClassicMember | undefined {
    return this.#members.get(memberId)
  }

  ofInstance(instanceId: string): ClassicMember | undefined {
    const id = this.#instances.get(instanceId)
    return id === undefined ? undefined : this.#members.get(id)
  }

  /** undefined: there is such a member, and it is not fenced. */
  refusal({ memberId, instanceId }: { readonly memberId: string; readonly instanceId: string | null }): GroupError | undefined {
    if (instanceId !== null) {
      const current = this.#instances.get(instanceId)
      if (current === undefined) return 'UNKNOWN_MEMBER_ID'
      if (current !== memberId) return 'FENCED_INSTANCE_ID'
    }
    return this.#members.has(memberId) ? undefined : 'UNKNOWN_MEMBER_ID'
  }

  /** Whether there would still be a protocol that everybody knows. */
  accepts({ protocolType, protocols, local }: JoinRequest): boolean {
    if (this.size > 0 && protocolType !== this.#protocolType) return false
    if (local !== undefined) return true
    return protocolType !== '' && protocols.some(({ name }) => this.#allSupport(name))
  }

  restore(protocolType: string, leader: string | null, members: readonly ClassicMember[]): void {
    this.#protocolType = protocolType
    for (const member of members) this.#put(member)
    if (leader !== null && this.#members.has(leader)) this.#leader = leader
  }

  add(member: ClassicMember, protocolType: string): void {
    if (this.size === 0) this.#protocolType = protocolType
    this.pending.delete(member.id)
    this.#put(member)
  }

  #put(member: ClassicMember): void {
    this.#members.set(member.id, member)
    if (member.instanceId !== null) this.#instances.set(member.instanceId, member.id)
    if (!member.isLocal) this.#leader ??= member.id
  }

  remove(memberId: string): void {
    const member = this.#members.get(memberId)
    this.#members.delete(memberId)
    this.pending.delete(memberId)
    if (member !== undefined && member.instanceId !== null) this.#instances.delete(member.instanceId)
    if (this.#leader === memberId) this.#leader = [...this.members].find(({ isLocal }) => !isLocal)?.id ?? null
  }

  /** A static member came again, under a new id: it has what the one before had. */
  replace(before: ClassicMember, memberId: string, request: JoinRequest): ClassicMember {
    const member = new ClassicMember(memberId, { ...request, instanceId: before.instanceId })
    member.assignment = before.assignment
    const wasLeader = this.#leader === before.id
    this.#members.delete(before.id)
    this.#put(member)
    if (wasLeader) this.#leader = member.isLocal ? null : memberId
    return member
  }

  /** The leader stays if it has joined; else the first that has leads. Whether anybody does. */
  electLeader(): boolean {
    if (this.#leader !== null && this.#members.get(this.#leader)!.isJoining) return true
    const joined = [...this.members].find(({ isJoining, isLocal }) => isJoining && !isLocal)
    if (joined === undefined) return false
    this.#leader = joined.id
    return true
  }

  /** Of those that everybody knows the one that most like best. */
  selectProtocol(): string {
    const votes = new Map<string, number>()
    for (const { protocols, isLocal } of this.members) {
      if (isLocal) continue
      const choice = protocols.find(({ name }) => this.#allSupport(name))!.name
      votes.set(choice, (votes.get(choice) ?? 0) + 1)
    }
    return [...votes].reduce((best, each) => each[1] > best[1] ? each : best)[0]
  }

  /** What its members read, if they are consumers: undefined if not. What can't be read stands for all topics. */
  topicsRead(): { has(topic: string): boolean } | undefined {
    if (this.#protocolType !== CONSUMERS) return undefined
    try {
      return new Set([...this.members].flatMap(({ local, protocols: [first] }) => parseSubscribedTopics(local?.subscription ?? first!.metadata)))
    } catch (error) {
      if (error instanceof CorruptionError) return ALL_TOPICS
      throw error
    }
  }

  #allSupport(protocol: string): boolean {
    for (const member of this.members) if (!member.supports(protocol)) return false
    return true
  }
}
