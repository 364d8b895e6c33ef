// What members of a classic group ask of it, and what it answers. Who asks over the wire is put into these by the handlers
// of src/kafka/handlers/; the group knows no versions, only what a version means.
import type { GroupError } from '../group-errors.ts'

/** A way of sharing out partitions that a member knows, and what it tells the leader for it. */
export interface Protocol { readonly name: string; readonly metadata: Buffer }

/** A member of this process: it offers every protocol there is, votes for none, leads nobody, and needs no session. */
export interface LocalPart {
  /** What it tells the leader, whatever the protocol. */
  readonly subscription: Buffer
  /** The group gathers anew: it has to come again. */
  gather(): void
  /** It is no member any more: it was 'dropped', or another one has taken its place. */
  out(why: 'dropped' | 'replaced'): void
}

export interface JoinRequest {
  /** '': a member that has no id yet. One of this process makes its own. */
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  /** The one it likes best first. */
  readonly protocols: readonly Protocol[]
  readonly local?: LocalPart
  /** Whoever has no id is given one, and comes again with it: a client that dies before it has heard of its id is no member then. */
  readonly needsIdFirst: boolean
  /** The leader may be told to leave the assignment as it is. */
  readonly canSkipAssignment: boolean
}

export interface JoinedMember { readonly memberId: string; readonly instanceId: string | null; readonly metadata: Buffer }

export interface JoinAnswer {
  readonly error: GroupError | undefined
  readonly memberId: string
  /** -1 with an error. */
  readonly generation: number
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly leader: string
  readonly skipAssignment: boolean
  /** For the leader alone. */
  readonly members: readonly JoinedMember[]
}

/** Who asks, as every request but the first join says it. */
export interface Caller { readonly memberId: string; readonly instanceId: string | null; readonly generation: number }

export interface SyncRequest extends Caller {
  /** null: the client doesn't say. */
  readonly protocolType: string | null
  readonly protocol: string | null
  /** From the leader alone. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
}

export interface SyncAnswer {
  readonly error: GroupError | undefined
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly assignment: Buffer
}

/** memberId '' with an instance id: whoever is that instance. */
export interface Leaving { readonly memberId: string; readonly instanceId: string | null }

/** The protocol type of consumers; others, Kafka Connect's, say other things in their subscriptions. */
export const CONSUMERS = 'consumer'

/** Of members of this process; Kafka prints those of the wire with a slash: '/127.0.0.1'. */
export const LOCAL_HOST = 'localhost'

export const NO_ASSIGNMENT = Buffer.alloc(0)

export function joinRefused(error: GroupError, memberId: string): JoinAnswer {
  return { error, memberId, generation: -1, protocolType: null, protocol: null, leader: '', skipAssignment: false, members: [] }
}

export function syncRefused(error: GroupError): SyncAnswer {
  return { error, protocolType: null, protocol: null, assignment: NO_ASSIGNMENT }
}
