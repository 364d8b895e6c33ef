// The sticky assignor: members keep what they hold, as far as an even share lets them. Of all assignments that give each
// partition to a member that reads its topic it takes one that is best by three measures, the earlier before the later:
//   1. balance: the sum of the squares of how many partitions each member has. Where all read the same topics, the counts
//      differ by at most 1. Else no chain of moves (a gives to b, b to c, …) would take one from a member and give one
//      to another that has at least two fewer.
//   2. moves: how many partitions leave the member that owned them.
//   3. spread: the sum of the squares of how many partitions of each topic each member has. Topics are spread over their
//      readers as far as that costs nothing above.
// What was best stays as it is. Owned are partitions that exist, of topics that the member reads; what two members claim
// belongs to the first by id. settle-shares.ts finds how many partitions of each topic each member gets; which ones is
// decided here: the lowest of its own, then the lowest of those that are left.
import type { AssignorMember, TopicPartition } from './assignor.ts'
import { inOrderOfIds, readTopics } from './assignor.ts'
import { settle } from './settle-shares.ts'
import { StickyShares } from './sticky-shares.ts'

const NOBODY = -1

interface OwnedTopic {
  readonly name: string
  /** Of each partition: the index of the member that owns it, or NOBODY. */
  readonly owners: number[]
}

export function sticky(members: readonly AssignorMember[], partitionCounts: ReadonlyMap<string, number>): Map<string, TopicPartition[]> {
  const ordered = inOrderOfIds(members)
  const topics = readTopics(ordered, partitionCounts)
    .map((name): OwnedTopic => ({ name, owners: new Array<number>(partitionCounts.get(name) ?? 0).fill(NOBODY) }))
  claim(ordered, topics)
  const shares = sharesOf(ordered, topics)
  settle(shares, topics.map(({ owners }) => owners.filter(owner => owner === NOBODY).length))

  const lists = ordered.map((): TopicPartition[] => [])
  for (const [index, topic] of topics.entries()) handOut(topic, ordered.map((_, member) => shares.held(index, member)), lists)
  return new Map(ordered.map(({ id }, index) => [id, lists[index]!]))
}

function claim(ordered: readonly AssignorMember[], topics: readonly OwnedTopic[]): void {
  const byName = new Map(topics.map(({ name, owners }) => [name, owners]))
  for (const [index, member] of ordered.entries()) {
    for (const { topic, partition } of member.owned) {
      const owners = member.topics.has(topic) ? byName.get(topic) : undefined
      if (owners?.[partition] === NOBODY) owners[partition] = index
    }
  }
}

function sharesOf(ordered: readonly AssignorMember[], topics: readonly OwnedTopic[]): StickyShares {
  const largest = topics.reduce((most, { owners }) => Math.max(most, owners.length), 0)
  const shares = new StickyShares(ordered.length, topics.length, largest)
  for (const [topic, { name, owners }] of topics.entries()) {
    for (const [index, member] of ordered.entries()) if (member.topics.has(name)) shares.addReader(topic, index)
    for (const owner of owners) if (owner !== NOBODY) shares.addOwned(topic, owner)
  }
  return shares
}

/** The topic's partitions to the members' lists. @param due how many each member gets; made 0 */
function handOut({ name, owners }: OwnedTopic, due: number[], lists: readonly TopicPartition[][]): void {
  const keepers = owners.map(owner => {
    if (owner === NOBODY || due[owner] === 0) return NOBODY
    due[owner]! -= 1
    return owner
  })
  let next = 0
  for (const [partition, keeper] of keepers.entries()) {
    let taker = keeper
    if (keeper === NOBODY) {
      while (due[next] === 0) next++
      due[next]! -= 1
      taker = next
    }
    lists[taker]!.push({ topic: name, partition })
  }
}
