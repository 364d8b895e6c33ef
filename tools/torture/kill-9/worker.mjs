// One of the victim's workers: takes random steps on random topics of its own. What it sends in one step is awaited
// before a change that moves lanes (growing, deleting); truncation happens beside its sends.
import { laneOf, valueOf } from './lanes.mjs'

/**
 * @typedef {{ life: number, earlyAck: boolean, powerCut: boolean, incarnations: Record<string, string> }} WorkerOptions
 *   earlyAck: a planted fault, acknowledgements are written down before the record is sent
 *   powerCut: of sendSync, which never waits for the device, nothing is written down; and no record is large
 *   incarnations: of topics that may be there
 * @typedef {import('millrace').Topic<import('./lanes.mjs').Value, string>} Topic
 * @typedef {import('millrace').TopicProducer<import('./lanes.mjs').Value, string>} TopicProducer
 * @typedef {{ id: string, producer: Topic | TopicProducer, sent: Map<string, number> }} Sender  sent: by lane
 * @typedef {{ topic: Topic, incarnation: string, senders: Sender[], sync: Sender & { producer: TopicProducer } }} Held
 * @typedef {'partition' | 'large' | 'key' | 'free'} Place  lanes.mjs tells what they are
 * @typedef {{ lane: string, number: number, record: { value: import('./lanes.mjs').Value, key?: string, partition?: number } }} Numbered
 */

const CODECS = /** @type {const} */ (['none', 'none', 'gzip', 'snappy', 'lz4', 'zstd'])
const SEGMENT_BYTES = ['1KiB', '4KiB', '32KiB', '256KiB']
const NAMES = 2
const MAX_PARTITIONS = 6
/** Uncompressed: only a write of several MiB is torn by a kill. */
const LARGE_RECORDS = 8

export class Worker {
  #log
  #journal
  #random
  #options
  #names
  /** @type {Map<string, Held>} */
  #held = new Map()
  #made = 0

  /**
   * @param {import('millrace').EventLog} log @param {import('./journal.mjs').JournalWriter} journal
   * @param {import('../random.mjs').Random} random @param {number} index @param {WorkerOptions} options
   */
  constructor(log, journal, random, index, options) {
    this.#log = log
    this.#journal = journal
    this.#random = random
    this.#options = options
    this.#names = Array.from({ length: NAMES }, (_, i) => `t${index}.${i}`)
  }

  async run(steps = Infinity) {
    const there = new Set(this.#log.topics().map(({ name }) => name))
    for (const name of this.#names) if (there.has(name)) await this.#hold(name, this.#options.incarnations[name] ?? '')
    for (let step = 0; step < steps; step++) await this.#step(this.#random.pick(this.#names))
  }

  /** @param {string} name */
  async #step(name) {
    const held = this.#held.get(name)
    if (held === undefined) return await this.#make(name)
    switch (this.#random.weighted({ send: 60, trim: 4, grow: 3, alter: 2, drop: 2 })) {
      case 'send': return await this.#send(held)
      case 'trim': return void await Promise.all([this.#send(held), this.#trim(held)])
      case 'grow': return await this.#grow(held)
      case 'alter': return await held.topic.alter({ compression: this.#random.pick(CODECS), segmentBytes: this.#random.pick(SEGMENT_BYTES) })
      case 'drop': return await this.#drop(held)
    }
  }

  // ---------------------------------------------------------------- changes

  /** @param {string} name */
  async #make(name) {
    const partitions = 1 + this.#random.below(3)
    const incarnation = `${this.#options.life}.${name}.${this.#made++}`
    this.#journal.write(['begin', { kind: 'make', topic: name, incarnation, partitions }])
    await this.#hold(name, incarnation, { partitions, segmentBytes: this.#random.pick(SEGMENT_BYTES), compression: this.#random.pick(CODECS), value: this.#random.pick(['msgpack', 'json']) })
    this.#journal.write(['end', name])
  }

  /** @param {string} name @param {string} incarnation @param {import('millrace').TopicOptions<import('./lanes.mjs').Value, string>} [options] */
  async #hold(name, incarnation, options) {
    /** @type {Topic} */
    const topic = await this.#log.topic(name, options)
    const senders = [topic, topic.producer({ linger: this.#random.pick([1, 4]), batchBytes: '8KiB' }), topic.producer({ durability: 'power', compression: this.#random.pick(CODECS) })]
    const [shared, lingering, power] = senders.map((producer, i) => this.#sender(i, producer))
    if (shared === undefined || lingering === undefined || power === undefined) throw new Error('three senders')
    this.#held.set(name, { topic, incarnation, senders: [shared, lingering, power], sync: { ...this.#sender(senders.length, topic), producer: topic.producer() } })
  }

  /** @param {number} index @param {Topic | TopicProducer} producer @returns {Sender} */
  #sender(index, producer) {
    return { id: `${this.#options.life}-${index}`, producer, sent: new Map() }
  }

  /** @param {Held} held */
  async #trim({ topic }) {
    const partition = this.#random.pick(topic.partitions)
    const offset = partition.startOffset + this.#random.below(partition.endOffset - partition.startOffset + 1)
    this.#journal.write(['begin', { kind: 'trim', topic: topic.name, partition: partition.index, offset }])
    await partition.truncateBefore(offset)
    this.#journal.write(['end', topic.name])
  }

  /** @param {Held} held */
  async #grow({ topic }) {
    const partitions = topic.partitions.length + 1 + this.#random.below(2)
    if (partitions > MAX_PARTITIONS) return
    this.#journal.write(['begin', { kind: 'grow', topic: topic.name, partitions }])
    await topic.alter({ partitions })
    this.#journal.write(['end', topic.name])
  }

  /** @param {Held} held */
  async #drop({ topic }) {
    this.#journal.write(['begin', { kind: 'drop', topic: topic.name }])
    await this.#log.deleteTopic(topic.name)
    this.#journal.write(['end', topic.name])
    this.#held.delete(topic.name)
  }

  // ---------------------------------------------------------------- sends

  /** @param {Held} held */
  async #send(held) {
    const sender = this.#random.pick(held.senders)
    const place = this.#random.weighted({ partition: 4, key: 4, free: 2 })
    switch (this.#random.weighted({ one: 30, burst: 40, array: 30, sync: 20, large: 2 })) {
      case 'one': return await this.#sendOne(held, sender, this.#number(held, sender, place))
      case 'burst': return void await Promise.all(Array.from({ length: 1 + this.#random.below(40) }, () => this.#sendOne(held, sender, this.#number(held, sender, place))))
      case 'array': return await this.#sendArray(held, sender, Array.from({ length: 1 + this.#random.below(200) }, () => this.#number(held, sender, place)))
      case 'sync': return this.#sendNow(held, 1 + this.#random.below(20), place)
      case 'large':
        if (held.topic.settings.compression !== 'none' || this.#options.powerCut) return
        this.#journal.write(['large'])
        return this.#sendNow(held, LARGE_RECORDS, 'large')
    }
  }

  /** @param {Held} held @param {Sender} sender @param {Numbered} numbered */
  async #sendOne({ topic }, sender, { lane, number, record }) {
    if (this.#options.earlyAck) this.#journal.write(early(topic, lane, number))
    const { partition, offset } = await sender.producer.send(record)
    if (!this.#options.earlyAck) this.#journal.write(['ack', topic.name, lane, number, partition, offset])
  }

  /** @param {Held} held @param {Sender} sender @param {Numbered[]} all */
  async #sendArray({ topic }, sender, all) {
    if (this.#options.earlyAck) this.#journal.write(...all.map(({ lane, number }) => early(topic, lane, number)))
    const sent = await sender.producer.send(all.map(({ record }) => record))
    if (this.#options.earlyAck) return
    this.#journal.write(...sent.map(({ partition, offset }, i) => {
      const { lane, number } = /** @type {Numbered} */ (all[i])
      return /** @type {import('./journal.mjs').Ack} */ (['ack', topic.name, lane, number, partition, offset])
    }))
  }

  /** @param {Held} held @param {number} count @param {Place} place */
  #sendNow(held, count, place) {
    const { topic, sync } = held
    for (let left = count; left > 0; left--) {
      const { lane, number, record } = this.#number(held, sync, place)
      if (this.#options.earlyAck) this.#journal.write(early(topic, lane, number))
      const { partition, offset } = sync.producer.sendSync(record)
      if (!this.#options.earlyAck && !this.#options.powerCut) this.#journal.write(['ack', topic.name, lane, number, partition, offset])
    }
  }

  /** @param {Held} held @param {Sender} sender @param {Place} place @returns {Numbered} the next record of a lane */
  #number({ topic, incarnation }, { id, sent }, place) {
    const partition = this.#random.below(topic.partitions.length)
    const key = `k${this.#random.below(5)}`
    const places = { partition: `p${partition}`, large: `large${partition}`, key: `${key}-${topic.partitions.length}`, free: 'free' }
    const lane = laneOf(incarnation, id, places[place])
    const number = sent.get(lane) ?? 0
    sent.set(lane, number + 1)
    return { lane, number, record: { value: valueOf(lane, number), ...place === 'key' ? { key } : place === 'free' ? {} : { partition } } }
  }
}

/** @param {Topic} topic @param {string} lane @param {number} number @returns {import('./journal.mjs').Ack} */
function early(topic, lane, number) {
  return ['ack', topic.name, lane, number, null, null]
}
