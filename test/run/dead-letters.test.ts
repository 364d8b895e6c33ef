// What a dead letter holds, where it goes, and what happens around its writing.
import { describe, expect, test } from 'vitest'
import { open, type ConsumerGroup, type EventLog, type LogRecord, type Runner } from '../../src/index.ts'
import { testLog } from '../../src/testing.ts'
import { failureOf } from '../contract/support/failures.ts'
import { temporaryDirectory } from '../contract/support/logs.ts'
import { numbers, recordsOf } from '../contract/support/records.ts'
import { lane, numbered, startBatchRun, startRun } from './support/runs.ts'

type Letter = LogRecord<Uint8Array, Uint8Array>
type Topics = Parameters<ConsumerGroup['run']>[0]

const boom = Object.assign(new TypeError('boom'), { code: 'ERR_BOOM' })
const fails = (): never => { throw boom }

const textOf = (bytes: Uint8Array | null | undefined) => bytes === null || bytes === undefined ? bytes : Buffer.from(bytes).toString()
const headersOf = (record: LogRecord) => [...record.headers].map(([name, value]) => [name, textOf(value)])

async function runOn(log: EventLog, topics: Topics, handler: (record: LogRecord) => unknown = fails, options: object = {}): Promise<Runner> {
  const runner = await log.group('billing').run(topics, handler, { from: 'earliest', deadLetter: 'dead', ...options })
  await log.idle()
  return runner
}

async function lettersOf(log: EventLog): Promise<Letter[]> {
  return await recordsOf(await log.topic<Uint8Array, Uint8Array>('dead'))
}

describe('what it holds', () => {
  test('the record as it was stored, with headers that say where it was and why it is here', async () => {
    const log = await testLog()
    const orders = await log.topic<unknown>('orders', { value: 'json' })
    await orders.send({ value: 'before' })
    await orders.send({ key: 'ada', value: { total: 12 }, headers: [['trace', 'x1'], ['trace', 'x2'], ['none', null]], timestamp: 1234 })
    await runOn(log, orders, ({ offset }) => { if (offset === 1) fails() }, { retry: { attempts: 3, backoff: 0, maxBackoff: 0 } })
    const letters = await lettersOf(log)
    expect(letters.map(({ timestamp, key, value }) => [timestamp, textOf(key), textOf(value)])).toEqual([[1234, 'ada', '{"total":12}']])
    expect(headersOf(letters[0]!)).toEqual([
      ['trace', 'x1'], ['trace', 'x2'], ['none', null],
      ['millrace-origin-topic', 'orders'], ['millrace-origin-partition', '0'], ['millrace-origin-offset', '1'], ['millrace-origin-timestamp', '1234'],
      ['millrace-group', 'billing'], ['millrace-attempts', '3'],
      ['millrace-error-name', 'TypeError'], ['millrace-error-code', 'ERR_BOOM'], ['millrace-error-message', 'boom'],
    ])
    expect(await log.group('billing').committed(orders)).toEqual(new Map([[0, 2]]))
  })

  test('a null key and a tombstone stay what they are', async () => {
    const log = await testLog()
    const orders = await log.topic('orders')
    await orders.send([{ value: null }, { key: '', value: null }])
    await runOn(log, orders)
    expect((await lettersOf(log)).map(({ key, value }) => [textOf(key), value])).toEqual([[null, null], ['', null]])
  })

  test.each([
    ['a text', 'out of stock', ['a string', undefined, 'out of stock']],
    ['nothing', undefined, ['undefined', undefined, 'undefined']],
    ['an error whose code is a number', Object.assign(new Error('gone'), { code: 410 }), ['Error', '410', 'gone']],
    ['an error of more than a line', new RangeError('x'.repeat(5000)), ['RangeError', undefined, 'x'.repeat(1000)]],
  ])('whatever was thrown is told, in bounds: %s', async (_what, thrown, [name, code, message]) => {
    const log = await testLog()
    const orders = await log.topic('orders')
    await orders.send({ value: 1 })
    await runOn(log, orders, () => Promise.reject(thrown as Error))
    const [letter] = await lettersOf(log)
    expect(['name', 'code', 'message'].map(what => letter!.headers.text(`millrace-error-${what}`))).toEqual([name, code, message])
  })

  test('of a record that fails a second time, the headers tell the latest', async () => {
    const log = await testLog()
    const orders = await log.topic('orders')
    await orders.send({ value: 1 })
    await runOn(log, orders)
    await log.group('repair').run('dead', () => { throw new Error('again') }, { from: 'earliest', deadLetter: 'buried' })
    await log.idle()
    const [letter] = await recordsOf(await log.topic('buried'))
    expect(['millrace-group', 'millrace-origin-topic', 'millrace-error-message'].map(name => letter!.headers.text(name))).toEqual(['repair', 'dead', 'again'])
    expect(headersOf(letter!).filter(([name]) => name === 'millrace-group')).toEqual([['millrace-group', 'billing'], ['millrace-group', 'repair']])
  })

  test('a time that nobody may send today is told in its header, and the letter has the time of its writing', async () => {
    const directory = temporaryDirectory()
    const clockAt = (ms: number) => ({ now: () => ms, setTimeout: () => ({ cancel: () => { /* nothing waits */ } }) })
    const later = await open(directory, { clock: clockAt(10_000_000_000) })
    await (await later.topic('orders')).send({ value: 1 })
    await later.close()
    const log = await open(directory, { clock: clockAt(1_000_000_000) })
    await runOn(log, 'orders')
    const [letter] = await lettersOf(log)
    expect([letter!.timestamp, letter!.headers.text('millrace-origin-timestamp')]).toEqual([1_000_000_000, '10000000000'])
    await log.close()
  })
})

describe('where it goes', () => {
  test('to the partition of its number, so that each keeps its order', async () => {
    const log = await testLog()
    const orders = await log.topic<number>('orders', { partitions: 3 })
    await orders.send(numbers(30).map(value => ({ value, partition: value % 3 })))
    await runOn(log, orders, fails, { concurrency: 3 })
    const letters = await lettersOf(log)
    expect(letters).toHaveLength(30)
    for (const letter of letters) expect(letter.headers.text('millrace-origin-partition')).toBe(String(letter.partition))
    for (const partition of numbers(3)) expect(letters.filter(letter => letter.partition === partition).map(({ headers }) => Number(headers.text('millrace-origin-offset')))).toEqual(numbers(10))
  })

  test('the topic is made with bytes, the partitions of the largest source, and room for headers, whatever the usual options are', async () => {
    const log = await testLog({ topicDefaults: { cleanup: 'compact', partitions: 2, timestamps: 'append', maxRecordBytes: '1KiB' } })
    const orders = await log.topic<string>('orders', { cleanup: 'delete', partitions: 5, maxRecordBytes: '1KiB' })
    await log.topic('returns', { cleanup: 'delete', partitions: 3 })
    const value = 'x'.repeat(980)
    await orders.send({ value })
    await runOn(log, ['orders', 'returns'])
    const dead = await log.topic('dead')
    expect(dead.settings).toMatchObject({ key: 'bytes', value: 'bytes', partitions: 5, cleanup: 'delete', timestamps: 'create' })
    expect(await lettersOf(log)).toHaveLength(1)
  })

  test('one that is there is taken as it is, with more partitions and more room where they are needed', async () => {
    const log = await testLog()
    await log.topic<Uint8Array, Uint8Array>('dead', { key: 'bytes', value: 'bytes', maxRecordBytes: '1KiB', retention: '7d', compression: 'gzip' })
    const orders = await log.topic<string>('orders', { partitions: 2 })
    await orders.send({ value: 'x'.repeat(2000), partition: 1 })
    await runOn(log, orders)
    expect((await log.topic('dead')).settings).toMatchObject({ partitions: 2, retentionMs: 604_800_000, compression: 'gzip' })
    expect((await lettersOf(log)).map(({ partition }) => partition)).toEqual([1])
  })

  test('to any partition where its own was added later', async () => {
    const log = await testLog()
    const orders = await log.topic<string>('orders')
    const runner = await runOn(log, orders)
    await orders.alter({ partitions: 4 })
    await orders.send({ key: 'ada', value: 'late', partition: 3 })
    await log.idle()
    expect((await lettersOf(log)).map(({ partition, headers }) => [partition, headers.text('millrace-origin-partition')])).toEqual([[0, '3']])
    await runner.stop()
  })
})

describe('what can not be decoded', () => {
  test('goes there as its bytes, without an attempt', async () => {
    const log = await testLog()
    const raw = await log.topic<Uint8Array>('orders', { value: { name: 'odd', encode: (bytes: Uint8Array) => bytes, decode: bytes => { if (bytes[0] === 0xff) throw new Error('odd'); return bytes } } })
    await raw.send([{ value: Buffer.from([1]) }, { key: 'k', value: Buffer.from([0xff, 7]) }, { value: Buffer.from([2]) }])
    const seen: unknown[] = []
    const failures: unknown[] = []
    log.group('billing').on('error', ({ error }) => { failures.push(error) })
    const runner = await runOn(log, raw, record => { seen.push([...record.value as Uint8Array]) }, { retry: {} })
    expect(seen).toEqual([[1], [2]])
    const [letter] = await lettersOf(log)
    expect([...letter!.value!]).toEqual([0xff, 7])
    expect(['attempts', 'error-name', 'error-code'].map(name => letter!.headers.text(`millrace-${name}`))).toEqual(['0', 'CorruptionError', 'VALUE_NOT_DECODABLE'])
    expect(failures).toMatchObject([{ code: 'VALUE_NOT_DECODABLE' }])
    await runner.stop()
  })

  test('without a dead letter, ends the runner with that error', async () => {
    const orders = lane().append({ value: 'good' }, { value: 'bad' }, { value: 'good' })
    const seen: unknown[] = []
    const { runner } = startRun({ lanes: [orders], options: { retry: {} } }, ({ value }) => { seen.push(value) })
    await expect(runner.done).rejects.toMatchObject({ code: 'VALUE_NOT_DECODABLE', message: 'orders-0, offset 1: the value can\'t be decoded' })
    expect([seen, orders.handled]).toEqual([['good'], 1])
  })

  test('is taken out of its batch before the rest is handled, and the batch is settled whole', async () => {
    const orders = lane().append({ value: '0' }, { value: 'bad' }, { value: '2' }, { key: 'bad', value: '3' })
    const seen: unknown[] = []
    const { letters, settle } = startBatchRun({ lanes: [orders], options: { batch: {}, deadLetter: 'dead' } }, records => { seen.push(records.map(({ value }) => value)) })
    await settle()
    expect(letters.map(({ records, failure }) => [records.map(({ offset }) => offset), failure.attempts])).toEqual([[[1], 0], [[3], 0]])
    expect([seen, orders.settled]).toEqual([[['0', '2']], [4]])
  })

  test('a batch of nothing else is no call', async () => {
    const orders = lane().append({ value: 'bad' }, { value: 'bad' })
    const seen: unknown[] = []
    const { member, settle } = startBatchRun({ lanes: [orders], options: { batch: {}, deadLetter: 'dead', delivery: 'at-most-once' } }, records => { seen.push(records) })
    await settle()
    expect([seen, orders.settled, member.commits]).toEqual([[], [2], [['orders-0', 2]]])
  })

  test('a serde that the program did not bring is no fault of the record: the runner ends', async () => {
    const directory = temporaryDirectory()
    const first = await open(directory)
    const odd = { name: 'odd', encode: (text: string) => Buffer.from(text), decode: (bytes: Uint8Array) => Buffer.from(bytes).toString() }
    await (await first.topic<string>('orders', { value: odd })).send({ value: 'a' })
    await first.close()
    const log = await open(directory)
    const runner = await log.group('billing').run('orders', () => undefined, { from: 'earliest', deadLetter: 'dead' })
    expect(await failureOf(() => runner.done)).toMatchObject({ code: 'SERDE_MISSING' })
    expect(await lettersOf(log)).toEqual([])
    await log.close()
  })
})

describe('its writing', () => {
  test('the position moves when it is written, and not before', async () => {
    const orders = lane().append(...numbered(2))
    let written: (() => void) | undefined
    const { settle } = startRun({ lanes: [orders], options: { deadLetter: 'dead' }, writeLetter: () => new Promise(resolve => { written = resolve }) }, fails)
    await settle()
    expect(orders.handled).toBe(0)
    written!()
    await settle()
    expect(orders.handled).toBe(1)
  })

  test('where it can not be written the runner ends, and the record is not committed', async () => {
    const log = await testLog()
    const orders = await log.topic('orders')
    await orders.send([{ value: 1 }, { value: 2 }])
    const runner = await log.group('billing').run(orders, ({ value }) => {
      if (value === 2) fails()
      log.disk.failNext('write', { error: 'ENOSPC', path: /dead-0/ })
    }, { from: 'earliest', deadLetter: 'dead' })
    expect(await failureOf(() => runner.done)).toMatchObject({ name: 'LimitError', code: 'DISK_FULL' })
    expect(await log.group('billing').committed(orders)).toEqual(new Map([[0, 1]]))
  })

  test('a batch that fails goes there whole', async () => {
    const orders = lane().append(...numbered(3))
    const { letters, settle } = startBatchRun({ lanes: [orders], options: { batch: {}, deadLetter: 'dead' } }, fails)
    await settle()
    expect(letters.map(({ records, failure }) => [records.map(({ offset }) => offset), failure])).toEqual([[[0, 1, 2], { attempts: 1, error: boom }]])
    expect(orders.settled).toEqual([3])
  })

  test('with at-most-once the record is committed already, and is kept there', async () => {
    const orders = lane().append(...numbered(2))
    const { member, letters, settle } = startRun({ lanes: [orders], options: { delivery: 'at-most-once', deadLetter: 'dead' } }, fails)
    await settle()
    expect([member.commits.map(([, offset]) => offset), letters.length]).toEqual([[1, 2], 2])
  })

  test('by key, a letter that is being written never takes a later commit back', async () => {
    const orders = lane().append({ key: 'a', value: 'bad' }, { key: 'b', value: 'b' })
    let written: (() => void) | undefined
    const { member, settle } = startRun({ lanes: [orders], options: { delivery: 'at-most-once', order: 'key', concurrency: 4, deadLetter: 'dead' }, writeLetter: () => new Promise(resolve => { written = resolve }) }, () => undefined)
    await settle()
    expect(member.commits).toEqual([['orders-0', 2]])
    written!()
    await settle()
    expect([member.commits, orders.handled]).toEqual([[['orders-0', 2]], 2])
  })
})
