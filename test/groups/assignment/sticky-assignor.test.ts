import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignors } from '../../../src/groups/assignment/assignors.ts'
import { anyGroup, expectEachPartitionOnce, holders, holding, member, moves, rightfulOwners, shown, sizes, stored, sum } from './support/assignments.ts'
import type { Group } from './support/assignments.ts'
import { costOf, isBetteredByCircle, leastCost } from './support/sticky-cost.ts'

const { sticky } = assignors

const largeGroup = anyGroup({ members: 12, topics: 6, partitions: 12 })
const largeGroupOfSameTopics = anyGroup({ members: 12, topics: 6, partitions: 12, sameTopics: true })

/** The group as it is once it has been given its partitions. */
function settled({ members, partitionCounts }: Group): Group {
  return { members: holding(members, sticky(members, partitionCounts)), partitionCounts }
}

describe('whatever is read and owned', () => {
  it('each partition of a topic that is read has one owner, who reads it', () => {
    fc.assert(fc.property(largeGroup, group => { expectEachPartitionOnce(sticky, group) }))
  })

  it('of all assignments it is a most balanced one, of those one with the fewest moves, of those one with the widest spread', () => {
    const fewTopics = anyGroup({ members: 3, topics: 2, partitions: 3 })
    const manyTopics = anyGroup({ members: 4, topics: 5, partitions: 1 })
    fc.assert(fc.property(fc.oneof(fewTopics, manyTopics), group => {
      expect(costOf(sticky(group.members, group.partitionCounts), rightfulOwners(group))).toEqual(leastCost(group))
    }), { numRuns: 300 })
  })

  it('no circle of moves would make a larger group better balanced, or as balanced with fewer moves, or more widely spread', () => {
    fc.assert(fc.property(largeGroup, group => !isBetteredByCircle(sticky(group.members, group.partitionCounts), group)))
  })

  it('what was given once stays as it is', () => {
    fc.assert(fc.property(largeGroup, group => {
      const { members, partitionCounts } = settled(group)
      expect(moves(rightfulOwners({ members, partitionCounts }), sticky(members, partitionCounts))).toEqual([])
    }))
  })

  it('the order of members, of their topics and of what they own makes no difference', () => {
    const shuffled = largeGroup.chain(group => fc.record({
      group: fc.constant(group),
      members: fc.shuffledSubarray([...group.members], { minLength: group.members.length }),
      names: fc.shuffledSubarray([...group.partitionCounts.keys()], { minLength: group.partitionCounts.size }),
    }))
    fc.assert(fc.property(shuffled, ({ group, members, names }) => {
      const turned = members.map(({ id, topics, owned }) => ({ id, topics: new Set(names.filter(name => topics.has(name))), owned: owned.toReversed() }))
      const counts = new Map(names.map(name => [name, group.partitionCounts.get(name) ?? 0]))
      expect(shown(sticky(turned, counts))).toEqual(shown(sticky(group.members, group.partitionCounts)))
    }))
  })
})

describe('where all read the same topics', () => {
  it('the members have equally many partitions, or one more', () => {
    fc.assert(fc.property(largeGroupOfSameTopics, ({ members, partitionCounts }) => {
      const counts = sizes(sticky(members, partitionCounts))
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
    }))
  })

  it('no more partitions move than must: each member keeps its fair share, as many as can be keep one more', () => {
    fc.assert(fc.property(largeGroupOfSameTopics, group => {
      const owners = rightfulOwners(group)
      const total = sum([...group.partitionCounts.values()])
      const fair = Math.floor(total / group.members.length)
      const owned = sizes(owners)
      const keepOneMore = Math.min(total % group.members.length, owned.filter(count => count > fair).length)
      const kept = sum(owned.map(count => Math.min(count, fair))) + keepOneMore
      expect(moves(owners, sticky(group.members, group.partitionCounts))).toHaveLength(sum(owned) - kept)
    }))
  })

  it("a member that leaves moves its own partitions and nobody else's", () => {
    fc.assert(fc.property(largeGroupOfSameTopics.filter(({ members }) => members.length > 1), group => {
      const { members: [, ...others], partitionCounts } = settled(group)
      expect(moves(rightfulOwners({ members: others, partitionCounts }), sticky(others, partitionCounts))).toEqual([])
    }))
  })

  it('a member that joins is given its fair share, and nothing moves between the others', () => {
    fc.assert(fc.property(largeGroupOfSameTopics.filter(({ members }) => members.length > 1), group => {
      const [first, ...others] = group.members
      const before = settled({ members: others, partitionCounts: group.partitionCounts })
      const members = [...before.members, { ...first!, owned: [] }]
      const after = sticky(members, group.partitionCounts)
      expect(after.get(first!.id)).toHaveLength(Math.floor(sum([...group.partitionCounts.values()]) / members.length))
      expect(moves(rightfulOwners(before), after).filter(move => !move.endsWith(` → ${first!.id}`))).toEqual([])
    }))
  })

  it('partitions that are added move none that were there', () => {
    fc.assert(fc.property(largeGroupOfSameTopics, fc.nat(6), (group, added) => {
      const { members, partitionCounts } = settled(group)
      const more = new Map([...partitionCounts].map(([name, count]) => [name, count + added]))
      expect(moves(rightfulOwners({ members, partitionCounts }), sticky(members, more))).toEqual([])
    }))
  })

  it("of what nobody owns yet each topic is spread evenly too", () => {
    fc.assert(fc.property(largeGroupOfSameTopics, ({ members, partitionCounts }) => {
      const assignment = sticky(members.map(({ id, topics }) => ({ id, topics, owned: [] })), partitionCounts)
      for (const name of partitionCounts.keys()) {
        const counts = [...assignment.values()].map(list => list.filter(({ topic }) => topic === name).length)
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
      }
    }))
  })
})

describe('for example', () => {
  it('a group that begins is given its partitions in turn', () => {
    expect(shown(sticky([member('ada', 'bills orders'), member('grace', 'bills orders')], stored({ bills: 2, orders: 3 })))).toEqual({ ada: 'bills-0 orders-0 orders-1', grace: 'bills-1 orders-2' })
  })

  it('a third member takes one partition of each of two', () => {
    const members = [member('ada', 'orders', 'orders-0 orders-1 orders-2'), member('grace', 'orders', 'orders-3 orders-4 orders-5'), member('joan', 'orders')]
    expect(shown(sticky(members, stored({ orders: 6 })))).toEqual({ ada: 'orders-0 orders-1', grace: 'orders-3 orders-4', joan: 'orders-2 orders-5' })
  })

  it('a member that joins is given some of each topic where it costs no further move', () => {
    const members = [member('ada', 'bills orders', 'bills-0 bills-1 orders-0 orders-1'), member('grace', 'bills orders')]
    expect(shown(sticky(members, stored({ bills: 2, orders: 2 })))).toEqual({ ada: 'bills-0 orders-0', grace: 'bills-1 orders-1' })
  })

  it('a balanced group keeps what it has, even where the topics could be spread more evenly', () => {
    const members = [member('ada', 'bills orders', 'bills-0 bills-1'), member('grace', 'bills orders', 'orders-0 orders-1')]
    expect(shown(sticky(members, stored({ bills: 2, orders: 2 })))).toEqual({ ada: 'bills-0 bills-1', grace: 'orders-0 orders-1' })
  })

  it('a partition that two claim is left with the first of them by id', () => {
    const members = [member('grace', 'orders', 'orders-0 orders-1'), member('ada', 'orders', 'orders-1')]
    expect(shown(sticky(members, stored({ orders: 2 })))).toEqual({ ada: 'orders-1', grace: 'orders-0' })
  })

  it('claims to partitions that are not stored, and to topics that are no longer read, count for nothing', () => {
    const members = [member('ada', 'orders', 'orders-2 bills-0 gone-0'), member('grace', 'bills orders', 'orders-0')]
    expect(shown(sticky(members, stored({ bills: 1, orders: 2 })))).toEqual({ ada: 'orders-1', grace: 'bills-0 orders-0' })
  })

  it('who alone reads a topic has all of it, and then less of what others read too', () => {
    const members = [member('ada', 'bills orders', 'orders-0 orders-1'), member('grace', 'orders', 'orders-2'), member('joan', 'orders', 'orders-3')]
    expect(shown(sticky(members, stored({ bills: 3, orders: 4 })))).toEqual({ ada: 'bills-0 bills-1 bills-2', grace: 'orders-0 orders-2', joan: 'orders-1 orders-3' })
  })

  it('where two members share no topic, a third between them evens them out', () => {
    const members = [member('ada', 'bills', ''), member('grace', 'bills orders', 'bills-0 bills-1'), member('joan', 'orders', 'orders-0 orders-1 orders-2 orders-3')]
    expect(sizes(sticky(members, stored({ bills: 2, orders: 4 })))).toEqual([2, 2, 2])
  })

  it('a group without members, and one whose topics are not there yet, have nothing to give', () => {
    expect(sticky([], stored({ orders: 2 }))).toEqual(new Map())
    expect(sticky([member('ada', 'orders')], new Map())).toEqual(new Map([['ada', []]]))
    expect(sticky([member('ada', '')], stored({ orders: 2 }))).toEqual(new Map([['ada', []]]))
  })

  it("every partition of a topic has a holder when a hundred share a thousand", () => {
    const names = Array.from({ length: 10 }, (_, index) => `topic-${index}`).join(' ')
    const members = Array.from({ length: 100 }, (_, index) => member(`member-${index}`, names))
    const assignment = sticky(members, new Map(names.split(' ').map(name => [name, 100])))
    expect([new Set(sizes(assignment)), holders(assignment).size]).toEqual([new Set([10]), 1000])
  })
})
