import snappy from 'snappy'
import { beforeAll, describe, expect, test } from 'vitest'
import { CorruptionError } from '../../src/base/errors.ts'
import { compress, ensureCodec, inflate } from '../../src/format/compression.ts'

const text = Buffer.from('the quick brown fox jumps over the lazy dog; '.repeat(2000))
const MAGIC = '82534e4150505900'

beforeAll(() => ensureCodec('snappy'))

test('a raw block, as librdkafka writes it, is read', () => {
  const raw = snappy.compressSync(text)
  expect(inflate('snappy', raw, text.length).equals(text)).toBe(true)
  expect(() => inflate('snappy', raw, text.length - 1)).toThrow(expect.objectContaining({ code: 'INFLATED_TOO_LARGE' }))
})

test('a stream has the Java client\'s header and blocks of 32 KiB', () => {
  const stream = compress('snappy', text)
  expect(stream.toString('hex', 0, 16)).toBe(`${MAGIC}0000000100000001`)
  const inflatedBytes: number[] = []
  for (let at = 16; at < stream.length; at += 4 + stream.readInt32BE(at)) {
    inflatedBytes.push(snappy.uncompressSync(stream.subarray(at + 4, at + 4 + stream.readInt32BE(at))).length)
  }
  expect(inflatedBytes).toEqual([32768, 32768, text.length - 65536])
})

describe('a header that lies is refused before anything is inflated', () => {
  test.each([
    ['a raw block that claims 4 GiB', /claims 4294967295 bytes in 6/, 'ffffffff0f00'],
    ['a raw block whose length has no end', /claims 34359738367 bytes/, 'ffffffffff'],
    ['a raw block that claims more than snappy can hold', /claims 16383 bytes in 3/, 'ff7f00'],
    ['a stream for newer readers', /version 2, 1 is the newest/, `${MAGIC}0000000200000002`],
    ['a block beyond the end', /runs beyond the end/, `${MAGIC}0000000100000001000000ff0000`],
    ['a block of negative length', /runs beyond the end/, `${MAGIC}0000000100000001ffffffff0000`],
    ['half a block length', /runs beyond the end/, `${MAGIC}00000001000000010000`],
    ['nothing', /claims 0 bytes in 0/, ''],
  ])('%s', (_what, message, hex) => {
    const body = Buffer.from(hex, 'hex')
    expect(() => inflate('snappy', body, 2 ** 40)).toThrow(CorruptionError)
    expect(() => inflate('snappy', body, 2 ** 40)).toThrow(message)
  })

  test('many blocks that are each within the limit', () => {
    const block = snappy.compressSync(Buffer.alloc(30_000))
    const length = Buffer.alloc(4)
    length.writeInt32BE(block.length)
    const stream = Buffer.concat([Buffer.from(`${MAGIC}0000000100000001`, 'hex'), ...Array<Buffer[]>(10).fill([length, block]).flat()])
    expect(inflate('snappy', stream, 300_000).length).toBe(300_000)
    expect(() => inflate('snappy', stream, 299_999)).toThrow(expect.objectContaining({ code: 'INFLATED_TOO_LARGE' }))
  })
})
