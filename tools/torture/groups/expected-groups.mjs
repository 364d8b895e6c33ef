// What all victims of a directory have done, as their journals tell it, and what contradicts the promises of groups.
// What is promised of one group on one partition is in progress.mjs; here is what concerns several of them:
//
//   - a record is the same for every group, each time, and the one that was sent
//   - what was acknowledged is there
//   - static members have the partitions that they once had, or none while they are away
//   - a kill takes from an at-most-once group no more than its members had in hand
//   - a record that was given up is a dead letter, once its position has passed
import { kindOf } from './kinds.mjs'
import { Progress } from './progress.mjs'

/**
 * @typedef {import('./journal.mjs').Entry} Entry
 * @typedef {import('./journal.mjs').Ends} Ends
 * @typedef {import('./journal.mjs').Told} Told
 */

export class ExpectedGroups {
  /** By partition and offset: names. @type {Map<string, Map<number, string>>} */
  #records = new Map()
  /** By partition: the end that was acknowledged. @type {Map<string, number>} */
  #ends = new Map()
  /** By group and partition. @type {Map<string, Map<string, Progress>>} */
  #groups = new Map()
  /** By static group and member. @type {Map<string, Map<string, string>>} */
  #statics = new Map()
  /** By group: places of records. @type {Map<string, Set<string>>} */
  #buried = new Map()
  /** By sentence: the first, and how many there were. @type {Map<string, { first: string, count: number }>} */
  #violations = new Map()
  figures = { sent: 0, handled: 0, skipped: 0, joins: 0, deadLetters: 0, staticReturns: 0 }

  /** The first of each kind: one makes many. */
  get violations() {
    return [...this.#violations.values()].map(({ first, count }) => count === 1 ? first : `${first} (and ${count - 1} more like it)`)
  }

  /** Of the at-least-once groups whose records come again after kills only. */
  get repeated() {
    const strict = [...this.#groups].filter(([group]) => !kindOf(group).once && !kindOf(group).repeats).flatMap(([, partitions]) => [...partitions.values()])
    const sum = (/** @type {'repeats' | 'uncommitted'} */ figure) => strict.reduce((total, progress) => total + progress[figure], 0)
    return { repeats: sum('repeats'), uncommitted: sum('uncommitted') }
  }

  /** @param {Entry} entry */
  take(entry) {
    switch (entry[0]) {
      case 'alive':
      case 'went': break
      case 'looked': for (const partitions of this.#groups.values()) for (const progress of partitions.values()) progress.look(); break
      case 'opened': this.#recover(entry[1], entry[2]); break
      case 'sent': this.#sent(entry); break
      case 'came': this.#came(entry[1], entry[2], entry[3]); break
      case 'owns': for (const [member, partitions] of entry[2]) this.#owns(entry[1], member, partitions, entry[2]); break
      case 'begin': this.#begin(entry[1], `${entry[2]}-${entry[3]}`, entry[4]); break
      case 'end':
        this.#of(entry[1], `${entry[2]}-${entry[3]}`).end(entry[4])
        this.figures.handled += entry[4].length
        break
      case 'fail': this.#of(entry[1], `${entry[2]}-${entry[3]}`).fail(entry[4]); break
      case 'bury': this.#bury(entry[1], `${entry[2]}-${entry[3]}`, entry[4]); break
      case 'told': for (const [partition, offset] of entry[3]) this.#of(entry[1], `${entry[2]}-${partition}`).tell(offset)
    }
  }

  /**
   * All groups have come to the end.
   * @param {Ends} ends @param {readonly string[]} groups  those that ran to the end
   * @param {ReadonlyMap<string, ReadonlySet<string>>} letters  by group, the places of the records that its dead letters are of
   */
  drained(ends, groups, letters) {
    for (const group of groups) {
      const { topics } = kindOf(group)
      for (const [topic, partitions] of ends) {
        if (!topics.includes(topic)) continue
        for (const [partition, end] of partitions.entries()) this.#of(group, `${topic}-${partition}`).drain(end)
      }
      const missing = [...this.#buried.get(group) ?? []].filter(place => letters.get(group)?.has(place) !== true)
      for (const place of missing) this.#violate(`${group}: ${place} was given up and is no dead letter`)
    }
  }

  // ---------------------------------------------------------------- records

  /** @param {Extract<Entry, ['sent', ...unknown[]]>} entry */
  #sent([, topic, partition, offset, name]) {
    const label = `${topic}-${partition}`
    this.figures.sent++
    this.#ends.set(label, Math.max(offset + 1, this.#ends.get(label) ?? 0))
    this.#isRecord(label, offset, name)
  }

  /** @param {string} label @param {number} offset @param {string} name */
  #isRecord(label, offset, name) {
    let records = this.#records.get(label)
    if (records === undefined) this.#records.set(label, records = new Map())
    const before = records.get(offset)
    if (before !== undefined && before !== name) this.#violate(`${label}: offset ${offset} was ${before}, and then ${name}`)
    records.set(offset, name)
  }

  /** @param {string} group @param {string} label @param {[offset: number, name: string][]} records */
  #begin(group, label, records) {
    for (const [offset, name] of records) this.#isRecord(label, offset, name)
    this.#of(group, label).begin(records)
  }

  /** It counts as handled when it is written; that it was is seen at the end. @param {string} group @param {string} label @param {number[]} offsets */
  #bury(group, label, offsets) {
    const buried = this.#buried.get(group) ?? new Set()
    this.#buried.set(group, buried)
    for (const offset of offsets) buried.add(`${label}:${offset}`)
    this.#of(group, label).end(offsets)
    this.figures.deadLetters += offsets.length
  }

  // ---------------------------------------------------------------- after a kill

  /** @param {Ends} ends @param {readonly Told[]} told */
  #recover(ends, told) {
    const found = new Map(ends.flatMap(([topic, partitions]) => partitions.map((end, partition) => [`${topic}-${partition}`, end])))
    for (const [label, end] of this.#ends) if ((found.get(label) ?? 0) < end) this.#violate(`${label}: acknowledged up to ${end}, ends at ${found.get(label) ?? 'nothing'}`)
    const positions = new Map(told.flatMap(([group, topic, all]) => all.map(([partition, offset]) => [`${group}/${topic}-${partition}`, offset])))
    for (const place of positions.keys()) this.#of(place.slice(0, place.indexOf('/')), place.slice(place.indexOf('/') + 1))
    for (const [group, partitions] of this.#groups) {
      let skipped = 0
      for (const [label, progress] of partitions) skipped += progress.recover(positions.get(`${group}/${label}`), found.get(label) ?? 0)
      this.figures.skipped += skipped
      const { inHand } = kindOf(group)
      if (skipped > inHand) this.#violate(`${group}: ${skipped} records were skipped, at most ${inHand} were in hand`)
    }
  }

  // ---------------------------------------------------------------- members

  /** @param {string} group @param {string} member @param {string[]} partitions */
  #came(group, member, partitions) {
    this.figures.joins++
    const { begins, isStatic } = kindOf(group)
    if (begins === 'latest') {
      for (const label of partitions) if (!this.#of(group, label).isFixed) this.#violate(`${group} ${label}: joined, and has no position`)
    }
    const had = this.#statics.get(group)?.get(member)
    if (!isStatic || had === undefined) return
    this.figures.staticReturns++
    if (had !== partitions.join()) this.#violate(`${group}: ${member} comes back to ${partitions.join()}, it had ${had}`)
  }

  /** @param {string} group @param {string} member @param {string[]} partitions @param {[member: string, partitions: string[]][]} all */
  #owns(group, member, partitions, all) {
    const kind = kindOf(group)
    if (!kind.isStatic) return
    const fixed = this.#statics.get(group)
    if (fixed !== undefined) {
      if (partitions.length > 0 && partitions.join() !== fixed.get(member)) this.#violate(`${group}: ${member} has ${partitions.join()}, it had ${fixed.get(member)}`)
    } else if (all.length === kind.members && all.every(([, owned]) => owned.length > 0)) {
      this.#statics.set(group, new Map(all.map(([id, owned]) => [id, owned.join()])))
    }
  }

  /** @param {string} group @param {string} label */
  #of(group, label) {
    let partitions = this.#groups.get(group)
    if (partitions === undefined) this.#groups.set(group, partitions = new Map())
    let progress = partitions.get(label)
    if (progress === undefined) partitions.set(label, progress = new Progress(kindOf(group), what => { this.#violate(`${group} ${label}: ${what}`) }))
    return progress
  }

  /** @param {string} what */
  #violate(what) {
    const sentence = what.replace(/\d+/g, '')
    const known = this.#violations.get(sentence)
    if (known === undefined) this.#violations.set(sentence, { first: what, count: 1 })
    else known.count++
  }
}
