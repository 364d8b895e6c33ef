// A member of this process in a classic group: does what a Kafka client would do. When the group gathers anew it joins
// again, is told the generation, and asks what it is to have; the group of this process (group.ts) carries that out.
//
//   eager          before it joins it gives up everything: what is in hand is handled first, for up to revokeTimeout
//   cooperative    it keeps what it has, gives up what it is not to have, and then joins again, so that others can have it
//
// Which it is goes by the protocol of the last generation. Whatever happens, it never has what a generation that it is not
// in may have given to another: where that can't be done in good order it is fenced.
import { randomUUID } from 'node:crypto'
import { ConflictError } from '../../base/errors.ts'
import { parseAssignment, encodeSubscription } from '../../format/consumer-protocol.ts'
import type { Clock } from '../../platform/clock.ts'
import type { TopicPartition } from '../assignment/assignors.ts'
import type { GroupError } from '../group-errors.ts'
import type { GroupMember } from '../group-state.ts'
import type { ClassicGroup } from './classic-group.ts'
import { CONSUMERS, LOCAL_HOST, type Caller, type JoinRequest } from './classic-requests.ts'

/** Protocols whose members keep what they have while they join. */
const COOPERATIVE = new Set(['cooperative-sticky'])
const CLIENT_ID = 'millrace'
/** A member has given up everything after its revokeTimeout at the latest, and joins then: it must not be too late. */
const JOIN_MARGIN_MS = 5000
const LONGEST_MS = 2 ** 31 - 1
/** After an error that passes: the disk is full, say. */
const TRY_AGAIN_MS = 1000

export interface LocalMemberHome {
  readonly clock: Clock
  describe(id: string): GroupMember
  ownedBy(id: string): readonly TopicPartition[]
  /** It is to have that and nothing else: the rest is asked back. */
  share(id: string, generation: number, partitions: readonly TopicPartition[]): void
  /** Whether something it was asked back is still in its hands. */
  isRevoking(id: string): boolean
  /** At once, whatever is in hand. */
  fence(id: string): void
  /** Another member has its instance id now. */
  replaced(id: string): void
  failed(error: unknown): void
}

export class LocalMember {
  readonly #id: string
  readonly #home: LocalMemberHome
  readonly #classic: ClassicGroup
  readonly #instanceId: string | null
  #memberId: string
  #generation = -1
  #protocol: string | null = null
  #mustJoin = false
  #isBusy = false
  #ended = false
  #again: { cancel(): void } | undefined
  /** The topics that it last joined for. */
  #topics = ''
  #arrive: (then?: Promise<void>) => void = () => { /* set below */ }
  #refuse: (error: ConflictError) => void = () => { /* set below */ }
  /** Resolves once it has been told for the first time what it is to have, or has ended. */
  readonly arrived: Promise<void>

  /** @param id of its seat */
  constructor(id: string, home: LocalMemberHome, classic: ClassicGroup) {
    this.#id = id
    this.#home = home
    this.#classic = classic
    this.#instanceId = home.describe(id).isStatic ? id : null
    this.#memberId = this.#newMemberId()
    this.arrived = new Promise((resolve, reject) => {
      this.#arrive = resolve
      this.#refuse = reject
    })
    this.arrived.catch(() => { /* who joins has it */ })
  }

  get #hasEnded(): boolean { return this.#ended }
  get isGathering(): boolean { return this.#mustJoin || this.#isBusy }
  get #isCooperative(): boolean { return this.#protocol !== null && COOPERATIVE.has(this.#protocol) }

  /** It was in the group before there were others: it is told when to join. */
  enter(): void {
    this.#classic.enter(this.#request())
  }

  /** If there are other topics now that it reads. */
  topicsChanged(): void {
    if (this.#topicsRead().join() !== this.#topics) this.join()
  }

  #topicsRead(): string[] {
    return [...this.#home.describe(this.#id).topics].sort()
  }

  join(): void {
    if (this.#ended) return
    if (!this.#mustJoin) {
      this.#mustJoin = true
      if (!this.#isCooperative) this.#home.share(this.#id, this.#generation, [])
    }
    this.goOn()
  }

  /** Something that it was asked back is out of its hands. */
  goOn(): void {
    if (!this.#mustJoin || this.#isBusy || this.#ended || this.#home.isRevoking(this.#id)) return
    this.#mustJoin = false
    this.#isBusy = true
    void Promise.resolve().then(() => this.#joinAndSync()).catch((error: unknown) => { this.#home.failed(error) }).then(() => {
      this.#isBusy = false
      this.goOn()
    })
  }

  leave({ leave }: { readonly leave: boolean }): void {
    this.end()
    if (leave) this.#classic.leave([{ memberId: this.#memberId, instanceId: this.#instanceId }])
    else this.#classic.goAway(this.#memberId)
  }

  /** @param then what a join that is under way waits for from now on */
  end(then?: Promise<void>): void {
    this.#ended = true
    this.#again?.cancel()
    this.#arrive(then)
  }

  async #joinAndSync(): Promise<void> {
    if (this.#ended) return
    const joined = await this.#classic.join(this.#request())
    if (this.#hasEnded) return
    if (joined.error !== undefined) return this.#failed(joined.error)
    this.#generation = joined.generation
    this.#protocol = joined.protocol
    if (!this.#isCooperative && this.#home.ownedBy(this.#id).length > 0) this.#home.fence(this.#id)
    const synced = await this.#classic.sync({ ...this.#caller, protocolType: CONSUMERS, protocol: this.#protocol, assignments: [] })
    if (this.#isOutdated()) return
    if (synced.error !== undefined) return this.#failed(synced.error)
    this.#take(synced.assignment)
  }

  /** The group has gathered anew since. */
  #isOutdated(): boolean {
    return this.#ended || this.#mustJoin
  }

  /** Who has to give something up joins again: only then can others have it. */
  #take(assignment: Buffer): void {
    const partitions = this.#parse(assignment)
    const isTaken = this.#home.ownedBy(this.#id).some(owned => !partitions.some(({ topic, partition }) => topic === owned.topic && partition === owned.partition))
    this.#home.share(this.#id, this.#generation, partitions)
    this.#arrive()
    if (isTaken) this.#mustJoin = true
  }

  /** What the leader made wrong is told, and is nothing: its user counts on records of the topics that it has asked for. */
  #parse(assignment: Buffer): TopicPartition[] {
    try {
      const { topics } = this.#home.describe(this.#id)
      const all = assignment.length === 0 ? [] : parseAssignment(assignment).partitions.filter(({ partition }) => partition >= 0)
      const read = all.filter(({ topic }) => topics.has(topic))
      const foreign = all.find(({ topic }) => !topics.has(topic))
      if (foreign !== undefined) this.#home.failed(notRead(this.#classic.id, foreign.topic))
      return read
    } catch (error) {
      this.#home.failed(error)
      return []
    }
  }

  get #caller(): Caller { return { memberId: this.#memberId, instanceId: this.#instanceId, generation: this.#generation } }

  #newMemberId(): string {
    return `${this.#instanceId ?? CLIENT_ID}-${randomUUID()}`
  }

  #request(): JoinRequest {
    const { sessionTimeoutMs, revokeTimeoutMs } = this.#home.describe(this.#id)
    const topics = this.#topicsRead()
    this.#topics = topics.join()
    const subscription = encodeSubscription({ topics, userData: null, owned: this.#home.ownedBy(this.#id), generation: this.#generation })
    return {
      memberId: this.#memberId, instanceId: this.#instanceId, clientId: CLIENT_ID, clientHost: LOCAL_HOST,
      sessionTimeoutMs, rebalanceTimeoutMs: Math.min(LONGEST_MS, revokeTimeoutMs + JOIN_MARGIN_MS),
      protocolType: CONSUMERS, protocols: [], needsIdFirst: false, canSkipAssignment: true,
      local: { subscription, gather: () => { this.join() }, out: why => { this.#out(why) } },
    }
  }

  #failed(error: GroupError): void {
    if (error === 'FENCED_INSTANCE_ID') return this.#out('replaced')
    if (error === 'INCONSISTENT_GROUP_PROTOCOL') {
      this.#refuse(new ConflictError('GROUP_PROTOCOL_MISMATCH', `group '${this.#classic.id}': its members are no consumers but '${this.#classic.protocolType}'`, { hint: 'join another group', details: { group: this.#classic.id } }))
      this.end()
    } else if (error === 'COORDINATOR_NOT_AVAILABLE') {
      this.#again = this.#home.clock.setTimeout(() => { this.join() }, TRY_AGAIN_MS)
    } else {
      if (error === 'UNKNOWN_MEMBER_ID') this.#out('dropped')
      this.join()
    }
  }

  #out(why: 'dropped' | 'replaced'): void {
    if (this.#ended) return
    this.#memberId = this.#newMemberId()
    this.#generation = -1
    this.#home.fence(this.#id)
    if (why === 'dropped') return this.join()
    this.end()
    this.#home.replaced(this.#id)
  }
}

function notRead(group: string, topic: string): ConflictError {
  return new ConflictError('ASSIGNMENT_INVALID', `group '${group}': its leader has assigned topic '${topic}' to a member that does not read it, or that is gone`, {
    hint: 'what of it was assigned is left out; if the topic is there, look at the assignor of the leading client', details: { group, topic },
  })
}
