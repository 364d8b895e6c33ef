// Matchers for vitest and jest, for `expect.extend(matchers)`. All of them are asynchronous, read what is stored at
// the moment of the call, and say in a failure what there is instead. A mistake in what they are given is a UsageError,
// also behind `.not`. The runner hands its deep comparison over as `this`; nothing else is needed of it.
import { types } from 'node:util'
import { describe, quote } from '../base/describe.ts'
import { UsageError } from '../base/errors.ts'
import { nearestName } from '../base/nearest-name.ts'
import type { LogRecord } from '../log/log-record.ts'
import { nameOf, type TopicLike } from '../log/topic-like.ts'
import { RecordExpectation, printRecord, type Equals, type ExpectedRecord } from './expected-record.ts'
import { findInOrder } from './record-order.ts'
import { storedRecords } from './stored-records.ts'

type Tester = (a: unknown, b: unknown, ...rest: never[]) => boolean | undefined

/** What both runners call a matcher with. */
interface Runner {
  equals(a: unknown, b: unknown, testers?: Tester[]): boolean
  readonly customTesters?: readonly Tester[]
  readonly utils: { readonly iterableEquality: Tester }
}

interface Result {
  readonly pass: boolean
  readonly message: () => string
}

interface PartitionLag { readonly topic: string; readonly partition: number; readonly committed: number | null; readonly endOffset: number; readonly lag: number }
interface GroupLike { readonly id: string; lag(): Promise<readonly PartitionLag[]> }

/** Records that are shown when none matches. */
const NEAREST_SHOWN = 3
const LAGS_SHOWN = 20

export const matchers = {
  async toHaveRecord(this: Runner, received: unknown, expected: ExpectedRecord): Promise<Result> {
    const stored = storedRecords(received, 'toHaveRecord')
    const expectation = new RecordExpectation(expected, 'toHaveRecord')
    const equals = equalsOf(this)
    const nearest = new NearestRecords()
    for await (const record of stored.read()) {
      const differences = expectation.differences(record, equals)
      if (differences.length === 0) return { pass: true, message: () => `${stored.name} has a record that was not expected:\n  ${printRecord(record)}` }
      nearest.add(record, differences)
    }
    return { pass: false, message: () => `${stored.name} has no such record:\n  ${indent(expectation)}\n${nearest}` }
  },

  async toHaveRecordsInOrder(this: Runner, received: unknown, expected: readonly ExpectedRecord[]): Promise<Result> {
    const stored = storedRecords(received, 'toHaveRecordsInOrder')
    const expectations = readExpectations(expected)
    const equals = equalsOf(this)
    const partitions = await recordsByPartition(stored.read())
    const { met, at } = findInOrder(expectations.length, partitions.map(records => records.length), (expectation, partition, index) => {
      return expectations[expectation]!.differences(partitions[partition]![index]!, equals).length === 0
    })
    if (at !== undefined) {
      const found = at.map(({ partition, index }) => `  ${indent(printRecord(partitions[partition]![index]!))}`)
      return { pass: true, message: () => [`${stored.name} has records in an order that was not expected:`, ...found].join('\n') }
    }
    return { pass: false, message: () => orderMessage(stored.name, expectations[met]!, met, partitions.flat(), equals) }
  },

  async toHaveLag(this: unknown, received: unknown, records: number, topic?: string | TopicLike): Promise<Result> {
    const group = readGroup(received)
    if (!Number.isSafeInteger(records) || records < 0) {
      throw new UsageError('EXPECTATION_INVALID', `toHaveLag: found ${describe(records)}, expected a number of records`, { hint: 'toHaveLag(0), or toHaveLag(3, topic)' })
    }
    const name = topic === undefined ? undefined : readTopicName(topic)
    const all = await group.lag()
    if (all.length === 0) throw new UsageError('EXPECTATION_INVALID', `toHaveLag: group ${quote(group.id)} has neither members nor commits`, { hint: 'look at its spelling; a group is there from its first member or commit on' })
    const lags = name === undefined ? all : lagsOf(group, all, name)
    const sum = lags.reduce((total, { lag }) => total + lag, 0)
    const where = name === undefined ? `group ${quote(group.id)}` : `group ${quote(group.id)} in topic ${quote(name)}`
    return { pass: sum === records, message: () => `${where} has a lag of ${sum} records${sum === records ? '' : `, expected ${records}`}${lagTable(lags)}` }
  },
}

/** As the runner's toEqual, with the testers that the user added; and bytes equal bytes, whatever their class. */
function equalsOf(runner: Runner): Equals {
  const testers = [sameBytes, ...runner.customTesters ?? [], runner.utils.iterableEquality]
  return (actual, expected) => runner.equals(actual, expected, testers)
}

function sameBytes(a: unknown, b: unknown): boolean | undefined {
  return types.isUint8Array(a) && types.isUint8Array(b) ? Buffer.compare(a, b) === 0 : undefined
}

/** Those that differ in the fewest fields, the earliest first. */
class NearestRecords {
  #count = 0
  #nearest: { readonly record: LogRecord; readonly differences: readonly string[] }[] = []

  add(record: LogRecord, differences: readonly string[]): void {
    this.#count++
    const place = this.#nearest.findIndex(other => differences.length < other.differences.length)
    if (place === -1 && this.#nearest.length === NEAREST_SHOWN) return
    this.#nearest.splice(place === -1 ? this.#nearest.length : place, 0, { record, differences })
    this.#nearest.length = Math.min(this.#nearest.length, NEAREST_SHOWN)
  }

  toString(): string {
    if (this.#count === 0) return 'It has no records at all.'
    const lines = this.#nearest.map(({ record, differences }) => `  ${indent(printRecord(record))}\n    other than expected: ${differences.join(', ')}`)
    return [this.#count === 1 ? 'It has one record:' : `The nearest of its ${this.#count} records:`, ...lines].join('\n')
  }
}

function indent(text: unknown): string {
  return String(text).replaceAll('\n', '\n  ')
}

// ---------------------------------------------------------------- order

function readExpectations(expected: unknown): RecordExpectation[] {
  if (!Array.isArray(expected) || expected.length === 0) {
    throw new UsageError('EXPECTATION_INVALID', `toHaveRecordsInOrder: found ${Array.isArray(expected) ? 'an empty array' : describe(expected)}, expected an array of records`, { hint: 'give at least one: toHaveRecordsInOrder([{ key: … }, { key: … }])' })
  }
  return expected.map((each: unknown, i) => new RecordExpectation(each, `toHaveRecordsInOrder: record ${i}`))
}

async function recordsByPartition(records: AsyncIterable<LogRecord>): Promise<LogRecord[][]> {
  const partitions = new Map<number, LogRecord[]>()
  for await (const record of records) {
    const known = partitions.get(record.partition)
    if (known === undefined) partitions.set(record.partition, [record])
    else known.push(record)
  }
  return [...partitions.values()]
}

/** It may be there, and only too early: then that is what differs. */
function orderMessage(name: string, missing: RecordExpectation, met: number, records: readonly LogRecord[], equals: Equals): string {
  const nearest = new NearestRecords()
  for (const record of records) {
    const differences = missing.differences(record, equals)
    nearest.add(record, differences.length === 0 ? ['its place: it is needed for another, or stands before one that is expected earlier'] : differences)
  }
  const before = met === 0 ? '' : `, behind the ${met} that stand in order`
  return `${name} has no such record${before}; of those expected it is number ${met}:\n  ${indent(missing)}\n${nearest}`
}

// ---------------------------------------------------------------- lag

function readGroup(received: unknown): GroupLike {
  if (typeof received === 'object' && received !== null && 'id' in received && 'lag' in received && typeof received.lag === 'function') return received as GroupLike
  throw new UsageError('NOT_A_GROUP', `toHaveLag: found ${describe(received)}, expected a consumer group`, { hint: 'expect(log.group(id)).toHaveLag(0)' })
}

function readTopicName(topic: unknown): string {
  const name = nameOf(topic)
  if (typeof name === 'string') return name
  throw new UsageError('EXPECTATION_INVALID', `toHaveLag: found ${describe(topic)}, expected a topic`, { hint: 'give the topic or its name, or leave it out for all topics' })
}

/** A topic that the group does not read has no lag, not even 0: it is misspelt. */
function lagsOf(group: GroupLike, all: readonly PartitionLag[], name: string): readonly PartitionLag[] {
  const lags = all.filter(({ topic }) => topic === name)
  if (lags.length > 0) return lags
  const known = [...new Set(all.map(({ topic }) => topic))]
  const nearest = nearestName(name, known)
  throw new UsageError('EXPECTATION_INVALID', `toHaveLag: group ${quote(group.id)} does not read the topic ${quote(name)}`, {
    hint: nearest !== undefined ? `did you mean '${nearest}'?` : `it reads ${known.join(', ')}`,
  })
}

function lagTable(lags: readonly PartitionLag[]): string {
  const lines = lags.slice(0, LAGS_SHOWN).map(({ topic, partition, committed, endOffset, lag }) => `\n  ${topic}-${partition}: ${lag}, ${committed === null ? 'nothing committed' : `committed ${committed}`} of ${endOffset}`)
  if (lags.length > LAGS_SHOWN) lines.push(`\n  and ${lags.length - LAGS_SHOWN} partitions more`)
  return lines.join('')
}
