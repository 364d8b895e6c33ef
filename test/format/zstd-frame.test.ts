import { beforeAll, describe, expect, test } from 'vitest'
import { CorruptionError } from '../../src/base/errors.ts'
import { compress, ensureCodec, inflate, inflateLater } from '../../src/format/compression.ts'
import { zstdFrames } from '../../src/format/zstd-frame.ts'

const KIB = 1024
const text = Buffer.from('the quick brown fox jumps over the lazy dog; '.repeat(10_000))
const MAGIC = [0x28, 0xb5, 0x2f, 0xfd]
const WINDOW_1_MIB = 10 << 3
const STORED = 0
const REPEATED = 1
const COMPRESSED = 2
/** Neither size nor checksum nor single segment: how librdkafka's and Java's frames begin. */
const streamed = (...blocks: Buffer[]): Buffer => Buffer.concat([Buffer.from([...MAGIC, 0, WINDOW_1_MIB]), ...blocks])
const block = (type: number, size: number, data: Uint8Array, last = false): Buffer => {
  const header = size << 3 | type << 1 | (last ? 1 : 0)
  return Buffer.concat([Buffer.from([header, header >> 8, header >> 16]), data])
}

beforeAll(() => ensureCodec('zstd'))

test('a frame that states neither size nor checksum is read', async () => {
  const frame = streamed(block(STORED, 5, Buffer.from('hello')), block(REPEATED, 1000, Buffer.from('x'), true))
  const expected = `hello${'x'.repeat(1000)}`
  expect(inflate('zstd', frame, 1005).toString()).toBe(expected)
  expect((await inflateLater('zstd', frame, 5000)).toString()).toBe(expected)
  expect(() => inflate('zstd', frame, 1004)).toThrow(expect.objectContaining({ code: 'INFLATED_TOO_LARGE' }))
})

test('all frames of a body are read, what can be skipped is skipped', async () => {
  const skippable = Buffer.from('5a2a4d1803000000616263', 'hex')
  const empty = streamed(block(STORED, 0, Buffer.alloc(0), true))
  const body = Buffer.concat([compress('zstd', text), skippable, empty, streamed(block(STORED, 3, Buffer.from('end'), true))])
  expect(inflate('zstd', body, text.length + 3).toString()).toBe(`${text.toString()}end`)
  expect((await inflateLater('zstd', body, text.length + 3)).toString()).toBe(`${text.toString()}end`)
  expect(() => inflate('zstd', body, text.length)).toThrow(expect.objectContaining({ code: 'INFLATED_TOO_LARGE' }))
  expect(() => inflate('zstd', body, text.length + 2)).toThrow(expect.objectContaining({ code: 'INFLATED_TOO_LARGE' }))
})

test('a bomb of repeated bytes, 32,000 to 1, is stopped at the limit', () => {
  const repeated = block(REPEATED, 128 * KIB, Buffer.from([0]))
  const bomb = streamed(...Array<Buffer>(1000).fill(repeated), block(REPEATED, 1, Buffer.from([0]), true))
  expect(bomb.length).toBeLessThan(5000)
  expect(() => inflate('zstd', bomb, 16 * KIB * KIB)).toThrow(expect.objectContaining({ code: 'INFLATED_TOO_LARGE' }))
})

test('a frame is known to hold what it states, or what its blocks can', () => {
  expect(zstdFrames(streamed(block(STORED, 7, Buffer.alloc(7)), block(REPEATED, 9, Buffer.alloc(1)), block(COMPRESSED, 20, Buffer.alloc(20), true))).map(frame => frame.maxBytes)).toEqual([16 + 128 * KIB])
  const stated = Buffer.concat([Buffer.from([...MAGIC, 0xa0, 0x10, 0x27, 0, 0]), block(COMPRESSED, 20, Buffer.alloc(20), true)])
  expect(zstdFrames(stated)).toEqual([{ start: 0, end: stated.length, maxBytes: 10_000 }])
})

describe('frames that lie are refused before anything is inflated', () => {
  test.each<[string, RegExp, Buffer]>([
    ['nothing', /is empty/, Buffer.alloc(0)],
    ['another magic', /no frame begins at byte 0/, Buffer.from('28b52ffe0000', 'hex')],
    ['a reserved bit', /reserved bit/, Buffer.from([...MAGIC, 0x08, 0, 1, 0, 0])],
    ['a dictionary', /dictionary/, Buffer.from([...MAGIC, 0x01, 0, 7, 1, 0, 0])],
    ['a stated size of 2^63', /claims 9223372036854776000 bytes/, Buffer.from([...MAGIC, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 0])],
    ['a stated size beyond its blocks', /claims 200 bytes, its blocks hold 3/, Buffer.from([...MAGIC, 0x20, 200, ...block(STORED, 3, Buffer.alloc(3), true)])],
    ['a block above 128 KiB', /type 1 and size 131073/, streamed(block(REPEATED, 128 * KIB + 1, Buffer.alloc(1), true))],
    ['a block type that is reserved', /type 3/, streamed(block(3, 1, Buffer.alloc(1), true))],
    ['a block beyond the end', /block runs beyond the end/, streamed(block(STORED, 9, Buffer.alloc(3), true))],
    ['no last block', /no end/, streamed(block(STORED, 3, Buffer.alloc(3)))],
    ['no checksum where one is announced', /no end/, Buffer.from([...MAGIC, 0x04, 0, ...block(STORED, 3, Buffer.alloc(3), true)])],
    ['a skippable frame beyond the end', /skippable frame/, Buffer.from('502a4d18ffffffff00', 'hex')],
    ['bytes behind the last frame', /no end/, Buffer.concat([streamed(block(STORED, 3, Buffer.alloc(3), true)), Buffer.from('x')])],
  ])('%s', (_what, message, body) => {
    expect(() => inflate('zstd', body, 2 ** 30)).toThrow(CorruptionError)
    expect(() => inflate('zstd', body, 2 ** 30)).toThrow(message)
  })
})
