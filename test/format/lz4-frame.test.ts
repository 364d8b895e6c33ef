import fc from 'fast-check'
import lz4 from 'lz4-napi'
import { beforeAll, describe, expect, test } from 'vitest'
import { CorruptionError } from '../../src/base/errors.ts'
import { compress, ensureCodec, inflate } from '../../src/format/compression.ts'
import { inflatedFrameBytes } from '../../src/format/lz4-frame.ts'

const text = Buffer.from('the quick brown fox jumps over the lazy dog; '.repeat(10_000))
const FLAGS_AT = 4
const BLOCK_SIZE_AT = 5

beforeAll(() => ensureCodec('lz4'))

test('a frame inflates to exactly what its tokens add up to', () => {
  const piece = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.integer({ min: 1, max: 400 }))
  fc.assert(fc.property(fc.array(piece, { maxLength: 8 }), pieces => {
    const body = Buffer.concat(pieces.flatMap(([bytes, times]) => Array<Buffer>(times).fill(Buffer.from(bytes))))
    expect(inflatedFrameBytes(compress('lz4', body), body.length)).toBe(body.length)
  }), { numRuns: 100 })
})

test('frames with checksums of blocks and content are read, and a wrong one is noticed', () => {
  for (const options of [{ blockChecksums: true }, { contentChecksum: true }, { blockChecksums: true, contentChecksum: true }]) {
    const frame = lz4.compressFrameSync(text, options)
    expect(inflate('lz4', frame, text.length).equals(text)).toBe(true)
    frame[frame.length - 1]! ^= 1
    expect(() => inflate('lz4', frame, text.length)).toThrow(CorruptionError)
  }
})

test('a frame that states its size, as some clients\' do, is read', () => {
  const stated = withContentSize(compress('lz4', text), BigInt(text.length))
  expect(inflatedFrameBytes(stated, text.length)).toBe(text.length)
})

describe('what Kafka does not read is refused before anything is inflated', () => {
  test.each<[string, RegExp, (frame: Buffer) => Buffer]>([
    ['another magic', /magic/, changed(0, 5)],
    ['a legacy frame', /magic/, () => Buffer.from('02214c180500000050616263640000000000', 'hex')],
    ['version 2', /version is 2/, changed(FLAGS_AT, 0xa0)],
    ['dependent blocks', /independent blocks/, changed(FLAGS_AT, 0x40)],
    ['a dictionary', /no dictionary/, changed(FLAGS_AT, 0x61)],
    ['a block size code of 3', /block size code 48/, changed(BLOCK_SIZE_AT, 0x30)],
    ['a size that is not that of the blocks', /content size/, frame => withContentSize(frame, 2n ** 60n)],
    ['bytes behind the frame', /ends at byte \d+ of/, frame => Buffer.concat([frame, Buffer.alloc(1)])],
    ['a second frame', /ends at byte \d+ of/, frame => Buffer.concat([frame, frame])],
    ['no end mark', /has no end/, frame => frame.subarray(0, -4)],
    ['a block beyond the end', /runs beyond the end/, changed(8, 0xff)],
    ['a block that inflates to more than the frame allows', /inflates to \d+ bytes, 65536 are the most/, changed(BLOCK_SIZE_AT, 0x40)],
    ['literals beyond their block', /runs beyond its end/, () => frameOf(Buffer.from([0x50, 1, 2]))],
    ['nothing', /0 bytes are no frame/, () => Buffer.alloc(0)],
  ])('%s', (_what, message, damage) => {
    const frame = damage(compress('lz4', text))
    expect(() => inflate('lz4', frame, 2 ** 30)).toThrow(CorruptionError)
    expect(() => inflatedFrameBytes(frame, 2 ** 30)).toThrow(message)
  })

  test('a distance beyond the output, and a wrong header checksum: those the library notices', () => {
    const distant = frameOf(Buffer.from([0x10, 1, 9, 0, 0x10, 1]))
    expect(inflatedFrameBytes(distant, 100)).toBe(6)
    expect(() => inflate('lz4', distant, 100)).toThrow(CorruptionError)
    expect(() => inflate('lz4', changed(6, 0)(compress('lz4', text)), 2 ** 30)).toThrow(CorruptionError)
  })
})

/** One block of a frame whose header is right. */
function frameOf(block: Buffer): Buffer {
  const header = compress('lz4', Buffer.from('x')).subarray(0, 7)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(block.length)
  return Buffer.concat([header, length, block, Buffer.alloc(4)])
}

function changed(at: number, byte: number): (frame: Buffer) => Buffer {
  return frame => {
    frame[at] = byte
    return frame
  }
}

/** Its header checksum is no longer right: only the walk can tell. */
function withContentSize(frame: Buffer, size: bigint): Buffer {
  const field = Buffer.alloc(8)
  field.writeBigUInt64LE(size)
  frame[FLAGS_AT]! |= 0x08
  return Buffer.concat([frame.subarray(0, 6), field, frame.subarray(6)])
}
