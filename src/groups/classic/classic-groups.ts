// The classic groups of a log, by id. A group is here from its first member on until it is deleted or expires; one of
// which nothing is on record goes with its last id. Opened with those whose members are on record.
import type { MillraceError } from '../../base/errors.ts'
import { isClassic } from '../stored-group.ts'
import type { GroupError } from '../group-errors.ts'
import type { Positions } from '../positions.ts'
import type { Clock } from '../../platform/clock.ts'
import { ClassicGroup } from './classic-group.ts'
import { joinRefused, syncRefused, type Caller, type JoinAnswer, type JoinRequest, type Leaving, type SyncAnswer, type SyncRequest } from './classic-requests.ts'

/** Kafka's group.min.session.timeout.ms and group.max.session.timeout.ms. */
const SHORTEST_SESSION_MS = 6000
const LONGEST_SESSION_MS = 30 * 60_000

export interface ClassicGroupsParts {
  readonly clock: Clock
  readonly positions: Positions
  /** Members that speak another protocol are in the group. */
  readonly isTaken: (id: string, protocolType: string) => boolean
  /** The first member of the wire comes: those of this process come along. */
  readonly bringLocals: (group: ClassicGroup) => void
  /** The last member of the wire is gone. */
  readonly onLocalsAlone: (group: ClassicGroup) => void
  /** In the background. */
  readonly onFailed: (error: MillraceError) => void
}

export class ClassicGroups {
  readonly #parts: ClassicGroupsParts
  readonly #groups = new Map<string, ClassicGroup>()

  constructor(parts: ClassicGroupsParts) {
    this.#parts = parts
  }

  /** Those that had members when the log was last closed, or its process died. */
  restore(): void {
    for (const [id, { stored }] of this.#parts.positions.groups) if (stored !== undefined && isClassic(stored)) this.#create(id).restore(stored)
  }

  of(id: string): ClassicGroup | undefined {
    return this.#groups.get(id)
  }

  ids(): Iterable<string> {
    return this.#groups.keys()
  }

  join(id: string, request: JoinRequest): JoinAnswer | Promise<JoinAnswer> {
    const { memberId, sessionTimeoutMs, protocolType } = request
    if (id === '') return joinRefused('INVALID_GROUP_ID', memberId)
    if (sessionTimeoutMs < SHORTEST_SESSION_MS || sessionTimeoutMs > LONGEST_SESSION_MS) return joinRefused('INVALID_SESSION_TIMEOUT', memberId)
    if (this.#parts.isTaken(id, protocolType)) return joinRefused('INCONSISTENT_GROUP_PROTOCOL', memberId)
    const group = this.#groups.get(id) ?? (memberId === '' ? this.#create(id) : undefined)
    if (group === undefined) return joinRefused('UNKNOWN_MEMBER_ID', memberId)
    const answer = group.join(request)
    this.#dropUnused(group) // it was refused
    return answer
  }

  sync(id: string, request: SyncRequest): SyncAnswer | Promise<SyncAnswer> {
    if (id === '') return syncRefused('INVALID_GROUP_ID')
    return this.#groups.get(id)?.sync(request) ?? syncRefused('UNKNOWN_MEMBER_ID')
  }

  heartbeat(id: string, caller: Caller): GroupError | undefined {
    if (id === '') return 'INVALID_GROUP_ID'
    const group = this.#groups.get(id)
    return group === undefined ? 'UNKNOWN_MEMBER_ID' : group.heartbeat(caller)
  }

  /** One error for all, or an answer for each. */
  leave(id: string, leaving: readonly Leaving[]): GroupError | (GroupError | undefined)[] {
    if (id === '') return 'INVALID_GROUP_ID'
    return this.#groups.get(id)?.leave(leaving) ?? 'UNKNOWN_MEMBER_ID'
  }

  /** It was deleted, or has expired: the one that comes under this name is another. */
  forget(id: string): void {
    this.#groups.get(id)?.end()
    this.#groups.delete(id)
  }

  /** Their timers end, and whoever waits is told. */
  end(): void {
    for (const group of this.#groups.values()) group.end()
    this.#groups.clear()
  }

  #create(id: string): ClassicGroup {
    const { clock, positions, onFailed, bringLocals, onLocalsAlone } = this.#parts
    const group = new ClassicGroup(id, {
      clock, onFailed,
      store: stored => positions.store(id, stored),
      storedGeneration: () => positions.of(id)?.stored?.generation ?? 0,
      onVacant: () => { this.#dropUnused(group) },
      bringLocals: () => { bringLocals(group) },
      onLocalsAlone: () => { onLocalsAlone(group) },
    })
    this.#groups.set(id, group)
    return group
  }

  #dropUnused(group: ClassicGroup): void {
    if (group.isVacant && group.generation === 0) this.#groups.delete(group.id)
  }
}
