// How many partitions of each topic each member of a group gets, and what a change of that costs: the numbers below the
// sticky assignor, whose header has the three measures. Partitions of one topic differ only in whether a member owns
// them, so counts suffice. settle-shares.ts makes the changes.
//
// All measures are one number: balance × balanceUnit + moves × moveUnit + half the spread, with units that no
// sum of lower digits reaches along a circle of changes that passes each member once. These costs stay exact, below 2^53,
// for 1,000 members with 100,000 partitions in topics of 10,000.

export class StickyShares {
  readonly members: number
  readonly topics: number
  /** Of a member, all topics together. */
  readonly counts: Int32Array
  readonly #balanceUnit: number
  readonly #moveUnit: number
  /** Of a member and a topic, at member * topics + topic, as the next two. */
  readonly #reads: Uint8Array
  readonly #owned: Int32Array
  readonly #held: Int32Array

  constructor(members: number, topics: number, largestTopic: number) {
    this.members = members
    this.topics = topics
    this.counts = new Int32Array(members)
    this.#moveUnit = members * (largestTopic + 1) + 1
    this.#balanceUnit = this.#moveUnit * (members + 1)
    this.#reads = new Uint8Array(topics * members)
    this.#owned = new Int32Array(topics * members)
    this.#held = new Int32Array(topics * members)
  }

  addReader(topic: number, member: number): void {
    this.#reads[member * this.topics + topic] = 1
  }

  /** A partition that a reader of the topic owns. */
  addOwned(topic: number, owner: number): void {
    this.#owned[owner * this.topics + topic]! += 1
    this.take(topic, owner)
  }

  reads(topic: number, member: number): boolean {
    return this.#reads[member * this.topics + topic] === 1
  }

  held(topic: number, member: number): number {
    return this.#held[member * this.topics + topic]!
  }

  /** A partition more of the topic. */
  take(topic: number, member: number): void {
    this.#held[member * this.topics + topic]! += 1
    this.counts[member]! += 1
  }

  give(topic: number, from: number, to: number): void {
    this.#held[from * this.topics + topic]! -= 1
    this.counts[from]! -= 1
    this.take(topic, to)
  }

  /** What it costs that a partition of the topic leaves the member, balance apart; Infinity: it has none. */
  leavingCost(topic: number, member: number): number {
    const cell = member * this.topics + topic
    const held = this.#held[cell]!
    if (held === 0) return Infinity
    return (held <= this.#owned[cell]! ? this.#moveUnit : 0) - held
  }

  /** What it costs that the member gets one more of the topic, balance apart; Infinity: it doesn't read it. */
  joiningCost(topic: number, member: number): number {
    const cell = member * this.topics + topic
    if (this.#reads[cell] === 0) return Infinity
    const held = this.#held[cell]!
    return (held < this.#owned[cell]! ? -this.#moveUnit : 0) + held + 1
  }

  /** What it costs that the member ends with one partition fewer. */
  fewerCost(member: number): number {
    return -this.#balanceUnit * this.counts[member]!
  }

  /** … with one more. */
  moreCost(member: number): number {
    return this.#balanceUnit * (this.counts[member]! + 1)
  }
}
