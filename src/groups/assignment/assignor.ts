// What an assignor is: the rule by which the partitions of a group's topics are given to its members.
// Assignors are pure functions of who is in the group, of what each member reads and holds, and of how many partitions
// there are. All of them put members in the order of their ids first, so the order in which they are given never
// matters. Ids are compared by UTF-16 units, as Java compares strings.

import type { TopicPartition } from '../../format/consumer-protocol.ts'

export type { TopicPartition }

export interface AssignorMember {
  readonly id: string
  readonly topics: ReadonlySet<string>
  /** What the member holds as it joins: a claim, not a right. It may be stale. */
  readonly owned: readonly TopicPartition[]
}

/**
 * The result has an entry for every member, empty ones too, and each partition of a topic that a member reads once.
 * A topic that `partitionCounts` lacks has no partitions yet.
 */
export type Assignor = (members: readonly AssignorMember[], partitionCounts: ReadonlyMap<string, number>) => Map<string, TopicPartition[]>

export function inOrderOfIds(members: readonly AssignorMember[]): AssignorMember[] {
  return [...members].sort((a, b) => a.id < b.id ? -1 : 1)
}

/** The topics that someone reads, in the order of their names. */
export function readTopics(members: readonly AssignorMember[], partitionCounts: ReadonlyMap<string, number>): string[] {
  return [...partitionCounts.keys()].filter(name => members.some(({ topics }) => topics.has(name))).sort()
}
