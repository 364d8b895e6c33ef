// What is stored does not depend on how: the same workload leaves the same files behind, byte for byte, whether it was
// written through mapped memory, by plain writes, or into memory.
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { open, type EventLog } from '../../src/index.ts'
import { nativePart } from '../../src/native/load.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'
import { temporaryDirectory } from './support/logs.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

/** They hold ids and bytes that are drawn at random. */
const OWN_NAMES = /^(\.lock|\.reserve|log\.json|meta\.properties)$|^__topics-0\/.*\.log$|\/partition\.metadata$/

describe.skipIf(nativePart === undefined || process.platform !== 'linux')(`mapped and plain files (seed ${SEED})`, () => {
  test('hold the same bytes after the same workload', async () => {
    const [mapped, plain] = [temporaryDirectory(), temporaryDirectory()]
    for (const [directory, storage] of [[mapped, 'mapped'], [plain, 'file']] as const) {
      for (let session = 0; session < 3; session++) {
        const log = await open(directory, { storage, clock: new SteppedClock() })
        expect(log.stats().storage).toBe(storage)
        await work(log, new SeededRandom(SEED + session))
        await log.close()
      }
    }
    const expected = filesIn(plain)
    expect([...expected.keys()].filter(name => name.endsWith('.log')).length).toBeGreaterThan(10)
    expect([...filesIn(mapped).keys()]).toEqual([...expected.keys()])
    for (const [name, bytes] of filesIn(mapped)) expect(bytes.equals(expected.get(name)!), name).toBe(true)
  })
})

/** Small and large batches, several segments, a truncated beginning, sent with a promise and without. */
async function work(log: EventLog, random: SeededRandom): Promise<void> {
  const orders = await log.topic('orders', { partitions: 2, value: 'bytes', segmentBytes: '1MiB', compression: 'none' })
  const events = await log.topic('events', { value: 'bytes', segmentBytes: '64KiB', compression: 'gzip' })
  const producer = orders.producer()
  for (let round = 0; round < 60; round++) {
    const value = Buffer.alloc(random.below(round % 20 === 0 ? 400_000 : 3000), round)
    // Not as an array: a long one gives way to the event loop by the clock, which ends a batch.
    await Promise.all(Array.from({ length: 1 + random.below(20) }, (_, i) => orders.send({ key: `k${i}`, value })))
    producer.sendSync({ key: 'sync', value })
    await Promise.all([events.send({ value, headers: { round: String(round) } }), events.send({ value: null, key: 'k' })])
  }
  await orders.partitions[0]!.truncateBefore(Math.floor(orders.partitions[0]!.endOffset / 2))
}

function filesIn(directory: string): Map<string, Buffer> {
  return new Map(readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(name => !OWN_NAMES.test(name) && statSync(join(directory, name)).isFile())
    .sort()
    .map(name => [name, readFileSync(join(directory, name))]))
}
