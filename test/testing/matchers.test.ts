// The matchers in both runners: vitest's expect, and the package that is jest's.
import { expect as jestExpect } from 'expect'
import { beforeEach, describe, expect as vitestExpect, test } from 'vitest'
import type { Topic } from '../../src/index.ts'
import { matchers, testLog, type ExpectedRecord, type TestLog } from '../../src/testing.ts'

vitestExpect.extend(matchers)
jestExpect.extend(matchers)

interface Order { total: number; items: string[] }

let log: TestLog
let orders: Topic<Order>

beforeEach(async () => {
  log = await testLog()
  orders = await log.topic<Order>('orders')
  await orders.send({ key: 'ada', value: { total: 12, items: ['mill'] }, headers: { trace: 'abc', raw: Buffer.from([0xff]) } })
  await orders.send({ key: 'bob', value: { total: 7, items: [] } })
  await orders.send({ key: 'ada', value: null })
  return () => log.close()
})

/** What the failure of an expectation says, without the runner's colours. */
async function failure(expectation: Promise<void>): Promise<string> {
  const error: unknown = await expectation.then(() => undefined, (reason: unknown) => reason)
  vitestExpect(error).toBeInstanceOf(Error)
  vitestExpect((error as Error).name).not.toBe('UsageError')
  return (error as Error).message.replace(/\u001b\[\d+m/g, '')
}

const usageError = (message: string | RegExp, hint = /./) => vitestExpect.objectContaining({
  name: 'UsageError', message: vitestExpect.stringMatching(message) as unknown, hint: vitestExpect.stringMatching(hint) as unknown,
}) as unknown

const runners = [['vitest', vitestExpect], ['jest', jestExpect as unknown as typeof vitestExpect]] as const

describe.each(runners)('%s: toHaveRecord', (_, expect) => {
  test('a record has the fields that are given, compared deeply, and others are not looked at', async () => {
    await expect(orders).toHaveRecord({ key: 'ada', value: { total: 12, items: ['mill'] } })
    await expect(orders).toHaveRecord({ key: 'ada', value: null })
    await expect(orders).toHaveRecord({ partition: 0, offset: 1, timestamp: log.clock.now(), topic: 'orders' })
    await expect(orders).toHaveRecord({ timestamp: new Date(log.clock.now()) })
    await expect(orders).not.toHaveRecord({ key: 'ada', value: { total: 7, items: [] } })
    await expect(orders).not.toHaveRecord({ value: { total: 12 } })
    await expect(orders).not.toHaveRecord({ key: 'bob', value: null })
  })

  test('asymmetric matchers stand for a part of a field, a field, or the whole record', async () => {
    await expect(orders).toHaveRecord({ value: expect.objectContaining({ total: 12 }) })
    await expect(orders).toHaveRecord({ key: expect.any(String), value: { total: expect.any(Number), items: [] } })
    await expect(orders).toHaveRecord(expect.objectContaining({ key: 'bob', offset: 1 }) as ExpectedRecord)
    await expect(orders).not.toHaveRecord({ key: expect.any(Number) })
    await expect(orders).not.toHaveRecord(expect.objectContaining({ key: 'cy' }) as ExpectedRecord)
  })

  test('headers are expected as they are sent, by name or as pairs', async () => {
    const raw = new Uint8Array([0xff])
    await expect(orders).toHaveRecord({ headers: { trace: 'abc', raw } })
    await expect(orders).toHaveRecord({ headers: [['trace', Buffer.from('abc')], ['raw', raw]] })
    await expect(orders).toHaveRecord({ headers: expect.objectContaining({ trace: 'abc' }) })
    await expect(orders).toHaveRecord({ headers: {}, key: 'bob' })
    await expect(orders).not.toHaveRecord({ headers: { trace: 'abc' } })
    await expect(orders).not.toHaveRecord({ headers: [['raw', raw], ['trace', 'abc']] })
    await expect(orders).not.toHaveRecord({ headers: 'trace' })
  })

  test('of a header that is repeated the last counts by name, and all as pairs', async () => {
    await orders.send({ key: 'cy', value: null, headers: [['try', '1'], ['try', '2'], ['none', null]] })
    await expect(orders).toHaveRecord({ headers: { try: '2', none: null } })
    await expect(orders).toHaveRecord({ headers: [['try', '1'], ['try', '2'], ['none', null]] })
    await expect(orders).not.toHaveRecord({ headers: { try: '1', none: null } })
  })

  test('bytes equal bytes of another class', async () => {
    const raw = await log.topic<Uint8Array>('raw', { value: 'bytes' })
    await raw.send({ value: Buffer.from([1, 2]) })
    await expect(raw).toHaveRecord({ value: new Uint8Array([1, 2]) })
    await expect(raw).toHaveRecord({ value: Buffer.from([1, 2]) })
    await expect(raw).not.toHaveRecord({ value: new Uint8Array([1, 3]) })
  })

  test('maps are compared by what they hold', async () => {
    const map = { name: 'map', encode: (value: Map<string, number>) => Buffer.from(JSON.stringify([...value])), decode: (bytes: Uint8Array) => new Map(JSON.parse(Buffer.from(bytes).toString()) as [string, number][]) }
    const stock = await log.topic('stock', { value: map })
    await stock.send({ value: new Map([['mill', 3]]) })
    await expect(stock).toHaveRecord({ value: new Map([['mill', 3]]) })
    await expect(stock).not.toHaveRecord({ value: new Map([['mill', 4]]) })
  })

  test('what send() returned, and a record that was read, can be expected', async () => {
    const sent = await orders.send({ key: 'cy', value: { total: 1, items: [] }, headers: { a: 'b' } })
    await expect(orders).toHaveRecord(sent)
    const record = (await orders.partitions[0]!.get(sent.offset))!
    await expect(orders).toHaveRecord(record)
    await expect(orders).not.toHaveRecord({ ...sent, offset: 9 })
    const audit = await log.topic('audit')
    await expect(audit).not.toHaveRecord(record)
  })

  test('a partition has its own records, from its start on', async () => {
    const spread = await log.topic<number>('spread', { partitions: 2, segmentBytes: '1KiB' })
    for (let value = 0; value < 100; value += 20) await spread.send(Array.from({ length: 20 }, (__, i) => ({ partition: 1, value: value + i })))
    const [none, some] = spread.partitions
    await expect(none).not.toHaveRecord({})
    await expect(some).toHaveRecord({ value: 0 })
    await expect(some).toHaveRecord({ value: 99 })
    await some!.truncateBefore(50)
    await expect(some).not.toHaveRecord({ value: 49 })
    await expect(some).toHaveRecord({ value: 50 })
  })

  test('nothing is waited for: what lingers is not there yet', async () => {
    const sent = orders.producer({ linger: '1s' }).send({ key: 'late', value: null })
    await expect(orders).not.toHaveRecord({ key: 'late' })
    await log.clock.advance('1s')
    await sent
    await expect(orders).toHaveRecord({ key: 'late' })
  })

  test('a failure shows the nearest records first, and in what they differ', async () => {
    const said = await failure(expect(orders).toHaveRecord({ key: 'bob', value: { total: 8, items: [] }, partition: 0 }))
    vitestExpect(said).toMatchInlineSnapshot(`
      "orders has no such record:
        { partition: 0, key: 'bob', value: { total: 8, items: [] } }
      The nearest of its 3 records:
        orders-0, offset 1: { timestamp: 1767225600000, key: 'bob', value: { total: 7, items: [] }, headers: {} }
          other than expected: value
        orders-0, offset 0: {
          timestamp: 1767225600000,
          key: 'ada',
          value: { total: 12, items: [ 'mill' ] },
          headers: { trace: 'abc', raw: <Buffer ff> }
        }
          other than expected: key, value
        orders-0, offset 2: { timestamp: 1767225600000, key: 'ada', value: null, headers: {} }
          other than expected: key, value"
    `)
  })

  test('a failure shows no more than three records of many, and says so of none', async () => {
    await orders.send(Array.from({ length: 100 }, (__, i) => ({ key: `k${i}`, value: null })))
    const said = await failure(expect(orders).toHaveRecord({ key: 'x', value: null }))
    vitestExpect(said).toContain('The nearest of its 103 records:')
    vitestExpect(said.match(/orders-0, offset/g)).toHaveLength(3)
    vitestExpect(await failure(expect(await log.topic('empty')).toHaveRecord({ key: 'x' }))).toContain('empty has no such record:\n  { key: \'x\' }\nIt has no records at all.')
  })

  test('behind .not a failure shows the record', async () => {
    vitestExpect(await failure(expect(orders).not.toHaveRecord({ key: 'bob' }))).toMatch(/^orders has a record that was not expected:\n {2}orders-0, offset 1: \{[^]*key: 'bob'/)
  })

  test('a value that can\'t be decoded is shown as its error, and matches no value', async () => {
    const odd = { name: 'odd', encode: (value: Uint8Array) => value, decode: (): never => { throw new Error('nothing I know') } }
    const topic = await log.topic<Uint8Array>('odd', { value: odd })
    await topic.send({ key: 'k', value: Buffer.from('{') })
    await expect(topic).toHaveRecord({ key: 'k' })
    vitestExpect(await failure(expect(topic).toHaveRecord({ key: 'k', value: '{' }))).toContain('nothing I know')
  })

  test('what is no expectation is refused, also behind .not', async () => {
    const wrong = (given: unknown) => given as ExpectedRecord
    await vitestExpect(expect(orders).toHaveRecord(wrong({ vlaue: 1 }))).rejects.toEqual(usageError("toHaveRecord: a record has no field 'vlaue'", /did you mean 'value'/))
    await vitestExpect(expect(orders).not.toHaveRecord(wrong({ vlaue: 1 }))).rejects.toEqual(usageError('has no field'))
    for (const given of [undefined, null, 'ada', []]) await vitestExpect(expect(orders).toHaveRecord(wrong(given))).rejects.toMatchObject({ code: 'EXPECTATION_INVALID' })
  })

  test('what has no records is refused, and a promise with the hint to await it', async () => {
    for (const given of ['orders', null, undefined, log, {}]) await vitestExpect(expect(given).toHaveRecord({})).rejects.toMatchObject({ code: 'NOT_A_TOPIC' })
    await vitestExpect(expect(log.topic('orders')).toHaveRecord({})).rejects.toEqual(usageError('found a Promise', /await it/))
  })
})

describe.each(runners)('%s: toHaveRecordsInOrder', (_, expect) => {
  test('records stand in order, others may stand between', async () => {
    await expect(orders).toHaveRecordsInOrder([{ key: 'ada' }, { key: 'bob' }, { key: 'ada' }])
    await expect(orders).toHaveRecordsInOrder([{ value: expect.objectContaining({ total: 12 }) }, { value: null }])
    await expect(orders).not.toHaveRecordsInOrder([{ key: 'bob' }, { value: expect.objectContaining({ total: 12 }) }])
    await expect(orders.partitions[0]).toHaveRecordsInOrder([{ key: 'ada' }, { key: 'bob' }])
  })

  test('each is met by a record of its own', async () => {
    await expect(orders).toHaveRecordsInOrder([{ key: 'ada' }, { key: 'ada' }])
    await expect(orders).not.toHaveRecordsInOrder([{ key: 'ada' }, { key: 'ada' }, { key: 'ada' }])
  })

  test('between partitions there is no order, within each there is', async () => {
    const spread = await log.topic<string>('spread', { partitions: 2 })
    for (const [partition, value] of [[0, 'a'], [1, 'b'], [0, 'c'], [1, 'd']] as const) await spread.send({ partition, value })
    await expect(spread).toHaveRecordsInOrder([{ value: 'b' }, { value: 'd' }, { value: 'a' }, { value: 'c' }])
    await expect(spread).toHaveRecordsInOrder([{ value: 'c' }, { value: 'b' }])
    await expect(spread).not.toHaveRecordsInOrder([{ value: 'c' }, { value: 'b' }, { value: 'a' }])
  })

  test('a failure names the first that is missing, or stands too early', async () => {
    const early = await failure(expect(orders).toHaveRecordsInOrder([{ key: 'bob' }, { key: 'ada', value: expect.objectContaining({ total: 12 }) }]))
    vitestExpect(early).toMatch(/^orders has no such record, behind the 1 that stand in order; of those expected it is number 1:\n[^]*orders-0, offset 0[^]*stands before one that is expected earlier/)
    const missing = await failure(expect(orders).toHaveRecordsInOrder([{ key: 'cy' }, { key: 'ada' }]))
    vitestExpect(missing).toMatch(/^orders has no such record; of those expected it is number 0:\n {2}\{ key: 'cy' \}/)
    vitestExpect(await failure(expect(orders).not.toHaveRecordsInOrder([{ key: 'bob' }, { key: 'ada' }]))).toMatch(/not expected:\n {2}orders-0, offset 1: [^]*\n {2}orders-0, offset 2: /)
  })

  test('what is no list of expectations is refused', async () => {
    for (const given of [undefined, {}, []]) await vitestExpect(expect(orders).toHaveRecordsInOrder(given as never)).rejects.toMatchObject({ code: 'EXPECTATION_INVALID' })
    await vitestExpect(expect(orders).toHaveRecordsInOrder([{}, { vlaue: 1 } as never])).rejects.toEqual(usageError(/^toHaveRecordsInOrder: record 1: a record has no field 'vlaue'/))
  })
})

describe.each(runners)('%s: toHaveLag', (_, expect) => {
  const group = {
    id: 'billing',
    lag: async () => [
      { topic: 'orders', partition: 0, committed: 5, endOffset: 7, lag: 2 },
      { topic: 'orders', partition: 1, committed: null, endOffset: 1, lag: 1 },
      { topic: 'refunds', partition: 0, committed: 4, endOffset: 4, lag: 0 },
    ],
  }

  test('the lag is the sum of all partitions, or of those of a topic', async () => {
    await expect(group).toHaveLag(3)
    await expect(group).toHaveLag(3, 'orders')
    await expect(group).toHaveLag(3, orders)
    await expect(group).toHaveLag(0, 'refunds')
    await expect(group).not.toHaveLag(0)
  })

  test('a failure shows the lag of each partition', async () => {
    vitestExpect(await failure(expect(group).toHaveLag(0, 'orders'))).toBe("group 'billing' in topic 'orders' has a lag of 3 records, expected 0\n  orders-0: 2, committed 5 of 7\n  orders-1: 1, nothing committed of 1")
    vitestExpect(await failure(expect(group).not.toHaveLag(3))).toMatch(/^group 'billing' has a lag of 3 records\n/)
    const wide = { id: 'wide', lag: async () => Array.from({ length: 50 }, (__, partition) => ({ topic: 't', partition, committed: 0, endOffset: 1, lag: 1 })) }
    vitestExpect(await failure(expect(wide).toHaveLag(0))).toMatch(/\n {2}and 30 partitions more$/)
  })

  test('a group that nobody knows is refused rather than taken for one without lag: its name is misspelt', async () => {
    await vitestExpect(expect({ id: 'biling', lag: async () => [] }).toHaveLag(0)).rejects.toEqual(usageError("group 'biling' has neither members nor commits", /look at its spelling/))
  })

  test('a topic that the group does not read is refused rather than taken for read', async () => {
    await vitestExpect(expect(group).toHaveLag(0, 'ordes')).rejects.toEqual(usageError("does not read the topic 'ordes'", /did you mean 'orders'/))
    await vitestExpect(expect(group).not.toHaveLag(1, 'payments-of-today')).rejects.toEqual(usageError('does not read', /it reads orders, refunds/))
  })

  test('what is no group, no number or no topic is refused', async () => {
    for (const given of [orders, 'billing', undefined]) await vitestExpect(expect(given).toHaveLag(0)).rejects.toMatchObject({ code: 'NOT_A_GROUP' })
    for (const records of [-1, 0.5, '3', undefined, NaN]) await vitestExpect(expect(group).toHaveLag(records as number)).rejects.toMatchObject({ code: 'EXPECTATION_INVALID' })
    for (const topic of [null, 7, {}]) await vitestExpect(expect(group).toHaveLag(0, topic as never)).rejects.toMatchObject({ code: 'EXPECTATION_INVALID' })
  })
})
