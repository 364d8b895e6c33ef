import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { CorruptionError } from '../../src/base/errors.ts'
import { isControl } from '../../src/format/record-batch.ts'
import { TRANSACTION_STATUSES, encodeTransactionKey, encodeTransactionValue, parseTransactionKey, parseTransactionValue, type StoredTransaction } from '../../src/format/transaction-records.ts'
import { batchesOf, brokersFiles, transactions } from './support/kafka-transactions.ts'
import { decoded } from './support/plain-record.ts'

const int16 = fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 })
const name = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'grapheme', maxLength: 40 }), fc.constant('x'.repeat(300)))
const topics = fc.array(fc.record({ topic: name, partitions: fc.array(fc.integer(), { maxLength: 5 }) }), { maxLength: 4 })
const states: fc.Arbitrary<StoredTransaction> = fc.record({
  producerId: fc.maxSafeInteger(), producerEpoch: int16, timeoutMs: fc.integer(), status: fc.constantFrom(...TRANSACTION_STATUSES), partitions: topics,
  lastUpdateTimestamp: fc.maxSafeInteger(), startTimestamp: fc.maxSafeInteger(), previousProducerId: fc.option(fc.maxSafeNat(), { nil: undefined }),
  nextProducerId: fc.option(fc.maxSafeNat(), { nil: undefined }), clientTransactionVersion: fc.option(fc.integer({ min: 1, max: 2 ** 15 - 1 }), { nil: undefined }),
}).map(state => state.status === 'Empty' ? { ...state, partitions: [] } : state)

const ongoing: StoredTransaction = {
  producerId: 7, producerEpoch: 1, timeoutMs: 60_000, status: 'Ongoing', partitions: [{ topic: 'orders', partitions: [0] }], lastUpdateTimestamp: 2, startTimestamp: 1, previousProducerId: 6,
}

describe("Kafka's own bytes", () => {
  test.each(transactions)('are read as Kafka reads them: $name', ({ key, transactionalId, value, fields }) => {
    expect(parseTransactionKey(key)).toEqual({ kind: 'transaction', transactionalId })
    expect(parseTransactionValue(value)).toEqual(fields)
  })

  test.each(transactions.filter(({ written }) => written))('are those that we write: $name', ({ key, transactionalId, value, fields }) => {
    expect(encodeTransactionKey(transactionalId)).toEqual(key)
    expect(encodeTransactionValue(fields)).toEqual(value)
  })

  test('are vectors of every status, in both versions', () => {
    for (const version of [0, 1]) {
      expect(new Set(transactions.filter(({ value }) => value.readInt16BE() === version).map(({ fields }) => fields.status))).toEqual(new Set(TRANSACTION_STATUSES))
    }
  })

  test("in a partition that a broker left are read as Kafka's dump tool reads them, and those we write are the same to the byte", () => {
    const records = brokersRecords()
    expect(records.map(({ key, value }) => ({ key: parseTransactionKey(key), value: asDumped(parseTransactionValue(value)) }))).toEqual(brokersDump())
    for (const { key, value } of records) {
      const parsed = parseTransactionKey(key)
      expect(parsed.kind === 'transaction' && encodeTransactionKey(parsed.transactionalId)).toEqual(key)
      expect(encodeTransactionValue(parseTransactionValue(value))).toEqual(value)
    }
  })

  test('of other kinds of keys are told by the number of their kind, and not read on', () => {
    expect(parseTransactionKey(Buffer.of(0, 1))).toEqual({ kind: 'unknown', version: 1 })
    expect(parseTransactionKey(Buffer.of(0xff, 0xff, 0xee))).toEqual({ kind: 'unknown', version: -1 })
  })
})

describe('what is written is read back', () => {
  test('for keys', () => {
    fc.assert(fc.property(name, transactionalId => { expect(parseTransactionKey(encodeTransactionKey(transactionalId))).toEqual({ kind: 'transaction', transactionalId }) }))
  })

  test('for transactions', () => {
    fc.assert(fc.property(states, state => { expect(parseTransactionValue(encodeTransactionValue(state))).toEqual(state) }))
  })

  test("and what has Kafka's default is not set", () => {
    expect(parseTransactionValue(encodeTransactionValue({ ...ongoing, previousProducerId: -1, nextProducerId: -1, clientTransactionVersion: 0 }))).toEqual({ ...ongoing, previousProducerId: undefined })
  })

  test('but for partitions of a transaction that is Empty, which are our own mistake: Kafka would lose them', () => {
    expect(() => encodeTransactionValue({ ...ongoing, status: 'Empty' })).toThrow('broken invariant: a transaction that is Empty has no partitions')
  })
})

describe('bytes that are not what they should be are refused with their place', () => {
  const value = encodeTransactionValue(ongoing)

  test.each<[string, RegExp, () => unknown]>([
    ['an empty key', /a key in __transaction_state is malformed: its version takes 2 bytes, 0 are left \(byte 0\)/, () => parseTransactionKey(Buffer.alloc(0))],
    ['a key without an id', /a key in __transaction_state is malformed: its transactional id is null \(byte 4\)/, () => parseTransactionKey(Buffer.of(0, 0, 0xff, 0xff))],
    ['a key with more than its fields', /1 bytes follow its last field \(byte 5\)/, () => parseTransactionKey(Buffer.concat([encodeTransactionKey('t'), Buffer.of(0)]))],
    ['a status that is none', /a transaction in __transaction_state is malformed: its status is 8, known are 0 to 7 \(byte 16\)/, () => parseTransactionValue(changed(value, 16, 8))],
    ['a negative status', /its status is -1, known are 0 to 7 \(byte 16\)/, () => parseTransactionValue(changed(value, 16, 0xff))],
    ['a producer id beyond 2^53', /its producer id is \d+, beyond 2\^53 \(byte 2\)/, () => parseTransactionValue(changed(value, 2, 0x7f))],
    ['a topic without a name', /its topic is null \(byte 19\)/, () => parseTransactionValue(changed(value, 18, 0))],
    ['more topics than bytes', /it counts 126 topics, \d+ bytes are left \(byte 18\)/, () => parseTransactionValue(changed(value, 17, 0x7f))],
    ['a topic whose partitions are null', /it counts -1 partitions/, () => parseTransactionValue(changed(value, 25, 0))],
    ['a previous producer id of 2 bytes', /its field of tag 0 has 2 bytes, 8 are expected/, () => parseTransactionValue(Buffer.concat([value.subarray(0, -10), Buffer.of(0, 2, 0, 6), Buffer.alloc(6)]))],
    ['more than its fields', /1 bytes follow its last field/, () => parseTransactionValue(Buffer.concat([value, Buffer.of(0)]))],
    ['version 1 that says it is of version 0', /it counts \d+ topics, 37 bytes are left \(byte 21\)/, () => parseTransactionValue(changed(value, 1, 0))],
  ])('%s', (_what, message, parse) => {
    expect(parse).toThrow(message)
    expect(parse).toThrow(expect.objectContaining({ code: 'TRANSACTION_RECORD_MALFORMED' }))
    expect(parse).toThrow(CorruptionError)
  })

  test.each([2, 0x7fff, -1])('a value of version %d is unsupported, whatever follows', version => {
    const newer = Buffer.alloc(200)
    newer.writeInt16BE(version)
    expect(() => parseTransactionValue(newer)).toThrow(expect.objectContaining({ code: 'TRANSACTION_RECORD_UNSUPPORTED', message: expect.stringContaining(`has version ${version}, supported are 0 to 1`) as string }))
    expect(() => parseTransactionValue(newer)).toThrow(CorruptionError)
  })

  test('every key and value of Kafka, cut anywhere', () => {
    for (const vector of transactions) {
      for (let end = 0; end < vector.key.length; end++) expect(() => parseTransactionKey(vector.key.subarray(0, end)), `${end} bytes`).toThrow(CorruptionError)
      for (let end = 0; end < vector.value.length; end++) expect(() => parseTransactionValue(vector.value.subarray(0, end)), `${end} bytes`).toThrow(CorruptionError)
    }
  })

  test('whatever happens to the bytes, they are refused or hold all that was read from them', () => {
    const change = fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff)))
    fc.assert(fc.property(fc.constantFrom(...transactions), fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(3), (vector, changes, cut) => {
      for (const [given, parse] of [[vector.key, parseTransactionKey], [vector.value, parseTransactionValue]] as const) {
        const damaged = Buffer.from(given.subarray(0, given.length - cut))
        for (const [at, byte] of changes) damaged[at % damaged.length] = byte
        expectContained(() => parse(damaged), damaged.length)
      }
    }), { numRuns: 3000 })
  })
})

// ---------------------------------------------------------------- support

function changed(value: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(value)
  copy[at] = byte
  return copy
}

function expectContained(parse: () => object, length: number): void {
  try {
    const read = parse()
    if ('partitions' in read) expect((read as StoredTransaction).partitions.reduce((sum, { topic, partitions }) => sum + topic.length + 4 * partitions.length, 0)).toBeLessThanOrEqual(length)
    if ('transactionalId' in read) expect((read as { transactionalId: string }).transactionalId.length).toBeLessThanOrEqual(length)
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptionError)
  }
}

// ---------------------------------------------------------------- what a broker left

function brokersRecords(): { key: Buffer; value: Buffer }[] {
  const log = brokersFiles('__transaction_state-0/00000000000000000000.log')[0]!.bytes
  return batchesOf(log).filter(at => !isControl(log, at)).flatMap(at => decoded(log.subarray(at)).map(({ key, value }) => ({ key: key!, value: value! })))
}

function brokersDump(): { key: object; value: unknown }[] {
  const expected = JSON.parse(readFileSync(new URL('../fixtures/kafka-segments/internal/expected.json', import.meta.url), 'utf8')) as { partitions: Record<string, { decoded: { key: string; value: string }[] }> }
  return expected.partitions['__transaction_state-0']!.decoded.map(({ key, value }) => ({
    key: { kind: 'transaction', ...(JSON.parse(key) as { data: object }).data },
    value: (JSON.parse(value) as { data: unknown }).data,
  }))
}

function asDumped({ producerId, producerEpoch, timeoutMs, status, partitions, lastUpdateTimestamp, startTimestamp, ...tagged }: StoredTransaction): object {
  return {
    producerId, producerEpoch, transactionTimeoutMs: timeoutMs, transactionStatus: TRANSACTION_STATUSES.indexOf(status),
    transactionPartitions: status === 'Empty' ? null : partitions.map(({ topic, partitions: partitionIds }) => ({ topic, partitionIds })),
    transactionLastUpdateTimestampMs: lastUpdateTimestamp, transactionStartTimestampMs: startTimestamp, ...tagged,
  }
}
