// Compaction of partitions with transactions in them: random histories against a list of all that was written, and what
// becomes of a marker and of a producer's last batch, step by step. SEED=… HISTORIES=… as in test/model.
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { SEED } from '../crash/support-simulated/sampling.ts'
import { DIRECTORY } from '../support/partitions.ts'
import { DAY_MS, KeyedTransactions, RETENTION_MS, type Writer } from './support/keyed-transactions.ts'

const HISTORIES = Number(process.env['HISTORIES'] ?? 40)
const STEPS = 150
/** Segments of so many bytes: all become one. */
const MERGED = 10_000

test(`whatever is written, aborted, compacted, forgotten and reopened, a reader finds the newest committed value of each key, and producers go on (SEED=${SEED})`, async () => {
  for (let seed = SEED; seed < SEED + HISTORIES; seed++) {
    try {
      const keyed = await KeyedTransactions.start()
      await keyed.run(new SeededRandom(seed), STEPS)
      keyed.compareRefusals()
      keyed.endAll()
      keyed.roll()
      await keyed.clean()
      await keyed.compareCompacted(keyed.cleanableEnd)
      await keyed.reopenWithoutSnapshots()
      await keyed.compare()
      keyed.compareRefusals()
    } catch (error) {
      throw new Error(`SEED=${seed} HISTORIES=1`, { cause: error })
    }
  }
}, 60_000 + HISTORIES * 3000)

/** Each batch in a segment of its own, unless it is told otherwise. */
async function begin() {
  const keyed = await KeyedTransactions.start()
  const [raises, , keeps, idempotent, plain] = keyed.writers as [Writer, Writer, Writer, Writer, Writer]
  const put = (writer: Writer, key: string, value: string | null = 'v'): void => {
    keyed.append(writer, [{ key, value }])
    keyed.roll()
  }
  const end = (writer: Writer, type: 'commit' | 'abort'): void => {
    keyed.end(writer, type)
    keyed.roll()
  }
  /** A compaction that has something to do. */
  const clean = async (segmentBytes = 1): Promise<string[]> => {
    put(plain, 'other')
    await keyed.clean({ segmentBytes })
    await keyed.compare()
    return (await keyed.batches()).map(({ offset, kind }) => `${offset} ${kind}`).slice(0, -1)
  }
  const files = (suffix: string): string[] => keyed.fs.list(DIRECTORY).filter(name => name.endsWith(suffix))
  return { keyed, raises, keeps, idempotent, plain, put, end, clean, files }
}

describe('a marker', () => {
  test.each(['commit', 'abort'] as const)('of %s stays while a batch of its transaction was met, then until a horizon; in its place a header keeps the epoch, until the producer is forgotten', async type => {
    const { keyed, raises, plain, put, end, clean, files } = await begin()
    put(raises, 'a')
    end(raises, type)
    put(plain, 'a')
    // each segment keeps a header at its end
    expect(await clean()).toEqual(['0 header', '1 marker', '2 records'])
    expect(files('.txnindex').length).toBe(type === 'abort' ? 1 : 0)
    expect((await clean()).slice(0, 3)).toEqual(['0 header', '1 marker', '2 records'])
    expect(files('.txnindex')).toEqual([])
    keyed.now += RETENTION_MS - 1
    expect((await clean()).slice(0, 2)).toEqual(['0 header', '1 marker'])
    keyed.now += 1
    expect((await clean()).slice(0, 2)).toEqual(['0 header', '1 header'])
    await keyed.reopenWithoutSnapshots()
    await keyed.compare()
    expect(keyed.partition.knownProducers).toMatchObject([{ producerId: raises.id, producerEpoch: 1, lastSequence: -1 }])
    keyed.now += DAY_MS
    keyed.expire()
    expect((await clean(MERGED)).join()).not.toMatch(/\b[01] /)
    await keyed.reopenWithoutSnapshots()
    expect(keyed.partition.knownProducers ?? []).toEqual([])
  })

  test('stays as long as a header of its transaction does', async () => {
    const { keyed, keeps, plain, put, end, clean } = await begin()
    put(keeps, 'a')
    end(keeps, 'abort')
    put(plain, 'a')
    for (let i = 0; i < 4; i++) {
      expect((await clean()).slice(0, 2)).toEqual(['0 header', '1 marker'])
      keyed.now += 2 * RETENTION_MS
    }
    await keyed.reopenWithoutSnapshots()
    await keyed.compare()
    expect(keyed.partition.openTransactions).toEqual([])
    put(keeps, 'b') // another batch is its last
    end(keeps, 'commit')
    for (let i = 0; i < 3; i++) {
      await clean()
      keyed.now += RETENTION_MS
    }
    expect((await clean(MERGED)).join()).not.toMatch(/\b[01] /)
    await keyed.compare()
  })

  test('that may go is reason for a compaction once its horizon has passed, though nothing is dirty', async () => {
    const { keyed, raises, put, end, clean } = await begin()
    put(raises, 'a')
    end(raises, 'abort')
    await clean()
    await clean()
    expect(keyed.partition.nextHorizon).toBe(keyed.now + RETENTION_MS)
  })
})

test('a batch that an aborted transaction superseded in vain stays', async () => {
  const { keyed, raises, plain, put, end, clean } = await begin()
  put(plain, 'a', 'committed')
  put(raises, 'a', 'aborted')
  put(raises, 'a', null)
  end(raises, 'abort')
  expect(await clean()).toEqual(['0 records', '1 header', '2 header', '3 marker'])
  expect(await keyed.read('read_uncommitted')).toEqual([{ offset: 0, key: 'a', value: 'committed' }, expect.anything()])
})

test('what was aborted goes though its marker stands behind all that is compacted', async () => {
  const { keyed, raises, plain, put, clean } = await begin()
  put(plain, 'a', 'committed')
  put(raises, 'a', 'aborted')
  keyed.end(raises, 'abort')
  await keyed.clean({ segmentBytes: 1 })
  expect((await keyed.batches()).map(({ kind }) => kind)).toEqual(['records', 'header', 'marker'])
  await keyed.compare()
  await clean()
})

test('nothing is compacted from the segment on where an open transaction begins', async () => {
  const { raises, plain, put, end, clean } = await begin()
  put(plain, 'a', 'one')
  put(plain, 'a', 'two')
  put(raises, 'a', 'three')
  put(plain, 'a', 'four')
  put(plain, 'a', 'five')
  expect(await clean()).toEqual(['0 header', '1 records', '2 records', '3 records', '4 records'])
  end(raises, 'commit')
  expect((await clean()).slice(0, 5)).toEqual(['0 header', '1 header', '2 header', '3 header', '4 records'])
})

test('the last batch of an idempotent producer stays as a header with its sequence, and it goes on after a power cut', async () => {
  const { keyed, idempotent, plain, put, clean } = await begin()
  for (let i = 0; i < 3; i++) put(idempotent, 'a')
  put(plain, 'a')
  await clean(MERGED)
  await keyed.reopenWithoutSnapshots()
  await keyed.compare()
  keyed.compareRefusals()
  put(idempotent, 'a')
  await keyed.compare()
})

test('aborted transactions of segments that become one stand in the index of that', async () => {
  const { keyed, raises, keeps, put, end, files } = await begin()
  for (const writer of [raises, keeps, raises, keeps]) {
    put(writer, 'a')
    end(writer, 'abort')
  }
  expect(files('.txnindex').length).toBe(4)
  await keyed.clean({ segmentBytes: MERGED })
  expect(files('.txnindex')).toEqual(['00000000000000000000.txnindex'])
  expect(keyed.partition.abortedIn(0, keyed.partition.endOffset).map(({ producerId, firstOffset, lastOffset }) => [producerId, firstOffset, lastOffset])).toEqual([[1, 0, 1], [3, 2, 3], [1, 4, 5], [3, 6, 7]])
  await keyed.compare()
})

/** Two groups of two segments: what is aborted stands in the first, its marker in the last segment of the second. */
async function abortedFarAway(): Promise<KeyedTransactions> {
  const { keyed, raises, keeps, plain, put, end } = await begin()
  const [large, larger] = ['x'.repeat(400), 'x'.repeat(500)]
  put(plain, 'a', large)
  put(raises, 'a', large)
  put(plain, 'b', larger)
  keyed.append(plain, [{ key: 'b', value: large }])
  end(raises, 'abort')
  put(keeps, 'c', large)
  end(keeps, 'commit')
  await keyed.partition.sync()
  return keyed
}

test(`whichever swaps a power cut leaves, at any call, what was aborted is not shown (SEED=${SEED})`, async () => {
  const compact = (keyed: KeyedTransactions): Promise<unknown> => keyed.clean({ segmentBytes: 1150 })
  const whole = await abortedFarAway()
  const before = whole.fs.calls
  await compact(whole)
  const total = whole.fs.calls - before
  expect(whole.partition.segments.map(({ baseOffset }) => baseOffset)).toEqual([0, 2, 5, 7])
  for (let call = 1; call <= total; call++) {
    for (let seed = 0; seed < 5; seed++) {
      const keyed = await abortedFarAway()
      keyed.fs.crashAfter(call)
      await compact(keyed).catch(() => undefined)
      keyed.compactedBelow = Infinity
      await keyed.reopen({ trust: 'device', recoveryPoint: keyed.partition.endOffset }, keyed.fs.survivorOfPowerCut(SEED + seed))
      await keyed.compare()
    }
  }
}, 120_000)
