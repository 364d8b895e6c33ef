// Snapshots on the simulated disk: each is of one moment, whatever goes on beside it, and shares nothing with the log
// that either of them could change. Seeds are printed, and repeat the run.
import { describe, expect, test } from 'vitest'
import type { MillraceError } from '../../src/base/errors.ts'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { failureOf } from '../contract/support/failures.ts'
import { recordsOf } from '../contract/support/records.ts'
import { examine, filesOf, openOn } from '../support/disk-log.ts'
import { LiveLog } from '../support/live-log.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

describe(`a snapshot (seed ${SEED})`, () => {
  test('of each of 100 random moments under load opens, and is the log at one moment', async () => {
    const fs = new SimulatedFileSystem({ seed: SEED, history: false })
    const { local, log } = await openOn(fs, '/log')
    const random = new SeededRandom(SEED)
    const live = await LiveLog.begin(log, random)
    for (let i = 0; i < 100; i++) {
      live.start()
      for (let turn = random.below(40); turn > 0; turn--) await nextTurn()
      const before = live.sent
      await local.snapshot(`/copies/${i}`)
      const after = live.sent
      await live.stop()
      const moment = await examine(live, fs, `/copies/${i}`)
      expect(moment, `between ${before} and ${after}`).toBeGreaterThanOrEqual(before)
      expect(moment, `between ${before} and ${after}`).toBeLessThanOrEqual(after)
    }
    expect(log.topics().find(({ name }) => name === 'users')!.partitions.flatMap(partition => partition.segments()).filter(({ compacted }) => compacted)).not.toEqual([])
    await log.close()
    expect(await examine(live, fs, '/log')).toBe(live.sent)
    expect(fs.list('/copies').filter(name => name.includes('partial'))).toEqual([])
  }, 120_000)

  test('is whole after a power cut, however early that comes', async () => {
    const fs = new SimulatedFileSystem()
    const { local, log } = await openOn(fs, '/log')
    const live = await LiveLog.begin(log, new SeededRandom(SEED))
    live.send(200)
    await live.commit()
    await local.snapshot('/copy')
    for (let seed = SEED; seed < SEED + 40; seed++) {
      const survivor = fs.survivorOfPowerCut(seed)
      expect(await examine(live, survivor, '/copy'), `power cut ${seed}`).toBe(live.sent)
    }
    await log.close()
  })

  test('of a snapshot is as good as the first', async () => {
    const fs = new SimulatedFileSystem()
    const { local, log } = await openOn(fs, '/log')
    const live = await LiveLog.begin(log, new SeededRandom(SEED))
    live.send(300)
    await live.commit()
    await live.truncate()
    await local.snapshot('/first')
    await log.close()
    const first = await openOn(fs, '/first')
    await first.local.snapshot('/second')
    await first.log.close()
    expect(await examine(live, fs, '/second')).toBe(live.sent)
    expect(filesOf(fs, '/second')).toEqual(filesOf(fs, '/first'))
  })
})

const SEGMENT_BYTES = 16 * 1024
const padded = (count: number): object[] => Array.from({ length: count }, (_, value) => ({ key: `key ${value}`, value, headers: { padding: 'x'.repeat(200) } }))

type Life = (fs: SimulatedFileSystem, path: string) => Promise<SimulatedFileSystem>

async function send(fs: SimulatedFileSystem, path: string, count = 100): Promise<Awaited<ReturnType<typeof openOn>>> {
  const opened = await openOn(fs, path)
  const topic = await opened.log.topic('orders')
  for (const record of padded(count)) await topic.send(record as never)
  return opened
}

/** What may happen to a log. Each ends with the log closed. */
const LIVES: Record<string, Life> = {
  'is appended to': async (fs, path) => {
    await (await send(fs, path, 300)).log.close()
    return fs
  },
  'is truncated': async (fs, path) => {
    const { log } = await openOn(fs, path)
    const topic = await log.topic('orders')
    await topic.partitions[0]!.truncateBefore(150)
    await log.close()
    return fs
  },
  'is compacted': async (fs, path) => {
    const { log } = await send(fs, path, 300)
    await log.topics()[0]!.alter({ cleanup: 'compact', minDirtyRatio: 0 })
    expect((await log.housekeep()).segmentsCompacted).toBeGreaterThan(5)
    await log.close()
    return fs
  },
  'loses a topic': async (fs, path) => {
    const { log } = await openOn(fs, path)
    await log.deleteTopic('orders')
    await log.close()
    return fs
  },
  'is killed, recovered and appended to': async (fs, path) => {
    const { local } = await send(fs, path)
    local.abandon()
    const survivor = fs.survivorOfKill()
    await (await send(survivor, path)).log.close()
    return survivor
  },
  'loses its power, is recovered and appended to': async (fs, path) => {
    const { local } = await send(fs, path)
    local.abandon()
    const survivor = fs.survivorOfPowerCut(SEED)
    await (await send(survivor, path)).log.close()
    return survivor
  },
  'has a failed sync and reads its disk again': async (fs, path) => {
    const { local, log } = await send(fs, path)
    const topic = await local.topic('orders', {})
    fs.failNext('sync', { error: 'EIO', path: /orders-0/ })
    await expect(topic.writable(0).sync()).rejects.toThrow()
    await local.recoverPartition(topic, 0)
    await log.close()
    return fs
  },
  'makes an index anew': async (fs, path) => {
    const before = filesOf(fs, path)
    const { log } = await openOn(fs, path)
    await recordsOf(await log.topic('orders'))
    for (let offset = 0; offset < 300; offset++) await log.topics()[0]!.partitions[0]!.get(offset)
    await log.close()
    const changed = [...filesOf(fs, path)].filter(([name, bytes]) => before.get(name) !== bytes).map(([name]) => name)
    expect(changed).toEqual([DAMAGED_INDEX])
    return fs
  },
}
let DAMAGED_INDEX = ''

describe(`a log and its snapshot, of which one (seed ${SEED})`, () => {
  for (const [what, life] of Object.entries(LIVES)) {
    test.each([['/log', '/copy'], ['/copy', '/log']])(`${what}: %s changes no byte of %s`, async (path, other) => {
      const fs = new SimulatedFileSystem()
      const { local, log } = await openOn(fs, '/log')
      const topic = await log.topic('orders', { segmentBytes: SEGMENT_BYTES })
      for (const record of padded(300)) await topic.send(record as never)
      await local.snapshot('/copy')
      await log.close()
      DAMAGED_INDEX = [...filesOf(fs, '/log').keys()].filter(name => /orders.*\.index$/.test(name))[1]!
      fs.corrupt(`/log/${DAMAGED_INDEX}`, 6, 0xff) // both see it: it is one file
      const before = filesOf(fs, other)
      expect(before.get(DAMAGED_INDEX)).toBe(filesOf(fs, path).get(DAMAGED_INDEX))

      const after = await life(fs, path)
      expect(filesOf(after, other)).toEqual(before)
      const opened = await openOn(after, other)
      expect((await recordsOf(await opened.log.topic<number>('orders'))).map(({ value }) => value)).toEqual(Array.from({ length: 300 }, (_, value) => value))
      await opened.log.close()
    })
  }

  test('a segment that was sealed just before is not appended to again, though the name of the next one was not on the device', async () => {
    const fs = new SimulatedFileSystem()
    const { local, log } = await openOn(fs, '/log')
    await log.topic('orders')
    const topic = await local.topic('orders', {})
    await (await log.topic('orders')).send(padded(10) as never)
    await topic.writable(0).sync()
    fs.failNext('syncDirectory', { error: 'EMFILE', path: /orders-0/ }) // the sync that begins with the next segment is not tried
    topic.writable(0).roll()
    await nextTurn()
    await local.snapshot('/copy')
    const before = filesOf(fs, '/copy')
    local.abandon()
    for (let seed = SEED; seed < SEED + 20; seed++) {
      const survivor = fs.survivorOfPowerCut(seed)
      await (await send(survivor, '/log', 10)).log.close()
      expect(filesOf(survivor, '/copy'), `power cut ${seed}`).toEqual(before)
    }
  })
})

test('a sealed batch that goes bad after the snapshot is cut off by no recovery: both would lose what follows', async () => {
  const fs = new SimulatedFileSystem()
  const { local, log } = await openOn(fs, '/log', { durability: 'power' })
  const topic = await log.topic('orders', { segmentBytes: SEGMENT_BYTES })
  for (const record of padded(300)) await topic.send(record as never)
  await local.snapshot('/copy')
  fs.corrupt('/log/orders-0/00000000000000000000.log', 5000, 0xff)
  const before = filesOf(fs, '/copy')
  local.abandon()
  const survivor = fs.survivorOfPowerCut(SEED)
  await (await send(survivor, '/log')).log.close()
  expect(filesOf(survivor, '/copy')).toEqual(before)
})

describe('while a snapshot is made', () => {
  async function begun(): Promise<{ fs: SimulatedFileSystem; opened: Awaited<ReturnType<typeof openOn>>; live: LiveLog; snapshot: Promise<void> }> {
    const fs = new SimulatedFileSystem({ seed: SEED })
    const opened = await openOn(fs, '/log')
    const live = await LiveLog.begin(opened.log, new SeededRandom(SEED))
    live.send(300)
    await live.commit()
    const snapshot = opened.local.snapshot('/copy')
    snapshot.catch(() => undefined)
    while (!fs.list('/').some(name => name.startsWith('copy.partial-') && fs.list(`/${name}`).length > 0)) await nextTurn()
    return { fs, opened, live, snapshot }
  }

  const copies = (fs: SimulatedFileSystem): string[] => fs.list('/').filter(name => name.startsWith('copy'))

  test('topics are opened and created, and what is sent goes on', async () => {
    const { fs, opened: { log }, live, snapshot } = await begun()
    await log.topic('orders')
    await (await log.topic('new')).send({ value: 1 })
    live.send(10)
    expect(copies(fs)[0]).toMatch(/partial/)
    await snapshot
    expect(await examine(live, fs, '/copy')).toBeLessThanOrEqual(300)
    await log.close()
  })

  test('a topic is deleted, truncated and snapshot again once it is done', async () => {
    const { fs, opened: { local, log }, live, snapshot } = await begun()
    const order: string[] = []
    const note = (what: string) => () => { order.push(what) }
    await Promise.all([
      snapshot.then(note('snapshot')),
      log.topics()[0]!.partitions[0]!.truncateBefore(20).then(note('truncated')),
      log.deleteTopic('events').then(note('deleted')),
      local.snapshot('/again').then(note('again')),
    ])
    expect(order.indexOf('snapshot')).toBeLessThan(order.indexOf('deleted'))
    expect(order.indexOf('deleted')).toBeLessThan(order.indexOf('again'))
    expect(await examine(live, fs, '/copy')).toBe(300)
    const again = await openOn(fs, '/again')
    expect(again.log.topics().map(({ name }) => name)).toEqual(['orders', 'users'])
    expect(again.log.topics()[0]!.partitions[0]!.startOffset).toBe(20)
    await again.log.close()
    await log.close()
  })

  test('close ends it: it rejects, and leaves nothing', async () => {
    const { fs, opened: { log }, live, snapshot } = await begun()
    await log.close()
    expect(await failureOf(() => snapshot)).toMatchObject({ name: 'ClosedError', code: 'LOG_CLOSED' })
    expect(copies(fs)).toEqual([])
    expect(await examine(live, fs, '/log')).toBe(300)
  })

  test('a disk that fails under a partition ends it, at any time: what nobody can vouch for is not copied', async () => {
    const ends = new Set<string>()
    for (let turns = 0; turns < 150; turns += 15) {
      const { fs, opened: { local, log }, live, snapshot } = await begun()
      const topic = await local.topic('orders', {})
      for (let turn = 0; turn < turns; turn++) await nextTurn()
      fs.failNext('sync', { error: 'EIO', path: /\/log\/orders-0\/.*\.log$/ })
      while (topic.writable(0).failure === undefined) {
        live.send(1)
        await topic.writable(0).sync().catch(() => undefined)
      }
      const isMade = fs.stat('/copy') !== undefined
      ends.add(await snapshot.then(() => 'made', (error: unknown) => (error as MillraceError).code))
      expect(copies(fs), `failed after ${turns} turns`).toEqual(isMade ? ['copy'] : [])
      await log.close().catch(() => undefined)
    }
    expect(ends).toContain('PARTITION_FAILED')
  })

  test('a partition whose disk has failed is refused until it is recovered', async () => {
    const fs = new SimulatedFileSystem()
    const { local, log } = await openOn(fs, '/log')
    const live = await LiveLog.begin(log, new SeededRandom(SEED))
    live.send(200) // some of it to orders-0, whatever the seed
    const topic = await local.topic('orders', {})
    fs.failNext('sync', { error: 'EIO', path: /\/log\/orders-0\/.*\.log$/ })
    await expect(topic.writable(0).sync()).rejects.toMatchObject({ code: 'PARTITION_FAILED' })
    expect(await failureOf(() => local.snapshot('/copy'))).toMatchObject({ code: 'PARTITION_FAILED' })
    expect(copies(fs)).toEqual([])
    await local.recoverPartition(topic, 0)
    await local.snapshot('/copy')
    expect(copies(fs)).toEqual(['copy'])
    await log.close()
  })
})

test('a state log that is made while the snapshot waits for its moment is in it', async () => {
  for (let seed = SEED; seed < SEED + 12; seed++) {
    const fs = new SimulatedFileSystem({ seed })
    const { local, log } = await openOn(fs, '/log')
    const live = await LiveLog.begin(log, new SeededRandom(seed))
    live.send(60)
    const truncated = Array.from({ length: 20 }, () => live.truncate())
    const snapshot = local.snapshot('/copy')
    await nextTurn()
    await live.commit() // the first one makes __consumer_offsets
    live.send(5)
    await Promise.all([snapshot, ...truncated])
    await examine(live, fs, '/copy')
    await log.close()
  }
})
