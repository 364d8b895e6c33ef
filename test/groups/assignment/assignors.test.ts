import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignors } from '../../../src/groups/assignment/assignors.ts'
import { anyGroup, expectEachPartitionOnce, member, rightfulOwners, shown, stored } from './support/assignments.ts'
import { kafkaAssignments } from './support/kafka-assignments.ts'
import { costOf } from './support/sticky-cost.ts'

const { range, roundRobin, sticky } = assignors
const anyMembers = anyGroup({ members: 8, topics: 5, partitions: 8 })

describe.each(['range', 'roundRobin'] as const)('%s', name => {
  const assignor = assignors[name]

  it.each(kafkaAssignments)('gives $name what Kafka gives them', group => {
    expect(shown(assignor(group.members, group.partitionCounts))).toEqual(group[name])
  })

  it('gives each partition of a topic that is read to one who reads it', () => {
    fc.assert(fc.property(anyMembers, group => { expectEachPartitionOnce(assignor, group) }))
  })

  it('gives the same whatever the order of the members', () => {
    fc.assert(fc.property(anyMembers, ({ members, partitionCounts }) => {
      expect(assignor(members.toReversed(), partitionCounts)).toEqual(assignor(members, partitionCounts))
    }))
  })

  it('takes no notice of what is owned', () => {
    fc.assert(fc.property(anyMembers, ({ members, partitionCounts }) => {
      expect(assignor(members.map(({ id, topics }) => ({ id, topics, owned: [] })), partitionCounts)).toEqual(assignor(members, partitionCounts))
    }))
  })

  it('gives nothing where nobody is, or nothing is read or stored', () => {
    expect(assignor([], stored({ orders: 2 }))).toEqual(new Map())
    expect(assignor([member('ada', 'orders')], stored({ orders: 0 }))).toEqual(new Map([['ada', []]]))
    expect(assignor([member('ada', '')], stored({ orders: 2 }))).toEqual(new Map([['ada', []]]))
  })
})

it('range gives the same partitions of topics of the same size to one member, and the rest to the first', () => {
  expect(shown(range([member('grace', 'bills orders'), member('ada', 'bills orders')], stored({ bills: 3, orders: 3 })))).toEqual({ ada: 'bills-0 bills-1 orders-0 orders-1', grace: 'bills-2 orders-2' })
})

it('roundRobin deals the topics in one row', () => {
  expect(shown(roundRobin([member('grace', 'bills orders'), member('ada', 'bills orders')], stored({ bills: 3, orders: 3 })))).toEqual({ ada: 'bills-0 bills-2 orders-1', grace: 'bills-1 orders-0 orders-2' })
})

it.each(kafkaAssignments)("sticky is as balanced as Kafka's for $name, and moves no more where it is no better balanced", group => {
  const owners = rightfulOwners(group)
  const [balance, moved] = costOf(sticky(group.members, group.partitionCounts), owners)
  const [kafkaBalance, kafkaMoved] = costOf(group.sticky, owners)
  expect(balance).toBeLessThanOrEqual(kafkaBalance)
  if (balance === kafkaBalance) expect(moved).toBeLessThanOrEqual(kafkaMoved)
})
