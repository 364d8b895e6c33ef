// A log on a simulated machine that transactions write to, beside a list of all of them: what each wrote where, how far
// it moved a position, and what its caller was told. After an accident the log is held to that list.
//
//   resolved      all of it is there, in order: after a power cut too, if it was to be 'power'
//   thrown        nothing of it is there
//   neither       all or nothing, and from then on what was seen
//
// What was only to survive a kill may come out of a power cut in part: nobody promised more.
import { expect } from 'vitest'
import type { LogRecord } from '../../../src/index.ts'
import type { Consumer } from '../../../src/surface/consumer.ts'
import type { Transaction } from '../../../src/surface/transaction.ts'
import type { Level } from './ledger.ts'
import { newLog, type LedgeredLog } from './ledgered-log.ts'
import type { SimulationOptions } from '../../../src/platform/simulated-machine.ts'

export const TOPIC = 'orders'
export const PARTITIONS = 3
const INPUT = 'input'
const GROUP = 'copier'

/** What a transaction does; of `partitions` each gets two records. */
export interface Doing {
  readonly partitions: readonly number[]
  readonly id?: string
  readonly durability?: Level
  readonly advance?: boolean
  readonly bytes?: number
  /** While it is open, when all is sent. */
  readonly then?: () => Promise<unknown>
  readonly throws?: boolean
}

interface Entry {
  readonly name: string
  readonly durability: Level
  readonly values: Map<number, string[]>
  /** Where it moved the position to. */
  position: number | undefined
  /** `level`: the accidents that the outcome outlives. */
  outcome: { readonly isCommitted: boolean; readonly level: Level } | undefined
}

class Thrown extends Error {}

export class TransactedLog {
  readonly machine: LedgeredLog
  readonly #entries: Entry[]
  #consumer: Consumer<string, string> | undefined
  #records: AsyncIterator<LogRecord<string, string>> | undefined

  constructor(machine: LedgeredLog, entries: Entry[] = []) {
    this.machine = machine
    this.#entries = entries
  }

  /** Open, with its topics: the life before the first accident is short. */
  static async create(options: SimulationOptions = {}): Promise<TransactedLog> {
    const log = new TransactedLog(newLog(options))
    await log.machine.open()
    await log.machine.log.topic(TOPIC, { partitions: PARTITIONS, value: 'string', segmentBytes: 1024 })
    const input = await log.machine.log.topic<string>(INPUT, { value: 'string' })
    await input.producer({ durability: 'power' }).send(Array.from({ length: 20 }, (_, i) => ({ value: `input ${i}` })))
    await log.join()
    return log
  }

  /** The consumer whose position transactions move. */
  async join(): Promise<void> {
    this.#consumer = await this.machine.log.group(GROUP).join(INPUT, { from: 'earliest', commit: 'manual' }) as unknown as Consumer<string, string>
    this.#records = this.#consumer[Symbol.asyncIterator]()
  }

  async transact({ partitions, id, durability = 'power', advance = false, bytes = 60, then, throws = false }: Doing): Promise<void> {
    const entry: Entry = { name: `t${this.#entries.length}`, durability, values: new Map(), position: undefined, outcome: throws ? { isCommitted: false, level: 'power' } : undefined }
    this.#entries.push(entry)
    const work = this.machine.log.transaction(async tx => {
      if (advance) entry.position = await this.#advance(tx)
      for (const partition of partitions) await this.#send(tx, entry, partition, bytes)
      await then?.()
      if (throws) throw new Thrown('thrown by the test')
    }, { durability, ...id === undefined ? {} : { id } })
    await work.then(() => {
      entry.outcome = { isCommitted: true, level: durability }
    }, (error: unknown) => {
      if (this.machine.fs.crashed) throw error
      entry.outcome = { isCommitted: false, level: 'power' }
      if (!(error instanceof Thrown) && (error as { code?: unknown }).code !== 'TRANSACTION_FENCED') throw error
    })
  }

  async #send(tx: Transaction, { name, values }: Entry, partition: number, bytes: number): Promise<void> {
    const ofPartition = [0, 1].map(i => `${name}.${partition}.${i} `.padEnd(bytes, '.'))
    values.set(partition, ofPartition)
    for (const value of ofPartition) await tx.send(this.machine.topic(TOPIC) as never, { key: 'k', value, partition } as never)
  }

  async #advance(tx: Transaction): Promise<number> {
    const { value: record } = await this.#records!.next() as { value: LogRecord<string, string> }
    tx.advance(this.#consumer!, record)
    return record.offset + 1
  }

  /** Beside transactions. The device has it, and all before it in that partition, when it resolves. */
  async sendPlain(partition: number): Promise<void> {
    const entry: Entry = { name: `plain${this.#entries.length}`, durability: 'power', values: new Map([[partition, [`plain${this.#entries.length}`]]]), position: undefined, outcome: undefined }
    this.#entries.push(entry)
    await this.machine.topic(TOPIC).producer({ durability: 'power' }).send({ key: 'k', value: entry.values.get(partition)![0]!, partition })
    entry.outcome = { isCommitted: true, level: 'power' }
  }

  // ---------------------------------------------------------------- accidents

  after(accident: 'kill' | number): TransactedLog {
    const machine = accident === 'kill' ? this.machine.afterKill() : this.machine.afterPowerCut(accident)
    return new TransactedLog(machine, structuredClone(this.#entries))
  }

  async openAndExpectKept(level: Level): Promise<void> {
    await this.machine.open()
    expect(this.machine.errors.map(error => `${error.code}: ${error.message}`), 'what was told on opening').toEqual([])
    await this.expectKept(level)
  }

  /** What of a transaction without outcome is found counts from now on. */
  async expectKept(level: Level): Promise<void> {
    const stored = await this.#stored('read_committed')
    for (const entry of this.#entries) this.#expectEntry(entry, stored, level)
    this.#expectNothingElse(stored)
    const everything = await this.#stored('read_uncommitted')
    for (const [partition, values] of stored.entries()) expect(everything[partition]!.filter(value => values.includes(value)), 'read_uncommitted shows what is committed, in order').toEqual(values)
    for (const { stableOffset, endOffset } of this.machine.topic(TOPIC).partitions) expect(stableOffset, 'the stable offset').toBe(endOffset)
    expect(this.machine.log.stats().transactions, 'open transactions').toEqual([])
    await this.#expectPosition(level)
  }

  #expectEntry(entry: Entry, stored: readonly string[][], level: Level): void {
    const { name, values, durability, outcome } = entry
    const found = new Map([...values].map(([partition, expected]) => [partition, stored[partition]!.filter(value => expected.includes(value))]))
    const isWhole = [...values].every(([partition, expected]) => found.get(partition)!.join() === expected.join())
    const isAbsent = [...found.values()].every(({ length }) => length === 0)
    const isPromised = outcome !== undefined && (outcome.level === 'power' || level === 'process')
    const where = `${name} (${durability}), found ${JSON.stringify([...found])}`
    if (isPromised && outcome.isCommitted) expect(isWhole, `${where}: all of it was committed`).toBe(true)
    if (isPromised && !outcome.isCommitted) expect(isAbsent, `${where}: nothing of it was committed`).toBe(true)
    if (!isPromised && (durability === 'power' || level === 'process')) expect(isWhole || isAbsent, `${where}: all or nothing`).toBe(true)
    if (!isPromised) entry.outcome = isWhole || isAbsent ? { isCommitted: isWhole && !isAbsent, level } : { isCommitted: false, level: 'process' }
    if (!isPromised && !isWhole && !isAbsent) this.#split(entry, found)
  }

  /** What a power cut left of one that was not to survive it is there from now on. */
  #split(entry: Entry, found: ReadonlyMap<number, string[]>): void {
    for (const [partition, values] of found) entry.values.set(partition, values)
    entry.outcome = { isCommitted: true, level: 'power' }
  }

  #expectNothingElse(stored: readonly string[][]): void {
    const known = new Set(this.#entries.flatMap(({ values }) => [...values.values()].flat()))
    for (const values of stored) {
      expect(values.filter(value => !known.has(value)), 'records that nobody sent').toEqual([])
      expect(new Set(values).size, 'no record is there twice').toBe(values.length)
    }
  }

  /** The position and what was written move together. */
  async #expectPosition(level: Level): Promise<void> {
    const moving = this.#entries.filter(({ position }) => position !== undefined)
    if (level === 'power' && moving.some(({ durability }) => durability === 'process')) return
    const expected = Math.max(0, ...moving.filter(({ outcome }) => outcome!.isCommitted).map(({ position }) => position!))
    expect((await this.machine.log.group(GROUP).committed(INPUT)).get(0) ?? 0, 'the committed position').toBe(expected)
  }

  async #stored(isolation: 'read_committed' | 'read_uncommitted'): Promise<string[][]> {
    const stored: string[][] = Array.from({ length: PARTITIONS }, () => [])
    for await (const { partition, value } of this.machine.topic(TOPIC).read({ isolation })) stored[partition]!.push(value as string)
    return stored
  }
}
