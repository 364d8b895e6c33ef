import { describe, expect, test } from 'vitest'
import { ClosedError, CorruptionError, type HousekeepingReport, type MillraceError, type Topic, type TopicOptions } from '../../src/index.ts'
import type { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { testLog, type TestLog, type TestLogOptions } from '../../src/testing.ts'

interface Told { readonly rounds: HousekeepingReport[]; readonly errors: MillraceError[] }

async function start(topicOptions: Omit<TopicOptions<string, string>, 'value'> = {}, logOptions: TestLogOptions = {}): Promise<{ log: TestLog; topic: Topic<string, string>; told: Told }> {
  const log = await testLog(logOptions)
  const told: Told = { rounds: [], errors: [] }
  log.on('housekeeping', round => { told.rounds.push(round) })
  log.on('error', ({ error }) => { told.errors.push(error) })
  return { log, told, topic: await log.topic<string, string>('users', { segmentBytes: 1024, cleanup: 'compact', ...topicOptions, value: 'string' }) }
}

/** In batches of one; with 200 bytes each, five or so make a segment. */
async function send(topic: Topic<string, string>, keys: readonly string[], value: string | null = 'x'.repeat(200)): Promise<void> {
  for (const key of keys) await topic.send({ key, value })
}

async function offsetsOf(topic: Topic<string, string>): Promise<number[]> {
  const offsets: number[] = []
  for await (const { offset } of topic.read()) offsets.push(offset)
  return offsets
}

const sixteen = [...'abcdabcdabcdabcd']

describe('a round that is asked for', () => {
  test('leaves the newest record of each key, and says what it did', async () => {
    const { log, topic } = await start()
    await send(topic, sixteen)
    const before = topic.partitions[0]!.bytes
    const report = await log.housekeep()
    expect(await offsetsOf(topic)).toEqual([12, 13, 14, 15])
    expect(report).toMatchObject({ segmentsDeleted: 0, failures: [] })
    expect(report.segmentsCompacted).toBeGreaterThan(2)
    expect(report.bytesFreed).toBeGreaterThanOrEqual(before - topic.partitions[0]!.bytes)
  })

  test('does all that several ask for at once', async () => {
    const { log, topic } = await start()
    await send(topic, sixteen)
    const reports = await Promise.all([log.housekeep(), log.housekeep(), log.housekeep()])
    expect(reports.flatMap(({ failures }) => failures)).toEqual([])
    expect(await offsetsOf(topic)).toEqual([12, 13, 14, 15])
  })

  test('finds nothing to do where nothing was written since', async () => {
    const { log, topic } = await start()
    await send(topic, sixteen)
    await log.housekeep()
    expect(await log.housekeep()).toMatchObject({ segmentsCompacted: 0, segmentsDeleted: 0, bytesFreed: 0 })
  })

  test('compacts where housekeeping is off', async () => {
    const { log, topic } = await start({}, { housekeeping: false })
    await send(topic, sixteen)
    await log.clock.advance('1d')
    expect((await offsetsOf(topic)).length).toBe(16)
    await log.housekeep()
    expect(await offsetsOf(topic)).toEqual([12, 13, 14, 15])
  })

  test('is refused by a log that is closed', async () => {
    const { log } = await start()
    await log.close()
    await expect(log.housekeep()).rejects.toThrow(ClosedError)
  })

  test('holds up no send: what is sent meanwhile is there', async () => {
    const { log, topic } = await start()
    await send(topic, sixteen)
    const round = log.housekeep()
    await send(topic, ['e', 'f', 'a'])
    await round
    expect((await offsetsOf(topic)).slice(-6)).toEqual([13, 14, 15, 16, 17, 18])
  })

  test('goes on beside a truncation, and beside the deletion of the topic', async () => {
    const { log, topic, told } = await start()
    await send(topic, sixteen)
    await Promise.all([log.housekeep(), topic.partitions[0]!.truncateBefore(13)])
    expect(await offsetsOf(topic)).toEqual([13, 14, 15])
    await send(topic, sixteen)
    await Promise.all([log.housekeep(), log.deleteTopic('users')])
    expect(told.errors).toEqual([])
    expect(told.rounds.flatMap(({ failures }) => failures)).toEqual([])
  })
})

describe('by itself, within the interval of a write', () => {
  test('a topic is compacted once enough of it is dirty', async () => {
    const { log, topic, told } = await start()
    await send(topic, sixteen)
    await log.clock.advance('30s')
    expect((await offsetsOf(topic)).length).toBeLessThan(16)
    expect(told.rounds.length).toBe(1)
  })

  test('records without a key, of a time when the topic was not compacted, stay', async () => {
    const { log, topic } = await start({ cleanup: 'delete' })
    for (let i = 0; i < 4; i++) await topic.send({ value: 'no key' })
    await send(topic, sixteen)
    await topic.alter({ cleanup: 'compact' })
    await log.housekeep()
    expect(await offsetsOf(topic)).toEqual([0, 1, 2, 3, 16, 17, 18, 19])
  })

  test('nothing younger than compactionLag goes, and it goes then', async () => {
    const { log, topic } = await start({ compactionLag: { min: '1h' } })
    await send(topic, sixteen)
    await log.housekeep()
    await log.clock.advance('59m')
    expect((await offsetsOf(topic)).length).toBe(16)
    await log.clock.advance('2m')
    await log.housekeep()
    expect(await offsetsOf(topic)).toEqual([12, 13, 14, 15])
  })

  test('what is older than compactionLag allows is compacted, though there is little of it', async () => {
    const { log, topic } = await start({ minDirtyRatio: 1, compactionLag: { max: '1h' } })
    await send(topic, [...'abcdefgh'])
    await log.housekeep()
    await send(topic, ['a'])
    await log.clock.advance('59m')
    expect(await offsetsOf(topic)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    await log.clock.advance('2m')
    expect(await offsetsOf(topic)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('a tombstone goes a day after a compaction has met it, and what it deleted never comes back', async () => {
    const { log, topic } = await start()
    await send(topic, sixteen)
    await send(topic, ['a'], null)
    await log.housekeep()
    expect(await offsetsOf(topic)).toEqual([13, 14, 15, 16])
    await log.clock.advance('23h')
    expect(await offsetsOf(topic)).toEqual([13, 14, 15, 16])
    await log.clock.advance('2h')
    expect(await offsetsOf(topic)).toEqual([13, 14, 15])
    const next = await log.crash()
    expect(await offsetsOf(await next.topic<string, string>('users', { value: 'string' }))).toEqual([13, 14, 15])
  })

  test('a tombstone also goes where the log was opened anew meanwhile', async () => {
    const { log, topic } = await start()
    await send(topic, sixteen)
    await send(topic, ['a'], null)
    await log.housekeep()
    const next = await log.crash()
    await next.clock.advance('2d')
    expect(await offsetsOf(await next.topic<string, string>('users', { value: 'string' }))).toEqual([13, 14, 15])
  })

  test('whole segments go that have outlived retention', async () => {
    const { log, topic, told } = await start({ cleanup: 'delete', retention: '1h' })
    await send(topic, sixteen)
    await log.clock.advance('1h')
    expect(topic.partitions[0]!.startOffset).toBe(0)
    await log.clock.advance('31s')
    expect(topic.partitions[0]!.startOffset).toBe(16)
    expect(told.rounds.reduce((sum, { segmentsDeleted }) => sum + segmentsDeleted, 0)).toBeGreaterThan(2)
  })

  test.each([1, 3])('the report counts each segment that went, the active one too: %i', async count => {
    const { log, topic, told } = await start({ cleanup: 'delete', retention: '1h' })
    for (let segments = 0; segments < count; segments = topic.partitions[0]!.segments().length) await send(topic, ['a'])
    const { bytes } = topic.partitions[0]!
    await log.clock.advance('1h')
    expect(told.rounds).toEqual([])
    await log.clock.advance('31s')
    expect(told.rounds).toMatchObject([{ segmentsDeleted: count, segmentsCompacted: 0, bytesFreed: bytes }])
    expect(topic.partitions[0]!.bytes).toBe(0)
  })

  test('with a retention of 0 what a group has committed goes in the next round', async () => {
    const { log, topic } = await start({ cleanup: 'delete', retention: 0, retainUntilConsumedBy: ['billing'] })
    await send(topic, sixteen)
    await log.clock.advance('1m')
    expect(topic.partitions[0]!.startOffset).toBe(0)
    await log.group('billing').reset(topic, { offset: 9 })
    await log.clock.advance('30s')
    const { startOffset } = topic.partitions[0]!
    expect(startOffset).toBeGreaterThan(0)
    expect(startOffset).toBeLessThanOrEqual(9)
    await log.group('billing').reset(topic, 'latest')
    await log.clock.advance('30s')
    expect([topic.partitions[0]!.startOffset, topic.partitions[0]!.bytes]).toEqual([16, 0])
  })

  test('a topic may be both', async () => {
    const { log, topic } = await start({ cleanup: 'compact+delete', retention: '1h' })
    await send(topic, sixteen)
    await log.housekeep()
    expect(await offsetsOf(topic)).toEqual([12, 13, 14, 15])
    await log.clock.advance('2h')
    expect(await offsetsOf(topic)).toEqual([])
    expect(topic.partitions[0]!.startOffset).toBe(16)
  })

  test('nothing goes for its age that a group has not committed; bytes still cap it', async () => {
    const { log, topic } = await start({ cleanup: 'delete', retention: '1h', retainUntilConsumedBy: ['billing'] })
    await send(topic, sixteen)
    await log.clock.advance('1d')
    expect(topic.partitions[0]!.startOffset).toBe(0)
    await log.group('billing').reset(topic, 'latest')
    await log.clock.advance('1m')
    expect(topic.partitions[0]!.startOffset).toBe(16)
    await send(topic, sixteen)
    await topic.alter({ retentionBytes: 2000 })
    await log.clock.advance('1m')
    expect(topic.partitions[0]!.startOffset).toBeGreaterThan(16)
    expect(topic.partitions[0]!.bytes).toBeLessThanOrEqual(3000)
  })
})

test('a log in which nothing grows older sleeps, whatever a round had to leave', async () => {
  const { log, topic } = await start({ minDirtyRatio: 1, compactionLag: { min: '1m' } })
  await send(topic, sixteen)
  await log.housekeep()
  await send(topic, ['a', 'b', 'c', 'd', 'a', 'b', 'c', 'd'])
  const kept = await log.topic<string, string>('kept', { value: 'string', cleanup: 'delete', retention: '1h', retainUntilConsumedBy: ['billing'] })
  await send(kept, sixteen)
  await log.clock.advance('2h')
  const calls = (log.disk as SimulatedFileSystem).trace()
  await log.clock.advance('1d')
  expect(calls.length).toBe(0)
})

test('the catalog and the positions shrink, and say the same when they are replayed', async () => {
  const { log, topic } = await start({ cleanup: 'delete' })
  await send(topic, sixteen)
  for (let round = 0; round < 200; round++) {
    await log.group('billing').reset(topic, { offset: round % 16 })
    if (round % 10 === 0) await topic.alter({ retention: 3_600_000 + round })
  }
  await log.group('billing').reset(topic, { offset: 7 })
  const bytesOf = (name: string): number => log.disk.list(`/log/${name}-0`).filter(file => file.endsWith('.log')).length
  expect(bytesOf('__consumer_offsets')).toBe(1)
  const used = log.disk.usedBytes
  expect(await log.housekeep()).toMatchObject({ segmentsCompacted: 0, segmentsDeleted: 0, bytesFreed: 0 }) // of users' topics
  await log.clock.advance('2m')
  expect(log.disk.usedBytes).toBeLessThan(used - 10_000)
  const next = await log.crash()
  expect((await next.group('billing').committed('users')).get(0)).toBe(7)
  expect((await next.topic('users')).settings.retentionMs).toBe(3_600_190)
})

describe('damage in a segment that is to be compacted', () => {
  test('is told once, nothing changes, and other partitions have their turn', async () => {
    const { log, topic, told } = await start()
    const other = await log.topic<string, string>('others', { value: 'string', segmentBytes: 1024, cleanup: 'compact' })
    await send(topic, sixteen)
    await send(other, sixteen)
    log.disk.corrupt('/log/users-0/00000000000000000000.log', 100, 1)
    const files = log.disk.list('/log/users-0').filter(name => name.endsWith('.log'))
    for (let round = 0; round < 3; round++) {
      await log.clock.advance('30s')
      await send(topic, ['z'], 'y')
    }
    expect(told.errors.map(({ code }) => code)).toEqual(['SEGMENT_NOT_CLEANED'])
    expect(told.errors[0]).toBeInstanceOf(CorruptionError)
    expect(log.disk.list('/log/users-0').filter(name => name.endsWith('.log')).slice(0, files.length)).toEqual(files)
    expect((await offsetsOf(other)).length).toBeLessThan(16)
  })

  test('is told again where somebody asks', async () => {
    const { log, topic } = await start()
    await send(topic, sixteen)
    log.disk.corrupt('/log/users-0/00000000000000000000.log', 100, 1)
    for (let round = 0; round < 2; round++) expect((await log.housekeep()).failures.map(({ code }) => code)).toEqual(['SEGMENT_NOT_CLEANED'])
  })
})
