import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { CODECS } from '../../src/format/record-batch.ts'
import { CLEANUPS, decodeSettings, DEFAULT_SETTINGS, defaultSettings, encodeSettings, readAlterOptions, readTopicOptions, reconcile, TIMESTAMPS } from '../../src/log/topic-settings.ts'
import type { TopicSettings } from '../../src/log/topic-settings.ts'

const own = { name: 'upper', encode: (): Uint8Array => new Uint8Array(), decode: (): string => '' }
const msOrForever = fc.oneof(fc.integer({ min: 1 }), fc.constant(Infinity))
const anySettings: fc.Arbitrary<TopicSettings> = fc.record({
  partitions: fc.integer({ min: 1, max: 10_000 }), key: fc.constantFrom('string', 'own.1'), value: fc.constantFrom('msgpack', 'json'), partitioner: fc.constantFrom('murmur2', 'xxhash', 'custom'),
  compression: fc.constantFrom(...CODECS), cleanup: fc.constantFrom(...CLEANUPS), retentionMs: fc.oneof(fc.nat(), fc.constant(Infinity)), retentionBytes: msOrForever, retainUntilConsumedBy: fc.array(fc.string({ minLength: 1 })),
  segmentBytes: fc.integer({ min: 1024, max: 2 ** 30 }), segmentAgeMs: msOrForever, minDirtyRatio: fc.double({ min: 0, max: 1, noNaN: true }).map(ratio => ratio + 0), tombstoneRetentionMs: fc.oneof(fc.nat(), fc.constant(Infinity)),
  compactionLagMinMs: fc.nat(1000), compactionLagMaxMs: fc.oneof(fc.integer({ min: 1000 }), fc.constant(Infinity)), maxRecordBytes: fc.integer({ min: 1, max: 63 * 2 ** 20 }), timestamps: fc.constantFrom(...TIMESTAMPS),
})

describe('readTopicOptions', () => {
  it('resolves every option to its unit, and keeps what is the process\'s own beside the settings', () => {
    const schema = z.string()
    const place = (): number => 0
    const read = readTopicOptions({
      partitions: 4, key: 'bytes', value: own, schema, partitioner: place, compression: 'zstd', cleanup: 'compact', retention: '7d', retentionBytes: '2GiB', retainUntilConsumedBy: ['billing'], segmentBytes: '1KiB', segmentAge: 'forever',
      minDirtyRatio: 0, tombstoneRetention: 0, compactionLag: { min: '1s', max: '1h' }, maxRecordBytes: 100, timestamps: 'append',
    }, 'orders')
    expect(read.settings).toEqual({
      partitions: 4, key: 'bytes', value: 'upper', partitioner: 'custom', compression: 'zstd', cleanup: 'compact', retentionMs: 604_800_000, retentionBytes: 2 ** 31, retainUntilConsumedBy: ['billing'], segmentBytes: 1024, segmentAgeMs: Infinity,
      minDirtyRatio: 0, tombstoneRetentionMs: 0, compactionLagMinMs: 1000, compactionLagMaxMs: 3_600_000, maxRecordBytes: 100, timestamps: 'append',
    })
    expect([read.keySerde?.name, read.valueSerde?.name, read.schema, read.place]).toEqual(['bytes', 'upper', schema, place])
  })

  it('returns what was given and nothing else', () => {
    expect(readTopicOptions(undefined, 'orders')).toEqual({ settings: {} })
    expect(Object.keys(readTopicOptions({ retention: undefined, partitioner: 'xxhash', compactionLag: { max: '1h' } }, 'orders').settings)).toEqual(['partitioner', 'compactionLagMaxMs'])
    expect(Object.keys(readTopicOptions({ compression: 'none' }, 'orders'))).toEqual(['settings'])
  })

  it.each<[object, string, string]>([
    [{ retenton: '7d' }, 'UNKNOWN_OPTION', "topic 'orders': unknown option 'retenton'"], [{ partitions: 0 }, 'OPTION_INVALID', 'found 0, expected a whole number from 1 to 10000'], [{ partitions: 10_001 }, 'OPTION_INVALID', '10001'],
    [{ key: 'text' }, 'OPTION_INVALID', "option 'key'"], [{ value: { name: 'x' } }, 'OPTION_INVALID', "option 'value'"], [{ value: { ...own, name: 'json' } }, 'SERDE_NAME_INVALID', "'json'"], [{ schema: {} }, 'SCHEMA_INVALID', "option 'schema'"],
    [{ partitioner: 'murmur3' }, 'OPTION_INVALID', "found 'murmur3'"], [{ partitioner: 'custom' }, 'OPTION_INVALID', "found 'custom'"], [{ compression: 'br' }, 'OPTION_INVALID', "found 'br'"], [{ cleanup: 'delete+compact' }, 'OPTION_INVALID', "'delete+compact'"],
    [{ segmentAge: 0 }, 'OPTION_INVALID', 'at least 1ms'], [{ retention: '1w' }, 'DURATION_INVALID', "option 'retention'"], [{ retentionBytes: '1GB' }, 'SIZE_INVALID', "option 'retentionBytes'"], [{ retentionBytes: 0 }, 'OPTION_INVALID', 'at least 1B'],
    [{ retainUntilConsumedBy: 'billing' }, 'OPTION_INVALID', 'expected an array'], [{ retainUntilConsumedBy: [''] }, 'OPTION_INVALID', '[0]'], [{ retainUntilConsumedBy: ['a', 'x'.repeat(250)] }, 'OPTION_INVALID', '[1]: its length'], [{ retainUntilConsumedBy: ['\ud800'] }, 'OPTION_INVALID', 'UTF-8'], [{ segmentBytes: 1023 }, 'OPTION_INVALID', '1KiB to 1GiB'], [{ segmentBytes: '2GiB' }, 'OPTION_INVALID', '1KiB to 1GiB'], [{ segmentAge: 0 }, 'OPTION_INVALID', 'at least 1ms'],
    [{ minDirtyRatio: 2 }, 'OPTION_INVALID', 'from 0 to 1'], [{ tombstoneRetention: -1 }, 'DURATION_INVALID', 'found -1'], [{ compactionLag: 5 }, 'OPTIONS_INVALID', "option 'compactionLag': found 5"], [{ compactionLag: { mn: 1 } }, 'UNKNOWN_OPTION', "unknown option 'mn'"],
    [{ compactionLag: { max: 0 } }, 'OPTION_INVALID', "option 'max'"], [{ maxRecordBytes: '64MiB' }, 'OPTION_INVALID', '1B to 63MiB'], [{ maxRecordBytes: 0 }, 'OPTION_INVALID', 'found 0'], [{ timestamps: 'now' }, 'OPTION_INVALID', "found 'now'"],
  ])('refuses %o', (options, code, message) => {
    expect(() => readTopicOptions(options, 'orders')).toThrow(expect.objectContaining({ name: 'UsageError', code, message: expect.stringMatching(/^topic 'orders': /) as string }))
    expect(() => readTopicOptions(options, 'orders')).toThrow(message)
  })
})

describe('readAlterOptions', () => {
  it('reads policies, more partitions and a schema', () => {
    expect(readAlterOptions({ retention: '1d', partitions: 8 }, 'orders')).toEqual({ settings: { retentionMs: 86_400_000, partitions: 8 } })
  })

  it.each([{ key: 'string' }, { value: own }, { partitioner: 'xxhash' }])('refuses %o, which stored records depend on', options => {
    expect(() => readAlterOptions(options, 'orders')).toThrow(expect.objectContaining({ name: 'UsageError', code: 'OPTION_FIXED', message: expect.stringContaining(`option '${Object.keys(options)[0] ?? ''}' can't be altered`) as string }))
  })

  it('names the nearest of the options that can be altered', () => {
    expect(() => readAlterOptions({ retentin: 1 }, 'orders')).toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION', hint: "did you mean 'retention'?" }))
  })
})

describe('defaultSettings', () => {
  it('are the documented ones', () => {
    expect(defaultSettings({})).toEqual({
      partitions: 1, key: 'string', value: 'msgpack', partitioner: 'murmur2', compression: 'none', cleanup: 'delete', retentionMs: Infinity, retentionBytes: Infinity, retainUntilConsumedBy: [], segmentBytes: 67_108_864, segmentAgeMs: 604_800_000,
      minDirtyRatio: 0.5, tombstoneRetentionMs: 86_400_000, compactionLagMinMs: 0, compactionLagMaxMs: Infinity, maxRecordBytes: 16_777_216, timestamps: 'create',
    })
    expect(Object.isFrozen(defaultSettings({})) && Object.isFrozen(DEFAULT_SETTINGS.retainUntilConsumedBy)).toBe(true)
  })

  it('complete what was given, and refuse what contradicts itself', () => {
    expect(defaultSettings(readTopicOptions({ cleanup: 'compact', retentionBytes: '1MiB', segmentBytes: '1KiB' }, 'orders').settings)).toEqual({ ...DEFAULT_SETTINGS, cleanup: 'compact', retentionBytes: 1_048_576, segmentBytes: 1024 })
    expect(() => defaultSettings({ compactionLagMinMs: 2000, compactionLagMaxMs: 1000 }, "topic 'orders'")).toThrow(expect.objectContaining({ code: 'OPTIONS_CONTRADICT', message: "topic 'orders': compactionLag is at least 2s and at most 1s" }))
  })
})

describe('reconcile', () => {
  const stored = defaultSettings({ partitions: 4, retainUntilConsumedBy: ['b', 'a'] })

  it('leaves a stored topic as it is where nothing, or nothing else, was given', () => {
    for (const given of [{}, { partitions: 4, key: 'string', retentionMs: Infinity }, { retainUntilConsumedBy: ['a', 'b', 'a'] }]) expect(reconcile('orders', stored, given)).toEqual({ settings: stored, changed: [] })
  })

  it('applies policies and more partitions, and names them', () => {
    const { settings, changed } = reconcile('orders', stored, { partitions: 8, retentionMs: 1000, retainUntilConsumedBy: ['a'], cleanup: 'delete' })
    expect(settings).toEqual({ ...stored, partitions: 8, retentionMs: 1000, retainUntilConsumedBy: ['a'] })
    expect(changed).toEqual(['partitions', 'retentionMs', 'retainUntilConsumedBy'])
    expect(Object.isFrozen(settings)).toBe(true)
    expect(stored.partitions).toBe(4)
  })

  it.each<[Partial<TopicSettings>, string]>([
    [{ key: 'bytes' }, "key is 'string', given 'bytes'"], [{ value: 'json' }, "value is 'msgpack', given 'json'"], [{ partitioner: 'custom' }, "partitioner is 'murmur2', given 'custom'"], [{ partitions: 3 }, 'partitions is 4, given 3'],
    [{ value: 'json', partitions: 1, retentionMs: 5 }, "value is 'msgpack', given 'json'; partitions is 4, given 1"],
  ])('refuses %o, which contradicts what is stored', (given, message) => {
    expect(() => reconcile('orders', stored, given)).toThrow(expect.objectContaining({ name: 'ConflictError', code: 'TOPIC_CONTRADICTS', message: `topic 'orders' is stored with other options: ${message}` }))
  })

  it('checks a policy against the stored half of its pair', () => {
    const lagging = defaultSettings({ compactionLagMinMs: 5000 })
    expect(() => reconcile('orders', lagging, { compactionLagMaxMs: 1000 })).toThrow(expect.objectContaining({ code: 'OPTIONS_CONTRADICT', message: expect.stringContaining("topic 'orders'") as string }))
  })
})

describe('the stored form', () => {
  it('gives the same settings back through JSON', () => {
    fc.assert(fc.property(anySettings, settings => { expect(decodeSettings(JSON.parse(JSON.stringify(encodeSettings(settings))))).toEqual(settings) }))
  })

  it('writes no limit as -1, as Kafka does', () => {
    expect(encodeSettings(DEFAULT_SETTINGS)).toMatchObject({ retentionMs: -1, retentionBytes: -1, compactionLagMaxMs: -1, segmentAgeMs: 604_800_000 })
  })

  it('leaves out what a newer version added', () => {
    expect(decodeSettings({ ...encodeSettings(DEFAULT_SETTINGS), tier: 'cold' })).toEqual(DEFAULT_SETTINGS)
    expect(Object.isFrozen(decodeSettings(encodeSettings(DEFAULT_SETTINGS)))).toBe(true)
  })

  it.each(Object.keys(DEFAULT_SETTINGS))("without '%s', or with another kind of thing in its place, is malformed", name => {
    const encoded = { ...encodeSettings(DEFAULT_SETTINGS) }
    for (const wrong of [null, {}, [[]], true, -2, NaN, '', '7d', '64KiB', 'forever']) {
      if (!((name === 'key' || name === 'value') && typeof wrong === 'string' && wrong !== '')) expect(() => decodeSettings({ ...encoded, [name]: wrong })).toThrow(malformed(name))
    }
    delete encoded[name]
    expect(() => decodeSettings(encoded)).toThrow(malformed(name))
  })

  it.each([undefined, null, 'settings', 7, [], { __proto__: DEFAULT_SETTINGS }])('is not %o', encoded => {
    expect(() => decodeSettings(encoded)).toThrow(expect.objectContaining({ name: 'CorruptionError', code: 'CATALOG_MALFORMED' }))
  })

  function malformed(name: string): unknown {
    return expect.objectContaining({ name: 'CorruptionError', code: 'CATALOG_MALFORMED', message: expect.stringContaining(`'${name}'`) as string })
  }
})
