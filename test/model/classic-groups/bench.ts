// One group of a log on a simulated disk, with clients of the classic protocol and members of this process, and what must
// hold at every moment:
//
//   a partition is owned, by its owner's own knowledge, by one member of the newest generation
//   a committed position never goes back, and all below it was handled
import assert from 'node:assert/strict'
import type { EventLog } from '../../../src/index.ts'
import { partitionDirectory } from '../../../src/log/topic-name.ts'
import { ClassicClient, COOPERATIVE } from '../../groups/classic/support/classic-client.ts'
import { SimulatedGroups } from '../../groups/support/simulated-groups.ts'
import { InsideMember } from './inside-member.ts'

const GROUP = 'billing'
/** Of each partition, at first. */
const RECORDS = 12
export const TOPICS = ['orders', 'bills'] as const

/** How the clients of a history share out: a group can't be of several kinds. */
export type Kind = 'eager' | 'cooperative' | 'either'

export interface DrawnClient { readonly topics: readonly string[]; readonly instance: number | null; readonly isSlow: boolean; readonly likes: boolean }

export class ClassicGroupsBench {
  #groups: SimulatedGroups
  readonly #kind: Kind
  readonly #durability: 'process' | 'power'
  readonly clients: ClassicClient[] = []
  inside: InsideMember[] = []
  /** They send no heartbeats, and may think that they are members for long. */
  readonly stalled = new Set<ClassicClient>()
  readonly #joining = new Set<Promise<void>>()
  readonly #ends = new Map<string, number>()
  readonly #handled = new Map<string, boolean[]>()
  readonly #committed = new Map<string, number>()
  #clientCount = 0

  private constructor(groups: SimulatedGroups, kind: Kind, durability: 'process' | 'power') {
    this.#groups = groups
    this.#kind = kind
    this.#durability = durability
  }

  static async start(seed: number, kind: Kind, durability: 'process' | 'power', partitions: number): Promise<ClassicGroupsBench> {
    const bench = new ClassicGroupsBench(await SimulatedGroups.open({ seed, durability }), kind, durability)
    for (const [i, topic] of TOPICS.entries()) await bench.send(topic, RECORDS, i === 0 ? partitions : 1)
    return bench
  }

  /**
   * None in cooperative groups: one that is restarted just when it has given a partition up does not join again, and nobody has
   * that partition until somebody else does. It is so with Kafka, too.
   */
  get #hasStatic(): boolean { return this.#kind !== 'cooperative' }
  get log(): EventLog { return this.#groups.log }

  // ---------------------------------------------------------------- what is done

  join({ topics, instance: drawnInstance, isSlow, likes }: DrawnClient): void {
    const instance = this.#hasStatic ? drawnInstance : null
    const protocols = this.#kind === 'eager' ? ['range'] : this.#kind === 'cooperative' ? [COOPERATIVE] : likes ? [COOPERATIVE, 'range'] : ['range', COOPERATIVE]
    const counts = (): ReadonlyMap<string, number> => new Map([...this.#groups.local.topics].map(([topic, { partitions }]) => [topic, partitions.length]))
    this.clients.push(new ClassicClient({ coordinator: this.#groups.coordinator, partitionCounts: counts }, `client-${++this.#clientCount}`, {
      group: GROUP, topics, protocols, instanceId: instance === null ? null : `desk-${instance}`, rebalanceTimeoutMs: isSlow ? 5000 : 60_000,
    }))
  }

  joinInside(topics: readonly string[], memberId: string | undefined, revokeTimeout: number): void {
    const groups = this.#groups
    const joining = groups.log.group(GROUP).join([...topics], { from: 'earliest', revokeTimeout, ...(memberId === undefined || !this.#hasStatic ? {} : { memberId }) }).then(consumer => {
      if (this.#groups === groups) this.inside.push(new InsideMember(consumer, topics, (label, from, end) => { this.#handle(label, from, end) }))
    }, (error: unknown) => {
      if (!['MEMBER_FENCED', 'LOG_CRASHED'].includes((error as { code: string }).code)) throw error
    }).finally(() => { this.#joining.delete(joining) })
    this.#joining.add(joining)
  }

  async closeInside(member: InsideMember): Promise<void> {
    this.inside = this.inside.filter(each => each !== member)
    await member.consumer.close()
  }

  /** All that are not stalled. */
  beat(): void {
    for (const client of this.clients) if (!this.stalled.has(client)) client.beat()
  }

  /** It reads on from where the group stands, and commits what it has handled. */
  async work(client: ClassicClient, drawn: number, count: number): Promise<void> {
    const owned = client.owned[drawn % client.owned.length]
    if (owned === undefined) return
    const label = partitionDirectory(owned.topic, owned.partition)
    const { coordinator } = this.#groups
    const { generation } = client
    let position = client.positions.get(label)
    if (position === undefined) {
      await coordinator.positions.settled()
      if (client.generation !== generation || !client.labels.includes(label)) return
      position = coordinator.positions.of(GROUP)?.positions.get(label)?.offset ?? 0
    }
    const end = Math.min(this.#ends.get(label)!, position + count)
    this.#handle(label, position, end)
    client.positions.set(label, end)
    await client.commit(owned, end)
  }

  async send(topic: string, count: number, partitions = 1): Promise<void> {
    const stored = await this.log.topic<number>(topic, { partitions: Math.max(partitions, this.#groups.local.topics.get(topic)?.partitions.length ?? 0) })
    for (let partition = 0; partition < stored.partitions.length; partition++) {
      const label = partitionDirectory(topic, partition)
      const end = this.#ends.get(label) ?? 0
      await stored.send(Array.from({ length: count }, (_, n) => ({ partition, value: end + n })))
      this.#ends.set(label, end + count)
    }
  }

  async advance(ms: number): Promise<void> {
    await this.#groups.clock.advance(ms)
  }

  /** The process dies, or the machine where all that was answered is on the device. The clients are elsewhere, and live on. */
  async restart(seed: number): Promise<void> {
    const before = this.#groups
    this.#groups = this.#durability === 'power' ? await before.powerCut(seed) : await before.crash()
    this.inside = []
    for (const client of this.clients) client.reconnect({ ...client.world, coordinator: this.#groups.coordinator })
  }

  // ---------------------------------------------------------------- what must hold

  #handle(label: string, from: number, end: number): void {
    const handled = this.#handled.get(label) ?? []
    this.#handled.set(label, handled)
    for (let offset = from; offset < end; offset++) handled[offset] = true
  }

  compare(): void {
    const classic = this.#groups.coordinator.classic.of(GROUP)
    const owners = new Map<string, string>()
    for (const client of this.clients) {
      const isMember = classic?.refusal({ memberId: client.memberId, instanceId: client.kind.instanceId ?? null, generation: client.generation }) === undefined
      if (classic !== undefined && isMember) for (const label of client.labels) note(owners, label, client.name)
    }
    for (const [i, { labels }] of this.inside.entries()) for (const label of labels) note(owners, label, `inside ${i}`)
    for (const [label, { offset }] of this.#groups.coordinator.positions.of(GROUP)?.positions ?? []) {
      assert(offset >= (this.#committed.get(label) ?? 0), `${label} goes back from ${this.#committed.get(label)} to ${offset}`)
      this.#committed.set(label, offset)
      for (let below = 0; below < offset; below++) assert(this.#handled.get(label)?.[below] === true, `${label}: ${offset} is committed, and nobody handled ${below}`)
    }
  }

  /** A client stalls until others have had its partitions, and then goes on as if nothing had happened. */
  async overtake(client: ClassicClient): Promise<void> {
    await this.work(client, 0, 2)
    this.stalled.add(client)
    for (let beats = 0; beats < 8; beats++) {
      this.beat()
      await this.advance(2000)
      for (const other of this.clients) if (other !== client) await this.work(other, 0, 3)
      for (const member of this.inside) member.take()
    }
    await this.work(client, 0, 1)
    this.stalled.delete(client)
  }

  /** Where nobody is stalled, dead or busy: what somebody reads is somebody's. */
  async settle(): Promise<void> {
    for (let beats = 0; beats < 12; beats++) {
      this.beat()
      await this.advance(50)
    }
    const { coordinator, local } = this.#groups
    const classic = coordinator.classic.of(GROUP)
    const living = this.clients.filter(client => client.isAlive && client.isSettled && !this.stalled.has(client))
    const known = new Set(living.map(({ memberId }) => memberId))
    if (classic?.state !== 'Stable' || !coordinator.group(GROUP).isSettled || [...classic.members].some(({ id, isLocal, isAway }) => isAway || (!isLocal && !known.has(id)))) return
    const owned = new Set([...living.flatMap(({ labels }) => labels), ...this.inside.flatMap(({ labels }) => labels)])
    const read = new Set([...living.filter(({ memberId }) => memberId !== '').flatMap(({ kind }) => kind.topics), ...this.inside.flatMap(({ topics }) => topics)])
    for (const topic of read) for (const partition of local.topics.get(topic)!.partitions.keys()) assert(owned.has(partitionDirectory(topic, partition)), `${topic}-${partition} is nobody's`)
  }

  /** All that live go on: everything that somebody reads is handled and committed. */
  async finish(): Promise<void> {
    this.stalled.clear()
    for (let round = 0; round < 40; round++) {
      for (const client of this.clients) {
        client.beat()
        for (const i of client.owned.keys()) await this.work(client, i, 1000)
      }
      for (const member of this.inside) for (let taken = 0; taken < 2 * RECORDS; taken++) {
        member.take()
        for (let turns = 0; turns < 3; turns++) await new Promise<void>(resolve => { setImmediate(resolve) })
      }
      await this.advance(2000)
      this.compare()
    }
    assert.equal(this.#joining.size, 0, 'somebody still joins')
    const read = [...this.clients.filter(({ isAlive }) => isAlive).flatMap(({ kind }) => kind.topics), ...this.inside.filter(({ hasEnded }) => !hasEnded).flatMap(({ topics }) => topics)]
    for (const [label, end] of this.#ends) {
      if (read.some(topic => label.startsWith(topic))) assert.equal(this.#committed.get(label), end, `${label} at the end`)
    }
  }

  async end(): Promise<void> {
    await this.log.close()
  }
}

function note(owners: Map<string, string>, label: string, owner: string): void {
  assert(!owners.has(label), `${label} is owned by ${owners.get(label)} and ${owner}`)
  owners.set(label, owner)
}
