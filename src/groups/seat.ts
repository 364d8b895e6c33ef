// What a group tells those who sit in it: members of this process (member.ts) and clients behind a door (remote-member.ts).
// A partition that was assigned is theirs until they have released it, were fenced, or have left.
import type { ConflictError } from '../base/errors.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import type { GroupMember } from './group-state.ts'

export interface Assigned {
  readonly topic: StoredTopic
  readonly partition: number
  readonly label: string
  /** What 'latest' means. undefined: it came after a member that reads its topic, and nothing in it is older than what was asked for. */
  readonly latest: number | undefined
}

export interface Seat {
  /** A static member's own id, so that who comes back under it gets what was kept for it; else one for this time. */
  readonly id: string
  /** It learns what it is asked for only when it asks itself: its time to give that up begins then. */
  readonly learnsLater: boolean
  /** How long it may keep what it was asked for. */
  readonly revokeTimeoutMs: number
  /** As it takes part in a plan: what it reads of the topics there are. */
  describe(): GroupMember
  /** Rejects where a position can't be had. */
  assign(partitions: readonly Assigned[]): Promise<void>
  /** False: it has nothing of it in hand, and it is free. */
  revoke(label: string): boolean
  /** It was asked for it, and is to have it after all. */
  keep(label: string): void
  /** Its time to release it is over. */
  fence(label: string, reason: ConflictError): void
  /** There is no such partition any more. */
  drop(label: string, reason: Error): void
  /** Another one sits there now, or the log has ended. */
  abandon(reason: Error): void
}
