// Groups and assignments as tests say and read them.
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Assignor, AssignorMember, TopicPartition } from '../../../../src/groups/assignment/assignors.ts'

export type Assignment = ReadonlyMap<string, readonly TopicPartition[]>

export interface Group {
  readonly members: readonly AssignorMember[]
  readonly partitionCounts: ReadonlyMap<string, number>
}

export const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

/** The partitions of 'orders-0 orders-1 bills-0'. */
export function partitions(text: string): TopicPartition[] {
  return text.split(' ').filter(name => name !== '').map(name => {
    const dash = name.lastIndexOf('-')
    return { topic: name.slice(0, dash), partition: Number(name.slice(dash + 1)) }
  })
}

/** member('ada', 'orders bills', 'orders-0 orders-1') reads two topics and holds two partitions. */
export function member(id: string, topics: string, owned = ''): AssignorMember {
  return { id, topics: new Set(topics.split(' ').filter(name => name !== '')), owned: partitions(owned) }
}

/** What `partitions` and `member` read, for each member. */
export function shown(assignment: Assignment): Record<string, string> {
  return Object.fromEntries([...assignment].map(([id, list]) => [id, list.map(keyOf).join(' ')]))
}

export const stored = (partitionCounts: Readonly<Record<string, number>>): Map<string, number> => new Map(Object.entries(partitionCounts))

/** The members, each holding what the assignment gave it. */
export function holding(members: readonly AssignorMember[], assignment: Assignment): AssignorMember[] {
  return members.map(({ id, topics }) => ({ id, topics, owned: assignment.get(id) ?? [] }))
}

export function sizes(assignment: Assignment): number[] {
  return [...assignment.values()].map(list => list.length)
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** Of a partition's key: who has it. */
export function holders(assignment: Assignment): Map<string, string> {
  return new Map([...assignment].flatMap(([id, list]) => list.map((partition): [string, string] => [keyOf(partition), id])))
}

/** Partitions that go from one member to another, as 'orders-0: ada → grace'. */
export function moves(before: Assignment, after: Assignment): string[] {
  const takers = holders(after)
  return [...holders(before)].flatMap(([key, from]) => {
    const to = takers.get(key)
    return to === undefined || to === from ? [] : [`${key}: ${from} → ${to}`]
  })
}

/** Who rightly owned what: it exists, the member reads it, and nobody before it in the order of ids claims it too. */
export function rightfulOwners({ members, partitionCounts }: Group): Map<string, TopicPartition[]> {
  const claimed = new Set<string>()
  return new Map(members.toSorted((a, b) => a.id < b.id ? -1 : 1).map(({ id, topics, owned }) => [id, owned.filter(partition => {
    if (!topics.has(partition.topic) || partition.partition >= (partitionCounts.get(partition.topic) ?? 0) || claimed.has(keyOf(partition))) return false
    claimed.add(keyOf(partition))
    return true
  })]))
}

export function expectEachPartitionOnce(assignor: Assignor, { members, partitionCounts }: Group): void {
  const assignment = assignor(members, partitionCounts)
  expect([...assignment.keys()].sort()).toEqual(members.map(({ id }) => id).sort())
  const readable = [...partitionCounts].flatMap(([topic, count]) => members.some(({ topics }) => topics.has(topic)) ? Array.from({ length: count }, (_, partition) => `${topic}-${partition}`) : [])
  expect([...assignment.values()].flat().map(keyOf).sort()).toEqual(readable.sort())
  for (const { id, topics } of members) expect((assignment.get(id) ?? []).filter(({ topic }) => !topics.has(topic))).toEqual([])
}

/** A group of members with any claims, stale, doubled and impossible ones too. */
export function anyGroup(limits: { members: number; topics: number; partitions: number; sameTopics?: boolean }): fc.Arbitrary<Group> {
  const names = Array.from({ length: limits.topics }, (_, index) => `topic-${index}`)
  const claims = fc.array(fc.record({ topic: fc.constantFrom(...names), partition: fc.nat(limits.partitions) }), { maxLength: limits.topics * limits.partitions, size: 'max' })
  const anyTopics = limits.sameTopics === true ? fc.constant(names) : fc.subarray(names)
  return fc.record({
    partitionCounts: fc.tuple(...names.map(() => fc.nat(limits.partitions))).map(counts => new Map(names.map((name, index) => [name, counts[index] ?? 0]))),
    members: fc.uniqueArray(fc.record({ id: fc.string({ unit: 'binary', maxLength: 4 }), topics: anyTopics.map(topics => new Set(topics)), owned: claims }), { selector: ({ id }) => id, minLength: 1, maxLength: limits.members, size: 'max' }),
  })
}
