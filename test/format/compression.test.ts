import fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { CorruptionError, LimitError, UsageError } from '../../src/base/errors.ts'
import type { MillraceError } from '../../src/base/errors.ts'
import { compress, compressLater, ensureCodec, inflate, inflateLater } from '../../src/format/compression.ts'
import { CODECS, HEADER_BYTES } from '../../src/format/record-batch.ts'
import type { Codec } from '../../src/format/record-batch.ts'
import { batchNamed } from './support/kafka-vectors.ts'
import { bodyOf } from './support/plain-record.ts'

const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const
const text = Buffer.from('{"item":"mill","total":12,"city":"Berlin"},'.repeat(5000))
const noise = Buffer.from(Array.from({ length: 100_000 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 13 & 0xff))

beforeAll(async () => {
  await Promise.all(CODECS.map(ensureCodec))
})

describe.each(CODECS)('%s', codec => {
  test.each([['text', text], ['noise', noise], ['one byte', Buffer.from('x')], ['a body of exactly one snappy block', text.subarray(0, 32 * 1024)]])('gives back %s, however it was compressed and inflated', async (_what, body) => {
    const sync = compress(codec, body)
    const later = await compressLater(codec, body)
    expect(inflate(codec, sync, body.length).equals(body)).toBe(true)
    expect(inflate(codec, later, body.length).equals(body)).toBe(true)
    expect((await inflateLater(codec, sync, body.length)).equals(body)).toBe(true)
  })

  test('takes any view of a larger buffer for what it shows', async () => {
    const body = new Uint8Array(text.buffer, text.byteOffset + 100, 1000)
    const compressed = Buffer.concat([noise, compress(codec, body), noise])
    const view = new Uint8Array(compressed.buffer, compressed.byteOffset + noise.length, compressed.length - 2 * noise.length)
    expect(Buffer.compare(inflate(codec, view, 1000), body)).toBe(0)
    expect(Buffer.compare(await inflateLater(codec, view, 1000), body)).toBe(0)
  })

  test('inflates to the limit and not a byte beyond', async () => {
    const compressed = compress(codec, text)
    expect(() => inflate(codec, compressed, text.length - 1)).toThrow(tooLarge())
    await expect(inflateLater(codec, compressed, text.length - 1)).rejects.toThrow(tooLarge())
    expect(() => inflate(codec, compressed, 1)).toThrow(LimitError)
  })
})

describe.each(codecs)('%s from elsewhere', codec => {
  test('a body cut off at any place is refused as malformed', () => {
    const compressed = compress(codec, text.subarray(0, 2000))
    for (let end = 0; end < compressed.length; end++) {
      // A stream of snappy blocks is whole behind each block: the record count is what notices.
      if (codec === 'snappy' && end === 16) continue
      expect(() => inflate(codec, compressed.subarray(0, end), 10_000), `${end} of ${compressed.length} bytes`).toThrow(malformed())
    }
  })

  test('changed bytes are refused with a typed error, or inflate within the limit', async () => {
    const compressed = compress(codec, Buffer.concat([text.subarray(0, 3000), noise.subarray(0, 500)]))
    const change = fc.tuple(fc.oneof(fc.nat(30), fc.nat(compressed.length - 1)), fc.nat(255))
    await fc.assert(fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async changes => {
      const damaged = Buffer.from(compressed)
      for (const [at, byte] of changes) damaged[at] = byte
      const outcomes = [outcome(() => inflate(codec, damaged, 4000)), await inflateLater(codec, damaged, 4000).catch((error: unknown) => error)]
      for (const result of outcomes) {
        if (Buffer.isBuffer(result)) expect(result.length).toBeLessThanOrEqual(4000)
        else expect(result).toSatisfy(error => error instanceof CorruptionError || error instanceof LimitError)
      }
    }), { numRuns: 400 })
  })

  test('a bomb is stopped at the limit', async () => {
    const bomb = compress(codec, Buffer.alloc(64 * 1024 * 1024))
    expect(() => inflate(codec, bomb, 100_000)).toThrow(tooLarge())
    await expect(inflateLater(codec, bomb, 100_000)).rejects.toThrow(tooLarge())
  })

  test('Kafka\'s own batches of many blocks inflate to the limit and not beyond', () => {
    const { bytes } = batchNamed(`large ${codec}`)
    const size = bodyOf(bytes).length
    expect(size).toBeGreaterThan(250_000)
    expect(inflate(codec, bytes.subarray(HEADER_BYTES), size).length).toBe(size)
    expect(() => inflate(codec, bytes.subarray(HEADER_BYTES), size - 1)).toThrow(tooLarge())
  })
})

describe('a codec whose library is absent', () => {
  afterEach(() => {
    for (const name of ['snappy', 'lz4-napi', 'node:zlib', 'zstddec']) vi.doUnmock(name)
    vi.resetModules()
  })

  test.each([['snappy', 'snappy'], ['lz4', 'lz4-napi'], ['zstd', 'zstddec']] as const)('%s is refused by name before anything is written', async (codec: Codec, library) => {
    vi.resetModules()
    vi.doMock('node:zlib', () => ({}))
    vi.doMock(library, () => { throw new Error('not installed') })
    const fresh = await import('../../src/format/compression.ts')
    const { UsageError: FreshUsageError } = await import('../../src/base/errors.ts')
    const error: unknown = await fresh.ensureCodec(codec).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(FreshUsageError)
    expect(error).toMatchObject({ name: UsageError.name, code: 'CODEC_UNAVAILABLE', hint: expect.stringContaining(`npm install`) as string })
    expect((error as MillraceError).hint).toContain(library)
    await expect(fresh.compressLater(codec, text)).rejects.toMatchObject({ code: 'CODEC_UNAVAILABLE' })
  })
})

function outcome(work: () => Buffer): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

function tooLarge(): unknown {
  return expect.toSatisfy((error: unknown) => error instanceof LimitError && error.code === 'INFLATED_TOO_LARGE')
}

function malformed(): unknown {
  return expect.toSatisfy((error: unknown) => error instanceof CorruptionError && error.code === 'COMPRESSED_MALFORMED')
}
