// A log on a simulated machine whose every call is entered in a ledger: what is sent before the call, what is promised
// after it. An accident ends it (crash of the file system, or abandon()); goOn() opens another on what is left.
import type { MillraceError } from '../../../src/base/errors.ts'
import { LocalLog } from '../../../src/log/local-log.ts'
import { readOpenOptions } from '../../../src/log/open-options.ts'
import { nextTurn } from '../../../src/platform/next-turn.ts'
import { SimulatedFileSystem } from '../../../src/platform/simulated-file-system.ts'
import type { SimulationOptions } from '../../../src/platform/simulated-machine.ts'
import { SteppedClock } from '../../../src/platform/stepped-clock.ts'
import { EventLog, MEMORY_DIRECTORY, coordinate } from '../../../src/surface/event-log.ts'
import type { TopicProducer } from '../../../src/surface/producer.ts'
import type { Topic } from '../../../src/surface/topic.ts'
import { Ledger, expectKept, expectNoTrouble, type Level } from './ledger.ts'

export interface TopicShape { readonly partitions?: number; readonly segmentBytes?: number; readonly retentionMs?: number; readonly cleanup?: 'delete' | 'compact' }

export interface SendPlan {
  readonly partition?: number
  readonly count?: number
  readonly bytes?: number
  readonly durability?: Level
  /** Records of one call share a batch; otherwise each is a batch of its own, sent while the others are under way. */
  readonly together?: boolean
}

/** Boots and disks come and go; the clock stays. */
interface Machine { readonly clock: SteppedClock; readonly durability: Level; running: SimulatedFileSystem }

/** A log to be on a machine with an empty disk. With a seed, work off the main thread ends in an order drawn from it. */
export function newLog({ durability = 'process', ...options }: SimulationOptions & { readonly durability?: Level } = {}): LedgeredLog {
  const clock: SteppedClock = new SteppedClock({ busy: () => machine.running.pendingJobs })
  const machine: Machine = { clock, durability, running: new SimulatedFileSystem({ ...options, clock }) }
  return new LedgeredLog(machine, machine.running, new Ledger())
}

export class LedgeredLog {
  readonly fs: SimulatedFileSystem
  readonly ledger: Ledger
  readonly errors: MillraceError[] = []
  readonly warnings: string[] = []
  /** Bytes that recovery cut off the ends of partitions. */
  cutBytes = 0
  #local: LocalLog | undefined
  #log: EventLog | undefined
  readonly #machine: Machine
  readonly #producers = new Map<string, TopicProducer>()

  constructor(machine: Machine, fs: SimulatedFileSystem, ledger: Ledger) {
    this.#machine = machine
    this.fs = fs
    this.ledger = ledger
  }

  get clock(): SteppedClock { return this.#machine.clock }
  get log(): EventLog { return this.#log! }
  get isOpen(): boolean { return this.#log !== undefined }

  async open(): Promise<void> {
    this.#machine.running = this.fs
    this.#local = await LocalLog.open(this.fs, MEMORY_DIRECTORY, 'memory:', readOpenOptions({ clock: this.clock, durability: this.#machine.durability, topicDefaults: { value: 'string' } }))
    this.#log = new EventLog(this.#local, await coordinate(this.#local))
    this.#producers.clear()
    this.#log.on('error', ({ error }) => { this.errors.push(error) })
    this.#log.on('recovered', ({ cutBytes }) => { this.cutBytes += cutBytes })
    this.#log.on('warning', ({ code }) => { this.warnings.push(code) })
    await nextTurn() // what happened while it opened is told then
  }

  /** Opens what is left after an accident, and expects all promises kept and nothing to report. */
  async openAndExpectKept(level: Level): Promise<void> {
    await this.open()
    await expectKept(this.log, this.ledger, level)
    expectNoTrouble(this.errors, this.warnings)
  }

  async create(name: string, { partitions = 1, segmentBytes = 1024, retentionMs = Infinity, cleanup = 'delete' }: TopicShape = {}): Promise<void> {
    this.ledger.begin(name, this.ledger.newTopic(partitions, retentionMs))
    await this.log.topic(name, { partitions, segmentBytes, cleanup, ...retentionOption(retentionMs) })
    this.ledger.commit()
  }

  async alter(name: string, { partitions, retentionMs }: { partitions?: number; retentionMs?: number }): Promise<void> {
    const before = this.ledger.topics.get(name)!
    this.ledger.begin(name, this.ledger.grown(before, partitions ?? before.partitions.length, retentionMs ?? before.retentionMs))
    await this.topic(name).alter({ ...(partitions === undefined ? {} : { partitions }), ...(retentionMs === undefined ? {} : retentionOption(retentionMs)) })
    this.ledger.commit()
  }

  async delete(name: string): Promise<void> {
    this.ledger.begin(name, undefined)
    await this.log.deleteTopic(name)
    this.ledger.commit()
    for (const key of this.#producers.keys()) if (key.endsWith(` ${name}`)) this.#producers.delete(key)
  }

  async send(name: string, { partition = 0, count = 1, bytes = 300, durability = 'power', together = false }: SendPlan = {}): Promise<void> {
    const ledger = this.ledger.partition(name, partition)
    const records = Array.from({ length: count }, () => ({ key: 'k', ...this.ledger.next(ledger, bytes, this.clock.now()), partition }))
    const producer = this.#producer(name, durability)
    if (together) {
      this.#acknowledge(name, partition, durability, (await producer.send(records)).at(-1)!.offset)
      return
    }
    await Promise.all(records.map(async (record, i) => {
      for (let turn = 0; turn < i * 3; turn++) await Promise.resolve() // the batch before is written by then
      this.#acknowledge(name, partition, durability, (await producer.send(record)).offset)
    }))
  }

  /** Has failed partitions read the disk again; what they show then is on the device. */
  async recover(): Promise<void> {
    for (const topic of this.log.topics()) for (const partition of topic.partitions) await partition.recover()
  }

  async truncate(name: string, partition: number, offset: number): Promise<void> {
    const ledger = this.ledger.partition(name, partition)
    ledger.startAtMost = offset
    await this.topic(name).partitions[partition]!.truncateBefore(offset)
    ledger.start = offset
  }

  /** Half a minute: everything is synced and the recovery points are saved, while other work goes on. */
  async checkpoint(meanwhile: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const before = [...this.ledger.topics.values()].flatMap(({ partitions }) => partitions.map(partition => ({ partition, end: partition.sent.length })))
    await Promise.all([this.clock.advance(30_000), meanwhile()])
    if (this.fs.crashed) return
    for (const { partition: { acknowledged }, end } of before) acknowledged.power = Math.max(acknowledged.power, end)
  }

  /** Everything to the device, in order. */
  async close(): Promise<void> {
    await this.log.close()
    for (const topic of this.ledger.topics.values()) for (const partition of topic.partitions) partition.acknowledged.power = partition.sent.length
  }

  /** No word to the disk, and on a crashed one not even a closed file. */
  abandon(): void {
    try {
      this.#local?.abandon()
    } catch (error) {
      if (!this.fs.crashed) throw error
    }
  }

  topic(name: string): Topic {
    const topic = this.log.topics().find(found => found.name === name)
    if (topic === undefined) throw new Error(`there is no topic ${name}`)
    return topic
  }

  /** The log after kill -9: the same ledger, the same boot. */
  afterKill(): LedgeredLog {
    this.abandon()
    return new LedgeredLog(this.#machine, this.fs.survivorOfKill(), this.ledger.copy())
  }

  /** The log after a power cut, one draw of it. */
  afterPowerCut(seed: number): LedgeredLog {
    this.abandon()
    return new LedgeredLog(this.#machine, this.fs.survivorOfPowerCut(seed), this.ledger.copy())
  }

  /** The log as it stands on another disk. */
  onDisk(fs: SimulatedFileSystem): LedgeredLog {
    return new LedgeredLog(this.#machine, fs, this.ledger.copy())
  }

  #producer(name: string, durability: Level): TopicProducer {
    const key = `${durability} ${name}`
    let producer = this.#producers.get(key)
    if (producer === undefined) this.#producers.set(key, producer = this.topic(name).producer({ durability }) as TopicProducer)
    return producer
  }

  #acknowledge(name: string, partition: number, durability: Level, offset: number): void {
    const { acknowledged } = this.ledger.partition(name, partition)
    acknowledged.process = Math.max(acknowledged.process, offset + 1)
    if (durability === 'power') acknowledged.power = Math.max(acknowledged.power, offset + 1)
  }
}

function retentionOption(retentionMs: number): { retention: number | string } {
  return { retention: retentionMs === Infinity ? 'forever' : retentionMs }
}
