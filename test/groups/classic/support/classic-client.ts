// A Kafka consumer of the classic protocol, as far as a group sees it: joins, leads if it is told to, keeps to the rules of
// its assignor about what it may own when, sends heartbeats and commits. Each beat() is one turn of its loop.
import { parseAssignment, parseSubscription, encodeAssignment, encodeSubscription, type TopicPartition } from '../../../../src/format/consumer-protocol.ts'
import { assignors } from '../../../../src/groups/assignment/assignors.ts'
import type { Coordinator } from '../../../../src/groups/coordinator.ts'
import type { JoinedMember } from '../../../../src/groups/classic/classic-requests.ts'
import type { GroupError } from '../../../../src/groups/group-errors.ts'
import { partitionDirectory } from '../../../../src/log/topic-name.ts'

export const COOPERATIVE = 'cooperative-sticky'

export interface ClientWorld {
  readonly coordinator: Coordinator
  readonly partitionCounts: () => ReadonlyMap<string, number>
}

export interface ClientKind {
  readonly group: string
  readonly topics: readonly string[]
  /** Its assignors, the one that it likes best first. Cooperative if all of them are. */
  readonly protocols: readonly string[]
  readonly instanceId?: string | null
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
}

export class ClassicClient {
  readonly name: string
  readonly kind: ClientKind
  world: ClientWorld
  memberId = ''
  generation = -1
  /** What it may read and commit, as far as it knows. */
  #owned: readonly TopicPartition[] = []
  /** Where it is in what it owns, as far as it has looked. */
  readonly positions = new Map<string, number>()
  /** Errors that ended its membership, the newest last. */
  readonly errors: GroupError[] = []
  #isBusy = false
  #mustJoin = true
  /** It leads, and has assigned the partitions that there were then. */
  #assignedOf: string | undefined
  isAlive = true

  constructor(world: ClientWorld, name: string, kind: ClientKind) {
    this.world = world
    this.name = name
    this.kind = kind
  }

  get owned(): readonly TopicPartition[] { return this.#owned }
  set owned(owned: readonly TopicPartition[]) {
    this.#owned = owned
    const { labels } = this
    for (const label of this.positions.keys()) if (!labels.includes(label)) this.positions.delete(label)
  }

  get labels(): string[] { return this.owned.map(({ topic, partition }) => partitionDirectory(topic, partition)).sort() }
  get isSettled(): boolean { return !this.#isBusy && !this.#mustJoin }
  get #isCooperative(): boolean { return this.kind.protocols.every(name => name === COOPERATIVE) }
  get #caller() { return { memberId: this.memberId, instanceId: this.kind.instanceId ?? null, generation: this.generation } }

  get leads(): boolean { return this.#assignedOf !== undefined }
  get #partitions(): string { return JSON.stringify([...this.world.partitionCounts()]) }

  beat(): void {
    if (this.#isBusy || !this.isAlive) return
    if (this.#assignedOf !== undefined && this.#assignedOf !== this.#partitions) this.#mustJoin = true
    if (!this.#mustJoin) {
      const error = this.world.coordinator.classic.heartbeat(this.kind.group, this.#caller)
      if (error === undefined) return
      this.#failed(error)
    }
    if (!this.isAlive) return
    this.#isBusy = true
    this.#mustJoin = false
    const { world } = this
    void this.#join().catch((error: unknown) => { if ((error as { code?: unknown }).code !== 'LOG_CRASHED') throw error }).finally(() => { if (this.world === world) this.#isBusy = false })
  }

  /** As kill -9 of its process. */
  die(): void {
    this.isAlive = false
    this.owned = []
  }

  leave(): void {
    this.die()
    this.world.coordinator.classic.leave(this.kind.group, [{ memberId: this.memberId, instanceId: this.kind.instanceId ?? null }])
  }

  /** The log was opened anew; the client is still there, and connects again. */
  reconnect(world: ClientWorld): void {
    if (this.#isBusy) this.#mustJoin = true
    this.world = world
    this.#isBusy = false
  }

  async commit({ topic, partition }: TopicPartition, offset: number): Promise<GroupError | undefined> {
    const { coordinator } = this.world
    const error = coordinator.checkCommit(this.kind.group, { ...this.#caller, isTransactional: false, usesEpochs: true })
    if (error === undefined) await coordinator.positions.commit(this.kind.group, [{ topic, partition, offset }])
    return error
  }

  #failed(error: GroupError): void {
    this.errors.push(error)
    this.#mustJoin = true
    if (error === 'REBALANCE_IN_PROGRESS' || error === 'COORDINATOR_NOT_AVAILABLE') return
    this.owned = []
    this.generation = -1
    if (error === 'FENCED_INSTANCE_ID') this.isAlive = false
    if (error === 'UNKNOWN_MEMBER_ID') this.memberId = ''
  }

  async #join(): Promise<void> {
    const { world, kind } = this
    const { classic } = world.coordinator
    if (!this.#isCooperative) this.owned = []
    const request = {
      memberId: this.memberId, instanceId: kind.instanceId ?? null, clientId: this.name, clientHost: '/127.0.0.1',
      sessionTimeoutMs: kind.sessionTimeoutMs ?? 10_000, rebalanceTimeoutMs: kind.rebalanceTimeoutMs ?? 60_000, protocolType: 'consumer',
      protocols: kind.protocols.map(name => ({ name, metadata: encodeSubscription({ topics: kind.topics, userData: null, owned: this.owned, generation: this.generation }) })),
      needsIdFirst: true, canSkipAssignment: true,
    }
    let joined = await classic.join(kind.group, request)
    if (joined.error === 'MEMBER_ID_REQUIRED') joined = await classic.join(kind.group, { ...request, memberId: joined.memberId })
    if (this.world !== world || !this.isAlive) return
    if (joined.error !== undefined) return this.#failed(joined.error)
    this.memberId = joined.memberId
    this.generation = joined.generation
    const leads = joined.leader === joined.memberId
    this.#assignedOf = leads ? (joined.skipAssignment ? '' : this.#partitions) : undefined // of what it skips it knows nothing: it joins again
    const assignments = leads && !joined.skipAssignment ? this.#assign(joined.protocol!, joined.members) : []
    const synced = await classic.sync(kind.group, { ...this.#caller, protocolType: 'consumer', protocol: joined.protocol, assignments })
    if (this.world !== world || !this.isAlive) return
    if (synced.error !== undefined) return this.#failed(synced.error)
    this.#take(synced.assignment.length === 0 ? [] : parseAssignment(synced.assignment).partitions)
  }

  #take(assigned: readonly TopicPartition[]): void {
    const labels = new Set(assigned.map(({ topic, partition }) => partitionDirectory(topic, partition)))
    if (this.#isCooperative && this.labels.some(label => !labels.has(label))) this.#mustJoin = true
    this.owned = assigned
  }

  #assign(protocol: string, members: readonly JoinedMember[]): { memberId: string; assignment: Buffer }[] {
    const told = members.map(({ memberId, metadata }) => ({ id: memberId, ...parseSubscription(metadata) }))
    const newest = Math.max(...told.map(({ generation }) => generation))
    const claims = told.map(({ id, topics, owned, generation }) => ({ id, topics: new Set(topics), owned: generation === newest ? owned : [] }))
    const holders = new Map(claims.flatMap(({ id, owned }) => owned.map(({ topic, partition }) => [partitionDirectory(topic, partition), id] as const)))
    const shares = assignors[protocol === COOPERATIVE ? 'sticky' : 'range'](claims, this.world.partitionCounts())
    return [...shares].map(([memberId, partitions]) => ({
      memberId,
      assignment: encodeAssignment({ partitions: protocol === COOPERATIVE ? partitions.filter(each => (holders.get(partitionDirectory(each.topic, each.partition)) ?? memberId) === memberId) : partitions, userData: null }),
    }))
  }
}
