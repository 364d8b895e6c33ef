// A log on a simulated machine with the pipeline of tools/torture/exactly-once: two stages, each of them exactly once and
// 'power', whose handlers send and then throw on their first attempts, and whose members come and go. After an accident
// it is held to what was promised, told and seen before, and goes on.
import { expect } from 'vitest'
import type { LogRecord, Runner, Topic } from '../../../src/index.ts'
import type { SimulationOptions } from '../../../src/platform/simulated-machine.ts'
import { ExpectedPipeline, type Stored } from '../../../tools/torture/exactly-once/expected-pipeline.mjs'
import type { Entry } from '../../../tools/torture/exactly-once/journal.mjs'
import { ATTEMPTS, LETTERS, STAGES, effectsOf, isBuried, isHard, placeOf, type Group, type Value } from '../../../tools/torture/exactly-once/pipeline.mjs'
import { newLog, type LedgeredLog } from './ledgered-log.ts'

const TOPICS = ['input', 'middle', 'output', LETTERS]
const PARTITIONS = 2
const STAGES_HERE = STAGES.filter(({ by }) => by === 'runner')
/** With one effect, several, none, a dead letter; some fail first. */
const NUMBERS = [1, 2, 3, 4, 6, 7]
/** More steps of a millisecond than any life takes. */
const MAX_STEPS = 2000

class PlannedFailure extends Error {}

export class PipelinedLog {
  readonly machine: LedgeredLog
  /** All that was told and seen. */
  readonly #entries: Entry[]
  #runners: Runner[] = []

  constructor(machine: LedgeredLog, entries: readonly Entry[] = []) {
    this.machine = machine
    this.#entries = [...entries]
  }

  /** Open, with what goes into the pipeline first. */
  static async create(options: SimulationOptions = {}): Promise<PipelinedLog> {
    const log = new PipelinedLog(newLog({ ...options, durability: 'power' }))
    await log.#open()
    for (const name of ['input', 'middle', 'output']) await log.machine.log.topic(name, { partitions: PARTITIONS, value: 'json', segmentBytes: 1024 })
    await log.#send(NUMBERS)
    return log
  }

  // ---------------------------------------------------------------- work

  /** One member of the first stage, then two; then more records, and all of it from there. */
  async live(): Promise<void> {
    await this.#come('deliver')
    await this.#come('prepare')
    await this.machine.clock.advance(1)
    await this.#come('prepare')
    await this.#rest()
    await this.#stop()
    await this.finish()
  }

  /**
   * More is sent, and all stages run until every record is handled. It is acknowledged before they begin: a power cut may
   * take what nobody was told of, and then its effects are of a record that is not there.
   */
  async finish(): Promise<void> {
    const first = 4 * this.#entries.filter(([kind]) => kind === 'sent').length
    await this.#send([first, first + 1, first + 2, first + 3]) // of each key, so that no partition is left out
    for (const { group } of STAGES_HERE) await this.#come(group)
    await this.#rest()
    await this.#stop()
    await this.expectKept({ isDrained: true })
  }

  async #stop(): Promise<void> {
    await this.#patiently(Promise.all(this.#runners.map(runner => runner.stop())))
    this.#runners = []
  }

  async #come(group: Group): Promise<void> {
    const { from, to, options } = STAGES_HERE.find(stage => stage.group === group)!
    this.machine.log.group(group).on('error', ({ error }) => { if (!(error instanceof PlannedFailure) && !this.machine.fs.crashed) throw error as Error })
    const target = this.#topic(to) as Topic<Value, string>
    const runner = await this.machine.log.group(group).run(this.#topic(from) as Topic<Value, string>, async (record, { tx, attempt }) => {
      const name = record.value!.name
      const isDoomed = isBuried(group, name) || (isHard(name) && attempt < ATTEMPTS)
      const effects = effectsOf(group, name).map(({ key, name }) => ({ key, value: { name, from: placeOf(record), isDoomed, body: '' } }))
      await tx.send(target, effects)
      if (isDoomed) throw new PlannedFailure('planned')
    }, { from: 'earliest', ...options, delivery: 'exactly-once' })
    this.#runners.push(runner)
  }

  async #send(numbers: readonly number[]): Promise<void> {
    const records = numbers.map(number => ({ key: `k${number % 4}`, value: { name: `k${number % 4}.0.${number}`, from: '', isDoomed: false, body: '' } }))
    const sent = await this.#topic('input').send(records)
    for (const [i, { partition, offset }] of sent.entries()) this.#entries.push(['sent', partition, offset, records[i]!.value.name])
  }

  async #rest(): Promise<void> {
    await this.#patiently(this.machine.log.idle({ advance: true }))
  }

  /** The clock goes on while something is waited for: attempts come after a pause. Nothing is, once the machine has crashed. */
  async #patiently<T>(wanted: Promise<T>): Promise<T> {
    const state = { waits: true }
    wanted.finally(() => { state.waits = false }).catch(() => { /* it is awaited below */ })
    for (let step = 0; state.waits; step++) {
      if (this.machine.fs.crashed) throw new Error('crashed')
      if (step === MAX_STEPS) throw new Error('it comes to no end')
      await this.machine.clock.advance(1)
    }
    return await wanted
  }

  // ---------------------------------------------------------------- accidents

  after(accident: 'kill' | number): PipelinedLog {
    return new PipelinedLog(accident === 'kill' ? this.machine.afterKill() : this.machine.afterPowerCut(accident), this.#entries)
  }

  async openAndExpectKept(): Promise<void> {
    await this.#open()
    await this.expectKept({ isDrained: false })
  }

  async expectKept({ isDrained }: { isDrained: boolean }): Promise<void> {
    const { log, errors, warnings } = this.machine
    expect({ errors: errors.map(error => `${error.code}: ${error.message}`), warnings }).toEqual({ errors: [], warnings: [] })
    expect(log.stats().transactions, 'open transactions').toEqual([])
    const expected = new ExpectedPipeline(STAGES_HERE)
    for (const entry of this.#entries) expected.take(entry)
    const records = new Map<string, Stored[]>()
    for (const name of TOPICS) records.set(name, await this.#stored(name))
    const positions = new Map<string, number[]>()
    for (const { group, from } of STAGES_HERE) {
      const committed = await log.group(group).committed(from)
      positions.set(group, Array.from({ length: PARTITIONS }, (_, partition) => committed.get(partition) ?? 0))
    }
    expected.compare({ records, positions }, { isDrained })
    expect(expected.violations).toEqual([])
    for (const { topic, partition, offset, name } of [...records.values()].flat()) if (topic !== 'input') this.#entries.push(['seen', topic, partition, offset, name])
    for (const [group, offsets] of positions) for (const [partition, offset] of offsets.entries()) this.#entries.push(['committed', group as Group, partition, offset])
  }

  async #open(): Promise<void> {
    await this.machine.open()
  }

  #topic(name: string): Topic<Value, string> {
    return this.machine.topic(name) as unknown as Topic<Value, string>
  }

  async #stored(name: string): Promise<Stored[]> {
    if (!this.machine.log.topics().some(topic => topic.name === name)) return []
    const stored: Stored[] = []
    for await (const record of this.#topic(name).read()) stored.push(name === LETTERS ? letterOf(record as unknown as LogRecord) : storedOf(record))
    return stored
  }
}

function storedOf({ topic, partition, offset, key, value }: LogRecord<Value, string>): Stored {
  return { topic, partition, offset, key: key!, name: value!.name, from: value!.from, isDoomed: value!.isDoomed }
}

/** What it is a letter of; its value is the record's, as bytes. */
function letterOf({ topic, partition, offset, key, value, headers }: LogRecord): Stored {
  const { name } = JSON.parse(Buffer.from(value as Uint8Array).toString()) as Value
  const origin = (what: string): string => headers.text(`millrace-origin-${what}`)!
  return { topic, partition, offset, key: String(key), name, from: `${origin('topic')}-${origin('partition')}:${origin('offset')}`, isDoomed: false }
}
