// What a crash leaves of a swap, at each of its calls: of each group of segments all of the old or all of the new, and
// the next opening finds every offset in one segment.
import { describe, expect, test } from 'vitest'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { segmentFile } from '../../src/storage/segment-files.ts'
import { SEED, isChosen } from '../crash/support-simulated/sampling.ts'
import { DIRECTORY } from '../support/partitions.ts'
import { KeyedPartition } from './support/keyed-partition.ts'

const RECORDS = 44
const SEGMENT_BYTES = 3000
const SEEDS = [SEED, SEED + 1]

/** Eight segments, which will be three. */
async function dirty(): Promise<KeyedPartition> {
  const keyed = await KeyedPartition.start()
  for (let i = 0; i < RECORDS; i++) await keyed.append([{ key: `key ${i * 7 % 25}`, value: `${i} `.padEnd(150, 'x'), timestamp: 1000 + i }])
  keyed.roll()
  await keyed.partition.sync()
  return keyed
}

const compact = (keyed: KeyedPartition): Promise<unknown> => keyed.clean({ now: 5000, segmentBytes: SEGMENT_BYTES })

/** Offsets that are stored, by the group that they belong to. */
async function byGroup(keyed: KeyedPartition, groups: readonly (readonly [number, number])[]): Promise<number[][]> {
  const offsets = (await keyed.stored()).map(({ offset }) => offset)
  return groups.map(([base, end]) => offsets.filter(offset => offset >= base && offset < end))
}

async function undisturbed() {
  const keyed = await dirty()
  const oldBases = keyed.partition.segments.map(({ baseOffset }) => baseOffset)
  const before = keyed.fs.calls
  await compact(keyed)
  const calls = keyed.fs.calls - before
  const groups = keyed.partition.segments.slice(0, -1).map(({ baseOffset, endOffset }) => [baseOffset, endOffset] as const)
  return { calls, oldBases, groups, newOffsets: await byGroup(keyed, groups), oldOffsets: await byGroup(await dirty(), groups) }
}

describe.each(['kill', 'power cut'] as const)(`a %s at any call (SEED=${SEED})`, end => {
  test('leaves all of the old or all of the new of each group', async () => {
    const { calls, oldBases, groups, oldOffsets, newOffsets } = await undisturbed()
    expect(groups.length).toBeGreaterThan(2)
    const seen = new Set<string>()
    for (let call = 1; call <= calls; call++) {
      if (end === 'power cut' && !isChosen(call, 2)) continue
      for (const seed of end === 'kill' ? [0] : SEEDS) {
        const keyed = await dirty()
        keyed.fs.crashAfter(call)
        await compact(keyed).catch(() => undefined)
        keyed.compactedBelow = Infinity // saved before the first swap; what is dense is no worse for it
        await keyed.reopen({ trust: end === 'kill' ? 'page-cache' : 'device', recoveryPoint: RECORDS }, end === 'kill' ? keyed.fs.survivorOfKill() : keyed.fs.survivorOfPowerCut(seed))
        const found = await byGroup(keyed, groups)
        const { segments } = keyed.partition
        for (const [i, [base, groupEnd]] of groups.entries()) {
          const bases = segments.map(({ baseOffset }) => baseOffset).filter(offset => offset >= base && offset < groupEnd)
          const isNew = bases.length === 1 && found[i]!.length === newOffsets[i]!.length
          expect(found[i], `group ${i} after a ${end} at call ${call}, seed ${seed}`).toEqual(isNew ? newOffsets[i] : oldOffsets[i])
          expect(bases).toEqual(isNew ? [base] : oldBases.filter(offset => offset >= base && offset < groupEnd))
          seen.add(`${i} ${isNew ? 'new' : 'old'}`)
        }
        expect(keyed.fs.list(DIRECTORY).filter(name => /(cleaned|swap|deleted)$/.test(name))).toEqual([])
        for (const [i, segment] of segments.entries()) if (i > 0) expect(segment.baseOffset).toBe(segments[i - 1]!.endOffset)
      }
    }
    expect(seen.size).toBe(2 * groups.length)
  })
})

test('a record goes only after the newer one of its key is on the device', async () => {
  let lastCall = Infinity
  for (let call = 1; call <= lastCall; call++) {
    for (const seed of SEEDS) {
      const keyed = await dirty()
      for (let i = 0; i < 3; i++) await keyed.append([{ key: `key ${i}`, value: 'newer'.padEnd(150, 'x'), timestamp: 3000 }])
      keyed.fs.failNext('sync', { error: 'EMFILE', path: /\.log$/, times: 2 }) // the sync of the roll is not tried
      keyed.roll()
      await nextTurn()
      const before = keyed.fs.calls
      keyed.fs.crashAfter(call)
      await compact(keyed).catch(() => undefined)
      if (!keyed.fs.crashed) lastCall = Math.min(lastCall, keyed.fs.calls - before)
      await keyed.reopen({ trust: 'device', recoveryPoint: RECORDS }, keyed.fs.survivorOfPowerCut(seed))
      const found = new Set((await keyed.stored()).map(({ offset }) => offset))
      const newest = new Map(keyed.sent.slice(0, keyed.partition.endOffset).map(({ key }, offset) => [key, offset]))
      expect([...newest].filter(([, offset]) => !found.has(offset)), `lost by a power cut at call ${call}, seed ${seed}`).toEqual([])
    }
  }
})

test('a swap that was decided and is damaged is given up: what it was made from is there', async () => {
  const keyed = await dirty()
  const { groups, oldOffsets } = await undisturbed()
  const traced = keyed.fs.trace()
  await compact(keyed)
  const decided = traced.findIndex(({ operation, path }) => operation === 'rename' && path.endsWith('.log.swap'))
  const again = await dirty()
  again.fs.crashAfter(decided + 1)
  await compact(again).catch(() => undefined)
  const survivor = again.fs.survivorOfKill()
  survivor.corrupt(`${DIRECTORY}/${segmentFile(0, '.log', 'swap')}`, 30, 1)
  again.compactedBelow = Infinity
  await again.reopen({}, survivor)
  expect((await byGroup(again, groups))[0]).toEqual(oldOffsets[0])
  expect(survivor.list(DIRECTORY).filter(name => name.endsWith('.swap'))).toEqual([])
})
