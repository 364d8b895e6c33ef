// Compaction of one partition against an array of all records and a map of the newest of each key.
// SEED=… HISTORIES=… as in test/model.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CorruptionError } from '../../src/base/errors.ts'
import { CODECS } from '../../src/format/record-batch.ts'
import { DIRECTORY } from '../support/partitions.ts'
import { KeyedPartition, type Keyed, type Round } from './support/keyed-partition.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const COUNT = Number(process.env['HISTORIES'] ?? 40)
/** So many reads of a history begin elsewhere than at the start. */
const STARTS = 10
/** Room for three keys, and for eight. */
const TINY_MAPS = [24 * 4, 24 * 9]

interface DrawnRecord { readonly key: number | null; readonly bytes: number | null; readonly age: number }
type Drawn =
  | { readonly do: 'append'; readonly records: readonly DrawnRecord[]; readonly codec: number; readonly appendTime: boolean }
  | { readonly do: 'clean'; readonly tombstoneRetentionMs: number; readonly codec: number; readonly segmentBytes: number; readonly mapBytes: number | undefined; readonly dropsTombstones: boolean; readonly onDemand: boolean }
  | { readonly do: 'pass time'; readonly ms: number }
  | { readonly do: 'roll' } | { readonly do: 'close' } | { readonly do: 'kill' }
  | { readonly do: 'truncate'; readonly part: number }

const record: fc.Arbitrary<DrawnRecord> = fc.record({
  key: fc.oneof({ weight: 8, arbitrary: fc.nat({ max: 6 }) }, { weight: 4, arbitrary: fc.nat({ max: 400 }) }, { weight: 1, arbitrary: fc.constant(null) }),
  bytes: fc.oneof({ weight: 5, arbitrary: fc.nat({ max: 120 }) }, { weight: 2, arbitrary: fc.constant(null) }),
  age: fc.nat({ max: 5000 }),
})
const codec = fc.nat({ max: CODECS.length - 1 })
const drawn: fc.Arbitrary<Drawn> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('append' as const), records: fc.array(record, { minLength: 1, maxLength: 8 }), codec, appendTime: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({
    do: fc.constant('clean' as const), tombstoneRetentionMs: fc.constantFrom(0, 1000, 100_000), codec, segmentBytes: fc.constantFrom(300, 1024, 100_000),
    mapBytes: fc.constantFrom(undefined, ...TINY_MAPS), dropsTombstones: fc.boolean(), onDemand: fc.boolean(),
  }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass time' as const), ms: fc.constantFrom(1, 999, 1000, 100_000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('roll' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('close' as const, 'kill' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('truncate' as const), part: fc.nat({ max: 100 }) }) },
)

async function run(history: readonly Drawn[], over: Partial<Round> = {}): Promise<KeyedPartition> {
  const keyed = await KeyedPartition.start()
  let now = 1_000_000
  for (const [i, step] of history.entries()) {
    switch (step.do) {
      case 'append':
        await keyed.append(step.records.map(({ key, bytes, age }, j): Keyed => ({ key: key === null ? null : `key ${key}`, value: bytes === null ? null : `${i}/${j} `.padEnd(bytes, 'x'), timestamp: now - age })), CODECS[step.codec]!, step.appendTime ? now : undefined)
        break
      case 'clean': {
        const { mapBytes, codec, do: _, ...round } = step
        const passes = mapBytes === undefined ? {} : { mapBytes, tombstoneRetentionMs: Math.max(1, round.tombstoneRetentionMs) } // a later pass sees the horizons of an earlier one
        await keyed.clean({ ...round, now, codec: CODECS[codec]!, ...passes, ...over })
        break
      }
      case 'pass time': now += step.ms; break
      case 'roll': if (keyed.partition.endOffset > keyed.partition.segments.at(-1)!.baseOffset) keyed.roll(); break
      case 'close':
        await keyed.partition.close()
        await keyed.reopen({ trust: 'clean' })
        break
      case 'kill': await keyed.reopen({}, keyed.fs.survivorOfKill()); break
      case 'truncate': await keyed.truncateBefore(Math.floor((keyed.partition.startOffset * (100 - step.part) + keyed.partition.endOffset * step.part) / 100))
    }
    await keyed.compare()
  }
  const { startOffset, endOffset } = keyed.partition
  for (let from = startOffset; from <= endOffset; from += 1 + Math.floor((endOffset - startOffset) / STARTS)) await keyed.compare(from)
  return keyed
}

async function checkHistories(count: number, over: Partial<Round> = {}): Promise<void> {
  await fc.assert(fc.asyncProperty(fc.array(drawn, { minLength: 10, maxLength: 40, size: 'max' }), async history => { await run(history, over) }), { seed: SEED, numRuns: count, endOnFailure: over.hash !== undefined, ...(process.env['HISTORY'] === undefined ? {} : { path: process.env['HISTORY'] }) })
}

/** `rounds` times every key, in batches of three. */
async function filled(keys: number, rounds: number): Promise<KeyedPartition> {
  const keyed = await KeyedPartition.start()
  const names = Array.from({ length: keys * rounds }, (_, i) => `key ${i % keys}`)
  for (let i = 0; i < names.length; i += 3) await keyed.append(names.slice(i, i + 3).map((key, j) => ({ key, value: `value ${i + j}`, timestamp: 1000 + i })))
  keyed.roll()
  return keyed
}

test(`whatever is appended, compacted, truncated and reopened, the newest record of each key is there and superseded ones are not (SEED=${SEED})`, async () => {
  await checkHistories(COUNT)
}, 60_000 + COUNT * 200)

test('a map that takes three keys leaves the same as one that takes them all', async () => {
  const whole = await filled(40, 6)
  const inPasses = await filled(40, 6)
  await whole.clean({ now: 5000 })
  await inPasses.clean({ now: 5000, mapBytes: TINY_MAPS[0]! })
  await inPasses.compare()
  expect(await inPasses.stored()).toEqual(await whole.stored())
})

describe('with a hash of 8 bits', () => {
  const hash = (key: Buffer): readonly [number, number, number, number] => [key.reduce((sum, byte) => sum * 31 + byte & 255, 7), 0, 0, 0]

  test('records are lost, and the comparison tells', async () => {
    const keyed = await filled(400, 2)
    await keyed.clean({ now: 5000, hash })
    await expect(keyed.compare()).rejects.toThrow(/deep-equal/)
    expect((await keyed.stored()).length).toBeLessThanOrEqual(256)
  })

  test('so do the random histories', async () => {
    await expect(checkHistories(500, { hash })).rejects.toThrow()
  })
})

describe('what is damaged', () => {
  async function damaged() {
    const keyed = await filled(5, 30)
    const [, second] = keyed.partition.segments
    const path = `${DIRECTORY}/${String(second!.baseOffset).padStart(20, '0')}.log`
    return { keyed, path, files: () => keyed.fs.list(DIRECTORY), segments: keyed.partition.segments }
  }

  test('is not compacted, and nothing changes', async () => {
    const { keyed, path, files, segments } = await damaged()
    const before = files()
    keyed.fs.corrupt(path, 100, 1)
    await expect(keyed.clean({ now: 5000 })).rejects.toThrow(CorruptionError)
    expect(files()).toEqual(before)
    expect(keyed.partition.segments).toBe(segments)
    expect(keyed.cleanedTo).toBe(0)
  })

  test('is compacted once it is mended', async () => {
    const { keyed, path } = await damaged()
    keyed.fs.corrupt(path, 100, 1)
    await expect(keyed.clean({ now: 5000 })).rejects.toThrow(CorruptionError)
    keyed.fs.corrupt(path, 100, 1)
    await keyed.clean({ now: 5000 })
    await keyed.compare()
  })

  test('may be a segment that was compacted before', async () => {
    const { keyed } = await damaged()
    await keyed.clean({ now: 5000 })
    await keyed.append([{ key: 'key 0', value: 'new', timestamp: 1 }])
    keyed.roll()
    keyed.fs.corrupt(keyed.partition.segments[0]!.file.path, 30, 1)
    await expect(keyed.clean({ now: 5000 })).rejects.toThrow(CorruptionError)
  })
})
