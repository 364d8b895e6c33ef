// One random history of a pipeline that is drawn from a seed: records come, runners come and go and lose partitions, handlers
// fail, are slow or send much, the disk fills up, the process dies. At its end every record has had its effect exactly
// once: what its handler sent in the attempt that went well, or a dead letter, by partition in the order of the records.
import assert from 'node:assert/strict'
import type { ExactlyOnceContext, LogRecord, Runner, RunOptions, Topic } from '../../../src/index.ts'
import { nextTurn } from '../../../src/platform/next-turn.ts'
import { SeededRandom } from '../../../src/platform/seeded-random.ts'
import { testLog, type TestLog } from '../../../src/testing.ts'

/** What a record of the source says of how it is handled. */
interface Work { readonly number: number; readonly failures: number; readonly sends: number; readonly slowMs: number }
interface Effect { readonly from: string; readonly offset: number; readonly part: number }

const PARTITIONS = 3
const STEPS = 30
const ATTEMPTS = 4

export class PipelineHistory {
  readonly #random: SeededRandom
  readonly #durability: 'process' | 'power'
  #log!: TestLog
  #source!: Topic<Work>
  #effects!: Topic<Effect>
  #runners: Runner[] = []
  #sent = 0
  /** What happened, for whoever looks at a seed that failed. */
  readonly #steps: string[] = []

  private constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    this.#durability = this.#random.chance(0.3) ? 'power' : 'process'
  }

  static async run(seed: number): Promise<void> {
    const history = new PipelineHistory(seed)
    try {
      await history.#run(seed)
    } catch (error) {
      throw new Error(`SEED=${seed}: ${error instanceof Error ? error.stack : String(error)}\nafter ${history.#steps.join(', ')}`, { cause: error })
    }
  }

  async #run(seed: number): Promise<void> {
    await this.#use(await testLog({ seed, durability: this.#durability }))
    await this.#start()
    for (let i = 0; i < STEPS; i++) await this.#step()
    this.#roomOnDisk()
    await this.#log.clock.advance('5s')
    await this.#start()
    await this.#atRest()
    await this.#check()
    for (const runner of this.#runners) await runner.stop().catch(() => undefined)
    await this.#log.close()
  }

  async #use(log: TestLog): Promise<void> {
    this.#log = log
    this.#runners = []
    this.#source = await log.topic<Work>('source', { partitions: PARTITIONS })
    this.#effects = await log.topic<Effect>('effects', { partitions: PARTITIONS })
    await log.topic<Uint8Array, Uint8Array>('dead', { partitions: PARTITIONS, key: 'bytes', value: 'bytes' })
  }

  // ---------------------------------------------------------------- steps

  async #step(): Promise<void> {
    const random = this.#random
    const [name, step] = [
      ['send', () => this.#send()], ['send', () => this.#send()], ['send', () => this.#send()],
      ['turns', () => this.#turns()], ['turns', () => this.#turns()],
      ['advance', () => this.#log.clock.advance(random.below(300))], ['advance', () => this.#log.clock.advance(random.below(3000))],
      ['start', () => this.#start()], ['start', () => this.#start()],
      ['stop', () => this.#stop()],
      ['crash', () => this.#crash()],
      ['full', () => this.#fillDisk()],
      ['room', () => this.#roomOnDisk()],
      ['idle', () => this.#idle()],
    ][random.below(14)] as [string, () => unknown]
    this.#steps.push(name)
    await step()
  }

  async #send(): Promise<void> {
    const random = this.#random
    const works = Array.from({ length: 1 + random.below(random.chance(0.2) ? 1500 : 30) }, (): { key: string; partition: number; value: Work } => {
      const number = this.#sent++
      return {
        key: String(random.below(5)), partition: random.below(PARTITIONS),
        value: { number, failures: random.chance(0.1) ? 1 + random.below(ATTEMPTS) : 0, sends: random.below(3), slowMs: random.chance(0.1) ? random.below(800) : 0 },
      }
    })
    await this.#source.send(works).catch((error: unknown) => { if ((error as { name?: unknown }).name !== 'LimitError') throw error })
  }

  async #turns(): Promise<void> {
    for (let i = this.#random.below(6); i > 0; i--) await nextTurn()
    for (let i = this.#random.below(60); i > 0; i--) await Promise.resolve()
  }

  async #start(): Promise<void> {
    if (this.#runners.length >= 3) return
    const random = this.#random
    const options: Omit<RunOptions, 'batch'> & { delivery: 'exactly-once' } = {
      from: 'earliest', delivery: 'exactly-once', concurrency: 1 + random.below(8), order: random.chance(0.5) ? 'key' : 'partition',
      retry: { attempts: ATTEMPTS, backoff: random.below(200) }, deadLetter: 'dead',
      revokeTimeout: random.chance(0.5) ? 1 + random.below(300) : '30s', commitInterval: random.chance(0.3) ? random.below(500) : 0,
      ...random.chance(0.3) ? { handlerTimeout: 1000 + random.below(200) } : {},
    }
    const isSync = random.chance(0.2)
    const isStubborn = random.chance(0.5)
    const log = this.#log
    try {
      const runner = await log.group('group').run(this.#source, isSync ? (record, context) => { this.#handleNow(record, context) } : (record, context) => this.#handle(log, record, context, isStubborn), options)
      if (log === this.#log) this.#runners.push(runner)
    } catch (error) {
      if ((error as { name?: unknown }).name !== 'LimitError') throw error
    }
  }

  /** One that is stubborn goes on when its partition was taken away. */
  async #handle(log: TestLog, record: LogRecord<Work>, { tx, attempt, signal }: ExactlyOnceContext, isStubborn: boolean): Promise<void> {
    const { failures, sends, slowMs } = record.value!
    if (slowMs > 0) await new Promise<void>(resolve => { log.clock.setTimeout(resolve, slowMs) })
    for (let part = 0; part < sends; part++) await tx.send(this.#effects, effectOf(record, part))
    if (attempt <= failures || (signal.aborted && !isStubborn)) throw new Error('the handler fails')
  }

  #handleNow(record: LogRecord<Work>, { tx, attempt }: ExactlyOnceContext): void {
    const { failures, sends } = record.value!
    void tx.send(this.#effects, Array.from({ length: sends }, (_, part) => effectOf(record, part)))
    if (attempt <= failures) throw new Error('the handler fails')
  }

  async #stop(): Promise<void> {
    const runner = this.#runners.splice(this.#random.below(this.#runners.length), 1)[0]
    if (runner === undefined) return
    const stopping = runner.stop({ timeout: this.#random.chance(0.5) ? 0 : 100 })
    stopping.catch(() => { /* it was late, or the disk was full */ })
    await this.#log.clock.advance(200)
    await stopping.catch(() => undefined)
  }

  async #crash(): Promise<void> {
    this.#roomOnDisk() // to be opened, a log needs some
    await this.#use(await (this.#durability === 'power' && this.#random.chance(0.7) ? this.#log.powerCut() : this.#log.crash()))
  }

  #fillDisk(): void {
    const { disk } = this.#log
    disk.capacityBytes = disk.usedBytes + this.#random.below(3000)
  }

  #roomOnDisk(): void {
    this.#log.disk.capacityBytes = Infinity
  }

  async #idle(): Promise<void> {
    if (this.#runners.length === 0 || this.#log.disk.capacityBytes !== Infinity) return
    await this.#atRest().catch(() => undefined)
  }

  /** Handlers wait for the clock, too. */
  async #atRest(): Promise<void> {
    const state = { waits: true }
    const idle = this.#log.idle({ advance: true }).finally(() => { state.waits = false })
    idle.catch(() => { /* it is awaited below */ })
    for (let waits = 0; state.waits; waits++) {
      assert(waits < 10_000, 'it is never idle')
      await nextTurn()
      await this.#log.clock.advance(100)
    }
    await idle
  }

  // ---------------------------------------------------------------- what must be so

  async #check(): Promise<void> {
    const expected = new Map<string, Effect[]>()
    for await (const record of this.#source.read()) {
      const { failures, sends } = record.value!
      if (failures < ATTEMPTS) for (let part = 0; part < sends; part++) add(expected, `effects-${record.partition}`, effectOf(record, part).value)
      else add(expected, `dead-${record.partition}`, { from: 'source', offset: record.offset, part: 0 })
    }
    const found = new Map<string, Effect[]>()
    for await (const { partition, value } of this.#effects.read()) add(found, `effects-${partition}`, value!)
    const dead = await this.#log.topic('dead')
    for await (const { partition, headers } of dead.read()) add(found, `dead-${partition}`, { from: 'source', offset: Number(headers.text('millrace-origin-offset')), part: 0 })
    for (const label of new Set([...expected.keys(), ...found.keys()])) assert.deepEqual(found.get(label) ?? [], expected.get(label) ?? [], label)
    assert.deepEqual((await this.#log.group('group').lag()).map(({ lag }) => lag), Array.from({ length: PARTITIONS }, () => 0))
    assert.deepEqual(this.#log.stats().transactions, [])
  }
}

function effectOf({ partition, offset }: LogRecord, part: number): { key: string; partition: number; value: Effect } {
  return { key: String(offset), partition, value: { from: 'source', offset, part } }
}

function add<T>(map: Map<string, T[]>, key: string, value: T): void {
  map.set(key, [...map.get(key) ?? [], value])
}
