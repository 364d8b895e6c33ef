// A member of a group that is a client behind a door, by Kafka's consumer protocol (KIP-848): it is heard of only when it
// sends a heartbeat, and told in the answer what it is to have. This is what it has, and how far it is known to follow.
//
//   assigned    it is to have it: it may read it, or has not been told yet
//   revoking    it was to have it, and may have it in hand, or be about to: it is nobody else's until it has been asked for
//               it, and then says what it owns, and this is not there
//   epoch       the group's generation that it was last told, once nothing is revoking
//
// Who may send what is decided in remote-members.ts.
import type { AssignorName } from './assignment/assignors.ts'
import type { GroupMember } from './group-state.ts'
import type { RemoteSubscription } from './remote-subscription.ts'
import type { Assigned, Seat } from './seat.ts'

/** Kafka's names of them. */
export const SERVER_ASSIGNORS: Readonly<Record<string, AssignorName>> = { uniform: 'sticky', range: 'range' }
export const DEFAULT_SERVER_ASSIGNOR = 'uniform'
/** Kafka's group.consumer.session.timeout.ms. */
export const SESSION_TIMEOUT_MS = 45_000

/** What a client may say anew in any heartbeat. */
export interface RemoteSettings {
  readonly subscription: RemoteSubscription
  /** Kafka's name. */
  readonly assignor: string
  /** How long it may keep what it was asked for. */
  readonly rebalanceTimeoutMs: number
}

export interface RemoteMemberHome {
  generation(): number
  /** Names of those there are. */
  topicNames(): Iterable<string>
  /** It has none of it in hand: others get it once that is on record. */
  release(member: RemoteMember, labels: readonly string[]): Promise<void>
  /** It learns now that it is to give it up. */
  asked(member: RemoteMember, label: string): void
  /** It may keep nothing any more: it has not released a partition in time. */
  expel(member: RemoteMember): void
}

export interface RemoteIdentity {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
}

/** Of a member that is on record: its epoch was one of these when the process ended. */
export interface KnownEpochs { readonly first: number; readonly last: number }

/** `isTold`: an answer has said that it is to have it; `isAsked`: that it is to give it up. */
interface Share { readonly assigned: Assigned; isTold: boolean; isAsked: boolean }

export class RemoteMember implements Seat {
  readonly identity: RemoteIdentity
  readonly #home: RemoteMemberHome
  #settings: RemoteSettings
  readonly #assigned = new Map<string, Share>()
  readonly #revoking = new Map<string, Share>()
  #epoch: number
  /** It has not been heard of since a restart: its epoch may be any up to this, and it may know of all that it is to have. */
  #latestEpoch: number
  /** Of a member whose last answer may have been lost. */
  #previousEpoch: number
  /** What it is to have is not what the last answer said. */
  #hasChanged = false
  /** What it last said that it owns: it does so again when that has changed. */
  #named: ReadonlySet<string> = new Set()

  constructor(home: RemoteMemberHome, identity: RemoteIdentity, settings: RemoteSettings, { first, last }: KnownEpochs = { first: 0, last: 0 }) {
    this.#home = home
    this.identity = identity
    this.#settings = settings
    this.#epoch = this.#previousEpoch = first
    this.#latestEpoch = last
  }

  get id(): string { return this.identity.instanceId ?? this.identity.memberId }
  get memberId(): string { return this.identity.memberId }
  get settings(): RemoteSettings { return this.#settings }
  get learnsLater(): boolean { return true }
  get revokeTimeoutMs(): number { return this.#settings.rebalanceTimeoutMs }
  get epoch(): number { return this.#epoch }
  /** That it may be at, its last answers lost. */
  get earliestEpoch(): number { return Math.min(this.#epoch, this.#previousEpoch) }
  /** It has been told all that the group has decided, and follows. */
  get isStable(): boolean { return this.#epoch === this.#home.generation() && this.#revoking.size === 0 }

  describe(): GroupMember {
    const { subscription, assignor, rebalanceTimeoutMs } = this.#settings
    const { memberId, instanceId, clientId, clientHost } = this.identity
    return {
      id: this.id,
      isStatic: instanceId !== null,
      topics: subscription.topicsAmong(this.#home.topicNames()),
      assignor: SERVER_ASSIGNORS[assignor]!,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      revokeTimeoutMs: rebalanceTimeoutMs,
      present: true,
      client: { memberId, clientId, clientHost, topicNames: subscription.names, topicPattern: subscription.pattern },
    }
  }

  /** Whether the group has to plan anew. */
  change(settings: RemoteSettings): boolean {
    const { subscription: { names, pattern }, assignor } = this.#settings
    this.#settings = settings
    return settings.assignor !== assignor || settings.subscription.pattern !== pattern || !sameNames(settings.subscription.names, names)
  }

  // ---------------------------------------------------------------- what the group tells

  assign(partitions: readonly Assigned[]): Promise<void> {
    for (const assigned of partitions) this.#assigned.set(assigned.label, { assigned, isTold: this.#latestEpoch > this.#epoch, isAsked: false })
    this.#hasChanged = true
    return Promise.resolve()
  }

  revoke(label: string): boolean {
    const share = this.#assigned.get(label)
    if (share === undefined) return false
    this.#assigned.delete(label)
    this.#hasChanged = true
    if (share.isTold) this.#revoking.set(label, share)
    else void this.#home.release(this, [label]).catch(() => { this.#revoking.set(label, share) })
    return true
  }

  keep(label: string): void {
    const share = this.#revoking.get(label)
    if (share === undefined) return
    this.#revoking.delete(label)
    share.isAsked = false
    this.#assigned.set(label, share)
    this.#hasChanged = true
  }

  fence(): void {
    this.#home.expel(this)
  }

  drop(label: string): void {
    this.#revoking.delete(label)
    if (this.#assigned.delete(label)) this.#hasChanged = true
  }

  abandon(): void {
    this.#assigned.clear()
    this.#revoking.clear()
    this.#home.expel(this)
  }

  // ---------------------------------------------------------------- what the client says

  isAt(epoch: number): boolean {
    return epoch >= this.#epoch && epoch <= Math.max(this.#epoch, this.#latestEpoch)
  }

  /** It is at the epoch before, and owns nothing that it has given up: the answer with the newer epoch may have been lost. */
  isJustBehind(epoch: number, owned: ReadonlySet<string> | null): boolean {
    return epoch === this.#previousEpoch && owned !== null && [...owned].every(label => this.#assigned.has(label) || this.#revoking.has(label))
  }

  /** Its epoch is known now. */
  isHeardAt(epoch: number): void {
    this.#epoch = epoch
    this.#latestEpoch = 0
  }

  /** It begins anew, and says that it owns nothing. What is meant for it comes back. */
  async startOver(): Promise<void> {
    this.#epoch = this.#previousEpoch = this.#latestEpoch = 0
    for (const [label, share] of this.#assigned) this.#revoking.set(label, share)
    this.#assigned.clear()
    await this.#release([...this.#revoking])
  }

  /** What it was asked for and does not name is not in its hands any more. It says nothing where it has all it is to have. */
  async acknowledge(owned: ReadonlySet<string> | null): Promise<void> {
    if (owned !== null) this.#named = owned
    else if (!this.#hasNamedAll()) return
    await this.#release([...this.#revoking].filter(([label, { isAsked }]) => isAsked && !this.#named.has(label)))
  }

  #hasNamedAll(): boolean {
    return this.#named.size === this.#assigned.size && [...this.#named].every(label => this.#assigned.get(label)?.isTold === true)
  }

  async #release(released: readonly (readonly [string, Share])[]): Promise<void> {
    if (released.length === 0) return
    for (const [label] of released) this.#revoking.delete(label)
    try {
      await this.#home.release(this, released.map(([label]) => label))
    } catch (error) {
      for (const [label, share] of released) this.#revoking.set(label, share)
      throw error
    }
  }

  /** What the answer to a heartbeat says. `all`: whether it has changed or not. */
  answer(all: boolean): { readonly epoch: number; readonly assignment: readonly Assigned[] | undefined } {
    if (this.#revoking.size === 0 && this.#epoch !== this.#home.generation()) {
      this.#previousEpoch = this.#epoch
      this.#epoch = this.#home.generation()
    }
    if (!all && !this.#hasChanged) return { epoch: this.#epoch, assignment: undefined }
    this.#hasChanged = false
    for (const share of this.#assigned.values()) share.isTold = true
    for (const [label, share] of this.#revoking) {
      if (!share.isAsked) this.#home.asked(this, label)
      share.isAsked = true
    }
    return { epoch: this.#epoch, assignment: this.assigned }
  }

  get assigned(): readonly Assigned[] {
    return [...this.#assigned.values()].map(({ assigned }) => assigned)
  }
}

function sameNames(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every(name => others.includes(name))
}
