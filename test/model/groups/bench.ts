// The log under test with the groups that read it, and after each step all of it held against the model: who owns what,
// what is committed, what was handed out. A restart drops the members: they died with their process.
import assert from 'node:assert/strict'
import type { LogEvents, LogRecord, Sent, Topic } from '../../../src/index.ts'
import type { SimulatedFileSystem } from '../../../src/platform/simulated-file-system.ts'
import { nextTurn } from '../../../src/platform/next-turn.ts'
import { testLog, type TestLog } from '../../../src/testing.ts'
import { DrivenMember, type MemberKind } from './driven-member.ts'
import { compareOwners } from './compare-owners.ts'
import { labelOf, type GroupsModel, type ModelGroup, type ModelTopic } from './model.ts'

/** Far more turns than anything here takes that needs no time: beyond it somebody waits for ever. */
const MOST_TURNS = 100_000
/** How often the log syncs everything by itself. No member may keep what it was asked for any longer. */
export const SYNC_INTERVAL_MS = 30_000

export class GroupsBench {
  log: TestLog
  readonly model: GroupsModel
  readonly topics = new Map<string, Topic<string>>()
  readonly members: DrivenMember[] = []
  rewound: LogEvents['rewound'][] = []
  step = 0
  /** The log is about to die: calls may fail. */
  isDying = false
  /** Time has passed in this step: what is in hand may have been taken away. */
  mayFence = false
  /** In this step: where a group has begun meanwhile is where it stands. */
  #hasDied = false
  readonly #topicOfValue = new Map<string, ModelTopic>()
  readonly #listening = new Set<string>()
  #failures: unknown[] = []
  #events = 0

  private constructor(log: TestLog, model: GroupsModel) {
    this.log = log
    this.model = model
    this.#listen()
  }

  static async start(seed: number, model: GroupsModel): Promise<GroupsBench> {
    return new GroupsBench(await testLog({ seed, durability: model.durability }), model)
  }

  #listen(): void {
    const { log } = this
    const rewound: LogEvents['rewound'][] = this.rewound = []
    log.on('rewound', event => { rewound.push(event) })
    log.on('error', ({ error }) => { if (this.log === log && !this.isDying) this.fail(error) })
  }

  get disk(): SimulatedFileSystem { return this.log.disk as SimulatedFileSystem }

  membersOf(group: ModelGroup): DrivenMember[] {
    return this.members.filter(member => member.group === group)
  }

  /** Something of the history happened: it is not at rest. */
  happened(): void {
    this.#events++
  }

  fail(error: unknown): void {
    this.#failures.push(error)
  }

  /** Runs what must hold within a callback; the step fails where it does not. */
  guard(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.fail(error)
    }
  }

  turn(): Promise<void> {
    return nextTurn()
  }

  // ---------------------------------------------------------------- topics and records

  async create(name: string, partitions: number): Promise<void> {
    const handle = await this.log.topic<string>(name, { partitions, value: 'string' })
    this.topics.set(name, handle)
    this.model.topics.set(name, { name, partitions: Array.from({ length: partitions }, () => []), durable: Array.from({ length: partitions }, () => 0) })
  }

  /** Known from the call on: it may be handed out before its sender is told. */
  async send(topic: ModelTopic, records: readonly { key?: string; partition?: number }[], power: boolean): Promise<void> {
    const given = records.map(record => ({ ...record, value: `${topic.name} ${this.model.nextNumber++}` }))
    for (const { value } of given) this.#topicOfValue.set(value, topic)
    const handle = this.topics.get(topic.name)!
    const sender = power ? handle.producer({ durability: 'power' }) : handle
    const sent = await sender.send(given)
    for (const [i, place] of sent.entries()) this.#stored(topic, place, given[i]!.value, power)
  }

  #stored(topic: ModelTopic, { partition, offset }: Sent, value: string, power: boolean): void {
    const records = topic.partitions[partition]!
    assert(records[offset] === undefined || records[offset] === value, `${topic.name}-${partition} has two records at ${offset}`)
    records[offset] = value
    if (power || this.model.durability === 'power') topic.durable[partition] = Math.max(topic.durable[partition]!, offset + 1)
  }

  isThere(topic: ModelTopic): boolean {
    return this.model.topics.get(topic.name) === topic
  }

  /** The topic that a record was sent to, and where it is now: a reader may have it before its sender knows. */
  topicOf(record: LogRecord): ModelTopic | undefined {
    const topic = this.#topicOfValue.get(String(record.value))
    const records = topic?.partitions[record.partition]
    if (records !== undefined) records[record.offset] ??= String(record.value)
    return topic
  }

  // ---------------------------------------------------------------- groups and members

  /** undefined: another one joined in its place meanwhile, or the group begins at an offset that a partition has not. */
  async join(group: ModelGroup, kind: MemberKind): Promise<DrivenMember | undefined> {
    group.isMoving = true
    group.changedAtStep = this.step
    group.wasShared ||= this.membersOf(group).length > 0
    const before = this.membersOf(group).find(({ kind: { memberId } }) => memberId !== undefined && memberId === kind.memberId)
    const { selection, assignor, memberId, revokeTimeout, sessionTimeout } = kind
    const { commit, from, commitInterval } = group.kind
    this.hear(group)
    const joining = this.log.group(group.id).join(selection.topics, { from, commit, commitInterval, assignor, revokeTimeout, sessionTimeout, ...(memberId === undefined ? {} : { memberId }) })
    if (before !== undefined) this.#drop(before, 'fenced')
    try {
      const consumer = await joining
      const member = new DrivenMember(this, group, kind, consumer)
      this.members.push(member)
      return member
    } catch (error) {
      if (this.isDying) return undefined
      const { code } = error as { code?: unknown }
      const isReplaced = code === 'MEMBER_FENCED' && memberId !== undefined
      if (!isReplaced && !mayBeMissing(group, error)) throw error
      return undefined
    }
  }

  /** 'rebalance' of the group, from now on. */
  hear(group: ModelGroup): void {
    if (this.#listening.has(group.id)) return
    this.#listening.add(group.id)
    const { log } = this
    const handle = log.group(group.id)
    handle.on('rebalance', ({ generation }) => {
      if (this.log !== log || this.isDying) return
      this.happened()
      this.guard(() => { assert(generation > group.generation, `group ${group.id}: generation ${generation} after ${group.generation}`) })
      group.generation = generation
      this.guard(() => { for (const member of this.membersOf(group)) member.deliveries.lookForLost() })
      group.isMoving = false
    })
    handle.on('error', ({ error }) => { if (this.log === log && !this.isDying && !mayBeMissing(group, error)) this.fail(error) })
  }

  /** Its state is gone from the log: another of that id begins anew. */
  forgetGroup(group: ModelGroup): void {
    this.#listening.delete(group.id)
    this.model.groups.delete(group.id)
  }

  /** All its members are here, and none has anything in hand: nothing moves. */
  isSettled(group: ModelGroup): boolean {
    const members = this.membersOf(group)
    return members.every(({ inHand }) => inHand === undefined) && this.log.group(group.id).members().length === members.length
  }

  async close(member: DrivenMember, leave: boolean | undefined): Promise<void> {
    member.group.isMoving = true
    member.group.changedAtStep = this.step
    const closing = member.consumer.close(leave === undefined ? {} : { leave })
    this.#drop(member, 'closed')
    await closing
  }

  #drop(member: DrivenMember, how: 'closed' | 'fenced'): void {
    this.members.splice(this.members.indexOf(member), 1)
    member.end(how)
  }

  /** Where a group may begin on a partition that it has no commit for. What came after a member that reads it is read from its start. */
  beginOf(group: ModelGroup, topic: ModelTopic, partition: number): readonly [least: number, most: number] {
    const { from } = group.kind
    if (from === 'earliest') return [0, 0]
    if (typeof from === 'object') return [0, from.offset]
    const readers = this.membersOf(group).filter(({ joinedAtStep, kind: { selection } }) => joinedAtStep < this.step && selection.has(topic.name))
    const most = Math.min(topic.partitions[partition]!.length, ...readers.map(({ topicsAtJoin }) => topicsAtJoin.get(topic)?.[partition] ?? 0))
    return [readers.length === this.membersOf(group).length && group.changedAtStep !== this.step ? most : 0, most]
  }

  /** At rest: where a group has begun. Where it begins is committed at once, unless it is the start. undefined: it can't. */
  begunAt(group: ModelGroup, topic: ModelTopic, label: string): number | undefined {
    const committed = this.#committed.get(group)?.get(label)
    const [least, most] = this.beginOf(group, topic, this.model.place(label)!.partition)
    if (committed === undefined && typeof group.kind.from === 'object') return undefined
    if (committed === undefined) assert(least === 0, `group ${group.id} has begun on ${label}, from ${least} on, and has not committed where`)
    else assert(committed >= least && committed <= most, `group ${group.id} begins on ${label} at ${committed}, expected ${least} to ${most}`)
    return committed ?? 0
  }

  /** When a record is handed out: its partition is this member's and nobody else's, in hand or not. */
  assertAlone(member: DrivenMember, label: string, topic: ModelTopic): void {
    const others = this.membersOf(member.group).filter(other => other !== member)
    assert(!others.some(({ labels }) => labels.includes(label)), `group ${member.group.id}: ${label} has two owners`)
    const inOtherHands = others.some(({ inHand, hasLost, labels }) => inHand?.label === label && inHand.topic === topic && labels.includes(label) && !hasLost)
    assert(!inOtherHands, `group ${member.group.id}: ${label} was handed out while records of it were in other hands`)
  }

  // ---------------------------------------------------------------- after each step

  readonly #committed = new Map<ModelGroup, Map<string, number>>()

  /** Lets everything come to rest that needs no time. */
  async rest(): Promise<void> {
    let events
    do {
      events = this.#events
      await this.log.clock.settle()
    } while (events !== this.#events)
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  /** Waits for what needs no time. */
  async during<T>(work: Promise<T>, what = 'a call'): Promise<T> {
    const state = { waiting: true }
    const done = (): void => { state.waiting = false }
    work.then(done, done)
    for (let turns = 0; state.waiting; turns++) {
      assert(turns < MOST_TURNS, `${what} never ended`)
      await nextTurn()
    }
    return await work
  }

  async advance(ms: number): Promise<void> {
    if (ms >= SYNC_INTERVAL_MS) this.allDurable()
    this.mayFence ||= ms > 0
    await this.log.clock.advance(ms)
    if (ms < SYNC_INTERVAL_MS) return
    await this.rest()
    for (const { id, isMoving } of this.model.groups.values()) assert(!isMoving, `group ${id}: partitions move still, ${ms} ms after they were asked back`)
  }

  begins(): void {
    this.step++
    this.#hasDied = false
    this.mayFence = false
  }

  async compare(): Promise<void> {
    await this.rest()
    await this.#readCommitted()
    for (const member of this.members) member.deliveries.look()
    for (const group of this.model.groups.values()) {
      compareOwners(this, group)
      for (const [label, ledger] of group.ledgers) ledger.see(this.#committed.get(group)!.get(label))
    }
  }

  async #readCommitted(): Promise<void> {
    this.#committed.clear()
    for (const group of this.model.groups.values()) {
      const byLabel = new Map<string, number>()
      for (const { name } of this.model.all) for (const [partition, offset] of await this.log.group(group.id).committed(name)) byLabel.set(labelOf(name, partition), offset)
      this.#committed.set(group, byLabel)
      for (const [label, offset] of byLabel) {
        const { topic, partition } = this.model.place(label)!
        const ledger = group.ledger(label)
        assert(offset <= topic.partitions[partition]!.length, `group ${group.id}: committed is ${offset} on ${label}, beyond its end`)
        if (!ledger.hasBegun) ledger.begin(this.#hasDied ? offset : this.begunAt(group, topic, label)!)
      }
    }
  }

  // ---------------------------------------------------------------- restarts

  /** The log that follows one that died. Its members are gone. */
  use(log: TestLog): void {
    for (const member of [...this.members]) this.#drop(member, 'fenced')
    this.log = log
    this.isDying = false
    this.#hasDied = true
    this.topics.clear()
    this.#listening.clear()
    this.#listen()
  }

  /** The device has everything. */
  allDurable(): void {
    for (const topic of this.model.all) for (const [i, records] of topic.partitions.entries()) topic.durable[i] = records.length
    for (const group of this.model.groups.values()) for (const ledger of group.ledgers.values()) ledger.synced()
  }
}

/** Where a group begins at an offset that a partition does not have yet. */
export function mayBeMissing({ kind: { from } }: ModelGroup, error: unknown): boolean {
  return typeof from === 'object' && (error as { code?: unknown }).code === 'OFFSET_OUT_OF_RANGE'
}
