// What must be in the log after a kill, as the victims' journals tell it, and the comparison with what is there.
//
// An acknowledged record must be there, at its offset. A record that was not acknowledged may be there, but whole and
// in its place. A change that was under way has happened as a whole or not at all; one that was acknowledged has.
// What was read once must stay: after a comparison everything that was found is expected from then on.
import { incarnationOf, isFree, isWhole } from './lanes.mjs'

/**
 * @typedef {import('./journal.mjs').Change} Change
 * @typedef {import('./journal.mjs').Entry} Entry
 * @typedef {import('./journal.mjs').Found} Found
 * @typedef {{ start: number, records: Map<number, string> }} ExpectedPartition  by offset: which record
 * @typedef {{ incarnation: string, partitions: ExpectedPartition[], acknowledged: Map<string, number> }} ExpectedTopic
 *   acknowledged: the highest number of each lane
 *
 * @typedef {{ readonly offset: number, readonly value: unknown }} StoredRecord
 * @typedef {{ readonly startOffset: number, readonly endOffset: number }} StoredPartition
 * @typedef {{ readonly name: string, readonly partitions: readonly StoredPartition[],
 *   read(options: { from: 'earliest', partitions: readonly number[] }): AsyncIterable<StoredRecord> }} StoredTopic
 *   as much of a topic as is looked at
 */

const MAX_TOLD = 20

export class ExpectedLog {
  /** @type {Map<string, ExpectedTopic>} */
  #topics = new Map()
  /** Changes that were begun and are not known to have ended. @type {Map<string, Change>} */
  #underWay = new Map()
  /** @type {string[]} */
  #violations = []
  acknowledged = 0
  changes = 0
  compared = 0
  cuts = 0

  /** The first of them: one loss makes many. */
  get violations() {
    return this.#violations.length <= MAX_TOLD ? this.#violations : [...this.#violations.slice(0, MAX_TOLD), `… ${this.#violations.length - MAX_TOLD} more`]
  }

  /** The incarnation that each topic has if it is there. */
  incarnations() {
    const made = [...this.#underWay.values()].filter(change => change.kind === 'make')
    return Object.fromEntries([...[...this.#topics].map(([name, { incarnation }]) => [name, incarnation]), ...made.map(({ topic, incarnation }) => [topic, incarnation])])
  }

  /** @param {Entry} entry */
  take(entry) {
    switch (entry[0]) {
      case 'alive':
      case 'at':
      case 'large': break
      case 'cut': this.cuts++; break
      case 'found': this.look(entry[1]); break
      case 'begin': this.#begin(entry[1]); break
      case 'end': this.#carryOut(entry[1]); break
      case 'ack': this.#acknowledge(entry)
    }
  }

  /** Compares topics, partitions and offsets, and settles what was under way. @param {readonly Found[]} found */
  look(found) {
    const names = new Set([...this.#topics.keys(), ...this.#underWay.keys(), ...found.map(({ topic }) => topic)])
    for (const name of names) this.#lookAt(name, found.find(({ topic }) => topic === name))
  }

  /** Compares every record. @param {readonly StoredTopic[]} topics */
  async compare(topics) {
    this.look(topics.map(({ name, partitions }) => ({ topic: name, partitions: partitions.map(({ startOffset, endOffset }) => [startOffset, endOffset]) })))
    for (const topic of topics) {
      const expected = this.#topics.get(topic.name)
      if (expected !== undefined) await this.#compareTopic(topic, expected)
    }
  }

  // ---------------------------------------------------------------- what was told

  /** @param {Change} change */
  #begin(change) {
    this.#underWay.set(change.topic, change)
    this.changes++
  }

  /** @param {import('./journal.mjs').Ack} ack */
  #acknowledge([, name, lane, number, partition, offset]) {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw new Error(`the journal acknowledges a record of topic '${name}', which it did not make`)
    this.acknowledged++
    topic.acknowledged.set(lane, Math.max(number, topic.acknowledged.get(lane) ?? 0))
    if (partition === null || offset === null) return
    const records = topic.partitions[partition]?.records
    const before = records?.get(offset)
    if (before !== undefined) this.#violate(`${name}-${partition}: offset ${offset} was given to ${before} and to ${lane}#${number}`)
    records?.set(offset, `${lane}#${number}`)
  }

  /** @param {string} name */
  #carryOut(name) {
    const change = this.#underWay.get(name)
    const topic = this.#topics.get(name)
    this.#underWay.delete(name)
    switch (change?.kind) {
      case undefined: throw new Error(`the journal ends a change of topic '${name}' that it did not begin`)
      case 'make': this.#topics.set(name, { incarnation: change.incarnation, partitions: emptyPartitions(change.partitions), acknowledged: new Map() }); break
      case 'drop': this.#topics.delete(name); break
      case 'grow': topic?.partitions.push(...emptyPartitions(change.partitions - topic.partitions.length)); break
      case 'trim': {
        const partition = topic?.partitions[change.partition]
        if (partition !== undefined) partition.start = change.offset
      }
    }
  }

  // ---------------------------------------------------------------- what is there

  /** @param {string} name @param {Found | undefined} found */
  #lookAt(name, found) {
    const change = this.#underWay.get(name)
    if (change !== undefined && hasHappened(change, found)) this.#carryOut(name)
    else this.#underWay.delete(name)
    const expected = this.#topics.get(name)
    if (expected === undefined && found !== undefined) this.#violate(`topic '${name}' is there, though it was deleted or never made`)
    if (expected !== undefined && found === undefined) {
      this.#violate(`topic '${name}' is gone`)
      this.#topics.delete(name)
    }
    if (expected === undefined || found === undefined) return
    if (expected.partitions.length !== found.partitions.length) this.#violate(`topic '${name}' has ${found.partitions.length} partitions, not ${expected.partitions.length}`)
    for (const [index, [start, end]] of found.partitions.entries()) this.#lookAtEnds(`${name}-${index}`, expected.partitions[index] ??= { start, records: new Map() }, start, end)
  }

  /** @param {string} label @param {ExpectedPartition} expected @param {number} start @param {number} end */
  #lookAtEnds(label, expected, start, end) {
    if (start !== expected.start) this.#violate(`${label}: begins at ${start}, not at ${expected.start}`)
    for (const offset of expected.records.keys()) {
      if (offset < start) expected.records.delete(offset)
      else if (offset >= end) this.#violate(`${label}: offset ${offset} (${expected.records.get(offset)}) is gone: the log ends at ${end}`)
    }
  }

  /** @param {StoredTopic} topic @param {ExpectedTopic} expected */
  async #compareTopic(topic, expected) {
    /** The highest number seen of each lane. @type {Map<string, number>} */
    const highest = new Map()
    /** @type {Set<string>} */
    const free = new Set()
    for (const [index, partition] of topic.partitions.entries()) {
      const lanes = await this.#comparePartition(topic, index, partition, expected, free)
      for (const [lane, number] of lanes) {
        if (highest.has(lane) && !isFree(lane)) this.#violate(`${topic.name}: ${lane} is in two partitions`)
        highest.set(lane, Math.max(number, highest.get(lane) ?? 0))
      }
    }
    const trimmed = expected.partitions.some(({ start }) => start > 0)
    for (const [lane, number] of expected.acknowledged) {
      const seen = highest.get(lane)
      if (seen === undefined ? !trimmed : seen < number && !(trimmed && isFree(lane))) this.#violate(`${topic.name}: ${lane} is acknowledged up to ${number}, stored ${seen === undefined ? 'not at all' : `up to ${seen}`}`)
    }
  }

  /** @param {StoredTopic} topic @param {number} index @param {StoredPartition} stored @param {ExpectedTopic} expected @param {Set<string>} free records of free lanes */
  async #comparePartition(topic, index, stored, expected, free) {
    const label = `${topic.name}-${index}`
    const partition = /** @type {ExpectedPartition} */ (expected.partitions[index])
    /** @type {Map<string, number>} */
    const lanes = new Map()
    /** @type {Map<number, string>} */
    const records = new Map()
    let next = stored.startOffset
    for await (const { offset, value } of topic.read({ from: 'earliest', partitions: [index] })) {
      if (offset !== next) this.#violate(`${label}: offset ${offset} follows ${next - 1}`)
      next = offset + 1
      this.compared++
      if (!isWhole(value)) {
        this.#violate(`${label}: the record at offset ${offset} is none that was sent`)
        continue
      }
      const record = `${value.lane}#${value.number}`
      records.set(offset, record)
      this.#comparePlace(`${label}: offset ${offset}`, value, lanes, expected, stored.startOffset > 0)
      const told = partition.records.get(offset)
      if (told !== undefined && told !== record) this.#violate(`${label}: offset ${offset} holds ${record}, not ${told}`)
      if (isFree(value.lane) && free.size === free.add(record).size) this.#violate(`${label}: ${record} is there twice`)
    }
    if (next !== stored.endOffset) this.#violate(`${label}: reading ends at ${next}, the log at ${stored.endOffset}`)
    for (const [offset, record] of partition.records) if (!records.has(offset)) this.#violate(`${label}: offset ${offset} (${record}) can't be read`)
    partition.records = records
    return lanes
  }

  /** @param {string} where @param {import('./lanes.mjs').Value} value @param {Map<string, number>} lanes @param {ExpectedTopic} topic @param {boolean} trimmed */
  #comparePlace(where, { lane, number }, lanes, topic, trimmed) {
    const before = lanes.get(lane)
    lanes.set(lane, number)
    const inOrder = before === undefined ? number === 0 || trimmed || isFree(lane) : isFree(lane) ? number > before : number === before + 1
    if (incarnationOf(lane) !== topic.incarnation) this.#violate(`${where} holds ${lane}#${number} of a topic that was deleted`)
    else if (!inOrder) this.#violate(`${where} holds ${lane}#${number} ${before === undefined ? 'as the first' : `after #${before}`}`)
  }

  /** @param {string} what */
  #violate(what) {
    this.#violations.push(what)
  }
}

/** @param {Change} change @param {Found | undefined} found */
function hasHappened(change, found) {
  switch (change.kind) {
    case 'make': return found !== undefined
    case 'drop': return found === undefined
    case 'grow': return found?.partitions.length === change.partitions
    case 'trim': return found?.partitions[change.partition]?.[0] === change.offset
  }
}

/** @param {number} count @returns {ExpectedPartition[]} */
function emptyPartitions(count) {
  return Array.from({ length: count }, () => ({ start: 0, records: new Map() }))
}
