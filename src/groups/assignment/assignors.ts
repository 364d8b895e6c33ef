// The assignors by name: Kafka's range and round-robin, partition for partition as Kafka's Java classes give them to
// consumers without racks, and the sticky one, which has a file of its own. The coordinator calls them.
import type { Assignor, AssignorMember, TopicPartition } from './assignor.ts'
import { inOrderOfIds, readTopics } from './assignor.ts'
import { sticky } from './sticky-assignor.ts'

export type { Assignor, AssignorMember, TopicPartition } from './assignor.ts'

export type AssignorName = 'sticky' | 'range' | 'roundRobin'

export const assignors: Readonly<Record<AssignorName, Assignor>> = { sticky, range, roundRobin }

/**
 * Each topic on its own, cut into runs of equal length, the first members' runs one longer where it doesn't come out
 * even. So partition n of all topics with the same readers and size has the same reader, and the first members read more.
 */
function range(members: readonly AssignorMember[], partitionCounts: ReadonlyMap<string, number>): Map<string, TopicPartition[]> {
  const ordered = inOrderOfIds(members)
  const assignment = new Map<string, TopicPartition[]>(ordered.map(({ id }) => [id, []]))
  for (const topic of readTopics(ordered, partitionCounts)) {
    const readers = ordered.filter(({ topics }) => topics.has(topic))
    const count = partitionCounts.get(topic) ?? 0
    const runLength = Math.floor(count / readers.length)
    const longerRuns = count % readers.length
    let next = 0
    for (const [index, { id }] of readers.entries()) {
      const end = next + runLength + (index < longerRuns ? 1 : 0)
      for (; next < end; next++) assignment.get(id)?.push({ topic, partition: next })
    }
  }
  return assignment
}

/** All partitions of all topics in a row, dealt to the members in turn; a member that doesn't read a topic is passed over. */
function roundRobin(members: readonly AssignorMember[], partitionCounts: ReadonlyMap<string, number>): Map<string, TopicPartition[]> {
  const ordered = inOrderOfIds(members)
  const assignment = new Map<string, TopicPartition[]>(ordered.map(({ id }) => [id, []]))
  let turn = 0
  const nextReader = (topic: string): string => {
    for (;;) {
      const member = ordered[turn++ % ordered.length]
      if (member?.topics.has(topic) === true) return member.id
    }
  }
  for (const topic of readTopics(ordered, partitionCounts)) {
    const count = partitionCounts.get(topic) ?? 0
    for (let partition = 0; partition < count; partition++) assignment.get(nextReader(topic))?.push({ topic, partition })
  }
  return assignment
}
