// What a log has promised its callers so far, kept beside it while it works, and how a log that was opened after an
// accident is held to it. One ledger follows one log through any number of accidents.
//
//   the record at offset o of a partition is sent[o], whatever happened: no other value, no other timestamp
//   acknowledged[level] ≤ end ≤ sent.length         what is beyond `end` after an accident is forgotten, for good
//   start: of truncations that were awaited;  startAtMost: of one that was begun
//
// Values are never used twice, so a record that comes back from the dead is recognised.
import { expect } from 'vitest'
import type { MillraceError } from '../../../src/base/errors.ts'
import type { EventLog } from '../../../src/surface/event-log.ts'
import type { Partition, Topic } from '../../../src/surface/topic.ts'

/** What kind of accident a promise outlives. */
export type Level = 'process' | 'power'

export interface LedgerRecord { readonly value: string; readonly timestamp: number }

export interface PartitionLedger {
  sent: LedgerRecord[]
  readonly acknowledged: Record<Level, number>
  start: number
  startAtMost: number
}

export interface TopicLedger {
  partitions: PartitionLedger[]
  retentionMs: number
}

/** A change of the catalog that was begun and not acknowledged: afterwards the topic is as before, or as `after`. */
interface PendingChange { readonly name: string; readonly after: TopicLedger | undefined }

export class Ledger {
  topics = new Map<string, TopicLedger>()
  pending: PendingChange | undefined
  /** Records made so far: the next one's value is unlike all others. */
  made = 0

  /** A change of the catalog, or of a start offset, was begun and not acknowledged. */
  get isUncertain(): boolean {
    return this.pending !== undefined || [...this.topics.values()].some(({ partitions }) => partitions.some(({ start, startAtMost }) => start !== startAtMost))
  }

  copy(): Ledger {
    return Object.assign(new Ledger(), structuredClone({ topics: this.topics, pending: this.pending, made: this.made }))
  }

  newTopic(partitions: number, retentionMs = Infinity): TopicLedger {
    return { partitions: Array.from({ length: partitions }, newPartition), retentionMs }
  }

  grown(topic: TopicLedger, partitions: number, retentionMs: number): TopicLedger {
    return { partitions: Array.from({ length: partitions }, (_, i) => topic.partitions[i] ?? newPartition()), retentionMs }
  }

  partition(topic: string, index: number): PartitionLedger {
    return this.topics.get(topic)!.partitions[index]!
  }

  begin(name: string, after: TopicLedger | undefined): void {
    this.pending = { name, after }
  }

  /** The pending change was acknowledged. */
  commit(): void {
    const { name, after } = this.pending!
    this.pending = undefined
    if (after === undefined) this.topics.delete(name)
    else this.topics.set(name, after)
  }

  /** A record for the partition's end. Timestamps mostly rise, and sometimes fall back. */
  next(partition: PartitionLedger, bytes: number, nowMs: number): LedgerRecord {
    const number = this.made++
    const record = { value: `${number} `.padEnd(bytes, String.fromCharCode(97 + number % 26)), timestamp: nowMs + number * 1000 - (number * 5 % 13) * 700 }
    partition.sent.push(record)
    return record
  }
}

function newPartition(): PartitionLedger {
  return { sent: [], acknowledged: { process: 0, power: 0 }, start: 0, startAtMost: 0 }
}

/**
 * Compares the log with all that was promised for this kind of accident, and takes over what it shows as promised
 * from now on: what was opened once does not go away again.
 */
export async function expectKept(log: EventLog, ledger: Ledger, level: Level): Promise<void> {
  settlePending(log, ledger)
  expect(log.topics().map(topic => topic.name).sort(), 'topics').toEqual([...ledger.topics.keys()].sort())
  for (const topic of log.topics()) {
    const wanted = ledger.topics.get(topic.name)!
    expect(topic.partitions.length, `${topic.name}: partitions`).toBe(wanted.partitions.length)
    expect(topic.settings.retentionMs, `${topic.name}: retention`).toBe(wanted.retentionMs)
    for (const [index, partition] of wanted.partitions.entries()) {
      settlePartition(topic.partitions[index]!, partition, level)
      await expectRecords(topic, index, partition)
    }
  }
}

function settlePending(log: EventLog, ledger: Ledger): void {
  if (ledger.pending === undefined) return
  const { name, after } = ledger.pending
  const before = ledger.topics.get(name)
  const found = log.topics().find(topic => topic.name === name)
  const isAfter = after === undefined ? found === undefined : found?.partitions.length === after.partitions.length && found.settings.retentionMs === after.retentionMs
  const isBefore = before === undefined ? found === undefined : found !== undefined
  expect(isAfter || isBefore, `${name}: as before the change or as after it`).toBe(true)
  if (isAfter) ledger.commit()
  ledger.pending = undefined
}

function settlePartition(found: Partition, ledger: PartitionLedger, level: Level): void {
  const { start, end } = found.offsets()
  const label = `${found.topic}-${found.index}`
  expect([ledger.start, ledger.startAtMost], `${label}: start offset`).toContain(start)
  expect(end, `${label}: end offset, ${ledger.acknowledged[level]} acknowledged`).toBeGreaterThanOrEqual(Math.max(start, ledger.acknowledged[level]))
  expect(end, `${label}: end offset, ${ledger.sent.length} sent`).toBeLessThanOrEqual(Math.max(start, ledger.sent.length))
  ledger.start = ledger.startAtMost = start
  ledger.sent.length = end
  ledger.acknowledged.process = end
  if (level === 'power') ledger.acknowledged.power = end
}

/** Every record by reading; some, about so many, by offset and by time. */
export async function expectRecords(topic: Topic, index: number, ledger: PartitionLedger, sample = 4): Promise<void> {
  const partition = topic.partitions[index]!
  const label = `${topic.name}-${index}`
  const wanted = ledger.sent.slice(ledger.start).map((record, i) => ({ offset: ledger.start + i, value: record.value, timestamp: record.timestamp }))
  const found: unknown[] = []
  for await (const { offset, value, timestamp } of topic.read({ partitions: [index] })) found.push({ offset, value, timestamp })
  expect(found, `${label}: records`).toEqual(wanted)
  for (const { offset, value } of some(wanted, sample)) expect((await partition.get(offset))?.value, `${label}: get(${offset})`).toBe(value)
  for (const { timestamp } of some(wanted, sample)) {
    for (const time of [timestamp, timestamp + 1]) {
      const first = wanted.find(record => record.timestamp >= time)?.offset ?? partition.endOffset
      expect(await partition.offsetAt(time), `${label}: offsetAt(${time})`).toBe(first)
    }
  }
}

/** The first, the last and some between. */
function some<T>(all: readonly T[], count: number): T[] {
  const step = Math.max(1, Math.floor(all.length / count))
  return all.filter((_, i) => i % step === 0 || i === all.length - 1)
}

export function expectNoTrouble(errors: readonly MillraceError[], warnings: readonly string[]): void {
  expect([...errors.map(error => `${error.code}: ${error.message}`), ...warnings], 'what was told on opening').toEqual([])
}
