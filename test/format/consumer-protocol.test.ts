import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CorruptionError } from '../../src/base/errors.ts'
import { encodeAssignment, encodeSubscription, parseAssignment, parseSubscription } from '../../src/format/consumer-protocol.ts'
import { assignments, subscriptions } from './support/kafka-vectors.ts'

const WRITTEN = 3

const name = fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: 'grapheme', maxLength: 30 }))
const userData = fc.option(fc.uint8Array({ maxLength: 50 }).map(array => Buffer.from(array)))
/** Partitions of a topic stand together. */
const partitions = fc.uniqueArray(name, { maxLength: 5 }).chain(topics => fc.tuple(...topics.map(topic => (
  fc.array(fc.integer(), { minLength: 1, maxLength: 8 }).map(numbers => numbers.map(partition => ({ topic, partition })))))).map(all => all.flat()))

describe("what Kafka's Java client writes", () => {
  test.each(subscriptions)('is read as the client reads it: subscription, $name', ({ bytes, fields }) => {
    expect(parseSubscription(bytes)).toEqual(fields)
  })

  test.each(assignments)('is read as the client reads it: assignment, $name', ({ bytes, fields }) => {
    expect(parseAssignment(bytes)).toEqual(fields)
  })

  test.each(subscriptions.filter(({ name: of, version }) => version === WRITTEN && of !== 'with a rack'))('is what we write: subscription, $name', ({ bytes, fields }) => {
    expect(encodeSubscription(fields)).toEqual(bytes)
  })

  test.each(assignments.filter(({ version }) => version === WRITTEN))('is what we write: assignment, $name', ({ bytes, fields }) => {
    expect(encodeAssignment(fields)).toEqual(bytes)
  })
})

describe('what is written is read back', () => {
  test('for subscriptions', () => {
    const given = fc.record({ topics: fc.array(name, { maxLength: 6 }), userData, owned: partitions, generation: fc.integer() })
    fc.assert(fc.property(given, subscription => { expect(parseSubscription(encodeSubscription(subscription))).toEqual(subscription) }))
  })

  test('for assignments', () => {
    const given = fc.record({ partitions, userData })
    fc.assert(fc.property(given, assignment => { expect(parseAssignment(encodeAssignment(assignment))).toEqual(assignment) }))
  })

  test('with the partitions of a topic brought together, where the topic is named first', () => {
    const mixed = [{ topic: 'b', partition: 1 }, { topic: 'a', partition: 0 }, { topic: 'b', partition: 0 }]
    expect(parseAssignment(encodeAssignment({ partitions: mixed, userData: null })).partitions).toEqual([mixed[0], mixed[2], mixed[1]])
  })
})

test('a newer version is read as the newest that is known, its further fields left alone', () => {
  for (const { bytes, fields } of subscriptions.filter(({ version }) => version === WRITTEN)) expect(parseSubscription(newer(bytes))).toEqual(fields)
  for (const { bytes, fields } of assignments.filter(({ version }) => version === WRITTEN)) expect(parseAssignment(newer(bytes))).toEqual(fields)
})

describe('bytes that are not what they should be are refused with their place', () => {
  test.each<[string, RegExp, () => unknown]>([
    ['nothing', /a member's subscription is malformed: its version takes 2 bytes, 0 are left \(byte 0\)/, () => parseSubscription(Buffer.alloc(0))],
    ['an assignment of nothing', /a member's assignment is malformed: its version takes 2 bytes/, () => parseAssignment(Buffer.alloc(0))],
    ['a negative version', /its version is -1 \(byte 0\)/, () => parseSubscription(Buffer.alloc(40, 0xff))],
    ['2^31 - 1 topics', /it counts 2147483647 topics, 4 bytes are left/, () => parseSubscription(Buffer.of(0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0))],
    ['2^31 - 1 partitions', /it counts 2147483647 partitions, 0 bytes are left/, () => parseAssignment(Buffer.of(0, 0, 0, 0, 0, 1, 0, 1, 0x61, 0x7f, 0xff, 0xff, 0xff))],
    ['a topic without a name', /its topic is null/, () => parseSubscription(Buffer.of(0, 0, 0, 0, 0, 1, 0xff, 0xff))],
  ])('%s', (_what, message, parse) => {
    expect(parse).toThrow(message)
    expect(parse).toThrow(expect.objectContaining({ code: 'CONSUMER_PROTOCOL_MALFORMED' }))
    expect(parse).toThrow(CorruptionError)
  })

  test('everything of Kafka, cut anywhere before the rack', () => {
    for (const { bytes, version } of subscriptions) {
      const rackBytes = version === WRITTEN ? bytes.length - encodeSubscription(parseSubscription(bytes)).length + 2 : 0
      for (let end = 0; end < bytes.length - rackBytes; end++) expect(() => parseSubscription(bytes.subarray(0, end)), `${end} bytes`).toThrow(CorruptionError)
    }
    for (const { bytes } of assignments) {
      for (let end = 0; end < bytes.length; end++) expect(() => parseAssignment(bytes.subarray(0, end)), `${end} bytes`).toThrow(CorruptionError)
    }
  })

  test('whatever happens to the bytes, they are refused or hold all that was read from them', () => {
    const change = fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff)))
    const given = fc.constantFrom(...[...subscriptions, ...assignments].map(({ bytes }) => bytes))
    fc.assert(fc.property(given, fc.array(change, { minLength: 1, maxLength: 4 }), (original, changes) => {
      const damaged = Buffer.from(original)
      for (const [at, byte] of changes) damaged[at % damaged.length] = byte
      expectRefusedOr(damaged, bytes => {
        const { topics, userData: data, owned } = parseSubscription(bytes)
        return topics.reduce((sum, topic) => sum + 2 + topic.length, 0) + 4 * owned.length + (data?.length ?? 0)
      })
      expectRefusedOr(damaged, bytes => {
        const assignment = parseAssignment(bytes)
        return 4 * assignment.partitions.length + (assignment.userData?.length ?? 0)
      })
    }), { numRuns: 3000 })
  })
})

/** A version that adds a field. */
function newer(bytes: Buffer): Buffer {
  const copy = Buffer.concat([bytes, Buffer.from('a field')])
  copy.writeInt16BE(WRITTEN + 1)
  return copy
}

function expectRefusedOr(bytes: Buffer, readBytes: (bytes: Buffer) => number): void {
  try {
    expect(readBytes(bytes)).toBeLessThanOrEqual(bytes.length)
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptionError)
  }
}
