// One member of a group, that comes, works, and goes: a runner, or a consumer with a loop. All that it has in hand, has
// handled or has given up goes into the journal at that moment; the entry that a record is handled is the last thing
// that its handler does.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { numberOf } from './journal.mjs'
import { ATTEMPTS } from './kinds.mjs'

/**
 * @typedef {import('./kinds.mjs').Kind} Kind
 * @typedef {import('millrace').LogRecord<{ name: string }>} Handed
 * @typedef {import('millrace').Consumer<{ name: string }>} Consumer
 * @typedef {{ log: import('millrace').EventLog, journal: import('./journal.mjs').Journal, random: import('../random.mjs').Random,
 *   returnsEarly: boolean, fail: (what: unknown) => void }} Work
 *   returnsEarly: a planted fault, handlers return before they have handled; fail: what must not happen has
 */

/** Handlers fail the first time on some records, and always on a few. */
const FAILS_ONCE_EVERY = 40
const FAILS_ALWAYS_EVERY = 101
const COMMIT_EVERY = 15

export class PlannedFailure extends Error {}

export class Seat {
  #work
  #kind
  #member
  /** @type {(() => Promise<void>) | undefined} */
  #leave

  /** @param {Work} work @param {Kind} kind @param {number} index */
  constructor(work, kind, index) {
    this.#work = work
    this.#kind = kind
    this.#member = `${kind.isStatic ? 'static' : 'seat'}-${index}`
  }

  async come() {
    const { journal } = this.#work
    const { group, topics, isStatic, by } = this.#kind
    if (by === 'runner' || by === 'batch runner') {
      await this.#run()
      journal.write(['came', group, this.#member, isStatic ? this.#owned() : []])
    } else {
      const consumer = await this.#join()
      for (const topic of topics) journal.write(['told', group, topic, [...await this.#group().committed(topic)]])
      journal.write(['came', group, this.#member, labels(consumer.assignment)])
    }
  }

  /** What was handled is committed, what is in hand is handled before. */
  async go() {
    await this.#leave?.()
    this.#leave = undefined
    this.#work.journal.write(['went', this.#kind.group, this.#member])
  }

  #owned() {
    const own = this.#group().members().find(({ id }) => id === this.#member)
    return labels(own?.partitions ?? [])
  }

  #group() {
    return this.#work.log.group(this.#kind.group)
  }

  #options() {
    return { from: /** @type {const} */ ('earliest'), ...this.#kind.isStatic ? { memberId: this.#member } : {}, ...this.#kind.options }
  }

  // ---------------------------------------------------------------- a runner

  async #run() {
    const options = /** @type {import('millrace').RunOptions & { batch?: undefined }} */ (this.#options())
    const handler = (/** @type {import('millrace').LogRecord | import('millrace').LogRecord[]} */ given, /** @type {import('millrace').HandlerContext} */ { attempt }) =>
      this.#handle(/** @type {Handed[]} */ (Array.isArray(given) ? given : [given]), attempt)
    const runner = await this.#group().run([...this.#kind.topics], handler, options)
    this.#leave = () => runner.stop()
  }

  /** Returns no promise where nothing is waited for, as most handlers don't. @param {readonly Handed[]} records @param {number} attempt */
  #handle(records, attempt) {
    this.#begin(records)
    const end = () => { this.#end(records, attempt) }
    if (this.#work.returnsEarly) return void sleep(1).then(end)
    const waiting = this.#takeTime()
    return waiting === undefined ? end() : waiting.then(end)
  }

  /** @param {readonly Handed[]} records @param {number} attempt */
  #end(records, attempt) {
    const { fails } = this.#kind
    const number = numberOf(nameOf(records[0]))
    const failsAlways = fails && number % FAILS_ALWAYS_EVERY === 0
    if (!failsAlways && !(fails && number % FAILS_ONCE_EVERY === 1 && attempt === 1)) return this.#write('end', records)
    this.#write(failsAlways && attempt === ATTEMPTS ? 'bury' : 'fail', records)
    throw new PlannedFailure('planned')
  }

  // ---------------------------------------------------------------- a consumer

  async #join() {
    const consumer = /** @type {Consumer} */ (await this.#group().join([...this.#kind.topics], this.#options()))
    const loop = new ConsumerLoop(this.#work, this.#kind, consumer, {
      begin: records => { this.#begin(records) },
      write: (what, records) => { this.#write(what, records) },
      takeTime: () => this.#takeTime(),
    })
    const ended = loop.run().catch(error => { this.#work.fail(error) })
    this.#leave = async () => {
      await loop.end()
      await ended
    }
    return consumer
  }

  // ---------------------------------------------------------------- both

  /** @returns {Promise<unknown> | undefined} */
  #takeTime() {
    const { random } = this.#work
    switch (random.weighted({ none: 80, turn: 18, sleep: 2 })) {
      case 'none': return undefined
      case 'turn': return nextTurn()
      case 'sleep': return sleep(1 + random.below(3))
    }
  }

  /** @param {readonly Handed[]} records */
  #begin(records) {
    const [first] = records
    if (first !== undefined) this.#work.journal.write(['begin', this.#kind.group, first.topic, first.partition, records.map(record => /** @type {[number, string]} */ ([record.offset, nameOf(record)]))])
  }

  /** @param {'end' | 'fail' | 'bury'} what @param {readonly Handed[]} records */
  #write(what, records) {
    const [first] = records
    if (first !== undefined) this.#work.journal.write([what, this.#kind.group, first.topic, first.partition, records.map(({ offset }) => offset)])
  }
}

/** A consumer's loop. It is left between two records, and what it had then is committed. */
class ConsumerLoop {
  #work
  #kind
  #consumer
  #hand
  /** It has asked for the next: what came before is handled. */
  #isWaiting = false
  #isEnding = false
  #handled = 0

  /**
   * @param {Work} work @param {Kind} kind @param {Consumer} consumer
   * @param {{ begin(records: readonly Handed[]): void, write(what: 'end' | 'fail', records: readonly Handed[]): void, takeTime(): Promise<unknown> | undefined }} hand
   */
  constructor(work, kind, consumer, hand) {
    this.#work = work
    this.#kind = kind
    this.#consumer = consumer
    this.#hand = hand
  }

  async run() {
    while (!this.#isEnding) {
      const loop = /** @type {AsyncIterator<Handed | Iterable<Handed>>} */ (this.#kind.by === 'consumer' ? this.#consumer[Symbol.asyncIterator]() : this.#consumer.batches())
      for (let goesOn = true; goesOn;) {
        this.#isWaiting = true
        const { value, done } = await loop.next()
        this.#isWaiting = false
        goesOn = done !== true && !this.#isEnding && await this.#take(Symbol.iterator in value ? [...value] : [value])
      }
      await loop.return?.()
    }
    await this.#consumer.close()
  }

  async end() {
    this.#isEnding = true
    if (this.#isWaiting) await this.#consumer.close()
  }

  /** @param {readonly Handed[]} records @returns {Promise<boolean>} false: the loop is left */
  async #take(records) {
    this.#hand.begin(records)
    if (this.#work.random.chance(0.01)) {
      this.#hand.write('fail', records) // the end of the loop gives it back
      return false
    }
    await this.#hand.takeTime()
    this.#hand.write('end', records)
    const commits = this.#kind.options['commit'] === 'manual' && ++this.#handled % COMMIT_EVERY === 0
    if (commits || this.#isEnding) await this.#commit(records)
    return !this.#isEnding
  }

  /** @param {readonly Handed[]} records */
  async #commit(records) {
    const last = records.at(-1)
    if (last === undefined) return
    await this.#consumer.commit(this.#isEnding || this.#work.random.chance(0.5) ? undefined : last)
    this.#work.journal.write(['told', this.#kind.group, last.topic, [[last.partition, last.offset + 1]]])
  }
}

/** @param {Handed | undefined} record */
function nameOf(record) {
  return record?.value?.name ?? ''
}

/** @param {readonly { topic: string, partition: number }[]} partitions */
function labels(partitions) {
  return partitions.map(({ topic, partition }) => `${topic}-${partition}`).sort()
}
