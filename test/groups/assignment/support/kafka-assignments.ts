// What Kafka's own assignors gave to the members of known groups (tools/kafka/Assignments.java).
import { readFileSync } from 'node:fs'
import type { Assignment, Group } from './assignments.ts'
import { member, partitions } from './assignments.ts'

export interface KafkaAssignments extends Group {
  readonly name: string
  readonly range: Readonly<Record<string, string>>
  readonly roundRobin: Readonly<Record<string, string>>
  readonly sticky: Assignment
}

/** As it stands in the file. */
interface Stored {
  partitions: Record<string, number>
  members: [id: string, topics: string, owned: string][]
  range: Record<string, string>
  roundrobin: Record<string, string>
  sticky: Record<string, string>
}

const { groups } = JSON.parse(readFileSync(new URL('../../../fixtures/kafka-assignments.json', import.meta.url), 'utf8')) as { groups: Stored[] }

export const kafkaAssignments: readonly KafkaAssignments[] = groups.map((group, index) => ({
  name: `group ${index}, of ${group.members.length} members`,
  members: group.members.map(([id, topics, owned]) => member(id, topics, owned)),
  partitionCounts: new Map(Object.entries(group.partitions)),
  range: group.range,
  roundRobin: group.roundrobin,
  sticky: new Map(Object.entries(group.sticky).map(([id, list]) => [id, partitions(list)])),
}))
