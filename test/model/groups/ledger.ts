// What one group has done with one partition: what is handled, what it may have committed, what it was handed.
//
//   least ≤ committed ≤ most        where commits are under way, or wait for their interval; else all three are equal
//   all below committed is done: handled, or left out by a seek, a reset, or where the group began
//
// A power cut takes it back to anything it was since the device last had it: [cutLeast, cutMost].
import assert from 'node:assert/strict'
import type { CommitMode } from './model.ts'

export class Ledger {
  readonly name: string
  readonly #mode: CommitMode
  /** A commit is on the device when it is seen. */
  readonly #isDurable: boolean
  /** By offset. */
  readonly #done: boolean[] = []
  /** With 'before': by offset, what was handed out and must not come again. */
  readonly #handed = new Set<number>()
  /** The group has begun here: a member has had the partition. */
  hasBegun = false
  /** As it was last seen at rest. */
  committed: number | undefined
  least = 0
  most = 0
  /** Where it stands without a commit. */
  #begin = 0
  #cutLeast = 0
  #cutMost = 0
  /** What the committed position must be at rest, when it is certain. */
  #due: number | undefined

  constructor(name: string, mode: CommitMode, isDurable: boolean) {
    this.name = name
    this.#mode = mode
    this.#isDurable = isDurable
  }

  /** All before it is none of the group's business. */
  begin(offset: number): void {
    this.hasBegun = true
    this.#begin = offset
    this.leaveOut(0, offset)
    this.#set(offset)
    this.#cutLeast = this.#cutMost = offset
  }

  /** Handled by its owner, which goes on at `end`; with a commit at once if `due`. */
  handle(from: number, end: number, due: boolean): void {
    this.leaveOut(from, end)
    this.mayCommit(end)
    if (due) this.#due = end
  }

  leaveOut(from: number, end: number): void {
    for (let offset = from; offset < end; offset++) this.#done[offset] = true
  }

  /** A commit of it was asked for, or may be made at any time. */
  mayCommit(offset: number): void {
    this.least = Math.min(this.least, offset)
    this.most = Math.max(this.most, offset)
    this.#cutLeast = Math.min(this.#cutLeast, offset)
    this.#cutMost = Math.max(this.#cutMost, offset)
    this.#due = undefined
  }

  /** Once all is at rest it is that and nothing else. */
  mustCommit(offset: number): void {
    this.mayCommit(offset)
    this.#due = offset
  }

  /** Whether it was committed is not known any more: its owner lost the partition meanwhile. */
  uncertain(): void {
    this.#due = undefined
  }

  hand(offset: number): void {
    if (this.#mode !== 'before') return
    assert(!this.#handed.has(offset), `${this.name}: offset ${offset} was handed out twice, at most once was asked for`)
    this.#handed.add(offset)
  }

  /** Asked for: what lies behind it may come again. */
  handAgainFrom(offset: number): void {
    for (const handed of this.#handed) if (handed >= offset) this.#handed.delete(handed)
  }

  reset(offset: number): void {
    this.hasBegun = true
    this.handAgainFrom(offset)
    this.leaveOut(0, offset)
    this.mustCommit(offset)
  }

  /** At rest: the committed position is one that it may be. */
  see(committed: number | undefined): void {
    const hasMoved = committed !== this.committed
    const position = this.#check(committed)
    if (this.#due !== undefined) this.#set(position)
    if (this.#isDurable && hasMoved) this.synced()
  }

  #check(committed: number | undefined): number {
    const position = committed ?? this.#begin
    assert(position >= this.least && position <= this.most, `${this.name}: committed is ${committed}, expected ${this.least} to ${this.most}`)
    if (this.#due !== undefined) assert.equal(position, this.#due, `${this.name}: the committed position, at rest`)
    assert(committed !== undefined || this.committed === undefined, `${this.name}: the committed position is gone, it was ${this.committed}`)
    this.#assertDone(position)
    this.committed = committed
    return position
  }

  /** The device has it. */
  synced(): void {
    this.#cutLeast = this.least
    this.#cutMost = this.most
  }

  /** After the end of a process. With 'before' what was committed may not have been handed out. */
  survive(committed: number | undefined): void {
    this.#due = undefined
    this.#letGoBefore(committed)
    this.#set(this.#check(committed))
  }

  /** After a power cut; `rewoundFrom`: where the log says that it was. Undefined where nothing of it is left. */
  survivePowerCut(committed: number | undefined, end: number, rewoundFrom: number | undefined): void {
    const position = committed ?? this.#begin
    this.#letGoBefore(rewoundFrom ?? committed)
    const was = rewoundFrom ?? position
    assert(position <= end, `${this.name}: committed is ${committed}, the partition ends at ${end}`)
    assert(was >= this.#cutLeast && was <= this.#cutMost, `${this.name}: the committed position was ${was} before it was rewound, expected ${this.#cutLeast} to ${this.#cutMost}`)
    if (rewoundFrom !== undefined) assert(rewoundFrom > end && committed === end, `${this.name}: rewound from ${rewoundFrom} to ${committed}, the partition ends at ${end}`)
    else assert(this.#cutLeast <= end, `${this.name}: it was beyond ${end}, the end, and nobody was told`)
    this.#done.length = Math.min(this.#done.length, end)
    this.handAgainFrom(this.#isDurable ? end : position)
    this.committed = committed
    this.#assertDone(position)
    this.#set(position)
    this.synced() // what was recovered is on the device
  }

  #letGoBefore(committed = 0): void {
    if (this.#mode !== 'before' || committed <= this.most) return
    this.leaveOut(this.most, committed)
    this.mayCommit(committed)
  }

  #assertDone(end: number): void {
    for (let offset = 0; offset < end; offset++) assert(this.#done[offset] === true, `${this.name}: committed is ${end}, and offset ${offset} was not handled`)
  }

  #set(position: number): void {
    this.least = this.most = position
    this.#due = position
    this.#cutLeast = Math.min(this.#cutLeast, position)
    this.#cutMost = Math.max(this.#cutMost, position)
  }
}
