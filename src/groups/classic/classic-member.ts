// A member of a classic group: what it said of itself, what the leader has assigned to it, and the answers it waits for.
import { CorruptionError } from '../../base/errors.ts'
import { parseSubscribedTopics } from '../../format/consumer-protocol.ts'
import { joinRefused, LOCAL_HOST, NO_ASSIGNMENT, syncRefused, type JoinAnswer, type JoinRequest, type LocalPart, type Protocol, type SyncAnswer } from './classic-requests.ts'

export class ClassicMember {
  readonly id: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  #protocols: readonly Protocol[]
  #local: LocalPart | undefined
  /** Of this process, static, and gone for a while: it is waited for like one of the wire. */
  isAway = false
  /** Empty: the leader has assigned nothing. */
  assignment: Buffer = NO_ASSIGNMENT
  /** It has not seen a generation yet. */
  isNew = false
  #joining: ((answer: JoinAnswer) => void) | undefined
  #syncing: ((answer: SyncAnswer) => void) | undefined

  constructor(id: string, { instanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols, local }: Omit<JoinRequest, 'memberId' | 'protocolType' | 'needsIdFirst' | 'canSkipAssignment'>) {
    this.id = id
    this.instanceId = instanceId
    this.clientId = clientId
    this.clientHost = clientHost
    this.sessionTimeoutMs = sessionTimeoutMs
    this.rebalanceTimeoutMs = rebalanceTimeoutMs
    this.#protocols = kept(protocols)
    this.#local = local
  }

  /** It is of this process; it may be away. */
  get isLocal(): boolean { return this.clientHost === LOCAL_HOST }
  /** How one of this process is reached, unless it has been away since a restart. */
  get local(): LocalPart | undefined { return this.#local }
  get protocols(): readonly Protocol[] { return this.#protocols }
  get isJoining(): boolean { return this.#joining !== undefined }
  /** It waits for an answer and so sends no heartbeats: it counts as alive. */
  get isWaiting(): boolean { return this.isJoining || this.#syncing !== undefined }

  supports(protocol: string): boolean {
    return this.isLocal || this.#protocols.some(({ name }) => name === protocol)
  }

  /** What it tells the leader if the group goes by that protocol. */
  metadata(protocol: string): Buffer {
    if (this.isLocal) return this.#local?.subscription ?? this.#protocols[0]!.metadata
    return this.#protocols.find(({ name }) => name === protocol)!.metadata
  }

  /** As far as the two can be read. */
  readsSameTopics(other: ClassicMember, protocol: string): boolean {
    try {
      const [mine, others] = [this, other].map(member => parseSubscribedTopics(member.metadata(protocol)).sort().join())
      return mine === others
    } catch (error) {
      if (error instanceof CorruptionError) return true
      throw error
    }
  }

  /** It says the same of itself as before. */
  offers({ protocols, local }: JoinRequest): boolean {
    if (local !== undefined) return this.#local?.subscription.equals(local.subscription) === true
    return protocols.length === this.#protocols.length
      && protocols.every(({ name, metadata }, i) => name === this.#protocols[i]!.name && metadata.equals(this.#protocols[i]!.metadata))
  }

  update({ protocols, local, sessionTimeoutMs, rebalanceTimeoutMs }: JoinRequest): void {
    this.#protocols = kept(protocols)
    this.#local = local
    this.sessionTimeoutMs = sessionTimeoutMs
    this.rebalanceTimeoutMs = rebalanceTimeoutMs
  }

  /** Whoever waited as this member before has sent the same again, most likely over another connection. */
  joins(answer: (answer: JoinAnswer) => void): void {
    this.answerJoin(joinRefused('REBALANCE_IN_PROGRESS', this.id))
    this.#joining = answer
  }

  answerJoin(answer: JoinAnswer): void {
    const joining = this.#joining
    this.#joining = undefined
    joining?.(answer)
  }

  syncs(answer: (answer: SyncAnswer) => void): void {
    this.answerSync(syncRefused('REBALANCE_IN_PROGRESS'))
    this.#syncing = answer
  }

  /** Whether it waited for it. */
  answerSync(answer: SyncAnswer): boolean {
    const syncing = this.#syncing
    this.#syncing = undefined
    syncing?.(answer)
    return syncing !== undefined
  }
}

/** Without the request that they came in. */
function kept(protocols: readonly Protocol[]): Protocol[] {
  return protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) }))
}
