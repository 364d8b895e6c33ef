import { describe, expect, expectTypeOf, test } from 'vitest'
import { fetch } from '../../src/kafka/apis/01-fetch.ts'
import { listOffsets } from '../../src/kafka/apis/02-list-offsets.ts'
import { metadata } from '../../src/kafka/apis/03-metadata.ts'
import { produce } from '../../src/kafka/apis/00-produce.ts'
import type { RequestOf, ResponseOf } from '../../src/kafka/protocol/api.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../src/kafka/protocol/messages.ts'
import { GREATEST_INT64, ZERO_UUID } from '../../src/kafka/protocol/plain-fields.ts'

describe('types follow from the schema', () => {
  test('what is read has every field, null only where it may be', () => {
    expectTypeOf<RequestOf<typeof metadata>['topics']>().toEqualTypeOf<readonly { readonly topicId: string; readonly name: string | null }[] | null>()
    expectTypeOf<RequestOf<typeof produce>['topicData'][number]['partitionData'][number]>().toEqualTypeOf<{ readonly index: number; readonly records: Buffer | null }>()
    expectTypeOf<RequestOf<typeof fetch>['replicaState']>().toEqualTypeOf<{ readonly replicaId: number; readonly replicaEpoch: number }>()
  })

  test('what is written may go without fields that are not in every version, and not without others', () => {
    type Partition = ResponseOf<typeof produce>['responses'][number]['partitionResponses'][number]
    expectTypeOf<{ index: number; errorCode: number; baseOffset: number }>().toExtend<Partition>()
    expectTypeOf<{ index: number; baseOffset: number }>().not.toExtend<Partition>()
    expectTypeOf<{ index: number; errorCode: number; baseOffset: string }>().not.toExtend<Partition>()
  })
})

describe('records', () => {
  const records = Buffer.alloc(1000, 'r')
  const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 1, abortedTransactions: null }

  test('are written without being copied, each in its place', () => {
    const other = Buffer.alloc(10, 'o')
    const responses = [{ topic: 't', partitions: [{ ...partition, records }, { ...partition, records: Buffer.alloc(0) }, { ...partition, records: null }, { ...partition, records: other }] }]
    const parts = encodeResponse(fetch, 12, 1, { throttleTimeMs: 0, responses })
    expect(parts.filter(part => part === records || part === other)).toEqual([records, other])
    const { body } = decodeResponse(fetch, 12, Buffer.concat(parts).subarray(4))
    expect(body.responses[0]!.partitions.map(read => read.records)).toEqual([records, Buffer.alloc(0), null, other])
  })

  test('are read as views of the frame', () => {
    const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }]
    const frame = Buffer.concat(encodeRequest(produce, 9, 1, 'c', { acks: 1, timeoutMs: 0, topicData })).subarray(4)
    const read = decodeRequest(produce, frame).body.topicData[0]!.partitionData[0]!.records!
    expect(read).toEqual(records)
    expect(read.buffer).toBe(frame.buffer)
  })
})

describe('a field that is left out', () => {
  test('has its default, and one that the version does not have is passed over', () => {
    const body = { replicaId: -1, isolationLevel: 1, topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1, currentLeaderEpoch: 7 }] }] }
    const read = (version: number): RequestOf<typeof listOffsets> => decodeRequest(listOffsets, Buffer.concat(encodeRequest(listOffsets, version, 1, null, body)).subarray(4)).body
    expect(read(1)).toEqual({ ...body, isolationLevel: 0, timeoutMs: 0, topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1, currentLeaderEpoch: -1 }] }] })
    expect(read(11)).toEqual({ ...body, timeoutMs: 0 })
  })

  test('is never shared between messages: what one changes the next does not see', () => {
    const read = (): RequestOf<typeof fetch> => decodeRequest(fetch, Buffer.concat(encodeRequest(fetch, 4, 1, null, { maxWaitMs: 0, minBytes: 0, topics: [] })).subarray(4)).body
    expect(() => { (read().forgottenTopicsData as unknown[]).push(1) }).toThrow(TypeError)
    expect(() => { (read().replicaState as { replicaId: number }).replicaId = 3 }).toThrow(TypeError)
    expect(read().replicaState).toEqual({ replicaId: -1, replicaEpoch: -1 })
  })
})

describe('numbers', () => {
  const timestampOf = (timestamp: number): number => {
    const body = { replicaId: -1, topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp }] }] }
    return decodeRequest(listOffsets, Buffer.concat(encodeRequest(listOffsets, 5, 1, null, body)).subarray(4)).body.topics[0]!.partitions[0]!.timestamp
  }

  test.each([0, -1, 2 ** 31, -(2 ** 31) - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, GREATEST_INT64, -GREATEST_INT64])('an int64 of %d comes back', value => {
    expect(timestampOf(value)).toBe(value)
  })

  test("that don't fit are our own mistake", () => {
    for (const value of [0.5, NaN, Infinity, 2 ** 64]) expect(() => timestampOf(value)).toThrow(/broken invariant: timestamp is .*, and has to be a number that fits/)
    const answer = (errorCode: number, leaderId: number): unknown => encodeResponse(metadata, 9, 1, {
      brokers: [], topics: [{ errorCode, name: 't', partitions: [{ errorCode: 0, partitionIndex: 0, leaderId, replicaNodes: [], isrNodes: [] }] }],
    })
    expect(() => answer(0x8000, 1)).toThrow('broken invariant: errorCode is 32768')
    expect(() => answer(0, 2 ** 31)).toThrow('broken invariant: leaderId is 2147483648')
    expect(() => answer(0x7fff, -(2 ** 31))).not.toThrow()
  })
})

describe('our own mistakes', () => {
  const topic = (name: string | null, topicId?: string): { errorCode: number; name: string | null; topicId: string | undefined; partitions: never[] } => ({ errorCode: 0, name, topicId, partitions: [] })

  test('are null in a version that has none', () => {
    expect(() => encodeResponse(metadata, 12, 1, { brokers: [], topics: [topic(null)] })).not.toThrow()
    expect(() => encodeResponse(metadata, 11, 1, { brokers: [], topics: [topic(null)] })).toThrow('broken invariant: name is null, and has to be anything but null in this version')
  })

  test('are ids that are none', () => {
    expect(() => encodeResponse(metadata, 12, 1, { brokers: [], topics: [topic('t', ZERO_UUID)] })).not.toThrow()
    expect(() => encodeResponse(metadata, 12, 1, { brokers: [], topics: [topic('t', 'orders')] })).toThrow('broken invariant: topicId is orders, and has to be a uuid')
  })
})
