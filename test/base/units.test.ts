import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatBytes, formatDuration, parseDuration, parseSize } from '../../src/base/units.ts'

describe('durations', () => {
  it.each([
    [0, 0], [250, 250], ['0ms', 0], ['250ms', 250], ['30s', 30_000], ['15m', 900_000], ['12h', 43_200_000], ['7d', 604_800_000],
    ['007d', 604_800_000], ['forever', Infinity], [Infinity, Infinity], [-0, 0],
  ])('%j is %d ms', (given, ms) => {
    expect(parseDuration(given, 'retention')).toBe(ms)
  })

  it.each([
    ['7 d', "did you mean '7d'?"], ['30sec', "did you mean '30s'?"], ['10 minutes', "did you mean '10m'?"], ['5H', "did you mean '5h'?"], ['100', "did you mean '100ms'?"],
    ['1.5h', 'without a fraction'], ['2w', 'one of the units'], ['', 'one of the units'], ['d', 'one of the units'], ['-3s', 'one of the units'], ['1e3ms', 'one of the units'],
    ['Forever', 'one of the units'], ['999999999999999d', 'one of the units'], ['1'.repeat(5000), 'one of the units'], ['٣s', 'one of the units'],
    [1.5, 'round it'], [-1, 'round it'], [NaN, 'round it'], [-Infinity, 'round it'], [2 ** 53, 'round it'],
    [null, 'as a number or as a text'], [undefined, 'as a number or as a text'], [10n, 'as a number or as a text'], [{}, 'as a number or as a text'], [['7d'], 'as a number or as a text'], [new Date(0), 'as a number or as a text'], [Symbol('d'), 'as a number or as a text'],
  ])('%o is refused with what was found, examples and a hint', (given, hint) => {
    expect(() => parseDuration(given, "option 'retention'")).toThrow(expect.objectContaining({
      name: 'UsageError', code: 'DURATION_INVALID', message: expect.stringMatching(/^option 'retention': found .{1,80}, expected .*'7d' or 'forever'$/s) as string, hint: expect.stringContaining(hint) as string,
    }))
  })

  it('come back from their text, whatever their length', () => {
    fc.assert(fc.property(fc.oneof(fc.maxSafeNat(), fc.constant(Infinity)), ms => parseDuration(formatDuration(ms), 'x') === ms))
    expect([0, 999, 1000, 90_000, 86_400_000].map(formatDuration)).toEqual(['0ms', '999ms', '1s', '90s', '1d'])
  })
})

describe('sizes', () => {
  it.each([[0, 0], ['0B', 0], ['512B', 512], ['64KiB', 65_536], ['16MiB', 16_777_216], ['2GiB', 2_147_483_648], ['unlimited', Infinity], [Infinity, Infinity]])('%j is %d bytes', (given, bytes) => {
    expect(parseSize(given, 'segmentBytes')).toBe(bytes)
  })

  it.each([
    ['64KB', "did you mean '64KiB'?"], ['64kb', "did you mean '64KiB'?"], ['64k', "did you mean '64KiB'?"], ['16 MB', "did you mean '16MiB'?"], ['2G', "did you mean '2GiB'?"], ['64kib', "did you mean '64KiB'?"], ['100', "did you mean '100B'?"],
    ['1.5GiB', 'without a fraction'], ['1TiB', 'one of the units'], ['forever', 'one of the units'], ['', 'one of the units'], ['9007199254740991KiB', 'one of the units'], [0.5, 'round it'], [-1, 'round it'], [true, 'as a number or as a text'],
  ])('%o is refused with what was found, examples and a hint', (given, hint) => {
    expect(() => parseSize(given, 'size')).toThrow(expect.objectContaining({ name: 'UsageError', code: 'SIZE_INVALID', message: expect.stringContaining("'64KiB'") as string, hint: expect.stringContaining(hint) as string }))
  })

  it('come back from their text, whatever their size', () => {
    const size = fc.oneof(fc.constant(Infinity), fc.maxSafeNat(), fc.nat(4096).map(n => n * 1024), fc.nat(4096).map(n => n * 2 ** 20), fc.nat(4096).map(n => n * 2 ** 30))
    fc.assert(fc.property(size, bytes => parseSize(formatBytes(bytes), 'x') === bytes))
    expect([0, 1, 1023, 1024, 65_536, 1_048_577, 2 ** 30, Infinity].map(formatBytes)).toEqual(['0B', '1B', '1023B', '1KiB', '64KiB', '1048577B', '1GiB', 'unlimited'])
  })
})
