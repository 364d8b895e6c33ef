// The process or the power ends at any call to the file system: what was acknowledged for that accident is there, no
// record has another offset than it had, nothing that was once gone comes back, and the log goes on. Which calls, and
// what the device made of unsynced units of 512 bytes and 4 KiB, the seed draws (platform/power-cut.ts).
import { describe, expect, test } from 'vitest'
import { callsOf, eachCall, kill, powerCut } from './support-simulated/accidents.ts'
import { newLog } from './support-simulated/ledgered-log.ts'
import { SEED, isChosen } from './support-simulated/sampling.ts'
import { scenarios, type ScenarioName } from './support-simulated/scenarios.ts'

/** Makes a batch of exactly one sector. */
const SECTOR_BATCH_VALUE_BYTES = 442

/** Makes room for a few of the scenarios' segments at once, by a page as mapped files do. */
const ROOM_BYTES = 4096

const names = Object.keys(scenarios) as ScenarioName[]
const storages = [['plain', 0], ['with room made ahead', ROOM_BYTES]] as const

describe(`ended at any call (seed ${SEED})`, { timeout: 600_000 }, () => {
  describe.each(storages)('%s', (_storage, roomBytes) => {
    test.each(names)("what was acknowledged as 'power' survives power cuts: %s", async name => {
      expect(await eachCall(name, { seeds: [SEED], roomBytes, chosen: call => isChosen(call, 7) }, powerCut)).toBeGreaterThan(0)
    })

    test.each(names)("what was acknowledged as 'process' survives kill -9, and a power cut after that takes nothing synced: %s", async name => {
      expect(await eachCall(name, { seeds: [SEED], roomBytes, chosen: call => isChosen(call, 9) }, kill)).toBeGreaterThan(0)
    })
  })

  test('a tail that recovery has cut never comes back', async () => {
    // Batches of 512 bytes: what replaces one leaves the next one whole.
    const log = newLog()
    await log.open()
    await log.create('orders', { segmentBytes: 64 * 1024 })
    await log.send('orders', { bytes: SECTOR_BATCH_VALUE_BYTES })
    await log.send('orders', { count: 7, bytes: SECTOR_BATCH_VALUE_BYTES, durability: 'process' })
    let cuts = 0
    for (let seed = SEED; seed < SEED + 150; seed++) {
      const first = log.afterPowerCut(seed)
      await first.openAndExpectKept('power')
      cuts += first.cutBytes > 0 ? 1 : 0
      await first.send('orders', { bytes: SECTOR_BATCH_VALUE_BYTES, durability: 'process' })
      for (const next of [first.afterPowerCut(seed), first.afterPowerCut(seed + 1)]) {
        await next.openAndExpectKept('power')
        next.abandon()
      }
    }
    expect(cuts).toBeGreaterThan(10)
  })

  test('the name of a topic whose deletion was cut short is free', async () => {
    const name = 'a topic is deleted and made again'
    const calls = await callsOf(name)
    const from = calls.findIndex(({ operation }, i) => operation === 'rename' && calls[i]!.path.endsWith('orders-0'))
    const to = calls.findIndex(({ operation, path }, i) => i > from && operation === 'makeDirectory' && path.endsWith('orders-0'))
    expect(to).toBeGreaterThan(from)
    const plan = { seeds: Array.from({ length: 25 }, (_, i) => SEED + i), chosen: (call: number) => call > from && call <= to + 1 }
    await eachCall(name, plan, async (log, seed) => {
      const next = log.afterPowerCut(seed)
      await next.openAndExpectKept('power')
      expect(next.ledger.topics.size).toBe(0)
      await next.create('orders')
      await next.send('orders')
      next.abandon()
    })
  })

  test.each(['segments roll', 'recovery points are saved', 'the beginning is truncated'] as const)('in whatever order syncs end: %s', async name => {
    expect(await eachCall(name, { seeds: [SEED], order: SEED, chosen: call => isChosen(call, 11) }, powerCut)).toBeGreaterThan(0)
    expect(await eachCall(name, { seeds: [SEED], order: SEED + 1, chosen: call => isChosen(call, 13) }, kill)).toBeGreaterThan(0)
  })
})
