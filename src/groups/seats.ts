// Who sits in the seats of a group, and which static members are away: the members as its next plan is to have them.
// Has the timers of those that are away: what is kept for them is kept for their sessionTimeout.
import { ConflictError } from '../base/errors.ts'
import type { Clock } from '../platform/clock.ts'
import type { Reader } from './beginnings.ts'
import type { GroupMember, Members } from './group-state.ts'
import { Member } from './member.ts'
import type { Seat } from './seat.ts'

export function memberFenced(group: string, id: string): ConflictError {
  return new ConflictError('MEMBER_FENCED', `group '${group}': another member has joined as '${id}'`, { hint: 'a memberId is for one member at a time', details: { group, memberId: id } })
}

export class Seats {
  readonly #clock: Clock
  readonly #onGone: () => void
  readonly #taken = new Map<string, Seat>()
  readonly #readers = new Map<Member, Reader>()
  readonly #absences = new Map<string, { cancel(): void }>()
  readonly #members = new Map<string, GroupMember>()
  #namedCount = 0

  /** @param onGone one that was away for too long is no member any more */
  constructor(clock: Clock, onGone: () => void) {
    this.#clock = clock
    this.#onGone = onGone
  }

  /** Those that are away included. */
  get members(): Members { return this.#members }
  get taken(): ReadonlyMap<string, Seat> { return this.#taken }
  /** Members of this process that are here. */
  get readers(): ReadonlyMap<Member, Reader> { return this.#readers }

  newId(): string {
    for (;;) {
      const id = `member-${++this.#namedCount}`
      if (!this.#members.has(id)) return id
    }
  }

  /** In an empty seat, or its own. `reader`: of a member of this process. */
  sit(seat: Seat, reader?: Reader): void {
    this.#absences.get(seat.id)?.cancel()
    this.#absences.delete(seat.id)
    this.#taken.set(seat.id, seat)
    this.#members.set(seat.id, seat.describe())
    if (seat instanceof Member && reader !== undefined) this.#readers.set(seat, reader)
  }

  /** 'away': its seat is kept for it; 'replaced': whoever takes it sits down in the same step. */
  stand(seat: Seat, becomes: 'away' | 'gone' | 'replaced'): void {
    this.#taken.delete(seat.id)
    if (seat instanceof Member) this.#readers.delete(seat)
    if (becomes === 'gone') this.#members.delete(seat.id)
    if (becomes === 'away') this.keep(this.#members.get(seat.id)!)
  }

  /** For one that is away. */
  keep(member: GroupMember): void {
    this.#members.set(member.id, { ...member, present: false })
    this.#absences.set(member.id, this.#clock.setTimeout(() => {
      this.#absences.delete(member.id)
      this.#members.delete(member.id)
      this.#onGone()
    }, member.sessionTimeoutMs))
  }

  /** There are other topics now. */
  describeAnew(): void {
    for (const [id, seat] of this.#taken) this.#members.set(id, seat.describe())
  }

  /** Nobody is waited for, nobody is a member; those that sit there are returned. */
  end(): readonly Seat[] {
    const seats = [...this.#taken.values()]
    this.#taken.clear()
    this.#readers.clear()
    for (const absence of this.#absences.values()) absence.cancel()
    this.#absences.clear()
    this.#members.clear()
    return seats
  }
}
