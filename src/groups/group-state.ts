// Who is in a group, who is to have which partition, and who has it. Pure: no I/O, no timers, no promises, and no
// knowledge of what a member is: one of this process, or a client behind a door.
//
//   decide    planWith() says what a change of members or topics leads to; nothing has changed yet
//   append    the group writes the plan to the log (group.ts)
//   apply     apply() makes it so, and returns what members have to be told
//
//   each partition has at most one owner, and that is a member that is present
//   a partition whose owner is its target is never asked back
//   generation rises with every plan that is applied
import type { AssignorName, TopicPartition } from './assignment/assignors.ts'
import { assignors } from './assignment/assignors.ts'
import { partitionDirectory } from '../log/topic-name.ts'

export interface GroupMember {
  readonly id: string
  /** Keeps its partitions for sessionTimeoutMs when it goes away without leaving. */
  readonly isStatic: boolean
  /** Those of its topics that exist. */
  readonly topics: ReadonlySet<string>
  readonly assignor: AssignorName
  readonly sessionTimeoutMs: number
  readonly revokeTimeoutMs: number
  /** false: a static member that is away. Its partitions wait for it. */
  readonly present: boolean
  /** undefined: it is of this process. */
  readonly client?: Client | undefined
}

/** Who a member behind a door says that it is. */
export interface Client {
  /** Of a static member another one each time. */
  readonly memberId: string
  readonly clientId: string
  /** As Kafka prints it: '/127.0.0.1'. */
  readonly clientHost: string
  readonly topicNames: readonly string[]
  /** '': none. */
  readonly topicPattern: string
}

export type Members = ReadonlyMap<string, GroupMember>

export interface Plan {
  readonly generation: number
  readonly members: Members
  readonly assignor: AssignorName
  /** An entry for each member. */
  readonly targets: ReadonlyMap<string, readonly TopicPartition[]>
}

/** What a member is to be told. `keep`: what it was asked for is its own again. */
export interface Order {
  readonly kind: 'assign' | 'revoke' | 'keep'
  readonly member: string
  readonly partitions: readonly TopicPartition[]
}

interface Target extends TopicPartition { readonly member: string }

interface Holding extends Target {
  /** It was asked for it back. */
  revoking: boolean
}

export class GroupState {
  #generation = 0
  #members: Members = new Map()
  #assignor: AssignorName = 'sticky'
  /** By partition directory: `orders-0`. */
  #targets = new Map<string, Target>()
  readonly #holdings = new Map<string, Holding>()

  get generation(): number { return this.#generation }
  get members(): Members { return this.#members }
  /** Every partition is with whom it is to be with, or waits for a member that is away. */
  get isSettled(): boolean {
    for (const [label, { member }] of this.#targets) {
      if (this.#members.get(member)?.present === true && this.#holdings.get(label)?.member !== member) return false
    }
    for (const { revoking } of this.#holdings.values()) if (revoking) return false
    return true
  }

  /** As far as it lies with those members: what they wait for that others have in hand does not count. */
  isSettledFor(concerns: (member: string) => boolean): boolean {
    for (const [label, { member }] of this.#targets) {
      const owner = this.#holdings.get(label)?.member
      if (owner !== member && concerns(member) && (owner === undefined || concerns(owner))) return false
    }
    for (const { member, revoking } of this.#holdings.values()) if (revoking && concerns(member)) return false
    return true
  }

  owner(label: string): string | undefined {
    return this.#holdings.get(label)?.member
  }

  /** What was applied last, without those that departed since. */
  get plan(): Plan {
    const targets = new Map([...this.#members.keys()].map(id => [id, this.targetsOf(id)]))
    return { generation: this.#generation, members: this.#members, assignor: this.#assignor, targets }
  }

  /** After a restart, before the plan on record is applied: what the member had in hand then. */
  hold(member: string, partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#holdings.set(partitionDirectory(topic, partition), { topic, partition, member, revoking: false })
  }

  /** Something that it was asked for is still in its hands. */
  isRevoking(member: string): boolean {
    for (const holding of this.#holdings.values()) if (holding.member === member && holding.revoking) return true
    return false
  }

  /** What the member has, in its hands or on its way out of them. */
  ownedBy(member: string): TopicPartition[] {
    return partitionsOf(member, this.#holdings)
  }

  /** What the member is to have, in its hands yet or not. */
  targetsOf(member: string): TopicPartition[] {
    return partitionsOf(member, this.#targets)
  }

  /** The members as they are to be, and how many partitions each topic has. `recorded`: the generation that the group last had, by other rules. */
  planWith(members: Members, partitionCounts: ReadonlyMap<string, number>, recorded = 0): Plan {
    const assignor = assignorOf(members)
    const claims = [...members.values()].map(({ id, topics }) => ({ id, topics, owned: partitionsOf(id, this.#targets) }))
    const targets = claims.length === 0 ? new Map<string, TopicPartition[]>() : assignors[assignor](claims, partitionCounts)
    return { generation: Math.max(this.#generation, recorded) + 1, members, assignor, targets }
  }

  /** Returns what members have to be told, and how many partitions are to change hands. */
  apply(plan: Plan): { readonly orders: readonly Order[]; readonly moved: number } {
    const before = this.#targets
    this.#generation = plan.generation
    this.#members = plan.members
    this.#assignor = plan.assignor
    this.#targets = new Map()
    let moved = 0
    for (const [member, partitions] of plan.targets) {
      for (const { topic, partition } of partitions) {
        const label = partitionDirectory(topic, partition)
        this.#targets.set(label, { topic, partition, member })
        if (before.get(label)?.member !== member) moved++
      }
    }
    for (const [label, { member }] of this.#holdings) if (this.#members.get(member)?.present !== true) this.#holdings.delete(label)
    return { orders: [...this.#revocations(), ...this.#kept(), ...this.#assignments(this.#targets.keys())], moved }
  }

  /** At once, whatever plan is under way: it owns nothing any more. The next plan says who gets that. */
  depart(member: string): void {
    const members = new Map(this.#members)
    members.delete(member)
    this.#members = members
    for (const [label, holding] of this.#holdings) if (holding.member === member) this.#holdings.delete(label)
  }

  /** The member has given the partition up, or it was taken from it. */
  released(label: string, member: string): readonly Order[] {
    if (this.#holdings.get(label)?.member !== member) return []
    this.#holdings.delete(label)
    return this.#assignments([label])
  }

  /** Its topic is gone. One of the same name has other partitions: the next plan assigns those. */
  forget(label: string): void {
    this.#holdings.delete(label)
    this.#targets.delete(label)
  }

  #revocations(): Order[] {
    const revoked = new Map<string, TopicPartition[]>()
    for (const [label, holding] of this.#holdings) {
      if (holding.revoking || this.#targets.get(label)?.member === holding.member) continue
      holding.revoking = true
      addTo(revoked, holding.member, holding)
    }
    return ordersOf('revoke', revoked)
  }

  /** Before it gave them up they were planned for it again. */
  #kept(): Order[] {
    const kept = new Map<string, TopicPartition[]>()
    for (const [label, holding] of this.#holdings) {
      if (!holding.revoking || this.#targets.get(label)?.member !== holding.member) continue
      holding.revoking = false
      addTo(kept, holding.member, holding)
    }
    return ordersOf('keep', kept)
  }

  #assignments(labels: Iterable<string>): Order[] {
    const assigned = new Map<string, TopicPartition[]>()
    for (const label of labels) {
      const target = this.#targets.get(label)
      if (target === undefined || this.#holdings.has(label) || this.#members.get(target.member)?.present !== true) continue
      this.#holdings.set(label, { ...target, revoking: false })
      addTo(assigned, target.member, target)
    }
    return ordersOf('assign', assigned)
  }
}

/** The one most members ask for; of equals the first by name, so that it does not change with who came first. */
function assignorOf(members: Members): AssignorName {
  const votes = new Map<AssignorName, number>()
  for (const { assignor } of members.values()) votes.set(assignor, (votes.get(assignor) ?? 0) + 1)
  const [first] = [...votes].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  return first?.[0] ?? 'sticky'
}

function partitionsOf(member: string, held: ReadonlyMap<string, Target>): TopicPartition[] {
  return [...held.values()].filter(each => each.member === member).map(({ topic, partition }) => ({ topic, partition }))
}

function addTo(lists: Map<string, TopicPartition[]>, member: string, { topic, partition }: TopicPartition): void {
  const list = lists.get(member)
  if (list === undefined) lists.set(member, [{ topic, partition }])
  else list.push({ topic, partition })
}

function ordersOf(kind: Order['kind'], lists: ReadonlyMap<string, readonly TopicPartition[]>): Order[] {
  return [...lists].map(([member, partitions]) => ({ kind, member, partitions }))
}
