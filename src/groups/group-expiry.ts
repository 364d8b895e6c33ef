// Groups that nobody has needed for long are forgotten: those that are empty and have not committed since. It is done by
// tombstones in the log of positions, a few groups at a time, so that a hundred thousand of them hold up nobody.
//
//   needed      now, while it has a member, or one that is away within its sessionTimeout, or something of it is being written;
//               and while a topic's retainUntilConsumedBy names it: without its positions nothing of that topic would go again
//   …           last when it committed, or when its last member had left
//
// Whether a group is needed is asked in the same step that puts its tombstones. Whoever joins or commits after that comes
// later in the log, and wins. Nothing is synced: a group that a power cut brings back expires once more.
import type { Clock } from '../platform/clock.ts'
import { BACKGROUND_MS, Slices } from '../platform/slices.ts'
import type { GroupRecord, Positions } from './positions.ts'
import { emptied } from './stored-group.ts'

/** They are one write, which nothing interrupts: about half a millisecond. */
const CHANGES_A_WRITE = 256
const NEEDED_NOW = Infinity

export interface ExpiryParts {
  readonly positions: Positions
  readonly clock: Clock
  /** Nobody of this process is in the group, or on the way in or out. */
  readonly isVacant: (group: string) => boolean
  /** Groups that topics wait for. */
  readonly awaited: () => ReadonlySet<string>
  /** The group that comes under this name is another one. */
  readonly forget: (group: string) => void
  /** Throws once the log is being closed. */
  readonly checkOpen: () => void
}

export class GroupExpiry {
  readonly #parts: ExpiryParts
  readonly #openedAt: number
  /** Every group was needed then, or later: so the last look at all of them found, and what came since is younger. */
  #neededSince = 0

  constructor(parts: ExpiryParts) {
    this.#parts = parts
    this.#openedAt = parts.clock.now()
  }

  /** Before it there is nothing to expire; at it there may be. Costs no look at the groups. */
  next(expiryMs: number): number {
    return this.#parts.positions.groups.size === 0 ? Infinity : this.#neededSince + expiryMs
  }

  /** Deletes those that nobody has needed since that time; resolves with how many. */
  async expire(notSince: number): Promise<number> {
    if (notSince < this.#neededSince) return 0
    const slices = new Slices(BACKGROUND_MS)
    let awaited = this.#parts.awaited()
    let neededSince = this.#parts.clock.now()
    let expired = 0
    let positions = 0
    let writes: Promise<void>[] = []
    for (const [id, record] of this.#parts.positions.groups) {
      const lastNeeded = awaited.has(id) ? NEEDED_NOW : this.#lastNeeded(id, record)
      if (lastNeeded <= notSince) {
        writes.push(this.#delete(id))
        positions += record.positions.size
        expired++
      } else {
        neededSince = Math.min(neededSince, lastNeeded)
        if (lastNeeded !== NEEDED_NOW && isLeftBehind(record)) writes.push(this.#recordEmpty(id, record))
      }
      if (positions + writes.length < CHANGES_A_WRITE && !slices.due()) continue
      await Promise.all(writes)
      await slices.pause()
      this.#parts.checkOpen()
      awaited = this.#parts.awaited()
      positions = 0
      writes = []
    }
    await Promise.all(writes)
    this.#neededSince = neededSince
    return expired
  }

  /** Members that ended with their process may have needed it up to when this one began. */
  #lastNeeded(id: string, record: GroupRecord): number {
    if (!this.#parts.isVacant(id) || this.#parts.positions.isChanging(id)) return NEEDED_NOW
    let last = isLeftBehind(record) ? this.#openedAt : record.stored?.timestamp ?? -Infinity
    for (const { timestamp } of record.positions.values()) last = Math.max(last, timestamp)
    return last
  }

  /** The check has been made: nothing comes between. */
  #delete(id: string): Promise<void> {
    this.#parts.forget(id)
    return this.#parts.positions.forget(id)
  }

  /** Or in a program that crashes every day it would begin anew each time. */
  #recordEmpty(id: string, { stored }: GroupRecord): Promise<void> {
    return this.#parts.positions.store(id, emptied(stored!, this.#openedAt))
  }
}

/** On record with members though nobody is in it: its process ended without a word. */
function isLeftBehind({ stored }: GroupRecord): boolean {
  return stored !== undefined && stored.members.length > 0
}
