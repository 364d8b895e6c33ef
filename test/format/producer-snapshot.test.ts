import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CorruptionError } from '../../src/base/errors.ts'
import { encodeProducerSnapshot, parseProducerSnapshot, type ProducerSnapshotEntry } from '../../src/format/producer-snapshot.ts'
import { crc32c } from '../../src/native/crc32c.ts'
import { brokersFiles, producerSnapshots } from './support/kafka-transactions.ts'

const entries = fc.array(fc.record({
  producerId: fc.maxSafeNat(), producerEpoch: fc.integer({ min: -1, max: 2 ** 15 - 1 }), lastSequence: fc.integer({ min: -1 }), lastOffset: fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER }),
  offsetDelta: fc.nat(), timestamp: fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER }), coordinatorEpoch: fc.integer({ min: -1 }),
  currentTransactionFirstOffset: fc.option(fc.maxSafeNat(), { nil: undefined }),
}), { maxLength: 6 })

const one: ProducerSnapshotEntry = { producerId: 4711, producerEpoch: 2, lastSequence: 9, lastOffset: 120, offsetDelta: 4, timestamp: 1_700_000_000_000, coordinatorEpoch: 5, currentTransactionFirstOffset: 116 }

describe("Kafka's own snapshots", () => {
  test.each(producerSnapshots)('are read as Kafka reads them, and ours are the same to the byte: $name', ({ bytes, entries: read }) => {
    expect(parseProducerSnapshot(bytes)).toEqual(read)
    expect(encodeProducerSnapshot(read)).toEqual(bytes)
  })

  test('that a broker left are read, and ours are the same to the byte', () => {
    const files = [...brokersFiles('.snapshot'), ...brokersFiles('.snapshot.deleted')]
    expect(files.length).toBeGreaterThan(30)
    for (const { path, bytes } of files) expect(encodeProducerSnapshot(parseProducerSnapshot(bytes)), path).toEqual(bytes)
  })

  test('tell of a transaction that a broker left open', () => {
    const file = brokersFiles('open-transaction-0/00000000000000000006.snapshot')[0]!
    expect(parseProducerSnapshot(file.bytes).map(entry => entry.currentTransactionFirstOffset).filter(first => first !== undefined)).toEqual([2])
  })
})

test('what is written is read back', () => {
  fc.assert(fc.property(entries, given => { expect(parseProducerSnapshot(encodeProducerSnapshot(given))).toEqual(given) }))
})

test('any negative first offset is none', () => {
  const bytes = encodeProducerSnapshot([one])
  bytes.writeBigInt64BE(-7n, bytes.length - 8)
  expect(parseProducerSnapshot(sealed(bytes))).toEqual([{ ...one, currentTransactionFirstOffset: undefined }])
})

describe('bytes that are not what they should be are refused with their place', () => {
  test.each<[string, RegExp, (bytes: Buffer) => Buffer]>([
    ['an empty file', /a snapshot of producers is malformed: its version takes 2 bytes, 0 are left \(byte 0\)/, () => Buffer.alloc(0)],
    ['half a checksum', /its checksum takes 4 bytes, 3 are left \(byte 2\)/, bytes => bytes.subarray(0, 5)],
    ['nothing behind the checksum', /its producers takes 4 bytes, 0 are left \(byte 6\)/, bytes => sealed(bytes.subarray(0, 6))],
    ['version 0', /its version is 0, only 1 is supported \(byte 0\)/, bytes => written(bytes, () => bytes.writeInt16BE(0))],
    ['a newer version', /its version is 2, only 1 is supported \(byte 0\)/, bytes => written(bytes, () => bytes.writeInt16BE(2))],
    ['a page of zeros', /its version is 0/, () => Buffer.alloc(4096)],
    ['another checksum', /its checksum is [0-9a-f]{8}, the header says 00000000 \(byte 2\)/, bytes => written(bytes, () => bytes.writeInt32BE(0, 2))],
    ['a producer more than there is, soundly sealed', /its producer id takes 8 bytes, 0 are left \(byte 56\)/, bytes => sealed(written(bytes, () => bytes.writeInt32BE(2, 6)))],
    ['a producer less than there is, soundly sealed', /46 bytes follow its last field \(byte 10\)/, bytes => sealed(written(bytes, () => bytes.writeInt32BE(0, 6)))],
    ['2^31 - 1 producers, soundly sealed', /it counts 2147483647 producers, 46 bytes are left \(byte 10\)/, bytes => sealed(written(bytes, () => bytes.writeInt32BE(0x7fffffff, 6)))],
    ['-1 producers, soundly sealed', /it counts -1 producers/, bytes => sealed(written(bytes, () => bytes.writeInt32BE(-1, 6)))],
    ['an offset beyond 2^53, soundly sealed', /its last offset is 9007199254740992, beyond 2\^53 \(byte 24\)/, bytes => sealed(written(bytes, () => bytes.writeBigInt64BE(2n ** 53n, 24)))],
  ])('%s', (_what, message, damage) => {
    const parse = (): unknown => parseProducerSnapshot(damage(encodeProducerSnapshot([one])))
    expect(parse).toThrow(message)
    expect(parse).toThrow(expect.objectContaining({ code: 'PRODUCER_SNAPSHOT_MALFORMED', hint: expect.stringContaining('made anew from the log') as string }))
    expect(parse).toThrow(CorruptionError)
  })

  test('a snapshot of Kafka, cut anywhere, continued, or with any bit changed', () => {
    const { bytes } = producerSnapshots.at(-1)!
    for (let end = 0; end < bytes.length; end++) expect(() => parseProducerSnapshot(bytes.subarray(0, end)), `${end} bytes`).toThrow(CorruptionError)
    expect(() => parseProducerSnapshot(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(CorruptionError)
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => parseProducerSnapshot(changed), `bit ${bit}`).toThrow(CorruptionError)
    }
  })

  test('any bytes, soundly sealed', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), given => {
      const bytes = sealed(Buffer.concat([Buffer.of(0, 1, 0, 0, 0, 0), given]))
      try {
        expect(encodeProducerSnapshot(parseProducerSnapshot(bytes))).toHaveLength(bytes.length)
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptionError)
      }
    }), { numRuns: 1000 })
  })
})

// ---------------------------------------------------------------- support

function written(bytes: Buffer, write: () => void): Buffer {
  write()
  return bytes
}

/** With the checksum of what it has become. */
function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes, 6), 2)
  return bytes
}
