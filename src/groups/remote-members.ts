// The members of one group that are clients behind a door and speak Kafka's consumer protocol (KIP-848): who they are,
// which of their heartbeats are good, and when they count as gone. They sit in the group's seats like members of this
// process, and get what its plan gives them.
//
//   a client that is not heard of for its session is out of the group
//   an instance id is one seat: whoever else wants it waits until who sits there has left
//   who speaks with an epoch that is not its own has missed something: it is fenced, and joins anew
//
// Differs from Kafka: every change is a new epoch of group and assignment at once, since the plan is made here and now;
// a client that is known and joins anew (epoch 0) is let in; heartbeats are asked for every second, not every five, as
// that is how long a group waits for what has to change hands, and a log in a process has tens of clients, not thousands.
import { randomUUID } from 'node:crypto'
import type { OpenLog } from '../log/open-log.ts'
import type { Clock } from '../platform/clock.ts'
import { GroupFault } from './group-fault.ts'
import type { GroupError } from './group-errors.ts'
import type { Client, GroupMember } from './group-state.ts'
import { DEFAULT_SERVER_ASSIGNOR, RemoteMember, SERVER_ASSIGNORS, SESSION_TIMEOUT_MS, type KnownEpochs, type RemoteIdentity, type RemoteSettings } from './remote-member.ts'
import { RemoteSubscription } from './remote-subscription.ts'
import type { Assigned, Seat } from './seat.ts'

/** What clients are told: how long until they say that they live, and ask what is new; shorter while partitions change hands. */
const HEARTBEAT_INTERVAL_MS = 500
const MOVING_HEARTBEAT_INTERVAL_MS = 200
/** Kafka sets no limit by default; a group is planned as a whole each time. */
const LARGEST_GROUP = 1_000

/** Epochs by which a client says something else. */
export const JOIN = 0
export const LEAVE = -1
export const LEAVE_FOR_A_WHILE = -2
const SAME_AS_BEFORE = -1

export interface Heartbeat {
  /** '': the client has none yet, and is given one. */
  readonly memberId: string
  readonly memberEpoch: number
  readonly instanceId: string | null
  /** -1, or null: as before. */
  readonly rebalanceTimeoutMs: number
  readonly topicNames: readonly string[] | null
  readonly topicPattern: string | null
  readonly assignor: string | null
  /** Partition directories, as far as they exist. */
  readonly owned: ReadonlySet<string> | null
  readonly clientId: string
  readonly clientHost: string
}

export interface HeartbeatAnswer {
  readonly memberId: string
  readonly memberEpoch: number
  /** When the client is to be heard of again. */
  readonly intervalMs: number
  /** undefined: as it was told before. */
  readonly assignment: readonly Assigned[] | undefined
}

/** Who wants to know, or move, where the group stands. generation below 0: somebody who is in no group. */
export interface Caller {
  readonly memberId: string
  readonly generation: number
}

export interface Committer extends Caller {
  readonly isTransactional: boolean
  /** Its request is of a version that members of such groups may use. */
  readonly usesEpochs: boolean
}

export interface RemoteHome {
  readonly id: string
  readonly log: OpenLog
  readonly clock: Clock
  readonly generation: number
  readonly size: number
  readonly isRebalancing: boolean
  readonly isSettled: boolean
  seatOf(id: string): Seat | undefined
  /** Resolves once the plan that knows the member, as it is now, is applied. */
  seat(member: RemoteMember): Promise<void>
  leave(member: RemoteMember, options: { leave: boolean }): Promise<void>
  /** It learns now that it is to give it up: its time for that begins. */
  asked(member: Seat, label: string): void
  /** Resolves once it is on record that it has none of it in hand; whoever it is meant for has it then. */
  release(member: Seat, labels: readonly string[]): Promise<void>
}

export class RemoteMembers {
  readonly #home: RemoteHome
  /** By member id. */
  readonly #members = new Map<string, RemoteMember>()
  readonly #sessions = new Map<RemoteMember, { cancel(): void }>()

  constructor(home: RemoteHome) {
    this.#home = home
  }

  get all(): Iterable<RemoteMember> { return this.#members.values() }

  named(memberId: string): RemoteMember | undefined {
    return this.#members.get(memberId)
  }

  async heartbeat(beat: Heartbeat): Promise<HeartbeatAnswer> {
    if (beat.memberEpoch === LEAVE || beat.memberEpoch === LEAVE_FOR_A_WHILE) return this.#leave(beat)
    const member = beat.memberEpoch === JOIN ? await this.#join(beat) : await this.#goOn(beat)
    if (this.#members.get(member.memberId) !== member) throw this.#unknown(member.memberId) // it went while its change was put on record
    this.#heard(member)
    member.settings.subscription.check()
    await member.acknowledge(beat.owned)
    const { epoch, assignment } = member.answer(beat.memberEpoch === JOIN || isFull(beat))
    const isMoving = this.#home.isRebalancing || !this.#home.isSettled || !member.isStable
    return { memberId: member.memberId, memberEpoch: epoch, intervalMs: isMoving ? MOVING_HEARTBEAT_INTERVAL_MS : HEARTBEAT_INTERVAL_MS, assignment }
  }

  // ---------------------------------------------------------------- joining

  async #join(beat: Heartbeat): Promise<RemoteMember> {
    const memberId = beat.memberId === '' ? randomUUID() : beat.memberId
    const sitting = this.#home.seatOf(beat.instanceId ?? memberId)
    const settings = settingsOf(beat)
    if (sitting instanceof RemoteMember && sitting.memberId === memberId) return await this.#joinAgain(sitting, settings, beat)
    if (sitting !== undefined) throw new GroupFault('UNRELEASED_INSTANCE_ID', `'${sitting.id}' is taken in group '${this.#home.id}' until its member has left`)
    if (this.#home.size >= LARGEST_GROUP) throw new GroupFault('GROUP_MAX_SIZE_REACHED', `group '${this.#home.id}' has ${LARGEST_GROUP} members`)
    const before = this.#members.get(memberId)
    if (before !== undefined) void this.#remove(before, { leave: true }) // it sat under another instance id
    const member = this.#newMember({ ...beat, memberId }, settings)
    this.#members.set(memberId, member)
    this.#heard(member)
    try {
      await this.#home.seat(member)
    } catch (error) {
      void this.#remove(member, { leave: true })
      throw error
    }
    return member
  }

  #newMember({ memberId, instanceId, clientId, clientHost }: RemoteIdentity, settings: RemoteSettings, epochs?: KnownEpochs): RemoteMember {
    const home = this.#home
    return new RemoteMember({
      topicNames: () => home.log.topics.keys(),
      release: (member, labels) => home.release(member, labels),
      asked: (member, label) => { home.asked(member, label) },
      expel: member => { void this.#remove(member, { leave: true }) },
      generation: () => home.generation,
    }, { memberId, instanceId, clientId, clientHost }, settings, epochs)
  }

  async #joinAgain(member: RemoteMember, settings: RemoteSettings, { memberEpoch, owned }: Heartbeat): Promise<RemoteMember> {
    this.#heard(member)
    if (!member.isAt(memberEpoch) && !member.isJustBehind(memberEpoch, owned)) await member.startOver()
    if (member.change(settings)) await this.#home.seat(member)
    return member
  }

  // ---------------------------------------------------------------- going on, and leaving

  async #goOn(beat: Heartbeat): Promise<RemoteMember> {
    const member = this.#find(beat)
    if (!member.isAt(beat.memberEpoch) && !member.isJustBehind(beat.memberEpoch, beat.owned)) {
      throw new GroupFault('FENCED_MEMBER_EPOCH', `member '${member.memberId}' of group '${this.#home.id}' is at epoch ${member.epoch}, not ${beat.memberEpoch}: it has to give up its partitions and join again`)
    }
    const settings = settingsOf(beat, member.settings)
    if (member.isAt(beat.memberEpoch)) member.isHeardAt(beat.memberEpoch)
    this.#heard(member)
    if (member.change(settings)) await this.#home.seat(member)
    return member
  }

  /** From the record: it is waited for like one that was heard of now. */
  restore({ memberId, clientId, clientHost, topicNames, topicPattern }: Client, { isStatic, id, assignor, revokeTimeoutMs }: GroupMember, epochs: KnownEpochs): RemoteMember {
    const settings = { subscription: new RemoteSubscription(topicNames, topicPattern), assignor: assignor === 'range' ? 'range' : DEFAULT_SERVER_ASSIGNOR, rebalanceTimeoutMs: revokeTimeoutMs }
    const member = this.#newMember({ memberId, instanceId: isStatic ? id : null, clientId, clientHost }, settings, epochs)
    this.#members.set(memberId, member)
    this.#heard(member)
    return member
  }

  #leave(beat: Heartbeat): HeartbeatAnswer {
    const member = this.#find(beat)
    void this.#remove(member, { leave: beat.memberEpoch === LEAVE })
    return { memberId: beat.memberId, memberEpoch: beat.memberEpoch, intervalMs: 0, assignment: undefined }
  }

  #find({ memberId, instanceId }: Heartbeat): RemoteMember {
    if (instanceId === null) {
      const member = this.#members.get(memberId)
      if (member === undefined) throw this.#unknown(memberId)
      return member
    }
    const sitting = this.#home.seatOf(instanceId)
    if (sitting === undefined) throw this.#unknown(instanceId)
    if (sitting instanceof RemoteMember && sitting.memberId === memberId) return sitting
    throw new GroupFault('FENCED_INSTANCE_ID', `'${instanceId}' is another member now in group '${this.#home.id}'`)
  }

  /** The answer need not wait for the plan without it: at once it owns nothing any more. */
  async #remove(member: RemoteMember, options: { leave: boolean }): Promise<void> {
    this.#sessions.get(member)?.cancel()
    this.#sessions.delete(member)
    if (this.#members.get(member.memberId) === member) this.#members.delete(member.memberId)
    await this.#home.leave(member, options)
  }

  #heard(member: RemoteMember): void {
    this.#sessions.get(member)?.cancel()
    this.#sessions.set(member, this.#home.clock.setTimeout(() => { void this.#remove(member, { leave: true }) }, SESSION_TIMEOUT_MS))
  }

  /** Nobody is waited for any more. */
  end(): void {
    for (const session of this.#sessions.values()) session.cancel()
    this.#sessions.clear()
    this.#members.clear()
  }

  // ---------------------------------------------------------------- positions

  /** undefined: it may commit. */
  checkCommit(committer: Committer): GroupError | undefined {
    if (committer.generation < 0 && this.#home.size === 0) return undefined
    const refusal = this.checkEpoch(committer)
    if (refusal === 'UNKNOWN_MEMBER_ID') return refusal
    if (committer.isTransactional) return refusal === undefined ? undefined : 'ILLEGAL_GENERATION' // no producer knows the other
    return committer.usesEpochs ? refusal : 'UNSUPPORTED_VERSION'
  }

  checkEpoch({ memberId, generation }: Caller): GroupError | undefined {
    const member = this.#members.get(memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    return member.isAt(generation) ? undefined : 'STALE_MEMBER_EPOCH'
  }

  #unknown(id: string): GroupFault {
    return new GroupFault('UNKNOWN_MEMBER_ID', `'${id}' is no member of group '${this.#home.id}'`)
  }
}

/** Everything is said in it: so says a client that joins, or that got no answer. */
function isFull({ rebalanceTimeoutMs, topicNames, topicPattern, owned }: Heartbeat): boolean {
  return rebalanceTimeoutMs !== SAME_AS_BEFORE && (topicNames !== null || topicPattern !== null) && owned !== null
}

function settingsOf({ topicNames, topicPattern, assignor, rebalanceTimeoutMs }: Heartbeat, before?: RemoteSettings): RemoteSettings {
  if (assignor !== null && !Object.hasOwn(SERVER_ASSIGNORS, assignor)) {
    throw new GroupFault('UNSUPPORTED_ASSIGNOR', `there is no server assignor '${assignor}': there are ${Object.keys(SERVER_ASSIGNORS).join(' and ')}`)
  }
  const names = topicNames ?? before?.subscription.names ?? []
  const pattern = topicPattern ?? before?.subscription.pattern ?? ''
  return {
    subscription: before !== undefined && topicNames === null && topicPattern === null ? before.subscription : new RemoteSubscription(names, pattern),
    assignor: assignor ?? before?.assignor ?? DEFAULT_SERVER_ASSIGNOR,
    rebalanceTimeoutMs: rebalanceTimeoutMs === SAME_AS_BEFORE ? before?.rebalanceTimeoutMs ?? 0 : rebalanceTimeoutMs,
  }
}
