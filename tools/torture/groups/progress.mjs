// How far a group has come on one partition, as the journals tell it, and what contradicts its promises.
//
//   told ≤ handledTo               at least once: no position passes a record that nobody has handled
//   told > what was begun          at most once: every position passes a record before it is handed out
//   told never goes back           not in a life, and not by a kill: what is found after it is what was told, or more
//   floor ≤ what is handed out     so what comes again after a kill is what was handled above the position that is found
//   handledTo ≤ the told after it  where commits are prompt: by the next look, what was handled at the last is committed
//   repeats ≤ uncommitted          all that came again, and all that was handled above the position at the kills
//
// Within a lane (the partition, or a key of it) one record or batch is in hand at a time, first handlings are in the
// order of the offsets, and within a life a record comes once, unless it failed.
import { keyOf } from './journal.mjs'

/** @typedef {import('./kinds.mjs').Kind} Kind */

const WHOLE_PARTITION = ''

export class Progress {
  #kind
  #violate
  /** The position that the group is known to have. @type {number | undefined} */
  #told
  /** Nothing below is handed out any more. */
  #floor = 0
  /** Where the group began, once that is known. @type {number | undefined} */
  #base
  /** All below is handled. */
  #handledTo = 0
  /** Above handledTo. @type {Set<number>} */
  #handled = new Set()
  /** By lane: the highest offset that was handled. @type {Map<string, number>} */
  #highest = new Map()
  /** By lane, of this life: what was in hand last. @type {Map<string, number>} */
  #latest = new Map()
  /** By lane: what is in hand. @type {Map<string, number>} */
  #inHand = new Map()
  /** By offset: its lane. @type {Map<number, string>} */
  #lanes = new Map()
  /** Where counting what was skipped goes on. */
  #countedTo = 0
  #isAtWork = false
  /** All below was handled when positions were last looked at. @type {number | undefined} */
  #lookedAt
  /** What earlier lives have handled ends here: from here on, what is handled is handled in this life. */
  #newFrom = 0
  repeats = 0
  /** At the kills that it was at work before. */
  uncommitted = 0

  /** @param {Kind} kind @param {(what: string) => void} violate */
  constructor(kind, violate) {
    this.#kind = kind
    this.#violate = violate
    if (kind.begins === 'earliest') this.#base = 0
  }

  /** Has a position. */
  get isFixed() { return this.#told !== undefined }

  /**
   * After a kill: the position that is found, and where the partition ends.
   * @param {number | undefined} position @param {number} end
   * @returns {number} how many records were skipped: their position had passed them, nobody had them in hand
   */
  recover(position, end) {
    this.#latest.clear()
    this.#inHand.clear()
    this.#checkRepeats()
    if (this.#isAtWork) this.uncommitted += Math.max(0, this.#handledTo - (position ?? this.#base ?? this.#handledTo)) + this.#handled.size
    this.#isAtWork = false
    this.#lookedAt = undefined
    this.#newFrom = Math.max(this.#handledTo, ...this.#highest.values())
    if (position === undefined) {
      if (this.#told !== undefined) this.#violate(`position ${this.#told} was told, none is found`)
      return 0
    }
    if (position > end) this.#violate(`position ${position} is beyond the end, ${end}`)
    this.tell(position)
    this.#floor = position
    return this.#kind.once ? this.#countSkipped(position) : 0
  }

  /** @param {number} position */
  tell(position) {
    this.#fix(position)
    if (position < (this.#told ?? 0)) this.#violate(`position ${this.#told} was told, and then ${position}`)
    if (!this.#kind.once && position > this.#handledTo) this.#violate(`position ${position} passes offset ${this.#handledTo}, which nobody has handled`)
    this.#told = Math.max(position, this.#told ?? 0)
    if (!this.#kind.once) this.#floor = this.#told
  }

  /** All positions are told. */
  look() {
    if (!this.#kind.prompt || this.#told === undefined || this.#told <= this.#newFrom) return
    if (this.#told < (this.#lookedAt ?? 0)) this.#violate(`offset ${this.#told} was handled and not committed soon`)
    this.#lookedAt = this.#handledTo
  }

  /** @param {[offset: number, name: string][]} records */
  begin(records) {
    this.#isAtWork = true
    const [first, last] = [records[0], records.at(-1)]
    if (first === undefined || last === undefined) return this.#violate('an empty batch is handed out')
    const lane = this.#kind.order === 'key' ? keyOf(first[1]) : WHOLE_PARTITION
    this.#fix(first[0])
    const other = this.#inHand.get(lane)
    if (other !== undefined) this.#violate(`offset ${first[0]} is handed out while ${other} is in hand`)
    const latest = this.#latest.get(lane)
    if (!this.#kind.repeats && latest !== undefined && first[0] <= latest) this.#violate(`offset ${first[0]} comes after ${latest} in one life`)
    for (const [offset] of records) this.#beginOne(offset, lane)
    this.#inHand.set(lane, last[0])
    this.#latest.set(lane, last[0])
  }

  /** @param {readonly number[]} offsets */
  end(offsets) {
    const lane = this.#free(offsets)
    for (const offset of offsets) {
      this.#highest.set(lane, Math.max(offset, this.#highest.get(lane) ?? -1))
      if (this.#isHandled(offset)) this.repeats++
      else this.#handled.add(offset)
    }
    while (this.#handled.delete(this.#handledTo)) this.#handledTo++
  }

  /** @param {readonly number[]} offsets */
  fail(offsets) {
    const lane = this.#free(offsets)
    this.#latest.set(lane, (offsets[0] ?? 0) - 1)
  }

  /** The group has come to the end of the partition. @param {number} end */
  drain(end) {
    const { once, options } = this.#kind
    this.#checkRepeats()
    if (!once && this.#handledTo < end) this.#violate(`nobody has handled offset ${this.#handledTo}, the partition ends at ${end}`)
    if (options['commit'] !== 'manual' && (this.#told ?? this.#base) !== end) this.#violate(`the position stays at ${this.#told}, the partition ends at ${end}`)
  }

  #checkRepeats() {
    if (!this.#kind.repeats && this.repeats > this.uncommitted) this.#violate(`${this.repeats} records came again, ${this.uncommitted} were handled and not committed`)
  }

  /** Here the group began, unless that is known. @param {number} offset */
  #fix(offset) {
    if (this.#base === undefined) this.#base = this.#handledTo = offset
    if (offset < this.#base) this.#violate(`offset ${this.#base} came first, though the position is ${offset}`)
  }

  /** @param {number} offset @param {string} lane */
  #beginOne(offset, lane) {
    const highest = this.#highest.get(lane) ?? -1
    if (offset < this.#floor) this.#violate(`offset ${offset} is handed out below position ${this.#floor}`)
    if (offset < highest && !this.#isHandled(offset)) this.#violate(`offset ${offset} is handled after ${highest}`)
    if (this.#kind.once) {
      if (this.#lanes.has(offset)) this.#violate(`offset ${offset} is handed out twice`)
      this.#told = Math.max(offset + 1, this.#told ?? 0)
    }
    this.#lanes.set(offset, lane)
  }

  /** @param {readonly number[]} offsets @returns {string} their lane */
  #free(offsets) {
    const lane = this.#lanes.get(offsets[0] ?? -1)
    if (lane === undefined) throw new Error(`the journal ends offset ${offsets[0]}, which it did not begin`)
    this.#inHand.delete(lane)
    return lane
  }

  /** @param {number} offset */
  #isHandled(offset) {
    return offset < this.#handledTo || this.#handled.has(offset)
  }

  /** @param {number} position */
  #countSkipped(position) {
    let skipped = 0
    for (; this.#countedTo < position; this.#countedTo++) if (!this.#lanes.has(this.#countedTo)) skipped++
    return skipped
  }
}
