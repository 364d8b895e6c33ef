import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { CorruptionError } from '../../src/base/errors.ts'
import { parseAssignment, parseSubscription } from '../../src/format/consumer-protocol.ts'
import { encodeGroupKey, encodeGroupValue, encodeOffsetKey, encodeOffsetValue, parseGroupRecordKey, parseGroupValue, parseOffsetValue } from '../../src/format/group-records.ts'
import { batchBytes, isControl } from '../../src/format/record-batch.ts'
import { committedOffsets, groups, keyOfAnotherKind } from './support/kafka-vectors.ts'
import { decoded } from './support/plain-record.ts'

const WRITTEN = 3

const int32 = fc.integer()
const name = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'grapheme', maxLength: 40 }))
const bytes = fc.uint8Array({ maxLength: 80 }).map(array => Buffer.from(array))
const offsets = fc.record({ offset: fc.maxSafeInteger(), leaderEpoch: int32, metadata: name, timestamp: fc.maxSafeInteger() })
const members = fc.record({
  id: name, instanceId: fc.option(name), clientId: name, clientHost: name, rebalanceTimeoutMs: fc.nat(), sessionTimeoutMs: fc.nat(), subscription: bytes, assignment: bytes,
})
const storedGroups = fc.record({
  protocolType: name, generation: int32, protocol: fc.option(name), leader: fc.option(name), timestamp: fc.maxSafeInteger(), members: fc.array(members, { maxLength: 6 }),
})

describe("Kafka's own bytes", () => {
  test.each(committedOffsets)('are read as Kafka reads them: $name', ({ key, keyFields, value, fields }) => {
    expect(parseGroupRecordKey(key)).toEqual(keyFields)
    expect(parseOffsetValue(value)).toEqual(fields)
  })

  test.each(groups)('are read as Kafka reads them, the session timeout standing in for a rebalance timeout of -1: $name', ({ key, keyFields, value, fields }) => {
    expect(parseGroupRecordKey(key)).toEqual(keyFields)
    const membersOf = fields.members.map(member => member.rebalanceTimeoutMs === -1 ? { ...member, rebalanceTimeoutMs: member.sessionTimeoutMs } : member)
    expect(parseGroupValue(value)).toEqual({ ...fields, members: membersOf })
  })

  test.each(committedOffsets.filter(({ version }) => version === WRITTEN))('are those that we write: $name', ({ key, keyFields, value, fields }) => {
    if (keyFields.kind !== 'offset') throw new Error('not the key of an offset')
    expect(encodeOffsetKey(keyFields.group, keyFields.topic, keyFields.partition)).toEqual(key)
    expect(encodeOffsetValue(fields)).toEqual(value)
  })

  test.each(groups.filter(({ version }) => version === WRITTEN))('are those that we write: $name', ({ key, keyFields, value, fields }) => {
    if (keyFields.kind !== 'group') throw new Error('not the key of a group')
    expect(encodeGroupKey(keyFields.group)).toEqual(key)
    expect(encodeGroupValue(fields)).toEqual(value)
  })

  test('of other kinds of groups are told by the number of their kind, and not read on', () => {
    expect(parseGroupRecordKey(keyOfAnotherKind)).toEqual({ kind: 'unknown', version: 3 })
    expect(parseGroupRecordKey(Buffer.of(0x7f, 0xff, 0xee))).toEqual({ kind: 'unknown', version: 0x7fff })
    expect(parseGroupRecordKey(Buffer.of(0xff, 0xff))).toEqual({ kind: 'unknown', version: -1 })
  })

  test("in a partition that a broker left are read as Kafka's dump tool reads them", () => {
    const read = brokersRecords().map(({ key, value }): ReadRecord => {
      const parsed = parseGroupRecordKey(key!)
      if (parsed.kind === 'unknown') return { kind: parsed.version }
      if (value === null) return { ...parsed, value: null }
      return { ...parsed, value: parsed.kind === 'offset' ? asDumped(parseOffsetValue(value)) : groupAsDumped(parseGroupValue(value)) }
    })
    const told = brokersDump().map(({ key, value }): ReadRecord => {
      const { type, data } = JSON.parse(key) as { type: string; data: object }
      if (type !== '1' && type !== '2') return { kind: Number(type) }
      if (value === '<DELETE>') return { kind: type === '1' ? 'offset' : 'group', ...data, value: null }
      const { topicId: _, ...fields } = (JSON.parse(value) as { data: Record<string, unknown> }).data
      return { kind: type === '1' ? 'offset' : 'group', ...data, value: fields }
    })
    expect(read).toEqual(told)
    expect(new Set(read.map(({ kind }) => kind))).toEqual(new Set(['offset', 'group', 3, 5, 6, 7, 8]))
  })
})

describe('what is written is read back', () => {
  test('for keys', () => {
    fc.assert(fc.property(name, name, int32, (group, topic, partition) => {
      expect(parseGroupRecordKey(encodeOffsetKey(group, topic, partition))).toEqual({ kind: 'offset', group, topic, partition })
      expect(parseGroupRecordKey(encodeGroupKey(group))).toEqual({ kind: 'group', group })
    }))
  })

  test('for committed offsets', () => {
    fc.assert(fc.property(offsets, offset => { expect(parseOffsetValue(encodeOffsetValue(offset))).toEqual(offset) }))
  })

  test('for groups, and nothing in them is a view of the bytes', () => {
    fc.assert(fc.property(storedGroups, group => {
      const value = encodeGroupValue(group)
      const read = parseGroupValue(value)
      value.fill(0xee)
      expect(read).toEqual(group)
    }))
  })
})

describe('bytes that are not what they should be are refused with their place', () => {
  const offset = encodeOffsetValue({ offset: 5, leaderEpoch: 1, metadata: 'm', timestamp: 1 })

  test.each<[string, RegExp, () => unknown]>([
    ['an empty key', /a key in __consumer_offsets is malformed: its version takes 2 bytes, 0 are left \(byte 0\)/, () => parseGroupRecordKey(Buffer.alloc(0))],
    ['a key without a group', /its group is null \(byte 4\)/, () => parseGroupRecordKey(Buffer.of(0, 2, 0xff, 0xff))],
    ['a key whose topic is longer than what is left', /its topic takes 6 bytes, 5 are left \(byte 7\)/, () => parseGroupRecordKey(Buffer.of(0, 1, 0, 1, 0x67, 0, 6, 1, 2, 3, 4, 5))],
    ["a group's key with more than its fields", /1 bytes follow its last field \(byte 5\)/, () => parseGroupRecordKey(Buffer.concat([encodeGroupKey('g'), Buffer.of(0)]))],
    ["an offset's key with more than its fields", /1 bytes follow its last field \(byte 12\)/, () => parseGroupRecordKey(Buffer.concat([encodeOffsetKey('g', 't', 0), Buffer.of(0)]))],
    ['an offset beyond 2^53', /a committed offset in __consumer_offsets is malformed: its offset is 2\d+, beyond 2\^53 \(byte 2\)/, () => parseOffsetValue(changed(offset, 2, 0x1f))],
    ['an offset with more than its fields', /2 bytes follow its last field \(byte 25\)/, () => parseOffsetValue(Buffer.concat([offset, Buffer.alloc(2)]))],
    ['an offset of version 3 that says it is of version 0', /its metadata takes 256 bytes, \d+ are left/, () => parseOffsetValue(changed(changed(offset, 1, 0), 10, 1))],
    ['2^31 - 1 members', /a group in __consumer_offsets is malformed: it counts 2147483647 members, 0 bytes are left \(byte 24\)/, () => parseGroupValue(emptyGroupOf(0x7fffffff))],
    ['a group with more than its fields', /1 bytes follow its last field \(byte 24\)/, () => parseGroupValue(Buffer.concat([emptyGroupOf(0), Buffer.of(0)]))],
    ['-1 members', /it counts -1 members/, () => parseGroupValue(emptyGroupOf(-1))],
  ])('%s', (_what, message, parse) => {
    expect(parse).toThrow(message)
    expect(parse).toThrow(expect.objectContaining({ code: 'GROUP_RECORD_MALFORMED' }))
    expect(parse).toThrow(CorruptionError)
  })

  test.each([5, 0x7fff, -1])('a value of version %d is unsupported, whatever follows', version => {
    const value = Buffer.alloc(200)
    value.writeInt16BE(version)
    for (const parse of [parseOffsetValue, parseGroupValue]) {
      expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'GROUP_RECORD_UNSUPPORTED', message: expect.stringContaining(`has version ${version}, supported are 0 to 4`) as string }))
      expect(() => parse(value)).toThrow(CorruptionError)
    }
  })

  test('every key and value of Kafka, cut anywhere', () => {
    for (const { key, value } of [...committedOffsets, ...groups]) {
      for (let end = 0; end < key.length; end++) expect(() => parseGroupRecordKey(key.subarray(0, end)), `${end} bytes`).toThrow(CorruptionError)
      const parse = committedOffsets.some(vector => vector.value === value) ? parseOffsetValue : parseGroupValue
      for (let end = 0; end < value.length; end++) expect(() => parse(value.subarray(0, end)), `${end} bytes`).toThrow(CorruptionError)
    }
  })

  test('whatever happens to the bytes, they are refused or hold all that was read from them', () => {
    const change = fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff)))
    const given = fc.constantFrom(...[...committedOffsets, ...groups].flatMap(({ key, value }) => [key, value]))
    fc.assert(fc.property(given, fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(3), (original, changes, cut) => {
      const damaged = Buffer.from(original.subarray(0, original.length - cut))
      for (const [at, byte] of changes) damaged[at % damaged.length] = byte
      for (const parse of [parseGroupRecordKey, parseOffsetValue, parseGroupValue]) expectContained(() => parse(damaged), damaged.length)
    }), { numRuns: 3000 })
  })
})

// ---------------------------------------------------------------- support

function changed(value: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(value)
  copy[at] = byte
  return copy
}

function emptyGroupOf(count: number): Buffer {
  const value = encodeGroupValue({ protocolType: '', generation: 0, protocol: null, leader: null, timestamp: 0, members: [] })
  value.writeInt32BE(count, value.length - 4)
  return value
}

function expectContained(parse: () => unknown, length: number): void {
  try {
    expect(contentBytes(parse())).toBeLessThanOrEqual(length)
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptionError)
  }
}

/** Of all texts and bytes in it. Bytes that are no UTF-8 became characters, no more of them than there were bytes. */
function contentBytes(value: unknown): number {
  if (Buffer.isBuffer(value) || typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 0
  return Object.entries(value).reduce((sum, [key, part]) => sum + (key === 'kind' ? 0 : contentBytes(part)), 0)
}

// ---------------------------------------------------------------- what a broker left

interface ReadRecord { readonly kind: string | number; readonly value?: object | null }

const brokersFolder = new URL('../fixtures/kafka-segments/internal/', import.meta.url)

function brokersRecords(): { key: Buffer | null; value: Buffer | null }[] {
  const log = readFileSync(new URL('__consumer_offsets-0/00000000000000000000.log', brokersFolder))
  const records: { key: Buffer | null; value: Buffer | null }[] = []
  for (let at = 0; at < log.length; at += batchBytes(log, at)) {
    if (!isControl(log, at)) records.push(...decoded(log.subarray(at)))
  }
  return records
}

function brokersDump(): { key: string; value: string }[] {
  const { partitions } = JSON.parse(readFileSync(new URL('expected.json', brokersFolder), 'utf8')) as { partitions: Record<string, { decoded: { key: string; value: string }[] }> }
  return partitions['__consumer_offsets-0']!.decoded
}

function asDumped({ offset, leaderEpoch, metadata, timestamp }: ReturnType<typeof parseOffsetValue>): object {
  return { offset, leaderEpoch, metadata, commitTimestamp: timestamp }
}

function groupAsDumped({ protocolType, generation, protocol, leader, timestamp, members: stored }: ReturnType<typeof parseGroupValue>): object {
  return {
    protocolType, generation, protocol, leader, currentStateTimestamp: timestamp,
    members: stored.map(({ id, instanceId, clientId, clientHost, rebalanceTimeoutMs, sessionTimeoutMs, subscription, assignment }) => {
      const { topics, userData, owned, generation: generationId } = parseSubscription(subscription)
      const { partitions, userData: assigned } = parseAssignment(assignment)
      return {
        memberId: id, groupInstanceId: instanceId, clientId, clientHost, rebalanceTimeout: rebalanceTimeoutMs, sessionTimeout: sessionTimeoutMs,
        subscription: { topics, userData, ownedPartitions: owned, generationId, rackId: null },
        assignment: { assignedPartitions: partitions.map(({ topic, partition }) => ({ topic, partitions: [partition] })), userData: assigned },
      }
    }),
  }
}
