// The log's own partitions, the catalog and __consumer_offsets, shrink by compaction and say what they said: to us when
// the log is opened again, to Kafka's dump tool, and to a broker's clients. And what a broker's cleaner had left is
// compacted on, without losing what Kafka would keep.
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { open, type EventLog } from '../../src/index.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'
import { TestClock } from '../../src/testing.ts'
import { adoptSegments } from '../interop/support/adopt-segments.ts'
import { committedAsDumped, dumpedGroupRecords } from './support/dumped-groups.ts'
import { batchesOf, cleanByKafka, type KafkaRecord } from './support/kafka-cleaner.ts'
import { describeWithKafka, expectKafkaReads } from './support/kafka-here.ts'
import { describeGroups, giveToBroker, withBroker } from './support/kafka-serves.ts'

const scratch = mkdtempSync(join(tmpdir(), 'compacted-state-'))
afterAll(() => { rmSync(scratch, { recursive: true, force: true }) })

const groups = ['billing', 'audit', 'left', 'reader']
const internal = ['__topics-0', '__consumer_offsets-0']

describeWithKafka('Of a log in which topics and groups came, changed and went, compaction', () => {
  const directory = join(scratch, 'lived')
  const clock = new TestClock(new SteppedClock())
  const bytes: number[][] = []
  let expected: Told

  beforeAll(async () => {
    let log = await open(directory, { clock, housekeeping: false })
    await live(log)
    expected = await told(log)
    await log.close()
    bytes.push(internal.map(folder => bytesIn(join(directory, folder))))
    // Twice: what was deleted is told by tombstones for a day, and from then on by nothing.
    for (const passed of [0, '25h'] as const) {
      await clock.advance(passed)
      log = await open(directory, { clock, housekeeping: false })
      await log.group('billing').reset('orders', { offset: 99 })
      await log.group('billing').reset('orders', { offset: 42 })
      await log.topic('orders', { retention: '31d' })
      await log.topic('orders', { retention: '30d' })
      expect((await log.housekeep()).failures).toEqual([])
      await log.close()
      bytes.push(internal.map(folder => bytesIn(join(directory, folder))))
    }
  })

  test('makes both partitions a tenth of what they were', () => {
    const [before, ...after] = bytes
    for (const sizes of after) sizes.forEach((size, i) => { expect(size * 10, internal[i]).toBeLessThan(before![i]!) })
  })

  test('leaves the topics, groups and positions that there were', async () => {
    const log = await open(directory, { clock })
    expect(await told(log)).toEqual(expected)
    await log.close()
  })

  test("leaves what Kafka's dump tool finds sound, and decodes to the same positions", async () => {
    await expectKafkaReads(directory)
    const dumped = await dumpedGroupRecords(directory)
    for (const group of groups) expect(committedAsDumped(dumped, group, 'orders'), group).toEqual(expected.positions.get(group))
    expect(dumped.filter(({ value }) => value === null)).toEqual([])
  })

  test('leaves what a broker tells its clients of the same groups', { timeout: 240_000 }, async () => {
    const broker = join(scratch, 'broker')
    await withBroker(broker, bootstrap => describeGroups(bootstrap, groups))
    giveToBroker(directory, broker, ['__consumer_offsets-0'])
    const described = await withBroker(broker, bootstrap => describeGroups(bootstrap, groups)) as Record<string, { offsets: Record<string, { offset: number }> } | null>
    for (const group of groups) {
      const offsets = Object.entries(described[group]?.offsets ?? {}).map(([partition, { offset }]) => [Number(partition.replace('orders-', '')), offset] as const)
      expect(new Map(offsets), group).toEqual(expected.positions.get(group))
    }
  })
})

describeWithKafka("What a broker's cleaner left, and we wrote on and compacted again,", () => {
  test('is what Kafka leaves of it', async () => {
    const [ours, theirs] = await compactAdopted(join(scratch, 'adopted'))
    expect(ours).toEqual(theirs)
  })

  test('is what Kafka leaves of it, transactions and all, where nobody tells how far it was cleaned', async () => {
    const [ours, theirs] = await compactAdopted(join(scratch, 'untold'), directory => { rmSync(join(directory, 'cleaner-offset-checkpoint')) })
    expect(ours).toEqual(theirs)
  })
})

/** The fixture of a broker's compacted partition, with some more records of ours; what we leave of it, and what Kafka does. */
async function compactAdopted(directory: string, prepare: (directory: string) => void = () => undefined): Promise<readonly [ours: readonly KafkaRecord[], theirs: readonly KafkaRecord[]]> {
  const clock = new TestClock(new SteppedClock())
  const [ours, kafkas] = [join(directory, 'ours'), join(directory, 'kafkas')]
  await adoptSegments(ours, 'compacted', ['compacted-0'])
  let log = await open(ours, { clock, housekeeping: false })
  const topic = await log.topic<Uint8Array, Uint8Array>('compacted')
  await topic.send(['k0', 'k5', 'p4', 't0', 'new'].map(key => ({ key: Buffer.from(key), value: Buffer.from('ours') })))
  await log.close()
  prepare(ours)
  cpSync(ours, kafkas, { recursive: true })

  log = await open(ours, { clock, housekeeping: false })
  expect((await log.housekeep()).failures).toEqual([])
  await log.close()
  await cleanByKafka(kafkas, clock.now(), { compacted: {} })
  await expectKafkaReads(ours, { compacted: ['compacted'] })
  const [left, leftByKafka] = (await batchesOf([ours, kafkas], ['compacted'])).map(batches => batches.get('compacted')!.flatMap(({ records }) => records))
  return [left!, leftByKafka!]
}

interface Told {
  readonly topics: ReadonlyMap<string, unknown>
  /** By group, on the topic orders. */
  readonly positions: ReadonlyMap<string, ReadonlyMap<number, number>>
}

async function told(log: EventLog): Promise<Told> {
  return {
    topics: new Map(log.topics().map(({ name, settings }) => [name, settings])),
    positions: new Map(await Promise.all(groups.map(async id => [id, await log.group(id).committed('orders')] as const))),
  }
}

/** Every kind of record that the two partitions take, many times over. */
async function live(log: EventLog): Promise<void> {
  const orders = await log.topic<number>('orders', { partitions: 5 })
  await orders.send(Array.from({ length: 1000 }, (_, value) => ({ key: `k${value}`, value })))
  for (let i = 0; i < 200; i++) for (const group of ['billing', 'audit']) await log.group(group).reset('orders', { offset: i % 100 })
  await log.group('billing').reset('orders', { offset: 42 })
  await log.group('left').reset('orders', 'earliest')
  await log.group('left').delete()
  await log.group('reader').run(orders, () => undefined, { from: 'earliest', memberId: 'r' })
  await log.idle()

  for (let days = 60; days >= 30; days--) await orders.alter({ retention: `${days}d` })
  for (let i = 0; i < 30; i++) {
    await log.topic('comes-and-goes')
    await log.group('audit').reset('comes-and-goes', 'earliest')
    await log.deleteTopic('comes-and-goes')
  }
  await log.topic('stays', { cleanup: 'compact' })
}

function bytesIn(folder: string): number {
  return readdirSync(folder).filter(name => name.endsWith('.log')).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
}
