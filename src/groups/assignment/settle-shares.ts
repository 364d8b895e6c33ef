// Finds the best shares for the sticky assignor, which calls it.
//
// Each of its measures is a sum of convex functions of the shares, and a partition that goes from one member to another is
// a unit that flows along an arc. So this is a flow of least convex cost, of which theory says: shares are the best
// as soon as no circle of changes makes them better (no negative cycle in the residual graph); with several measures,
// one more important than the next, it holds as with one. We begin with what is owned, place what is free, level out
// the bulk by single changes, which is quick and nearly right, and then follow circles until there are none. Each makes
// a cost smaller that is a whole number, so the search ends; and it ends at the best, wherever it began.
//
// Levelling out is for speed alone: a hundred members that join one with 1,000 partitions take 2 ms with it, 50 without.
// Time grows with (topics + partitions + members) × members, and with how many circles are followed: few where all read
// the same topics, up to as many as partitions where subscriptions hardly overlap (40 ms for that many members then).

import { findNegativeCircle } from './negative-circle.ts'
import type { StickyShares } from './sticky-shares.ts'

/** @param free of each topic, how many of its partitions nobody owns */
export function settle(shares: StickyShares, free: readonly number[]): void {
  for (const [topic, count] of free.entries()) placeFree(shares, topic, count)
  levelOut(shares)
  followCircles(shares)
}

/** Each to the reader that has fewest, of those to the one with fewest of the topic. */
function placeFree(shares: StickyShares, topic: number, count: number): void {
  const hasFewer = (member: number, other: number): boolean => {
    const difference = shares.counts[member]! - shares.counts[other]!
    return difference < 0 || (difference === 0 && shares.held(topic, member) < shares.held(topic, other))
  }
  for (let i = 0; i < count; i++) {
    let taker = -1
    for (let member = 0; member < shares.members; member++) {
      if (shares.reads(topic, member) && (taker === -1 || hasFewer(member, taker))) taker = member
    }
    shares.take(topic, taker)
  }
}

/** From the fullest to the emptiest that reads what it has, until that gains nothing. */
function levelOut(shares: StickyShares): void {
  const finished = new Set<number>()
  while (finished.size < shares.members) {
    const fullest = extreme(shares.counts, finished, 1)
    if (!giveToEmptiest(shares, fullest)) finished.add(fullest)
  }
}

function giveToEmptiest(shares: StickyShares, from: number): boolean {
  const refused = new Set<number>([from])
  while (refused.size < shares.members) {
    const to = extreme(shares.counts, refused, -1)
    if (shares.counts[to]! > shares.counts[from]! - 2) return false
    const topic = cheapestTopic(shares, from, to)
    if (topic !== -1) {
      shares.give(topic, from, to)
      return true
    }
    refused.add(to)
  }
  return false
}

/** The first index with the largest value, or with `sign` -1 the smallest; `without` lacks at least one. */
function extreme(values: Int32Array, without: ReadonlySet<number>, sign: 1 | -1): number {
  let found = -1
  for (let index = 0; index < values.length; index++) {
    if (!without.has(index) && (found === -1 || values[index]! * sign > values[found]! * sign)) found = index
  }
  return found
}

/** -1: it has none that the other reads. */
function cheapestTopic(shares: StickyShares, from: number, to: number): number {
  let cheapest = Infinity
  let found = -1
  for (let topic = 0; topic < shares.topics; topic++) {
    const leaving = shares.leavingCost(topic, from)
    if (leaving === Infinity) continue
    const cost = leaving + shares.joiningCost(topic, to)
    if (cost < cheapest) {
      cheapest = cost
      found = topic
    }
  }
  return found
}

function followCircles(shares: StickyShares): void {
  const changes = new Changes(shares)
  for (;;) {
    const circle = findNegativeCircle(changes.costs, shares.members + 1)
    if (circle === undefined) return
    changes.follow(circle)
  }
}

/**
 * The cheapest change from each member to each other as a graph, with one node beside the members, at the last index:
 * the rest. A circle rest → a → … → b → rest leaves a with one partition fewer and b with one more; a circle that
 * doesn't pass it leaves each with as many as it had.
 */
class Changes {
  /** Of the arc from → to, at from * nodes + to; Infinity: there is none. */
  readonly costs: Float64Array
  readonly #topics: Int32Array
  readonly #shares: StickyShares
  readonly #rest: number

  constructor(shares: StickyShares) {
    const nodes = shares.members + 1
    this.#shares = shares
    this.#rest = shares.members
    this.costs = new Float64Array(nodes * nodes).fill(Infinity)
    this.#topics = new Int32Array(nodes * nodes)
    for (let member = 0; member < shares.members; member++) this.#setArcsFrom(member)
    this.#setRest()
  }

  /** Makes the changes of the circle's arcs; the last of its nodes leads back to the first. */
  follow(circle: readonly number[]): void {
    for (const [index, from] of circle.entries()) {
      const to = circle[(index + 1) % circle.length]!
      if (from !== this.#rest && to !== this.#rest) this.#shares.give(this.#topics[from * (this.#rest + 1) + to]!, from, to)
    }
    for (const member of circle) {
      if (member === this.#rest) continue
      this.#setArcsFrom(member)
      this.#setArcsTo(member)
    }
    this.#setRest()
  }

  #setArcsFrom(from: number): void {
    const row = from * (this.#rest + 1)
    this.costs.fill(Infinity, row, row + this.#rest)
    for (let topic = 0; topic < this.#shares.topics; topic++) {
      const leaving = this.#shares.leavingCost(topic, from)
      if (leaving === Infinity) continue
      for (let to = 0; to < this.#rest; to++) if (to !== from) this.#offer(topic, row + to, leaving + this.#shares.joiningCost(topic, to))
    }
  }

  #setArcsTo(to: number): void {
    const nodes = this.#rest + 1
    for (let from = 0; from < this.#rest; from++) this.costs[from * nodes + to] = Infinity
    for (let topic = 0; topic < this.#shares.topics; topic++) {
      const joining = this.#shares.joiningCost(topic, to)
      if (joining === Infinity) continue
      for (let from = 0; from < this.#rest; from++) if (from !== to) this.#offer(topic, from * nodes + to, this.#shares.leavingCost(topic, from) + joining)
    }
  }

  #offer(topic: number, arc: number, cost: number): void {
    if (cost >= this.costs[arc]!) return
    this.costs[arc] = cost
    this.#topics[arc] = topic
  }

  #setRest(): void {
    const nodes = this.#rest + 1
    for (let member = 0; member < this.#rest; member++) {
      this.costs[this.#rest * nodes + member] = this.#shares.fewerCost(member)
      this.costs[member * nodes + this.#rest] = this.#shares.moreCost(member)
    }
  }
}
