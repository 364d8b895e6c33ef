// A keyed topic on a simulated machine and the plain array of all that was ever sent to it, for accidents in the middle of
// a compaction. Whatever happened, what is read must be the array without records that a newer one of their key supersedes.
import { expect } from 'vitest'
import type { Call } from '../../../src/platform/faults.ts'
import type { Topic } from '../../../src/surface/topic.ts'
import type { Level } from './ledger.ts'
import { newLog, type LedgeredLog } from './ledgered-log.ts'

const TOPIC = 'users'
const DIRECTORY = `/log/${TOPIC}-0`
const MINUTE_MS = 60_000

interface KeyedRecord { readonly key: string | null; readonly value: string | null; readonly timestamp: number }

/** How the log looks that is compacted. */
export const shapes = ['single segments', 'merged segments', 'segments that were compacted before', 'the newest are not synced', 'records without a key'] as const
export type Shape = typeof shapes[number]

export class CompactedLog {
  readonly machine: LedgeredLog
  readonly records: KeyedRecord[]
  /** The device has all before it. */
  durable: number

  constructor(machine: LedgeredLog, records: KeyedRecord[] = [], durable = 0) {
    this.machine = machine
    this.records = records
    this.durable = durable
  }

  get topic(): Topic<string, string> { return this.machine.topic(TOPIC) as unknown as Topic<string, string> }

  /** `batch` records share a batch. */
  async send(count: number, { keys, durability = 'power', batch = 1, bytes = 60, nullKey = false }: { keys: number; durability?: Level; batch?: number; bytes?: number; nullKey?: boolean }): Promise<void> {
    const producer = this.topic.producer({ durability })
    for (let sent = 0; sent < count; sent += batch) {
      const records = Array.from({ length: Math.min(batch, count - sent) }, () => {
        const number = this.records.length
        const record = { key: nullKey ? null : `k${number * 7 % keys}`, value: !nullKey && number % 11 === 5 ? null : `${number} `.padEnd(bytes, '.'), timestamp: this.machine.clock.now() + (number * 5 % 13) * 100 }
        this.records.push(record)
        return record
      })
      await producer.send(records)
    }
    if (durability === 'power') this.durable = this.records.length
  }

  /** Each record in a batch of its own. */
  async put(key: string, value: string | null): Promise<void> {
    this.records.push({ key, value, timestamp: this.machine.clock.now() })
    await this.topic.producer({ durability: 'power' }).send({ key, value, timestamp: this.machine.clock.now() })
    this.durable = this.records.length
  }

  /** What a reader from the beginning knows of each key in the end, tombstones or no. */
  async expectValues(): Promise<void> {
    const apply = (values: Map<string, string>, { key, value }: KeyedRecord): Map<string, string> => {
      if (value === null) values.delete(key!)
      else values.set(key!, value)
      return values
    }
    const found = (await this.#stored()).reduce((values, [, record]) => apply(values, record), new Map<string, string>())
    expect(Object.fromEntries(found), 'values').toEqual(Object.fromEntries(this.records.reduce(apply, new Map<string, string>())))
  }

  async housekeep(): Promise<readonly Error[]> {
    return (await this.machine.log.housekeep()).failures
  }

  after(accident: 'kill' | number): CompactedLog {
    const next = accident === 'kill' ? this.machine.afterKill() : this.machine.afterPowerCut(accident)
    return new CompactedLog(next, [...this.records], this.durable)
  }

  /** Opens what is left, and expects nothing lost. */
  async openAndExpectKept(level: Level): Promise<void> {
    await this.machine.open()
    expect(this.machine.errors.map(error => `${error.code}: ${error.message}`), 'what was told on opening').toEqual([])
    expect(this.files().filter(name => /\.(cleaned|swap)$/.test(name)), 'leftovers').toEqual([])
    await this.expectKept(level)
    if (level === 'power') this.durable = this.records.length
  }

  /** Nothing but superseded records is gone; places and times lead to what is there. */
  async expectKept(level: Level, { wholeDirectory = true } = {}): Promise<void> {
    const partition = this.topic.partitions[0]!
    const end = partition.endOffset
    expect(end, 'the end offset').toBeGreaterThanOrEqual(level === 'power' ? this.durable : this.records.length)
    this.records.length = end
    const stored = await this.#stored()
    for (const [offset, record] of stored) expect(record, `offset ${offset}`).toEqual(this.records[offset])
    const offsets = stored.map(([offset]) => offset)
    expect(offsets, 'offsets rise').toEqual([...new Set(offsets)].sort((a, b) => a - b))
    const there = new Set(offsets)
    const lost = this.newest().filter(offset => !there.has(offset))
    expect(lost, 'records lost that nothing supersedes').toEqual([])
    this.#expectSegments(wholeDirectory)
    for (const offset of this.records.keys()) expect((await partition.get(offset))?.value, `get(${offset})`).toBe(there.has(offset) ? this.records[offset]!.value : undefined)
    for (const time of new Set(this.records.map(({ timestamp }) => timestamp))) {
      expect(await partition.offsetAt(time), `offsetAt(${time})`).toBe(stored.find(([, { timestamp }]) => timestamp >= time)?.[0] ?? end)
    }
  }

  /** Exactly the newest of each key. */
  async expectCompacted(): Promise<void> {
    expect((await this.#stored()).map(([offset]) => offset), 'what compaction leaves').toEqual(this.newest())
    expect(this.files().filter(name => /\.(cleaned|swap)$/.test(name)), 'leftovers').toEqual([])
  }

  /** Offsets that nothing supersedes. */
  newest(): number[] {
    const byKey = new Map<string, number>()
    for (const [offset, { key }] of this.records.entries()) if (key !== null) byKey.set(key, offset)
    return [...this.records.keys()].filter(offset => this.records[offset]!.key === null || byKey.get(this.records[offset]!.key!) === offset)
  }

  files(): string[] {
    return this.machine.fs.list(DIRECTORY)
  }

  async #stored(): Promise<[number, KeyedRecord][]> {
    const stored: [number, KeyedRecord][] = []
    for await (const { offset, key, value, timestamp } of this.topic.read()) stored.push([offset, { key, value, timestamp }])
    return stored
  }

  #expectSegments(wholeDirectory: boolean): void {
    const segments = this.topic.partitions[0]!.segments()
    for (const [i, { endOffset }] of segments.entries()) if (i + 1 < segments.length) expect(segments[i + 1]!.baseOffset, 'where the next segment begins').toBe(endOffset)
    if (wholeDirectory) expect(this.files().filter(name => name.endsWith('.log')), 'files').toEqual(segments.map(({ baseOffset }) => `${String(baseOffset).padStart(20, '0')}.log`))
  }
}

/** A log of the shape, about to be compacted. */
export async function newCompactedLog(shape: Shape, order?: number): Promise<CompactedLog> {
  const log = new CompactedLog(newLog(order === undefined ? {} : { seed: order }))
  await log.machine.open()
  await log.machine.log.topic<string, string>(TOPIC, { value: 'string', cleanup: shape === 'records without a key' ? 'delete' : 'compact', segmentBytes: 1024 })
  switch (shape) {
    case 'single segments':
      await log.send(8, { keys: 3, batch: 4, bytes: 100 })
      await log.send(8, { keys: 50, bytes: 300 })
      await log.send(4, { keys: 3, batch: 2 })
      break
    case 'merged segments':
      await log.send(12, { keys: 5, bytes: 250 })
      await log.send(12, { keys: 4, batch: 3, bytes: 150 })
      await log.topic.alter({ segmentBytes: 4096 })
      break
    case 'segments that were compacted before':
      await log.send(12, { keys: 40, bytes: 200 })
      await log.send(8, { keys: 3, bytes: 100 })
      await log.housekeep()
      await log.machine.clock.advance(MINUTE_MS)
      await log.send(12, { keys: 20, bytes: 150 })
      await log.topic.alter({ segmentBytes: 3000 })
      break
    case 'the newest are not synced':
      await log.send(8, { keys: 8, bytes: 200 })
      await log.send(8, { keys: 8, bytes: 200, durability: 'process' })
      break
    case 'records without a key':
      await log.send(4, { keys: 1, nullKey: true, bytes: 200 })
      await log.topic.alter({ cleanup: 'compact', segmentBytes: 2048 })
      await log.send(10, { keys: 4, bytes: 150 })
  }
  return log
}

/** Keys that are deleted some segments behind the last of their values. */
export async function newLogOfDeletions(order: number): Promise<CompactedLog> {
  const log = new CompactedLog(newLog({ seed: order }))
  await log.machine.open()
  await log.machine.log.topic<string, string>(TOPIC, { value: 'string', cleanup: 'compact', segmentBytes: 1024, tombstoneRetention: '5s' })
  for (let i = 0; i < 6; i++) {
    await log.put(`deleted ${i % 3}`, 'x'.repeat(300))
    await log.put(`kept ${i}`, 'x'.repeat(500))
  }
  for (let i = 0; i < 3; i++) {
    await log.put(`deleted ${i}`, null)
    await log.put(`last ${i}`, 'x'.repeat(700))
  }
  return log
}

/** The calls of a compaction that nothing disturbs. */
export async function callsOfCompaction(shape: Shape, order?: number): Promise<readonly Call[]> {
  const log = await newCompactedLog(shape, order)
  const calls = log.machine.fs.trace()
  expect(await log.housekeep()).toEqual([])
  const ended = [...calls]
  await log.expectCompacted()
  log.machine.abandon()
  return ended
}
