// A compaction of a partition with transactions in it that ends at every one of its calls to the file system, and the
// opening after that ended at its calls again: a reader of committed records finds the newest value of each key and nothing
// that was aborted, no producer loses its place, and what follows is compacted as if nothing had happened.
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { DIRECTORY } from '../support/partitions.ts'
import { KeyedTransactions, RETENTION_MS } from '../storage/support/keyed-transactions.ts'
import { naming } from './support-simulated/accidents.ts'
import { SEED, isChosen } from './support-simulated/sampling.ts'

const HISTORIES = Number(process.env['HISTORIES'] ?? 3)
const STEPS = 80
const SEGMENT_BYTES = 3000

const seeds = Array.from({ length: HISTORIES }, (_, i) => SEED * 100 + i)

type Accident = 'kill' | number

/** About to be compacted, all of it on the device: markers of every age, and a transaction that is open. */
async function dirty(seed: number): Promise<KeyedTransactions> {
  const keyed = await KeyedTransactions.start(new SimulatedFileSystem(seed % 2 === 0 ? {} : { seed }))
  const random = new SeededRandom(seed)
  await keyed.run(random, STEPS)
  for (const writer of keyed.writers) if (writer.kind !== 'none') keyed.append(writer, [{ key: 'key 0', value: `of ${writer.id}` }])
  for (const writer of keyed.writers.slice(0, 2)) keyed.end(writer, random.chance(0.7) ? 'abort' : 'commit')
  keyed.roll()
  keyed.now += RETENTION_MS
  await keyed.partition.sync()
  return keyed
}

const compact = (keyed: KeyedTransactions): Promise<unknown> => keyed.clean({ segmentBytes: SEGMENT_BYTES })

async function callsOf(seed: number): Promise<{ total: number; upTo: number }> {
  const keyed = await dirty(seed)
  const upTo = keyed.cleanableEnd
  const before = keyed.fs.calls
  await compact(keyed)
  await keyed.compareCompacted(upTo)
  return { total: keyed.fs.calls - before, upTo }
}

async function endedAt(seed: number, call: number): Promise<KeyedTransactions> {
  const keyed = await dirty(seed)
  keyed.fs.crashAfter(call)
  await compact(keyed).catch((error: unknown) => { if (!keyed.fs.crashed) throw error })
  keyed.compactedBelow = Infinity // saved before the first swap; what is dense is no worse for it
  return keyed
}

/** Recovery points are saved a while after they were reached: the second half may be read again, or all of it. */
async function openAfter(keyed: KeyedTransactions, accident: Accident, crashAfter = Infinity): Promise<void> {
  const { endOffset } = keyed.partition
  const survivor = accident === 'kill' ? keyed.fs.survivorOfKill() : keyed.fs.survivorOfPowerCut(accident)
  if (crashAfter < Infinity) survivor.crashAfter(crashAfter)
  const facts = accident === 'kill' ? { trust: 'page-cache', recoveryPoint: endOffset } as const : { trust: 'device', recoveryPoint: accident % 2 === 0 ? Math.floor(endOffset / 2) : 0 } as const
  await keyed.reopen(facts, survivor).catch((error: unknown) => { if (!survivor.crashed) throw error })
}

async function callsOfOpening(keyed: KeyedTransactions, accident: Accident): Promise<number> {
  await openAfter(keyed, accident)
  return keyed.fs.calls
}

/** From that seed on, the next history whose compaction has something to do. */
async function eventful(from: number): Promise<{ seed: number; total: number }> {
  for (let seed = from; ; seed += 1000) {
    const { total } = await callsOf(seed)
    if (total > 20) return { seed, total }
  }
}

/** A power cut after an opening that did not end: that has saved no recovery point, so as much is read again. */
function likewise(before: Accident, accident: number): number {
  return before === 'kill' || (accident - before) % 2 === 0 ? accident : accident + 1
}

async function survives(keyed: KeyedTransactions, seed: number): Promise<void> {
  await keyed.compare()
  expect(keyed.fs.list(DIRECTORY).filter(name => /(cleaned|swap)$/.test(name))).toEqual([])
  keyed.compareRefusals()
  const upTo = keyed.cleanableEnd
  await compact(keyed)
  await keyed.compareCompacted(upTo)
  await keyed.run(new SeededRandom(seed), 15)
  await keyed.reopenWithoutSnapshots()
  await keyed.compare()
}

describe(`seed ${SEED}`, { timeout: 3_600_000 }, () => {
  test.each(seeds)('at any call of a compaction (history %i)', async from => {
    const { seed, total } = await eventful(from)
    for (let call = 1; call <= total; call++) {
      if (!isChosen(call + seed, 11)) continue
      for (const accident of ['kill', SEED + call, SEED + call + 1] as const) {
        await naming(`history ${seed}, call ${call} of ${total}, ${accident}`, async () => {
          const keyed = await endedAt(seed, call)
          await openAfter(keyed, accident)
          await survives(keyed, seed)
        })
      }
    }
  })

  test('and at any call of the opening that follows', async () => {
    const { seed, total } = await eventful(seeds[0]!)
    for (let call = 1; call <= total; call++) {
      if (!isChosen(call, 47)) continue
      for (const accident of ['kill', SEED + call] as const) {
        const openingCalls = await callsOfOpening(await endedAt(seed, call), accident)
        for (let second = 1; second <= openingCalls; second++) {
          if (!isChosen(second, 7)) continue
          const keyed = await endedAt(seed, call)
          await openAfter(keyed, accident, second)
          await naming(`history ${seed}, call ${call} of ${total}, ${accident}, call ${second} of the opening`, async () => {
            await openAfter(keyed, likewise(accident, SEED + second))
            await survives(keyed, seed)
          })
        }
      }
    }
  })
})
