// Records that are refused, by every way of sending them: with a code, with the right spelling, and with nothing changed.
import { describe, expect, test } from 'vitest'
import type { NewRecord } from '../../src/index.ts'
import { expectRefused, failureOf, type Expected } from '../contract/support/failures.ts'
import { LOGS, sharedLog } from '../contract/support/logs.ts'

const HOUR_MS = 3_600_000
const RECORD: Expected = { name: 'UsageError', code: 'RECORD_INVALID' }
const TIMESTAMP: Expected = { name: 'UsageError', code: 'TIMESTAMP_INVALID', hint: 'at most an hour ahead of the clock' }
const PARTITION: Expected = { name: 'UsageError', code: 'PARTITION_INVALID', hint: 'partitions are numbered 0 to 1' }
const NOT_ENCODABLE: Expected = { name: 'UsageError', code: 'VALUE_NOT_ENCODABLE' }

/** `now`: the log's clock. */
const MALFORMED: readonly (readonly [what: string, record: (now: number) => unknown, expected: Expected])[] = [
  ...[undefined, null, 7, 'text', true, Symbol('record'), () => ({ value: 1 }), [1], []].map(record => [String(Array.isArray(record) ? JSON.stringify(record) : String(record)), () => record, { ...RECORD, message: 'expected a record' }] as const),
  ['no value', () => ({ key: 'a' }), { ...RECORD, message: 'the value is missing', hint: 'null is a tombstone' }],
  ['a value that is undefined', () => ({ value: undefined }), { ...RECORD, message: 'the value is missing' }],
  ['a misspelt value', () => ({ valeu: 1 }), { ...RECORD, message: "a record has no 'valeu'", hint: "did you mean 'value'?" }],
  ['a misspelt timestamp', () => ({ value: 1, timeStamp: 5 }), { ...RECORD, hint: "did you mean 'timestamp'?" }],
  ['a misspelt header', () => ({ value: 1, header: {} }), { ...RECORD, hint: "did you mean 'headers'?" }],
  ['what records do not have', () => ({ value: 1, offset: 5 }), { ...RECORD, message: "a record has no 'offset'", hint: 'it has key, value, headers, timestamp, partition' }],
  ...[NaN, -1, 1.5, Infinity, '2026-01-01', null, {}, 5n].map(timestamp => [`timestamp ${String(timestamp)}`, () => ({ value: 1, timestamp }), TIMESTAMP] as const),
  ['an invalid Date', () => ({ value: 1, timestamp: new Date(NaN) }), TIMESTAMP],
  ['a Date before 1970', () => ({ value: 1, timestamp: new Date(-1) }), TIMESTAMP],
  ['a timestamp more than an hour ahead', now => ({ value: 1, timestamp: now + HOUR_MS + 1 }), TIMESTAMP],
  ['a Date more than an hour ahead', now => ({ value: 1, timestamp: new Date(now + HOUR_MS + 1) }), TIMESTAMP],
  ...[-1, 1.5, 2, NaN, '0', null, Infinity].map(partition => [`partition ${String(partition)}`, () => ({ value: 1, partition }), PARTITION] as const),
  ...[null, 7, 'text'].map(headers => [`headers ${String(headers)}`, () => ({ value: 1, headers }), { ...RECORD, message: 'headers: found' }] as const),
  ['a Map of headers', () => ({ value: 1, headers: new Map([['a', 'b']]) }), { ...RECORD, message: 'headers: found a Map', hint: '[...headers]' }],
  ['headers that are no pairs', () => ({ value: 1, headers: [['a', 'b', 'c']] }), { ...RECORD, message: 'headers: found an array' }],
  ['a header name that is no text', () => ({ value: 1, headers: [[7, 'b']] }), { ...RECORD, message: 'the name 7' }],
  ...[7, undefined, {}, [], true].map(value => [`a header value ${String(value)}`, () => ({ value: 1, headers: { a: value } }), { ...RECORD, message: "as the value of 'a'" }] as const),
]

const REFUSED_LATER: typeof MALFORMED = [
  ['a key that the serde does not take', () => ({ key: 7, value: 1 }), { ...NOT_ENCODABLE, message: "topic 'orders': the key: serde 'string' can't encode a number" }],
  ['a value that the serde does not take', () => ({ value: { nested: [() => 1] } }), { ...NOT_ENCODABLE, message: /^topic 'orders': the value: serde 'msgpack' can't encode a function \(at nested\[0\]\)$/ }],
  ['half a character', () => ({ key: '\ud800', value: 1 }), { ...NOT_ENCODABLE, message: 'lone surrogate' }],
  ['a record that is too large', () => ({ value: 'x'.repeat(2000) }), { name: 'LimitError', code: 'RECORD_TOO_LARGE', message: "topic 'orders': a record of about 20", hint: 'alter the topic' }],
  ['a record whose headers are too large', () => ({ value: 1, headers: { a: 'x'.repeat(2000) } }), { name: 'LimitError', code: 'RECORD_TOO_LARGE' }],
]

const CASES = [...MALFORMED, ...REFUSED_LATER]

describe.each(LOGS)('%s', (_kind, openLog) => {
  const shared = sharedLog(openLog, async ({ log }) => {
    const topic = await log.topic<unknown, unknown>('orders', { partitions: 2, maxRecordBytes: 1000 })
    await topic.send({ value: 'before' })
    await log.topic('compacted', { cleanup: 'compact' })
  })

  test.each(CASES)('%s is refused', async (_what, make, expected) => {
    const opened = shared()
    const topic = opened.log.topics()[0]!
    const record = make(opened.clock.now()) as NewRecord
    const producer = topic.producer()
    if (!Array.isArray(record)) {
      await expectRefused(opened, () => topic.send(record), expected)
      await expectRefused(opened, () => producer.send(record), expected)
    }
    await expectRefused(opened, () => producer.sendSync(record), expected)
    const error = await expectRefused(opened, () => topic.send([record, { value: 'after' }]), expected)
    expect(error.details).toMatchObject({ index: 0, sent: 0 })
  })

  test.each(MALFORMED.slice(9))('%s is refused by a producer for any topic', async (_what, make, expected) => {
    const opened = shared()
    const topic = opened.log.topics()[0]!
    const record = { topic, ...make(opened.clock.now()) as NewRecord }
    const producer = opened.log.producer()
    await expectRefused(opened, () => producer.send(record), expected)
    await expectRefused(opened, () => producer.sendSync(record), expected)
    expect((await expectRefused(opened, () => producer.send([{ topic, value: 1 }, record]), expected)).details).toMatchObject({ index: 1, sent: 0 })
  })

  test.each([undefined, null, 7, {}, { name: 7 }, 'order', '__topics', ''])('a producer for any topic refuses a record for topic %j', async name => {
    const opened = shared()
    const topic = opened.log.topics()[0]!
    const producer = opened.log.producer()
    const record = { topic: name as string, value: 1 }
    const expected = { name: 'UsageError', code: 'TOPIC_UNKNOWN', hint: 'open it first' }
    await expectRefused(opened, () => producer.send(record), expected)
    await expectRefused(opened, () => producer.sendSync(record), expected)
    expect((await expectRefused(opened, () => producer.send([{ topic, value: 1 }, record]), expected)).details).toMatchObject({ index: 1, sent: 0 })
  })

  test.each([null, undefined, 7])('a producer for any topic refuses %o', async record => {
    for (const work of [() => shared().log.producer().send(record as never), () => shared().log.producer().sendSync(record as never)]) expect(await failureOf(work)).toMatchObject({ name: 'UsageError', code: 'TOPIC_UNKNOWN' })
  })

  test('a hole in an array is no record', async () => {
    const opened = shared()
    const holes = Object.assign(Array(3), { 0: { value: 1 }, 2: { value: 2 } }) as never
    await expectRefused(opened, () => opened.log.topics()[0]!.send(holes), RECORD)
    await expectRefused(opened, () => opened.log.producer().send(holes), { name: 'UsageError', code: 'TOPIC_UNKNOWN' })
  })

  test('a compacted topic refuses a record without a key', async () => {
    const opened = shared()
    const topic = await opened.log.topic('compacted')
    for (const record of [{ value: 1 }, { key: null, value: 1 }]) await expectRefused(opened, () => topic.send(record), { name: 'UsageError', code: 'KEY_MISSING', message: 'is compacted' })
    await topic.send({ key: '', value: 1 })
  })
})
