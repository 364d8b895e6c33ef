// The members of this process in a classic group, while others of it are of the wire: what each is to have, by the leader's
// assignment. The group of this process (group.ts) asks back and hands out as with plans of its own, and makes those itself
// while there are no such others.
import { ConflictError } from '../../base/errors.ts'
import { partitionDirectory } from '../../log/topic-name.ts'
import type { Clock } from '../../platform/clock.ts'
import type { TopicPartition } from '../assignment/assignors.ts'
import type { GroupMember, GroupState, Plan } from '../group-state.ts'
import type { Orders } from '../orders.ts'
import { memberFenced, type Seats } from '../seats.ts'
import type { ClassicGroup } from './classic-group.ts'
import { LocalMember, type LocalMemberHome } from './local-member.ts'

/** The group of this process: its parts, and what is done as after plans of its own. */
export interface LocalMembersHome {
  readonly group: string
  readonly clock: Clock
  readonly state: GroupState
  readonly seats: Seats
  orders(): Orders
  /** By a plan of its own. */
  rebalance(): Promise<void>
  apply(plan: Plan): void
  settledMaybe(): void
  failed(error: unknown): void
}

export class LocalMembers implements LocalMemberHome {
  readonly #home: LocalMembersHome
  readonly #groupOfOthers: () => ClassicGroup | undefined
  /** That they are in now. */
  #classic: ClassicGroup | undefined
  /** By seat. */
  readonly #members = new Map<string, LocalMember>()
  readonly #targets = new Map<string, readonly TopicPartition[]>()

  /** @param groupOfOthers that there is of those that speak the classic protocol over the wire */
  constructor(home: LocalMembersHome, groupOfOthers: () => ClassicGroup | undefined) {
    this.#home = home
    this.#groupOfOthers = groupOfOthers
  }

  get clock(): Clock { return this.#home.clock }
  /** One of them waits for the others, or for what it is to have. */
  get areFollowing(): boolean { return this.#classic !== undefined }
  get areGathering(): boolean { return [...this.#members.values()].some(({ isGathering }) => isGathering) }

  /** The first of the others comes. Each has what it had until it is told to join. */
  follow(classic: ClassicGroup): void {
    const present = [...this.#home.seats.readers.keys()]
    if (present.length === 0) return
    this.#classic = classic
    for (const { id } of present) {
      this.#targets.set(id, this.ownedBy(id))
      this.#add(id, classic).enter()
    }
  }

  /** The last of the others is gone. */
  goBack(): void {
    if (this.#classic === undefined) return
    this.#classic = undefined
    const planned = this.#home.rebalance()
    planned.catch((error: unknown) => { this.failed(error) })
    this.end(planned)
  }

  /** Resolves once it has what the leader assigns to it. undefined: nobody leads but this group. */
  join(id: string): Promise<void> | undefined {
    const others = this.#groupOfOthers()
    if (others !== undefined && others.size > 0) this.#classic ??= others
    if (this.#classic === undefined) return undefined
    const member = this.#add(id, this.#classic)
    member.join()
    return member.arrived
  }

  #add(id: string, classic: ClassicGroup): LocalMember {
    this.#members.get(id)?.end()
    const member = new LocalMember(id, this, classic)
    this.#members.set(id, member)
    return member
  }

  leave(id: string, options: { readonly leave: boolean }): void {
    this.#members.get(id)?.leave(options)
    this.#members.delete(id)
    this.#targets.delete(id)
    if (this.#members.size === 0) this.#classic = undefined
  }

  topicsChanged(): void {
    for (const member of this.#members.values()) member.topicsChanged()
  }

  topicDeleted(name: string): void {
    for (const [id, partitions] of this.#targets) this.#targets.set(id, partitions.filter(({ topic }) => topic !== name))
  }

  /** Something that was asked back is out of a member's hands. */
  goOn(): void {
    for (const member of this.#members.values()) member.goOn()
  }

  /** @param then what joins under way wait for from now on */
  end(then?: Promise<void>): void {
    for (const member of this.#members.values()) member.end(then)
    this.#members.clear()
    this.#targets.clear()
  }

  // ---------------------------------------------------------------- for members

  describe(id: string): GroupMember { return this.#home.seats.members.get(id)! }
  ownedBy(id: string): readonly TopicPartition[] { return this.#home.state.ownedBy(id) }
  isRevoking(id: string): boolean { return this.#home.state.isRevoking(id) }
  failed(error: unknown): void { this.#home.failed(error) }

  share(id: string, generation: number, partitions: readonly TopicPartition[]): void {
    const { state, seats, orders } = this.#home
    this.#targets.set(id, orders().existing(partitions).map(({ topic, partition }) => ({ topic: topic.name, partition })))
    this.#home.apply({ generation: Math.max(generation, state.generation), members: new Map(seats.members), assignor: 'sticky', targets: this.#targets })
  }

  fence(id: string): void {
    this.#targets.set(id, [])
    const { group, state, seats, orders } = this.#home
    for (const { topic, partition } of state.ownedBy(id)) {
      const label = partitionDirectory(topic, partition)
      orders().endRevocation(label)
      state.forget(label)
      seats.taken.get(id)?.fence(label, new ConflictError('COMMIT_FENCED', `group '${group}': ${label} was taken from '${id}': the others have shared out without it`, {
        hint: 'another member goes on there; what was not committed is handled again', details: { group, partition: label },
      }))
    }
    this.#home.settledMaybe()
  }

  replaced(id: string): void {
    this.#members.delete(id)
    this.#targets.delete(id)
    const { group, state, seats } = this.#home
    const seat = seats.taken.get(id)
    if (seat === undefined) return
    seats.stand(seat, 'gone')
    seat.abandon(memberFenced(group, id))
    state.depart(id)
  }
}
