// Options, offsets, times and positions that are refused, by every call that takes them: with a code, with the right
// spelling, and with nothing changed.
import { describe, expect, test } from 'vitest'
import type { EventLog, ProducerOptions, Topic } from '../../src/index.ts'
import { testLog } from '../../src/testing.ts'
import { expectError, expectRefused, failureOf, type Expected } from '../contract/support/failures.ts'
import { LOGS, sharedLog, type OpenedLog } from '../contract/support/logs.ts'

type Call = readonly [call: string, work: (log: EventLog, topic: Topic, given: never) => unknown]
type Cases = readonly (readonly [given: unknown, expected: Expected])[]

const OPTIONS: Expected = { name: 'UsageError', code: 'OPTIONS_INVALID' }
const UNKNOWN: Expected = { name: 'UsageError', code: 'UNKNOWN_OPTION' }
const OPTION: Expected = { name: 'UsageError', code: 'OPTION_INVALID' }
const DURATION: Expected = { name: 'UsageError', code: 'DURATION_INVALID' }
const SIZE: Expected = { name: 'UsageError', code: 'SIZE_INVALID' }
const POSITION: Expected = { name: 'UsageError', code: 'POSITION_INVALID' }
const OFFSET: Expected = { name: 'UsageError', code: 'OFFSET_INVALID', hint: 'whole numbers from 0 on' }
const TIME: Expected = { name: 'UsageError', code: 'TIME_INVALID' }
const OUT_OF_RANGE: Expected = { name: 'OutOfRangeError', code: 'OFFSET_OUT_OF_RANGE' }

const NO_OPTIONS: Cases = [null, 7, 'fast', true, [], [{}], () => undefined].map(given => [given, OPTIONS])
const SIGNALS: Cases = [null, 7, {}, new AbortController()].map(signal => [{ signal }, { ...OPTION, message: "option 'signal'" }])

const PRODUCER: Cases = [
  ...NO_OPTIONS, ...SIGNALS,
  [{ durabilty: 'power' }, { ...UNKNOWN, hint: "did you mean 'durability'?" }],
  [{ acks: 'all' }, { ...UNKNOWN, hint: 'known options are durability, compression, linger, batchBytes, maxBufferedBytes, signal' }],
  [{ durability: 'powr' }, { ...OPTION, hint: "did you mean 'power'?" }],
  ...[null, 7, true, ['power']].map(durability => [{ durability }, OPTION] as const),
  [{ compression: 'gzipped' }, { ...OPTION, message: "option 'compression'" }],
  [{ linger: '5 ms' }, { ...DURATION, hint: "did you mean '5ms'?" }],
  [{ linger: 'forever' }, { ...OPTION, message: "option 'linger'" }],
  ...[-1, NaN, 0.5, null].map(linger => [{ linger }, DURATION] as const),
  [{ batchBytes: '256KB' }, { ...SIZE, hint: "did you mean '256KiB'?" }],
  [{ batchBytes: 0 }, OPTION],
  [{ maxBufferedBytes: -1 }, SIZE],
  [{ maxBufferedBytes: 0 }, OPTION],
]

const POSITIONS: Cases = [
  ...['erliest', '', 7, null, true, [], ['earliest'], {}, { offset: 1, timestamp: 1 }, { ofset: 1 }, new Set()].map(given => [given, POSITION] as const),
  ...[NaN, -1, 1.5, Infinity, '0', null, undefined].map(offset => [{ offset }, OFFSET] as const),
  ...[NaN, Infinity, '0', null, undefined, new Date(NaN)].map(timestamp => [{ timestamp }, TIME] as const),
  [new Date(NaN), TIME],
  [new Map([[0, -1]]), OFFSET],
  [new Map([[-1, 0]]), POSITION],
  [new Map([['0', 0]]), POSITION],
]

const READ: Cases = [
  ...NO_OPTIONS, ...SIGNALS,
  [{ form: 'earliest' }, { ...UNKNOWN, hint: "did you mean 'from'?" }],
  [{ folow: true }, { ...UNKNOWN, hint: "did you mean 'follow'?" }],
  [{ follow: 'yes' }, { ...OPTION, message: 'expected true or false' }],
  [{ isolation: 'committed' }, { ...OPTION, message: "'read_committed' or 'read_uncommitted'" }],
  [{ maxBufferedBytes: 0 }, OPTION],
  ...POSITIONS.flatMap(([given, expected]) => ['from', 'to'].map(end => [{ [end]: given }, expected] as const)),
  ...[7, '0', {}, null].map(partitions => [{ partitions }, { ...OPTION, message: 'expected an array' }] as const),
  ...[[-1], [1.5], ['0'], [NaN], [null]].map(partitions => [{ partitions }, { ...OPTION, message: "option 'partitions'[0]" }] as const),
  [{ partitions: [0, 2] }, { name: 'UsageError', code: 'PARTITION_INVALID', message: 'there is no partition 2, there are 2' }],
  [{ from: { offset: 4 } }, OUT_OF_RANGE],
]

const FETCH: Cases = [
  ...NO_OPTIONS, ...SIGNALS.map(([given, expected]) => [{ from: 0, ...given as object }, expected] as const),
  [undefined, OFFSET],
  [{}, OFFSET],
  [{ offset: 0 }, { ...UNKNOWN, hint: 'known options are from, maxBytes, isolation, signal' }],
  [{ from: 0, maxByte: 1 }, { ...UNKNOWN, hint: "did you mean 'maxBytes'?" }],
  [{ from: 0, maxBytes: 0 }, OPTION],
  [{ from: 0, maxBytes: '1MB' }, { ...SIZE, hint: "did you mean '1MiB'?" }],
  [{ from: 0, isolation: 'none' }, OPTION],
  ...[NaN, -1, 1.5, Infinity, '0', null, 'earliest', {}, 2n].map(from => [{ from }, OFFSET] as const),
  [{ from: 4 }, { ...OUT_OF_RANGE, message: 'there are offsets 0 to 3 (exclusive)' }],
]

const OFFSETS: Cases = [NaN, -1, 1.5, Infinity, 2 ** 53, '0', null, undefined, {}, [], 2n].map(offset => [offset, OFFSET])

const TABLE: readonly (readonly [calls: readonly Call[], cases: Cases])[] = [
  [[['topic.producer', (_log, topic, given) => topic.producer(given)], ['log.producer', (log, _topic, given) => log.producer(given)]], PRODUCER],
  [[['read', (_log, topic, given) => topic.read(given).next()], ['batches', (_log, topic, given) => topic.batches(given).next()]], READ],
  [[['fetch', (_log, topic, given) => topic.partitions[0]!.fetch(given)]], FETCH],
  [[['view', (_log, topic, given) => topic.view(given)]], [...NO_OPTIONS, ...SIGNALS, [{ from: 'earliest' }, { ...UNKNOWN, hint: 'known options are signal' }]]],
  [[['get', (_log, topic, given) => topic.partitions[0]!.get(given)], ['truncateBefore', (_log, topic, given) => topic.partitions[0]!.truncateBefore(given)]], OFFSETS],
  [[['truncateBefore', (_log, topic, given) => topic.partitions[0]!.truncateBefore(given)]], [[4, OUT_OF_RANGE]]],
  [[['offsetAt', (_log, topic, given) => topic.partitions[0]!.offsetAt(given)]], [NaN, Infinity, '0', null, undefined, {}, 5n, new Date(NaN)].map(time => [time, TIME])],
  [[['close', (log, _topic, given) => log.close(given)]], [...NO_OPTIONS, [{ timeot: 1 }, { ...UNKNOWN, hint: "did you mean 'timeout'?" }], [{ timeout: '10 s' }, { ...DURATION, hint: "did you mean '10s'?" }], [{ timeout: -1 }, DURATION]]],
]

describe.each(LOGS)('%s', (_kind, openLog) => {
  const shared = sharedLog(openLog, async ({ log }: OpenedLog) => {
    const topic = await log.topic('orders', { partitions: 2 })
    await topic.send([1, 2, 3].map(value => ({ value, partition: 0 })))
  })

  for (const [calls, cases] of TABLE) {
    for (const [call, work] of calls) {
      test.each(cases)(`${call}(%o) is refused`, async (given, expected) => {
        const opened = shared()
        await expectRefused(opened, () => work(opened.log, opened.log.topics()[0]!, given as never), expected)
      })
    }
  }

  test('undefined, and options that are undefined, count as not given', async () => {
    const { log } = shared()
    const topic = log.topics()[0]!
    await topic.producer(undefined).send({ value: 4, partition: 1 })
    await topic.producer({ linger: undefined, signal: undefined } as unknown as ProducerOptions).send({ value: 5, partition: 1 })
    const records: unknown[] = []
    for await (const record of topic.read({ from: undefined, partitions: [1] } as object)) records.push(record.value)
    expect(records).toEqual([4, 5])
  })
})

const OPEN: Cases = [
  ...NO_OPTIONS,
  [{ readonly: true }, { ...UNKNOWN, message: "open: unknown option 'readonly'", hint: "did you mean 'readOnly'?" }],
  [{ durablity: 'power' }, { ...UNKNOWN, hint: "did you mean 'durability'?" }],
  [{ topicDefault: {} }, { ...UNKNOWN, hint: "did you mean 'topicDefaults'?" }],
  [{ timeout: 5 }, { ...UNKNOWN, hint: 'known options are create, readOnly, durability, storage, topicDefaults, maxDiskBytes, housekeeping, groupExpiry, clock, logger' }],
  [{ durability: 'disk' }, { ...OPTION, message: "expected 'process' or 'power'" }],
  [{ storage: 'memory' }, { ...OPTION, message: "expected 'auto', 'mapped' or 'file'" }],
  ...['true', 1, null].flatMap(value => [[{ create: value }, OPTION], [{ readOnly: value }, OPTION]] as const),
  ...[7, null, {}, Date, { now: () => 0 }, { now: 0, setTimeout: () => 0 }].map(clock => [{ clock }, { ...OPTION, message: 'expected a clock', hint: 'now, setTimeout' }] as const),
  ...[7, null, {}, { info: () => 0 }].map(logger => [{ logger }, { ...OPTION, message: 'expected a logger' }] as const),
]

describe('opening', () => {
  test.each(OPEN)('open(location, %o) is refused', async (options, expected) => {
    const { open } = await import('../../src/index.ts')
    expectError(await failureOf(() => open('memory:', options as object)), expected)
  })

  test.each(['', 'a\0b', undefined, null, 7, {}, [], ['./data'], new URL('file:///data'), Symbol('data')])('open(%o) is refused', async location => {
    const { open } = await import('../../src/index.ts')
    expectError(await failureOf(() => open(location as string)), { name: 'UsageError', code: 'LOCATION_INVALID', hint: "'memory:'" })
  })

  test.each([
    [{ sed: 1 }, { ...UNKNOWN, hint: "did you mean 'seed'?" }], [{ clock: { now: () => 0, setTimeout: () => ({ cancel: () => undefined }) } }, UNKNOWN],
    [{ seed: -1 }, OPTION], [{ seed: '1' }, OPTION], [{ startTime: NaN }, OPTION], [{ diskBytes: '1MB' }, SIZE], [null, OPTIONS], [7, OPTIONS],
  ] as Cases)('testLog(%o) is refused', async (options, expected) => {
    expectError(await failureOf(() => testLog(options as object)), expected)
  })

  test.each([[{ sed: 1 }, UNKNOWN], [{ seed: 1.5 }, OPTION]] as Cases)('powerCut(%o) is refused', async (options, expected) => {
    const log = await testLog()
    expectError(await failureOf(() => log.powerCut(options as object)), expected)
    await log.close()
  })
})
