// What a pipeline must look like after a kill, by what its victims were told and by what is found. Nothing is guessed: a
// stage's position says which records have had their effects, and all others have had none.
//
//   offset < position     each of its effects is there, once; or its dead letter
//   offset ≥ position     none is
//
//   - effects of one partition's records are in their order, in every partition that they are in; a key is in one partition
//   - nothing is there of an attempt that failed, or of a transaction that was aborted
//   - what was acknowledged, read or found once is there ever after; a position that was told never goes back
//   - run to the end: no record is at or behind the position
import { LETTERS, STAGES, effectsOf, isBuried, placeOf } from './pipeline.mjs'

/**
 * @typedef {import('./journal.mjs').Entry} Entry
 * @typedef {import('./pipeline.mjs').Stage} Stage
 * @typedef {{ topic: string, partition: number, offset: number, key: string, name: string, from: string, isDoomed: boolean }} Stored  of letters: `name` is the record's own
 * @typedef {{ positions: ReadonlyMap<string, readonly number[]>, records: ReadonlyMap<string, readonly Stored[]> }} Found
 *   positions: by group, of its partitions; records: by topic, in order within a partition
 */

export class ExpectedPipeline {
  #stages
  /** By place: names. @type {Map<string, string>} */
  #known = new Map()
  /** By group and partition: what committed() said last. @type {Map<string, number>} */
  #told = new Map()
  /** By group and partition: of the last transaction that was committed. A look at committed() may be told behind it. @type {Map<string, number>} */
  #committed = new Map()
  /** By sentence: the first, and how many there were. @type {Map<string, { first: string, count: number }>} */
  #violations = new Map()
  figures = { sent: 0, failed: 0, came: 0, effects: 0, letters: 0, compared: 0 }

  /** @param {readonly Stage[]} [stages] */
  constructor(stages = STAGES) {
    this.#stages = stages
  }

  /** The first of each kind: one makes many. */
  get violations() {
    return [...this.#violations.values()].map(({ first, count }) => count === 1 ? first : `${first} (and ${count - 1} more like it)`)
  }

  /** @param {Entry} entry */
  take(entry) {
    switch (entry[0]) {
      case 'alive':
      case 'went': break
      case 'opened': for (const [partition, offset] of this.#committed) this.#told.set(partition, Math.max(offset, this.#told.get(partition) ?? 0)); break
      case 'came': this.figures.came++; break
      case 'failed': this.figures.failed++; break
      case 'sent':
        this.figures.sent++
        this.#isRecord(`input-${entry[1]}:${entry[2]}`, entry[3])
        break
      case 'seen': this.#isRecord(`${entry[1]}-${entry[2]}:${entry[3]}`, entry[4]); break
      case 'committed': this.#committed.set(`${entry[1]} ${entry[2]}`, entry[3]); break
      case 'told': this.#tell(entry[1], entry[2], entry[3])
    }
  }

  /** @param {Found} found @param {{ isDrained: boolean }} how */
  compare({ positions, records }, { isDrained }) {
    this.figures.compared++
    this.figures.effects = this.figures.letters = 0
    const all = [...records.values()].flat()
    for (const record of all) this.#isRecord(placeOf(record), record.name)
    const places = new Set(all.map(placeOf))
    for (const [place, name] of this.#known) if (!places.has(place)) this.#violate(`${place}: ${name} was there, and is gone`)
    for (const record of all) if (record.isDoomed) this.#violate(`${placeOf(record)}: ${record.name} was sent by an attempt that failed`)
    for (const [topic, stored] of records) this.#compareKeys(topic, stored)
    for (const stage of this.#stages) this.#compareStage(stage, positions.get(stage.group) ?? [], records, isDrained)
  }

  // ---------------------------------------------------------------- a stage

  /** @param {Stage} stage @param {readonly number[]} positions @param {Found['records']} records @param {boolean} isDrained */
  #compareStage({ group, from, to }, positions, records, isDrained) {
    for (const [partition, offset] of positions.entries()) {
      this.#tell(group, partition, offset)
      const committed = this.#committed.get(`${group} ${partition}`) ?? 0
      if (offset < committed) this.#violate(`${group}: position ${committed} of partition ${partition} was committed, and is ${offset}`)
    }
    const effects = this.#bySource(records.get(to) ?? [])
    const letters = this.#bySource((records.get(LETTERS) ?? []).filter(letter => letter.from.startsWith(`${from}-`)))
    for (const record of records.get(from) ?? []) {
      const place = placeOf(record)
      const position = positions[record.partition] ?? 0
      const isPassed = record.offset < position
      if (isDrained && !isPassed) this.#violate(`${group}: nobody has handled ${place}, the position stays at ${position}`)
      this.#compareEffects(`${group}, position ${position}: ${place}`, isPassed ? effectsOf(group, record.name).map(({ name }) => name) : [], effects.get(place) ?? [])
      this.#compareEffects(`${group}, position ${position}: as a dead letter ${place}`, isPassed && isBuried(group, record.name) ? [record.name] : [], letters.get(place) ?? [])
      this.figures.effects += effects.get(place)?.length ?? 0
      this.figures.letters += letters.get(place)?.length ?? 0
      effects.delete(place)
      letters.delete(place)
    }
    for (const place of [...effects.keys(), ...letters.keys()]) this.#violate(`${group}: there are effects of ${place}, which is not there`)
  }

  /** @param {string} what @param {readonly string[]} expected @param {readonly string[]} found */
  #compareEffects(what, expected, found) {
    for (const name of new Set([...expected, ...found])) {
      const count = found.filter(one => one === name).length
      if (!expected.includes(name)) this.#violate(`${what} has the effect ${name}, though it is not handled`)
      else if (count === 0) this.#violate(`${what} has lost the effect ${name}`)
      else if (count > 1) this.#violate(`${what} has the effect ${name} ${count} times`)
    }
  }

  /** By the place of the record that they are effects of: names. @param {readonly Stored[]} stored @returns {Map<string, string[]>} */
  #bySource(stored) {
    /** @type {Map<string, string[]>} */
    const names = new Map()
    /** By partition, and partition of the source: the highest offset. @type {Map<string, { offset: number, name: string }>} */
    const highest = new Map()
    for (const { topic, partition, name, from } of stored) {
      const lane = `${topic}-${partition} from ${from.slice(0, from.indexOf(':'))}`
      const last = highest.get(lane)
      const offset = Number(from.slice(from.indexOf(':') + 1))
      if (last !== undefined && (offset < last.offset || (offset === last.offset && name <= last.name))) this.#violate(`${lane}: ${name} of offset ${offset} comes behind ${last.name} of ${last.offset}`)
      highest.set(lane, { offset, name })
      names.set(from, [...names.get(from) ?? [], name])
    }
    return names
  }

  // ---------------------------------------------------------------- all topics

  /** @param {string} topic @param {readonly Stored[]} stored */
  #compareKeys(topic, stored) {
    if (topic === LETTERS) return // a letter stays in the partition of its record
    /** @type {Map<string, number>} */
    const partitions = new Map()
    for (const { key, partition } of stored) {
      const first = partitions.get(key) ?? partition
      if (first !== partition) this.#violate(`${topic}: key ${key} is in partitions ${first} and ${partition}`)
      partitions.set(key, first)
    }
  }

  /** @param {string} place @param {string} name */
  #isRecord(place, name) {
    const before = this.#known.get(place)
    if (before !== undefined && before !== name) this.#violate(`${place}: was ${before}, and then ${name}`)
    this.#known.set(place, name)
  }

  /** @param {string} group @param {number} partition @param {number} offset */
  #tell(group, partition, offset) {
    const told = this.#told.get(`${group} ${partition}`) ?? 0
    if (offset < told) this.#violate(`${group}: position ${told} of partition ${partition} was told, and then ${offset}`)
    this.#told.set(`${group} ${partition}`, Math.max(offset, told))
  }

  /** @param {string} what */
  #violate(what) {
    const sentence = what.replace(/\d+/g, '')
    const known = this.#violations.get(sentence)
    if (known === undefined) this.#violations.set(sentence, { first: what, count: 1 })
    else known.count++
  }
}
