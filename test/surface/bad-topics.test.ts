// Topic names and topic options that are refused: with a code, with the right spelling, and with nothing changed.
import { describe, expect, test } from 'vitest'
import { expectRefused } from '../contract/support/failures.ts'
import { LOGS, sharedLog } from '../contract/support/logs.ts'

const INVALID = { name: 'UsageError', code: 'TOPIC_NAME_INVALID' }

const NAMES: readonly (readonly [name: unknown, message: string])[] = [
  ['', 'it is empty'],
  ['.', 'are directories'],
  ['..', 'are directories'],
  ['../x', "it contains '/'"],
  ['a/b', "it contains '/'"],
  ['a\\b', "it contains '\\\\'"],
  ['a b', "it contains ' '"],
  ['a\0b', 'it contains'],
  ['naïve', "it contains 'ï'"],
  ['x'.repeat(250), 'it has 250 characters, at most 249'],
  ['__own', "names beginning with '__' are the log's own"],
  ['__topics', "names beginning with '__' are the log's own"],
  ['a.', 'it ends with a dot'],
  ...['CON', 'con', 'nul', 'Aux', 'PRN', 'com1', 'LPT9', 'con.txt'].map(name => [name, 'the name of a device on Windows'] as const),
  ...[undefined, null, 7, true, [], ['orders'], {}, Symbol('orders')].map(name => [name, 'expected a string'] as const),
]

const UNKNOWN = { name: 'UsageError', code: 'UNKNOWN_OPTION' }
const OPTION = { name: 'UsageError', code: 'OPTION_INVALID' }
const DURATION = { name: 'UsageError', code: 'DURATION_INVALID' }
const SIZE = { name: 'UsageError', code: 'SIZE_INVALID' }

/** For topic() and alter(). */
const POLICIES: readonly (readonly [options: unknown, expected: { name: string; code: string; message?: string; hint?: string }])[] = [
  [null, { name: 'UsageError', code: 'OPTIONS_INVALID', message: 'found null, expected an object of options' }],
  [7, { name: 'UsageError', code: 'OPTIONS_INVALID' }],
  ['7d', { name: 'UsageError', code: 'OPTIONS_INVALID' }],
  [[], { name: 'UsageError', code: 'OPTIONS_INVALID', message: 'found an array' }],
  [() => ({}), { name: 'UsageError', code: 'OPTIONS_INVALID', message: 'found a function' }],
  [{ retentin: '7d' }, { ...UNKNOWN, message: "unknown option 'retentin'", hint: "did you mean 'retention'?" }],
  [{ partition: 3 }, { ...UNKNOWN, hint: "did you mean 'partitions'?" }],
  [{ compresion: 'gzip' }, { ...UNKNOWN, hint: "did you mean 'compression'?" }],
  [{ Retention: '7d' }, { ...UNKNOWN, hint: "did you mean 'retention'?" }],
  [{ replication: 3 }, { ...UNKNOWN, hint: 'known options are partitions, ' }],
  [JSON.parse('{ "__proto__": { "partitions": 3 } }'), { ...UNKNOWN, message: "unknown option '__proto__'" }],
  [{ constructor: 1 }, { ...UNKNOWN, message: "unknown option 'constructor'" }],
  ...[0, -1, 1.5, NaN, Infinity, '4', null, [], {}, 10_001].map(partitions => [{ partitions }, { ...OPTION, message: "option 'partitions'" }] as const),
  [{ compression: 'zsdt' }, { ...OPTION, hint: "did you mean 'zstd'?" }],
  [{ compression: 'brotli' }, { ...OPTION, message: "expected 'none', 'gzip', 'snappy', 'lz4' or 'zstd'" }],
  [{ cleanup: 'compacted' }, { ...OPTION, hint: "did you mean 'compact'?" }],
  [{ cleanup: ['compact'] }, { ...OPTION, message: 'found an array' }],
  [{ timestamps: 'log' }, { ...OPTION, message: "expected 'create' or 'append'" }],
  [{ retention: '7 days' }, { ...DURATION, hint: "did you mean '7d'?" }],
  [{ retention: '1.5h' }, { ...DURATION, hint: 'without a fraction' }],
  [{ retention: '-1s' }, { ...DURATION, message: "option 'retention'" }],
  ...[NaN, -1, 0.5, null, [], {}, true].map(retention => [{ retention }, { ...DURATION, message: "option 'retention'" }] as const),
  [{ segmentAge: 0 }, { ...OPTION, message: 'expected at least 1ms' }],
  [{ segmentBytes: '64MB' }, { ...SIZE, hint: "did you mean '64MiB'?" }],
  ...['2GiB', 'unlimited'].map(segmentBytes => [{ segmentBytes }, { ...OPTION, message: 'expected 1KiB to 1GiB' }] as const),
  [{ maxRecordBytes: '100MiB' }, { ...OPTION, message: 'expected 1B to 63MiB' }],
  ...[NaN, -1, 1.5, null, [], {}].map(retentionBytes => [{ retentionBytes }, { ...SIZE, message: "option 'retentionBytes'" }] as const),
  [{ minDirtyRatio: 2 }, { ...OPTION, message: 'expected a number from 0 to 1' }],
  [{ minDirtyRatio: '0.5' }, { ...OPTION, hint: 'give a number, not its text' }],
  [{ retainUntilConsumedBy: 'billing' }, { ...OPTION, message: 'expected an array', hint: 'brackets' }],
  [{ retainUntilConsumedBy: ['billing', ''] }, { ...OPTION, message: "option 'retainUntilConsumedBy'[1]" }],
  [{ compactionLag: { minimum: 1 } }, { ...UNKNOWN, message: "option 'compactionLag'", hint: 'known options are min, max' }],
  [{ compactionLag: { min: '2s', max: '1s' } }, { name: 'UsageError', code: 'OPTIONS_CONTRADICT' }],
  [{ compactionLag: 5 }, { name: 'UsageError', code: 'OPTIONS_INVALID' }],
  ...[7, 'zod', null, {}, { version: 0, upcast: {} }, { version: 2 }, { version: 2, upcast: { 2: () => 0 } }, { version: 1, upcast: {}, schema: {} }].map(schema => [{ schema }, { name: 'UsageError', code: 'SCHEMA_INVALID' }] as const),
]

/** For topic() alone: what is stored with the records. */
const FIXED: typeof POLICIES = [
  [{ key: 'strng' }, { ...OPTION, hint: "did you mean 'string'?" }],
  [{ value: 'avro' }, { ...OPTION, message: "expected 'msgpack', 'json', 'string' or 'bytes', or a serde", hint: '{ name, encode, decode }' }],
  ...[7, null, [], {}, { name: 'own' }, { name: 'own', encode: () => 0 }].map(value => [{ value }, OPTION] as const),
  ...['', 'json', 'a b', 7, undefined].map(name => [{ value: { name, encode: () => 0, decode: () => 0 } }, { name: 'UsageError', code: 'SERDE_NAME_INVALID' }] as const),
  [{ partitioner: 'murmur3' }, { ...OPTION, hint: "did you mean 'murmur2'?" }],
  ...[7, null, {}].map(partitioner => [{ partitioner }, OPTION] as const),
]

describe.each(LOGS)('%s', (_kind, openLog) => {
  const shared = sharedLog(openLog, ({ log }) => log.topic('orders', { partitions: 2 }))

  test.each(NAMES)('topic name %j is refused: %s', async (name, message) => {
    const opened = shared()
    for (const work of [() => opened.log.topic(name as string), () => opened.log.deleteTopic(name as string)]) await expectRefused(opened, work, { ...INVALID, message })
  })

  test.each(['Orders', 'ORDERS', 'oRders'])("topic name '%s' beside 'orders' is refused: they would share a directory on Windows and macOS", async name => {
    const opened = shared()
    await expectRefused(opened, () => opened.log.topic(name), { name: 'ConflictError', code: 'TOPIC_NAME_CLASH', message: "differs from 'orders' by case alone" })
  })

  test('deleting a topic that does not exist is refused', async () => {
    const opened = shared()
    await expectRefused(opened, () => opened.log.deleteTopic('order'), { name: 'NotFoundError', code: 'TOPIC_NOT_FOUND', message: "'order'" })
  })

  test.each([...POLICIES, ...FIXED])('topic options %o are refused', async (options, expected) => {
    const opened = shared()
    await expectRefused(opened, () => opened.log.topic('new', options as object), expected)
    if (expected.code !== 'OPTIONS_CONTRADICT') await expectRefused(opened, () => opened.log.topic('orders', options as object), expected)
  })

  test.each(POLICIES)('alter options %o are refused', async (options, expected) => {
    const opened = shared()
    await expectRefused(opened, () => opened.log.topics()[0]!.alter(options as object), expected)
  })

  test.each([{ key: 'string' }, { value: 'json' }, { partitioner: 'murmur2' }])('alter refuses %o, which stored records depend on', async options => {
    const opened = shared()
    await expectRefused(opened, () => opened.log.topics()[0]!.alter(options as object), { name: 'UsageError', code: 'OPTION_FIXED' })
  })

  test('alter refuses fewer partitions', async () => {
    const opened = shared()
    await expectRefused(opened, () => opened.log.topics()[0]!.alter({ partitions: 1 }), { name: 'ConflictError', code: 'TOPIC_CONTRADICTS', message: 'partitions is 2, given 1' })
  })
})

test('topicDefaults that are refused are refused when the log opens', async () => {
  const [, [, openLog]] = LOGS as [unknown, (typeof LOGS)[number]]
  for (const [topicDefaults, { name, code }] of [...POLICIES, ...FIXED]) {
    if (code !== 'OPTIONS_CONTRADICT') await expect(openLog({ topicDefaults: topicDefaults as object })).rejects.toMatchObject({ name, code, message: expect.stringMatching(/^open: option 'topicDefaults': /) as string })
  }
})
