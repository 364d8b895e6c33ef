// One member of a stage's group, that comes, works, and goes: a runner, or a consumer that transacts by hand. Both send
// first and fail afterwards, where they are to fail.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { ATTEMPTS, effectsOf, isBuried, isHard, placeOf } from './pipeline.mjs'

/**
 * @typedef {import('./pipeline.mjs').Stage} Stage
 * @typedef {import('./pipeline.mjs').Value} Value
 * @typedef {import('millrace').LogRecord<Value, string>} Handed
 * @typedef {import('millrace').Consumer<Value, string>} Consumer
 * @typedef {{ send(topic: Topic, records: { key: string, value: Value }[]): Promise<unknown> }} Sender
 * @typedef {import('millrace').Topic<Value, string>} Topic
 * @typedef {'outside' | 'direct'} BrokenSeat  planted faults: positions are committed outside of the transaction; effects are sent beside it
 * @typedef {{ log: import('millrace').EventLog, topics: ReadonlyMap<string, Topic>, journal: import('./journal.mjs').Journal, random: import('../random.mjs').Random,
 *   isStubborn: boolean, broken: BrokenSeat | undefined, fail: (what: unknown) => void }} Work
 *   isStubborn: the first two attempts fail of all records; fail: what must not happen has
 */

const ABORTED = 0.15

export class PlannedFailure extends Error {}

export class Seat {
  #work
  #stage
  /** @type {(() => Promise<unknown>) | undefined} */
  #leave

  /** @param {Work} work @param {Stage} stage */
  constructor(work, stage) {
    this.#work = work
    this.#stage = stage
  }

  async come() {
    this.#leave = this.#stage.by === 'runner' ? await this.#run() : await this.#join()
    this.#work.journal.write(['came', this.#stage.group])
  }

  async go() {
    await this.#leave?.()
    this.#leave = undefined
    this.#work.journal.write(['went', this.#stage.group])
  }

  get #to() {
    return /** @type {Topic} */ (this.#work.topics.get(this.#stage.to))
  }

  // ---------------------------------------------------------------- a runner

  async #run() {
    const { log, broken, fail } = this.#work
    const { group, from, options } = this.#stage
    const delivery = broken === 'outside' ? { delivery: 'at-least-once' } : {}
    const handler = (/** @type {Handed} */ record, /** @type {import('millrace').ExactlyOnceContext} */ { tx, attempt }) => this.#handle(record, tx, attempt)
    const runner = await log.group(group).run(from, /** @type {any} */ (handler), /** @type {any} */ ({ from: 'earliest', ...options, ...delivery }))
    runner.done.catch(fail)
    return () => runner.stop()
  }

  /** @param {Handed} record @param {Sender} tx @param {number} attempt */
  async #handle(record, tx, attempt) {
    const { log, broken } = this.#work
    const work = (/** @type {Sender} */ sender) => this.#attempt(record, sender, this.#fails(record, attempt))
    if (broken === 'outside') await log.transaction(work)
    else await work(broken === 'direct' ? { send: (topic, records) => topic.send(records) } : tx)
  }

  /** @param {Handed} record @param {number} attempt */
  #fails({ value }, attempt) {
    const { group, options } = this.#stage
    const name = value?.name ?? ''
    return options['retry'] !== undefined && (isBuried(group, name) || ((this.#work.isStubborn || isHard(name)) && attempt < ATTEMPTS))
  }

  /** @param {Handed} record @param {Sender} sender @param {boolean} isDoomed */
  async #attempt(record, sender, isDoomed) {
    const sent = this.#send([record], sender, isDoomed)
    sent.catch(() => { /* whatever commits it tells it too */ })
    if (this.#work.random.chance(0.5)) await sent
    await this.#takeTime()
    if (!isDoomed) return
    this.#work.journal.write(['failed', this.#stage.group])
    throw new PlannedFailure('planned')
  }

  // ---------------------------------------------------------------- a consumer

  async #join() {
    const consumer = /** @type {Consumer} */ (await this.#work.log.group(this.#stage.group).join(this.#stage.from, /** @type {any} */ ({ from: 'earliest', ...this.#stage.options })))
    const state = { isWaiting: false, isEnding: false }
    const ended = this.#consume(consumer, state).catch(this.#work.fail)
    return async () => {
      state.isEnding = true
      if (state.isWaiting) await consumer.close()
      await ended
    }
  }

  /** What it has in hand is committed before it ends. @param {Consumer} consumer @param {{ isWaiting: boolean, isEnding: boolean }} state */
  async #consume(consumer, state) {
    const batches = consumer.batches()[Symbol.asyncIterator]()
    while (!state.isEnding) {
      state.isWaiting = true
      const { value, done } = await batches.next()
      state.isWaiting = false
      if (done === true || state.isEnding) break // what is not begun is its next owner's
      const records = /** @type {Handed[]} */ ([...value])
      while (!await this.#transact(consumer, records));
    }
    await consumer.close()
  }

  /** @param {Consumer} consumer @param {readonly Handed[]} records  of one partition @returns {Promise<boolean>} false: it was aborted */
  async #transact(consumer, records) {
    const { log, random, journal } = this.#work
    const { group } = this.#stage
    const last = /** @type {Handed} */ (records.at(-1))
    const isDoomed = random.chance(ABORTED)
    try {
      await log.transaction(async tx => {
        tx.advance(consumer, random.chance(0.5) ? last : undefined)
        await this.#send(records, tx, isDoomed)
        await this.#takeTime()
        if (isDoomed) throw new PlannedFailure('planned')
      })
    } catch (error) {
      if (!(error instanceof PlannedFailure)) throw error
      journal.write(['failed', group])
      return false
    }
    journal.write(['committed', group, last.partition, last.offset + 1])
    return true
  }

  // ---------------------------------------------------------------- both

  /** @param {readonly Handed[]} records @param {Sender} sender @param {boolean} isDoomed */
  async #send(records, sender, isDoomed) {
    const { random } = this.#work
    const effects = records.flatMap(record => {
      const named = effectsOf(this.#stage.group, record.value?.name ?? '')
      return (named.length === 0 && isDoomed ? [{ key: record.key ?? '', name: `${record.value?.name}/0` }] : named).map(({ key, name }) => ({ key, value: { name, from: placeOf(record), isDoomed, body: 'x'.repeat(random.below(100)) } }))
    })
    if (random.chance(0.5)) return void await sender.send(this.#to, effects)
    await Promise.all(effects.map(effect => sender.send(this.#to, [effect])))
  }

  /** @returns {Promise<unknown> | undefined} */
  #takeTime() {
    const { random } = this.#work
    switch (random.weighted({ none: 80, turn: 18, sleep: 2 })) {
      case 'none': return undefined
      case 'turn': return nextTurn()
      case 'sleep': return sleep(1 + random.below(3))
    }
  }
}
