// Producers that have written nothing for a day are forgotten by housekeeping, those with an open transaction aside.
import { expect, test } from 'vitest'
import { DAY_MS, KeyedTransactions, type Writer } from '../storage/support/keyed-transactions.ts'
import { Housekeeping, type HousekeepingParts } from '../../src/log/housekeeping.ts'
import type { Kept } from '../../src/log/partition-store.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'

const MINUTE_MS = 60_000

async function begin() {
  const clock = new SteppedClock()
  const keyed = await KeyedTransactions.start()
  const settings = () => ({ cleanup: 'delete', retentionMs: Infinity, retentionBytes: Infinity, retainUntilConsumedBy: [] })
  const kept = [{ topic: 'users', index: 0, partition: keyed.partition, settings } as unknown as Kept]
  const parts: HousekeepingParts = {
    clock, intervalMs: MINUTE_MS, groupExpiryMs: Infinity, jobs: { run: async work => await work(), thread: () => undefined }, kept: () => kept,
    isShortOfRoom: () => false, observer: () => undefined, syncAll: async () => {}, onRound: () => {}, onFailure: error => { throw error },
  }
  const housekeeping = new Housekeeping(parts)
  const append = (writer: Writer): void => {
    keyed.now = clock.now()
    keyed.append(writer, [{ key: 'a', value: 'v' }])
    housekeeping.needed()
  }
  const known = (): number[] => (keyed.partition.knownProducers ?? []).map(({ producerId }) => producerId)
  return { clock, keyed, append, known, housekeeping }
}

test('a day after its last batch a producer is forgotten, by a log that nobody writes to, and then nothing waits any more', async () => {
  const { clock, keyed, append, known } = await begin()
  const [transactional, , , idempotent] = keyed.writers as [Writer, Writer, Writer, Writer]
  append(idempotent)
  append(transactional)
  keyed.end(transactional, 'commit')
  await clock.advance(12 * 60 * MINUTE_MS)
  append(idempotent)
  await clock.advance(12 * 60 * MINUTE_MS)
  expect(known()).toEqual([4, 1])
  await clock.advance(MINUTE_MS)
  expect(known()).toEqual([4])
  await clock.advance(DAY_MS)
  expect(known()).toEqual([])
  expect(clock.pending).toBe(0)
})

test('one with an open transaction is not, until a day after that has ended', async () => {
  const { clock, keyed, append, known, housekeeping } = await begin()
  const [transactional] = keyed.writers as [Writer]
  append(transactional)
  await clock.advance(3 * DAY_MS)
  expect(known()).toEqual([1])
  keyed.now = clock.now()
  keyed.end(transactional, 'abort')
  housekeeping.needed()
  await clock.advance(DAY_MS - 1)
  expect(known()).toEqual([1])
  await clock.advance(2 * MINUTE_MS)
  expect(known()).toEqual([])
})

test('one that is forgotten goes on with whatever sequence it likes', async () => {
  const { clock, keyed, append, known } = await begin()
  const [, , , idempotent] = keyed.writers as [Writer, Writer, Writer, Writer]
  append(idempotent)
  await clock.advance(2 * DAY_MS)
  expect(known()).toEqual([])
  idempotent.sequence = 17
  append(idempotent)
  expect(known()).toEqual([4])
})
