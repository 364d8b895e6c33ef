// The measures of the sticky assignor as its header says them, and the best there is, found by trying everything.
import type { TopicPartition } from '../../../../src/groups/assignment/assignors.ts'
import type { Assignment, Group } from './assignments.ts'
import { holders, keyOf, moves, rightfulOwners, sum } from './assignments.ts'

/** Balance, moves and spread, the more important first. */
export type Cost = readonly [balance: number, moves: number, spread: number]

export function costOf(assignment: Assignment, owners: Assignment): Cost {
  const lists = [...assignment.values()]
  const perTopic = lists.flatMap(list => [...new Set(list.map(({ topic }) => topic))].map(name => list.filter(({ topic }) => topic === name).length))
  return [sum(lists.map(list => list.length ** 2)), moves(owners, assignment).length, sum(perTopic.map(count => count ** 2))]
}

/** Takes as many steps as there are assignments: readers to the power of partitions. */
export function leastCost(group: Group): Cost {
  const owners = rightfulOwners(group)
  const all = [...group.partitionCounts].flatMap(([topic, count]) => Array.from({ length: count }, (_, partition): TopicPartition => ({ topic, partition })))
  const assignment = new Map(group.members.map(({ id }): [string, TopicPartition[]] => [id, []]))
  let best: Cost = [Infinity, Infinity, Infinity]
  const place = (index: number): void => {
    const partition = all[index]
    if (partition === undefined) {
      const cost = costOf(assignment, owners)
      if (isLess(cost, best)) best = cost
      return
    }
    const readers = group.members.filter(({ topics }) => topics.has(partition.topic))
    if (readers.length === 0) place(index + 1)
    for (const { id } of readers) {
      assignment.get(id)?.push(partition)
      place(index + 1)
      assignment.get(id)?.pop()
    }
  }
  place(0)
  return best
}

function isLess(a: Cost, b: Cost): boolean {
  if (a[0] !== b[0]) return a[0] < b[0]
  if (a[1] !== b[1]) return a[1] < b[1]
  return a[2] < b[2]
}

const MOVE = 1e4
const BALANCE = 1e8

/**
 * Whether some circle of moves lowers the cost: a gives a partition to b, b one to c, and so on back to a, or to a member
 * that ends with one more. Where none does, theory says that the assignment is a best one, and leastCost that it is right.
 * For groups of up to 20 members with up to 200 partitions.
 */
export function isBetteredByCircle(assignment: Assignment, group: Group): boolean {
  const { members } = group
  const ownerOf = holders(rightfulOwners(group))
  const listOf = (index: number): readonly TopicPartition[] => assignment.get(members[index]!.id) ?? []
  const countOf = (index: number, name: string): number => listOf(index).filter(({ topic }) => topic === name).length
  const arc = (from: number, to: number): number => {
    if (from === to) return Infinity
    if (from === members.length) return -BALANCE * (2 * listOf(to).length - 1)
    if (to === members.length) return BALANCE * (2 * listOf(from).length + 1)
    return Math.min(...listOf(from).filter(({ topic }) => members[to]!.topics.has(topic)).map(partition => {
      const owner = ownerOf.get(keyOf(partition))
      const moved = (owner === members[from]!.id ? 1 : 0) - (owner === members[to]!.id ? 1 : 0)
      return MOVE * moved + 2 * (countOf(to, partition.topic) - countOf(from, partition.topic) + 1)
    }))
  }
  const nodes = Array.from({ length: members.length + 1 }, (_, index) => index)
  const costs = nodes.map(from => nodes.map(to => arc(from, to)))
  for (const through of nodes) {
    for (const from of nodes) for (const to of nodes) costs[from]![to] = Math.min(costs[from]![to]!, costs[from]![through]! + costs[through]![to]!)
    if (nodes.some(node => costs[node]![node]! < 0)) return true
  }
  return false
}
