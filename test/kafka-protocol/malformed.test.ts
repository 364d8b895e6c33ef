import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { metadata } from '../../src/kafka/apis/03-metadata.ts'
import { offsetFetch } from '../../src/kafka/apis/09-offset-fetch.ts'
import { heartbeat } from '../../src/kafka/apis/12-heartbeat.ts'
import { consumerGroupHeartbeat } from '../../src/kafka/apis/68-consumer-group-heartbeat.ts'
import { MAX_ELEMENTS, decodeRequest, encodeRequest, readRequestStart } from '../../src/kafka/protocol/messages.ts'
import { ZERO_UUID } from '../../src/kafka/protocol/plain-fields.ts'
import { ProtocolError } from '../../src/kafka/protocol/protocol-error.ts'
import { decode, encode, kafkasApis, ourApi } from './support/protocol-vectors.ts'

const everyMessage = kafkasApis.flatMap(({ key, messages }) => messages.map(message => ({ api: ourApi(key), message })))

describe('whatever arrives, nothing but a ProtocolError is thrown', () => {
  test.each(kafkasApis)('for a message of $name cut anywhere', ({ key, messages }) => {
    const api = ourApi(key)
    for (const message of messages.filter(({ filling }) => filling !== 'extreme')) {
      const ends = Array.from(message.frame.keys()).filter(end => !(caught(() => decode(api, message, message.frame.subarray(0, end))) instanceof ProtocolError))
      expect(ends, `${message.kind} v${message.version}, ${message.filling}`).toEqual([])
    }
  })

  test.each(kafkasApis)('for an answer of $name with bytes behind it; behind a request they are passed over, as by Kafka', ({ key, messages }) => {
    for (const message of messages) {
      const longer = Buffer.concat([message.frame, Buffer.of(0)])
      if (message.kind === 'request') expect(decode(ourApi(key), message, longer)).toEqual(decode(ourApi(key), message, message.frame))
      else expect(() => decode(ourApi(key), message, longer)).toThrow(/1 bytes follow its last field/)
    }
  })

  test('for messages with some bytes changed; and what is read anyway can be written again, and is read as the same', () => {
    const change = fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)))
    fc.assert(fc.property(fc.constantFrom(...everyMessage), fc.array(change, { minLength: 1, maxLength: 6 }), ({ api, message }, changes) => {
      const head = message.kind === 'request' ? 8 : 4 // that another message would be meant is not the question
      const damaged = Buffer.from(message.frame)
      for (const [at, byte] of changes) if (damaged.length > head) damaged[head + at % (damaged.length - head)] = byte
      const read = readOrRefused(() => decode(api, message, damaged))
      if (read !== undefined) expect(decode(api, message, encode(api, message, read))).toEqual(read)
    }), { numRuns: 5000 })
  })

  test('for bytes at random behind a header', () => {
    fc.assert(fc.property(fc.constantFrom(...everyMessage), fc.uint8Array({ maxLength: 200 }), ({ api, message }, bytes) => {
      const head = message.kind === 'request' ? 8 : 4
      readOrRefused(() => decode(api, message, Buffer.concat([message.frame.subarray(0, head), bytes])))
    }), { numRuns: 5000 })
  })

  test('for a frame too short to say what it is', () => {
    for (let length = 0; length < 8; length++) expect(() => readRequestStart(Buffer.alloc(length))).toThrow(ProtocolError)
  })
})

describe('a message is refused with its place', () => {
  test.each<[string, RegExp, () => Buffer]>([
    ['more topics than bytes', /^a Metadata request of version 1 is malformed: it counts 2147483647 topics, 0 bytes are left \(byte 14\)$/, () => request(3, 1, '7fffffff')],
    ['topics that are null in a version that has no null', /it counts -1 topics/, () => request(3, 0, 'ffffffff')],
    ['a name that is null in a version that has no null', /its name is null/, () => request(3, 4, '00000001ffff01')],
    ['a length of more than 5 bytes', /the length of its topics is longer than 5 bytes/, () => request(3, 9, '00ffffffffffff01')],
    ['a tagged field that ends beyond the message', /its tagged field takes 100 bytes/, () => request(12, 4, '00026700000001026700010064')],
  ])('%s', (_what, message, frame) => {
    const bytes = frame()
    const api = ourApi(readRequestStart(bytes).apiKey)
    expect(() => decodeRequest(api, bytes)).toThrow(message)
    expect(() => decodeRequest(api, bytes)).toThrow(expect.objectContaining({ code: 'PROTOCOL_MALFORMED' }))
  })

  test('strings longer than could be answered, as they came or with U+FFFD for what is no UTF-8', () => {
    const bytes = (name: Buffer): Buffer => Buffer.concat([request(12, 4, '00'), uvarint(name.length + 1), name, Buffer.from('00000001020000', 'hex')])
    expect(() => decodeRequest(heartbeat, bytes(Buffer.alloc(0x8000, 'x')))).toThrow(/its groupId is longer than 32767 bytes/)
    expect(() => decodeRequest(heartbeat, bytes(Buffer.alloc(20_000, 0xff)))).toThrow(/its groupId is longer than 32767 bytes/)
  })

  test('more elements than a message may have, of all its arrays together, before they are made', () => {
    const asking = (elements: number): Buffer => {
      const partitions = Array<number>(elements / 2).fill(0)
      const topicPartitions = [{ topicId: ZERO_UUID, partitions }]
      const body = { groupId: 'g', memberId: 'm', memberEpoch: 0, subscribedTopicNames: Array<string>(elements - partitions.length - 1).fill(''), topicPartitions }
      return Buffer.concat(encodeRequest(consumerGroupHeartbeat, 0, 1, null, body)).subarray(4)
    }
    expect(decodeRequest(consumerGroupHeartbeat, asking(MAX_ELEMENTS)).body.topicPartitions).toHaveLength(1)
    expect(() => decodeRequest(consumerGroupHeartbeat, asking(MAX_ELEMENTS + 2))).toThrow(/it counts 524289 partitions, 524287 more elements are allowed/)
  })

  test('a version that is not understood, with those that are', () => {
    for (const version of [-1, 14, 0x7fff]) {
      expect(() => decodeRequest(metadata, request(3, version, '00'))).toThrow(expect.objectContaining({ code: 'PROTOCOL_UNSUPPORTED_VERSION', message: `a Metadata request of version ${version}: understood are 0 to 13` }))
    }
    expect(() => decodeRequest(offsetFetch, request(9, 0, '00'))).toThrow(expect.objectContaining({ code: 'PROTOCOL_UNSUPPORTED_VERSION' }))
  })

  test('a null client id is none', () => {
    const [whole] = encodeRequest(heartbeat, 0, 1, null, { groupId: 'g', generationId: 1, memberId: 'm' })
    expect(decodeRequest(heartbeat, whole!.subarray(4)).clientId).toBe(null)
  })
})

// ---------------------------------------------------------------- support

/** With client id ''. */
function request(key: number, version: number, body: string): Buffer {
  const head = Buffer.alloc(10)
  head.writeInt16BE(key, 0)
  head.writeInt16BE(version, 2)
  return Buffer.concat([head, Buffer.from(body, 'hex')])
}

function uvarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes.push(rest & 0x7f | 0x80)
  return Buffer.from([...bytes, rest])
}

function caught(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}

function readOrRefused(read: () => object): object | undefined {
  try {
    return read()
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError)
    return undefined
  }
}
