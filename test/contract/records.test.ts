// How a record looks to those who hold one: views that decode late and keep their bytes, and plain objects to whoever
// prints, serialises or compares them.
import assert from 'node:assert/strict'
import looseAssert from 'node:assert'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { LogRecord } from '../../src/index.ts'
import { failureOf } from './support/failures.ts'
import { LOGS, type OpenLog } from './support/logs.ts'
import { numbers, recordsOf } from './support/records.ts'

const SHOWN = { topic: 'orders', partition: 0, offset: 0, timestamp: 1000, key: 'ada', value: { item: 'mill', total: 12 } }

async function oneRecord(openLog: OpenLog, headers?: Record<string, string>): Promise<LogRecord<unknown, string>> {
  const { log } = await openLog()
  const topic = await log.topic('orders')
  await topic.send({ key: 'ada', value: SHOWN.value, timestamp: 1000, ...(headers === undefined ? {} : { headers }) })
  return (await recordsOf(topic))[0]!
}

describe.each(LOGS)('%s', (_kind, openLog) => {
  test('console.log shows a record like a plain object', async () => {
    expect(inspect(await oneRecord(openLog))).toBe(inspect({ ...SHOWN, headers: [] }))
    expect(inspect(await oneRecord(openLog, { trace: 'x1' }))).toBe(inspect({ ...SHOWN, headers: [['trace', 'x1']] }))
  })

  test('JSON.stringify writes a record like a plain object', async () => {
    expect(JSON.stringify(await oneRecord(openLog, { trace: 'x1' }))).toBe(JSON.stringify({ ...SHOWN, headers: [['trace', 'x1']] }))
  })

  test("a record is equal to a plain object, and to another view of itself, for vitest's and jest's toEqual", async () => {
    const record = await oneRecord(openLog)
    expect(record).toEqual({ ...SHOWN, headers: {} })
    expect([record]).toEqual([expect.objectContaining(SHOWN)])
    expect(record).toMatchObject({ key: 'ada', value: { total: 12 } })
    expect(record).not.toEqual({ ...SHOWN, headers: {}, value: { item: 'mill', total: 13 } })
    expect(record).not.toEqual({ ...SHOWN, headers: {}, offset: 1 })
    const other = await oneRecord(openLog)
    expect(other).toEqual(record)
    expect(other).toStrictEqual(record)
  })

  test('a copy of the properties, as test runners make one to show what differs, has them all', async () => {
    const record = await oneRecord(openLog)
    expect(record).toEqual({ ...SHOWN, headers: {} })
    const copy = Object.create(Object.getPrototypeOf(record) as object, Object.getOwnPropertyDescriptors(record)) as LogRecord
    expect({ ...copy }).toEqual({ ...SHOWN, headers: {} })
    expect([copy.topic, copy.offset, copy.value]).toEqual(['orders', 0, SHOWN.value])
  })

  test('records that differ in anything are not equal', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    const same = { key: 'ada', value: 1, timestamp: 1000, headers: { trace: 'x' } }
    await topic.send([same, { ...same, value: 2 }, { ...same, key: 'bob' }, { ...same, timestamp: 1001 }, { ...same, headers: { trace: 'y' } }])
    const [first, ...others] = await recordsOf(topic)
    for (const other of others) {
      expect(other).not.toEqual(first)
      expect(() => { assert.deepEqual(other, first) }).toThrow()
    }
  })

  test("node:assert's deepEqual compares records by what they hold, strict or not", async () => {
    const [record, again, changed] = [await oneRecord(openLog), await oneRecord(openLog), await oneRecord(openLog, { trace: 'x' })]
    assert.deepEqual(record, again)
    assert.deepEqual({ ...record.toJSON() as object, headers: 0 }, { ...SHOWN, headers: 0 })
    looseAssert.deepEqual(record, { ...SHOWN, headers: {} })
    assert.throws(() => { assert.deepEqual(record, changed) })
    assert.throws(() => { looseAssert.deepEqual(record, { ...SHOWN, headers: {}, key: 'bob' }) })
  })

  test('headers keep their order, repeated names and nulls; get and text find the last of a name', async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    await topic.send({ value: 1, headers: [['a', '1'], ['b', null], ['a', Buffer.from([0xff])], ['', 'empty name'], ['a', 'ü']] })
    const { headers } = (await recordsOf(topic))[0]!
    expect(Array.from(headers, ([name, value]) => [name, value === null ? null : [...value]])).toEqual([['a', [49]], ['b', null], ['a', [255]], ['', [...Buffer.from('empty name')]], ['a', [...Buffer.from('ü')]]])
    expect([headers.size, headers.text('a'), headers.text('b'), headers.text('c'), headers.get('c'), headers.text('')]).toEqual([5, 'ü', null, undefined, undefined, 'empty name'])
    expect(Buffer.from(headers.get('a')!).toString()).toBe('ü')
  })

  test("headers of a record that was read are sent on as pairs", async () => {
    const { log } = await openLog()
    const topic = await log.topic('orders')
    await topic.send({ value: 1, headers: [['a', '1'], ['b', null]] })
    await topic.send({ value: 2, headers: [...(await recordsOf(topic))[0]!.headers] })
    expect((await recordsOf(topic)).map(record => JSON.stringify(record.headers))).toEqual(Array(2).fill('[["a","1"],["b",null]]'))
  })

  test('key, value and headers are decoded when they are first looked at, and once', async () => {
    const decoded: string[] = []
    const spy = { name: 'spy', encode: (text: string) => Buffer.from(text), decode: (bytes: Uint8Array) => { decoded.push(Buffer.from(bytes).toString()); return { text: Buffer.from(bytes).toString() } as unknown as string } }
    const { log } = await openLog()
    const topic = await log.topic<string, string>('orders', { key: spy, value: spy })
    await topic.send([{ key: 'k0', value: 'v0' }, { key: 'k1', value: 'v1' }])
    const records = await recordsOf(topic)
    expect(decoded).toEqual([])
    expect(records[1]!.value).toBe(records[1]!.value)
    expect(decoded).toEqual(['v1'])
  })

  test('a record that can not be decoded fails where it is looked at, with its place; the others are read', async () => {
    const { log } = await openLog()
    const picky = { name: 'picky', encode: (text: string) => Buffer.from(text), decode: (bytes: Uint8Array) => { if (bytes[0] === 0x21) throw new Error('no'); return Buffer.from(bytes).toString() } }
    const topic = await log.topic<string>('orders', { value: picky })
    await topic.send([{ value: 'a' }, { value: '!' }, { value: 'b' }])
    const records = await recordsOf(topic)
    expect(await failureOf(() => records[1]!.value)).toMatchObject({ name: 'CorruptionError', code: 'VALUE_NOT_DECODABLE', message: expect.stringContaining('orders-0, offset 1: the value') as string, details: { topic: 'orders', partition: 0, offset: 1 } })
    expect([records[0]!.value, records[2]!.value]).toEqual(['a', 'b'])
    expect(inspect(records[1])).toContain("offset: 1")
    expect(inspect(records[1])).toContain("the value serde 'picky' can't decode 1 bytes")
  })

  test.each(['none', 'gzip'] as const)("bytes are views that stay as they are while they are held, compression '%s'", async compression => {
    const { log } = await openLog()
    const topic = await log.topic<Uint8Array, Uint8Array>('orders', { key: 'bytes', value: 'bytes', compression, segmentBytes: '64KiB' })
    const value = (n: number): Buffer => Buffer.alloc(5000, n)
    await topic.send(numbers(100).map(n => ({ key: Buffer.of(n), value: value(n) })))
    const held: Uint8Array[] = []
    for await (const record of topic.read()) if (record.offset % 7 === 0) held.push(record.value!)
    expect(held[0]!.byteLength).toBe(5000)
    expect(held[0]!.buffer.byteLength).toBeGreaterThan(5000)
    await topic.partitions[0]!.truncateBefore(100)
    await topic.send(numbers(100).map(n => ({ key: Buffer.of(n), value: value(200) })))
    await recordsOf(topic)
    expect(held.every((bytes, i) => value(i * 7).equals(bytes))).toBe(true)
  })

  test('what is stored is what was in the value when send was called', async () => {
    const { log } = await openLog()
    const topic = await log.topic<{ n: number }>('orders')
    const bytes = await log.topic<Uint8Array>('bytes', { value: 'bytes' })
    const value = { n: 1 }
    const buffer = Buffer.from('before')
    const sends = [topic.send({ value }), bytes.send({ value: buffer })]
    value.n = 2
    buffer.write('after!')
    await Promise.all(sends)
    expect((await recordsOf(topic))[0]!.value).toEqual({ n: 1 })
    expect(Buffer.from((await recordsOf(bytes))[0]!.value!).toString()).toBe('before')
  })
})
