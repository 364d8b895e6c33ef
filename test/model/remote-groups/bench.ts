// One group of a log on a simulated disk, with clients by the consumer protocol and members of this process, and what
// must hold of them at every moment:
//
//   a partition is owned, by its owner's own knowledge, by one member that the group still has
//   who is put out of the group has not been heard of for its session, or was asked to give something up in vain
//   a committed position never goes back
import assert from 'node:assert/strict'
import type { Group } from '../../../src/groups/group.ts'
import type { RemoteMember } from '../../../src/groups/remote-member.ts'
import type { Consumer, EventLog } from '../../../src/index.ts'
import { SimulatedGroups } from '../../groups/support/simulated-groups.ts'
import { DrivenClient } from './driven-client.ts'

export const GROUP = 'billing'
/** Of each partition. */
const RECORDS = 50
export const TOPICS = ['orders', 'bills', 'later'] as const

export interface DrawnClient { readonly topics: readonly string[]; readonly pattern: string | null; readonly instance: number | null; readonly isSlow: boolean; readonly assignor: string | null }

export class RemoteGroupsBench {
  #groups: SimulatedGroups
  readonly #durability: 'process' | 'power'
  readonly clients: DrivenClient[] = []
  inside: Consumer[] = []
  /** Names to numbers of partitions. */
  readonly topics = new Map<string, number>()
  /** What was put last, and what is known to be in effect. */
  readonly #committed = new Map<string, number>()
  readonly #acknowledged = new Map<string, number>()
  #clientCount = 0

  private constructor(groups: SimulatedGroups, durability: 'process' | 'power') {
    this.#groups = groups
    this.#durability = durability
  }

  static async start(seed: number, durability: 'process' | 'power'): Promise<RemoteGroupsBench> {
    return new RemoteGroupsBench(await SimulatedGroups.open({ seed, durability }), durability)
  }

  get log(): EventLog { return this.#groups.log }
  get now(): number { return this.#groups.clock.now() }
  get #group(): Group { return this.#groups.coordinator.group(GROUP) }

  // ---------------------------------------------------------------- what is done

  async join({ topics, pattern, instance, isSlow, assignor }: DrawnClient): Promise<void> {
    const instanceId = instance === null ? null : `desk-${instance}`
    const client = new DrivenClient(this.#groups.coordinator, GROUP, `client-${++this.#clientCount}`, { topics, pattern, instanceId, assignor, isSlow })
    this.clients.push(client)
    await client.beat(this.now, 'all', false)
  }

  async joinInside(topics: readonly string[], memberId: string | undefined): Promise<void> {
    for (const client of this.clients) if (client.instanceId !== null && client.instanceId === memberId) client.excuse()
    const groups = this.#groups
    const consumer = await groups.log.group(GROUP).join(topics, { from: 'earliest', commit: 'manual', ...(memberId === undefined ? {} : { memberId }) })
    if (groups === this.#groups) this.inside.push(consumer)
  }

  async closeInside(consumer: Consumer): Promise<void> {
    this.inside = this.inside.filter(each => each !== consumer)
    await consumer.close()
  }

  async commit(client: DrivenClient, label: string, count: number): Promise<void> {
    const position = client.positions.get(label)
    if (position === undefined) return
    const { coordinator } = this.#groups
    const refusal = coordinator.checkCommit(GROUP, { memberId: client.name, instanceId: client.instanceId, generation: client.client.epoch, isTransactional: false, usesEpochs: true })
    if (refusal !== undefined) return
    const offset = Math.min(RECORDS, position + count)
    assert(offset >= (this.#committed.get(label) ?? 0), `${client.name} commits ${offset} of ${label}, where ${this.#committed.get(label)} was committed before`)
    this.#committed.set(label, offset)
    client.positions.set(label, offset)
    const [topic, partition] = placeOf(label)
    await coordinator.positions.commit(GROUP, [{ topic, partition, offset }])
    if (coordinator === this.#groups.coordinator) this.#acknowledged.set(label, offset)
  }

  async advance(ms: number): Promise<void> {
    await this.#groups.clock.advance(ms)
  }

  async createTopic(name: string, partitions: number): Promise<void> {
    if (this.topics.has(name)) return
    this.topics.set(name, partitions)
    const topic = await this.log.topic(name, { partitions })
    for (let partition = 0; partition < partitions; partition++) await topic.send(recordsOf(partition))
  }

  async grow(name: string): Promise<void> {
    const count = this.topics.get(name)
    if (count === undefined) return
    this.topics.set(name, count + 1)
    const topic = await this.log.topic(name, { partitions: count + 1 })
    await topic.send(recordsOf(count))
  }

  async deleteTopic(name: string): Promise<void> {
    if (!this.topics.delete(name)) return
    const isOf = (label: string): boolean => placeOf(label)[0] === name
    await this.log.deleteTopic(name)
    for (const client of this.clients) client.forgetTopic(isOf)
    for (const offsets of [this.#committed, this.#acknowledged]) for (const label of [...offsets.keys()]) if (isOf(label)) offsets.delete(label)
  }

  /** The process dies, and begins anew, or the machine does where all that was answered is on the device; the clients don't notice. */
  async restart(seed: number): Promise<void> {
    const before = this.clients.filter(client => this.#isIn(client) && !client.isBusy)
    this.#groups = this.#durability === 'power' ? await this.#groups.powerCut(seed) : await this.#groups.crash()
    this.inside = []
    for (const client of this.clients) client.moveTo(this.#groups.coordinator)
    for (const [label, offset] of this.#committed) this.#committed.set(label, this.#survived(label, offset))
    for (const client of before) assert(this.#isIn(client), `${client.name} was a member before the restart`)
  }

  #survived(label: string, put: number): number {
    const acknowledged = this.#acknowledged.get(label) ?? 0
    const offset = this.#groups.coordinator.positions.of(GROUP)?.positions.get(label)?.offset ?? 0
    assert(offset >= acknowledged && offset <= put, `${label} is committed at ${offset} after the restart, expected ${acknowledged} to ${put}`)
    return offset
  }

  async end(): Promise<void> {
    await this.log.close()
  }

  // ---------------------------------------------------------------- what must hold

  compare(): void {
    const owners = new Map<string, string>()
    for (const client of this.clients) {
      if (this.#isIn(client)) for (const label of client.client.owned) note(owners, label, client.name)
      else client.checkOut(this.now)
    }
    for (const [i, { assignment }] of this.inside.entries()) for (const { topic, partition } of assignment) note(owners, `${topic}-${partition}`, `inside ${i}`)
  }

  /** All that live go on until nothing changes: every partition that somebody reads has its owner. */
  async finish(): Promise<void> {
    for (let round = 0; round < 12; round++) {
      for (const client of this.clients) {
        await client.beat(this.now, 'all', false)
        await client.follow()
        this.compare()
      }
      await this.advance(10_000)
    }
    for (const client of this.clients) await client.beat(this.now, 'all', false)
    const members = this.#group.assignments()
    const read = new Set([...this.#group.members.values()].flatMap(({ topics }) => [...topics]))
    const owned = new Set(members.flatMap(({ partitions }) => partitions.map(({ topic, partition }) => `${topic}-${partition}`)))
    for (const [name, count] of this.topics) for (let i = 0; i < count; i++) assert.equal(owned.has(`${name}-${i}`), read.has(name), `${name}-${i} at the end, read: ${[...read].join()}`)
    for (const client of this.clients.filter(each => each.isAlive && each.isMember)) {
      assert.deepEqual(new Set(members.find(({ id }) => id === client.seatId)?.partitions.map(({ topic, partition }) => `${topic}-${partition}`)), client.client.owned, `what ${client.name} has at the end`)
    }
  }

  #isIn(client: DrivenClient): boolean {
    return client.isMember && (this.#group.seatOf(client.seatId) as RemoteMember | undefined)?.memberId === client.name
  }
}

function recordsOf(partition: number): { partition: number; value: number }[] {
  return Array.from({ length: RECORDS }, (_, value) => ({ partition, value }))
}

function note(owners: Map<string, string>, label: string, owner: string): void {
  assert(!owners.has(label), `${label} is owned by ${owners.get(label)} and ${owner}`)
  owners.set(label, owner)
}

function placeOf(label: string): [topic: string, partition: number] {
  const dash = label.lastIndexOf('-')
  return [label.slice(0, dash), Number(label.slice(dash + 1))]
}
